"""The front's part for notices, put together: outbox, contacts, senders, and the loop that sends."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth.principal import ProxyScope
from auth.proxies import RedisProxyDirectory
from auth.tokens import TokenKeys
from chat.cases import Case
from chat.contact_codes import ContactCodes
from chat.contacts import Contacts
from chat.notice_delivery import NoticeDelivery, Notices
from chat.notice_linter import NoticeRefusedError
from chat.notice_outbox import NoticeOutbox
from chat.notice_sender import Sender
from chat.notices import CHANNELS, ways_of
from chat.sender_development import DevelopmentSender
from chat.sender_sms import SmsSender
from chat.sender_smtp import SmtpSender
from chat.sender_webpush import KNOWN_HOSTS, WebPushSender
from chat.unit_settings import UnitSettings
from chat.web_push import encode, public_bytes
from signalling.contact_api import ContactApi
from signalling.keys import load_vapid_key
from signalling.logs import place_of
from signalling.message_settings import MessageSettings, MessageSettingsError
from signalling.metrics import FrontMetrics
from signalling.notice_api import NoticeApi

WAIT_MS: Final = 1000
"""How long one look into the queue waits; retries are at most so late."""
FINISH_S: Final = 4.0
"""How long a front that stops waits for gateways; well below what it is given to stop."""
PAUSE_S: Final = 1.0
"""After a fault of the store."""

_log = structlog.get_logger(__name__)


class NoticePart:
    """Everything of notices at one front."""

    def __init__(
        self,
        settings: MessageSettings,
        keys: TokenKeys,
        public_url: str,
        front_id: str,
        redis: "Redis",
        proxies: RedisProxyDirectory,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._proxies = proxies
        self._clock = clock
        self.contacts = Contacts(redis)
        self.outbox = NoticeOutbox(redis, front_id)
        self.notices = Notices(self.outbox, self.contacts, address=public_url, clock=clock)
        self.delivery = NoticeDelivery(
            self.outbox,
            self.contacts,
            senders_of(settings, redis, clock),
            clock=clock,
            draw=random.random,
            on_end=lambda channel, state: metrics.notices.labels(channel, state).inc(),
        )
        vapid_key = load_vapid_key(settings)
        self._api = NoticeApi(
            self.notices,
            self.contacts,
            self.delivery,
            redis,
            metrics,
            push_key=encode(public_bytes(vapid_key)) if vapid_key is not None else None,
            push_hosts=push_hosts(settings),
            has_sink=settings.mode == "development",
            clock=clock,
        )
        codes = ContactCodes(redis, self.contacts, self.notices, keys.derived("contact codes")[0])
        self._contact_api = ContactApi(self.contacts, codes)
        self._sending: asyncio.Task[None] | None = None

    def attach(self, app: web.Application) -> None:
        """Put the routes into the application."""
        self._api.add_routes(app)
        self._contact_api.add_routes(app)

    async def start(self, own_url: str) -> None:
        """Begin to send. ``own_url``: what notices name when no public address is set (one machine)."""
        self.notices.address = self.notices.address or own_url.replace("127.0.0.1", "localhost")
        await self.outbox.start()
        self._sending = asyncio.create_task(self._send())

    async def stop(self) -> None:
        """Stop sending. What is being sent is waited for, for a moment; the rest is found by another front."""
        while self._sending is not None and not self._sending.done():
            # Again and again: a cancellation that meets a connection being opened can be swallowed on the way.
            self._sending.cancel()
            await asyncio.wait([self._sending], timeout=0.1)
        await self.delivery.finish(FINISH_S)
        await self.delivery.close()

    # --- CaseNotices -------------------------------------------------------------------------------------------

    async def case_changed(self, case: Case, unit: UnitSettings | None, template_id: str) -> None:
        """Tell the patient, once for each message and closing. Who can be told nowhere has others who read the case for
        them, a child's guardians or an adult's proxies: they are told instead.
        """
        name = unit.notice_name if unit is not None else ""  # never its own name: that may say what somebody has
        is_message = template_id == "new_message"
        key = _of_message(case, case.last_staff_seq) if is_message else f"case:{case.case_id}:{case.version}"
        path = f"/cases/{case.case_id}"
        await self.tell_patient(
            case.patient, template_id, {"unit": name}, key=key, scope="messages", path=path, is_for_all_proxies=True
        )

    async def people_told(self, case: Case) -> Collection[str]:
        """The patient, and the guardians, who may have been told instead; all proxies, when they are."""
        has_ways = bool(ways_of(await self.contacts.get(case.patient)))
        instead = self._proxies.guardians_of if has_ways else self._proxies.proxies_of
        return {case.patient, *await instead(case.patient, "messages", self._clock())}

    async def may_know(self, case: Case, seq: int) -> bool:
        """Whether a notice of the unit's message with this number has gone out, or still may."""
        key = _of_message(case, seq)
        if await self.notices.may_have_told(key):
            return True
        for proxy in await self._proxies.proxies_of(case.patient, "messages", self._clock()):
            if await self.notices.may_have_told(f"{key}:{proxy}"):
                return True
        return False

    async def note_protection(self, person_id: str, *, is_protected: bool) -> None:
        """The register's word on somebody's identity: what is told them by other ways heeds it, too."""
        await self.contacts.protect(person_id, is_protected=is_protected)

    async def tell_patient(
        self,
        person_id: str,
        template_id: str,
        parameters: Mapping[str, str],
        *,
        key: str,
        scope: ProxyScope | None,
        path: str = "",
        is_for_all_proxies: bool = False,
    ) -> bool:
        """Tell somebody, or the guardians of a child who can be told nowhere; False when nobody can be told.

        ``scope``: of what the guardians may do; None: they are not told. ``path``: where in the service it leads.
        ``is_for_all_proxies``: an adult's proxies are told in the same way.
        """
        is_told = False
        try:
            if await self.notices.tell(person_id, template_id, parameters, key=key, path=path):
                return True
            if scope is None:
                return False
            subject = await self.contacts.get(person_id)
            proxies_of = self._proxies.proxies_of if is_for_all_proxies else self._proxies.guardians_of
            for proxy in await proxies_of(person_id, scope, self._clock()):
                # Nothing says where somebody who is protected is cared for.
                told = {**parameters, "unit": ""} if subject.is_protected else parameters
                is_told |= bool(await self.notices.tell(proxy, template_id, told, key=f"{key}:{proxy}", path=path))
        except NoticeRefusedError as error:  # a public address that no notice can name; what it tells of goes on
            _log.error("notice_refused", causes=error.causes)
        return is_told

    async def _send(self) -> None:
        while True:
            try:
                await self.delivery.step(wait_ms=WAIT_MS)
            except (RedisError, OSError) as error:
                _log.warning("notices_failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE_S)
                with suppress(RedisError, OSError):
                    await self.outbox.start()  # a store that lost its data has lost the group too
            except Exception as error:  # one notice must not end it for all
                _log.error("notices_failed", exception=place_of(error))
                await asyncio.sleep(PAUSE_S)


def _of_message(case: Case, seq: int) -> str:
    """The idempotency key of what tells of a message of the unit."""
    return f"case:{case.case_id}:m{seq}"


def push_hosts(settings: MessageSettings) -> tuple[str, ...]:
    """The push services that may be called."""
    return tuple(settings.push_hosts.split()) or KNOWN_HOSTS


def senders_of(settings: MessageSettings, redis: "Redis", clock: Callable[[], float]) -> list[Sender]:
    """The senders that are set; in development mode the sink for all other channels.

    ``MessageSettingsError`` when the settings cannot be used.
    """
    try:
        senders = _gateways(settings, clock)
    except ValueError as error:
        raise MessageSettingsError(str(error)) from None
    if settings.mode == "development":
        missing = [channel for channel in CHANNELS if channel not in {sender.channel for sender in senders}]
        senders += [DevelopmentSender(redis, channel, clock=clock) for channel in missing]
    return senders


def _gateways(settings: MessageSettings, clock: Callable[[], float]) -> list[Sender]:
    senders: list[Sender] = []
    if settings.smtp_url is not None:
        senders.append(SmtpSender(settings.smtp_url.get_secret_value(), settings.smtp_sender))
    if settings.sms_url:
        token = settings.sms_token.get_secret_value() if settings.sms_token is not None else ""
        senders.append(SmsSender(settings.sms_url, token, settings.sms_sender))
    key = load_vapid_key(settings)
    if key is not None:
        senders.append(WebPushSender(key, settings.vapid_subject, hosts=push_hosts(settings), clock=clock))
    return senders
