"""The front's part for cases, units and attachments, put together."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth.tokens import TokenKeys
from chat.archive import Archive, DirectoryArchive
from chat.archive_files import DirectoryFileArchive, FileArchive
from chat.attachment_addresses import AddressSigner
from chat.attachment_records import AttachmentRecords
from chat.attachments import AttachmentLimits, Attachments
from chat.blobs import BlobStore
from chat.blobs_disk import DiskStore
from chat.blobs_s3 import S3Store
from chat.case_erasure import CaseEraser
from chat.case_service import CaseService
from chat.case_store import CaseStore
from chat.case_telling import CaseNotices
from chat.clamd import Clamd, NoScanner
from chat.contacts import Contacts
from chat.errors import ChatError
from chat.expiry import Expiry
from chat.pictures import PictureStudio
from chat.unit_settings import UnitStore
from signalling import attachment_api, case_api, unit_api
from signalling.attachment_api import AttachmentApi
from signalling.case_api import CaseApi
from signalling.chat_part import ChatPart
from signalling.companion_archive import CompanionArchive, CompanionFileArchive
from signalling.companion_client import CompanionClient
from signalling.companion_protection import Protections
from signalling.entry import Entry
from signalling.logs import place_of
from signalling.message_settings import MessageSettings, MessageSettingsError
from signalling.metrics import FrontMetrics
from signalling.unit_api import UnitApi
from signalling.upload_places import UploadPlaces

ROUTES: Final = (*case_api.ROUTES, *unit_api.ROUTES, *attachment_api.ROUTES)
REPAIR_INTERVAL_S: Final = 10.0
WARN_AGAIN_S: Final = 600.0
DAY_S: Final = 24 * 3600

_log = structlog.get_logger(__name__)


class CasePart:
    """Everything of cases at one front; it becomes the gate of ``chat``."""

    def __init__(
        self,
        settings: MessageSettings,
        keys: TokenKeys,
        redis: "Redis",
        chat: ChatPart,
        entry: Entry,
        notices: CaseNotices,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float],
        is_to_come: Callable[[str], Awaitable[bool]],
        companion: CompanionClient | None = None,
        protections: Protections | None = None,
    ) -> None:
        """Closed cases go to the companion, and are erased here in the end; without one they go into a directory.

        ``is_to_come``: whether a meeting is planned and not over; then its chat stays while it has no room.
        """

        async def is_meant(meeting_id: str) -> bool:
            return await entry.has_room(meeting_id) or await is_to_come(meeting_id)

        self._clock = clock
        self._metrics = metrics
        self._warn_again_at = 0.0
        self.units = UnitStore(redis)
        self.attachments = attachments_of(settings, keys, redis)
        cases = CaseStore(redis)
        archive: Archive = DirectoryArchive(chat.settings.archive_dir)
        file_archive: FileArchive = DirectoryFileArchive(chat.settings.archive_dir)
        eraser = None
        if companion is not None:
            readable = archive = CompanionArchive(companion)
            file_archive = CompanionFileArchive(companion, max_bytes=settings.attachment_max_bytes)
            eraser = CaseEraser(
                chat.service.store,
                cases,
                readable,
                archive_files=lambda conversation_id: self.attachments.archive(conversation_id, file_archive),
                erase_files=self.attachments.erase_conversation,
            )
        self.service = CaseService(
            cases,
            self.units,
            chat.service,
            archive,
            notices,
            clock=clock,
            reopen_within_s=settings.case_reopen_days * DAY_S,
            max_open_of_patient=settings.max_open_cases,
            archive_files=lambda conversation_id: self.attachments.archive(conversation_id, file_archive),
            eraser=eraser,
            on_stuck=lambda cause: metrics.cases_stuck.labels(cause).inc(),
            colleague_within_s=settings.colleague_days * DAY_S,
            on_erased=lambda done: metrics.cases_erased.labels("erased" if done else "waiting").inc(),
        )
        self.expiry = Expiry(
            chat.store,
            chat.due,
            chat.limits(),
            is_meant=is_meant,
            erase_files=self.attachments.erase_conversation,
            forget_files=self.attachments.forget,
            on_broken=lambda error: _log.error("expiry_failed", exception=place_of(error)),
        )
        chat.service.make_room = self.expiry.make_room
        chat.service.gate = self.service
        chat.service.attachments = self.attachments
        self._apis = (
            CaseApi(
                self.service, chat.service, chat.events.may_write, Contacts(redis).protected, companion, protections
            ),
            UnitApi(self.units, self.service, clock=clock),
            AttachmentApi(
                self.attachments,
                self.service.cases,
                entry,
                metrics,
                places=UploadPlaces(settings.uploads_at_once, settings.uploads_per_person),
                upload_timeout_s=settings.upload_timeout_s,
                may_write=chat.service.may_write,
                per_minute=settings.attachments_per_minute,
                min_bytes_per_s=settings.upload_min_bytes_per_s,
                clock=clock,
            ),
        )
        self._repairing: asyncio.Task[None] | None = None

    def attach(self, app: web.Application) -> None:
        """Put the routes into the application."""
        for api in self._apis:
            api.add_routes(app)

    async def start(self) -> None:
        """Begin to repair what fronts that died have left."""
        self._repairing = asyncio.create_task(self._repair())

    async def stop(self) -> None:
        """Before the store's connections are closed."""
        if self._repairing is not None:
            self._repairing.cancel()
            await asyncio.wait([self._repairing])
        await self.attachments.close()

    async def _repair_cases(self) -> None:
        """Repair, and say so when cases wait for an archive that does not take them."""
        await self.service.repair()
        count, since_s = await self.service.cases.stuck()
        age_s = 0.0 if since_s is None else max(0.0, self._clock() - since_s)
        self._metrics.cases_stuck_oldest.set(age_s)
        if count and time.monotonic() >= self._warn_again_at:
            self._warn_again_at = time.monotonic() + WARN_AGAIN_S
            _log.warning("cases_not_archived", cases=count, oldest_s=int(age_s))

    async def _repair(self) -> None:
        work: tuple[tuple[str, Callable[[], Awaitable[object]]], ...] = (
            ("cases", self._repair_cases),
            ("expiry", lambda: self.expiry.sweep(self._clock())),
            ("uploads", lambda: self.attachments.sweep(self._clock())),
        )
        while True:
            await asyncio.sleep(REPAIR_INTERVAL_S)
            for name, do in work:
                try:
                    await do()
                except (ChatError, RedisError, OSError) as error:
                    _log.warning("repair_failed", of=name, error=type(error).__name__)
                except Exception as error:  # one broken case must not end it for all
                    _log.error("repair_failed", of=name, exception=place_of(error))


def attachments_of(settings: MessageSettings, keys: TokenKeys, redis: "Redis") -> Attachments:
    """Attachments as the settings say; ``MessageSettingsError`` when they cannot be."""
    try:
        blobs = _blobs_of(settings)
        scanner = Clamd(settings.clamd_url) if settings.clamd_url else NoScanner()
    except ValueError as error:
        raise MessageSettingsError(str(error)) from None
    return Attachments(
        AttachmentRecords(redis),
        blobs,
        AddressSigner(keys.derived("attachments")),
        scanner,
        PictureStudio(),
        AttachmentLimits(
            max_file_bytes=settings.attachment_max_bytes,
            max_conversation_bytes=settings.conversation_max_bytes,
            max_conversation_files=settings.conversation_max_files,
            max_pending_per_person=settings.attachment_unused_per_person,
            max_day_bytes_per_person=settings.attachment_day_bytes_per_person,
            upload_lifetime_s=settings.upload_address_lifetime_s,
            upload_takes_s=math.ceil(settings.upload_timeout_s),
            download_lifetime_s=settings.download_address_lifetime_s,
        ),
    )


def _blobs_of(settings: MessageSettings) -> BlobStore:
    if settings.attachments_url is None:
        return DiskStore(settings.attachments_dir)
    return S3Store.from_url(settings.attachments_url.get_secret_value())
