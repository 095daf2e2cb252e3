"""The front's part that clinicians come in by from their record systems."""

import time
from collections.abc import Callable, Mapping

import httpx2
from aiohttp import web
from redis.asyncio import Redis

from auth import record_systems
from auth.permissions import Resource
from auth.portal_links import PortalLinks
from auth.record_keys import TIMEOUT_S, RecordSystemKeys
from auth.record_systems import RecordSystem, RecordSystemsError
from auth.smart import SmartLaunches
from signalling.identity import Identity
from signalling.keys import load_pseudonyms
from signalling.meeting_source import MeetingSource
from signalling.metrics import FrontMetrics
from signalling.portal_api import PortalApi
from signalling.portal_entry import PortalEntry
from signalling.settings import FrontSettings
from signalling.smart_api import SmartApi


class Portal:
    """Portal links and SMART App Launch. ``RecordSystemsError`` when their configuration cannot be used."""

    def __init__(
        self,
        settings: FrontSettings,
        redis: "Redis",
        source: MeetingSource,
        identity: Identity,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float] = time.time,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._source = source
        self._http = http or httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        systems = record_systems_of(settings)
        self._pseudonyms = load_pseudonyms(settings)
        keys = RecordSystemKeys(systems, self._http, time.monotonic)
        entry = PortalEntry(
            self._find_meeting,
            identity.guard,
            identity.start,
            identity.record,
            metrics,
            clock=clock,
            proxy_hops=settings.proxy_hops,
        )
        links = PortalLinks(redis, lifetime_s=settings.portal_link_lifetime_s)
        launches = SmartLaunches(redis, systems, keys, self._http, self._pseudonyms)
        self._apis = (
            SmartApi(settings, launches, entry, clock=clock),
            PortalApi(settings, keys, links, self._pseudonyms, self._find_meeting, entry, metrics, clock=clock),
        )

    def attach(self, app: web.Application) -> None:
        """Put the routes into the application."""
        for api in self._apis:
            api.add_routes(app)

    async def close(self) -> None:
        """Close the connections to the record systems."""
        await self._http.aclose()

    async def _find_meeting(self, meeting_id: str) -> Resource | None:
        meeting = await self._source.find(meeting_id)
        return None if meeting is None else meeting.resource()


def record_systems_of(settings: FrontSettings) -> Mapping[str, RecordSystem]:
    """The configured record systems by issuer; ``RecordSystemsError`` when they cannot be used."""
    if settings.record_systems is not None:
        return record_systems.parse(settings.record_systems.get_secret_value())
    if settings.record_systems_file is None:
        return {}
    try:
        return record_systems.parse(settings.record_systems_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise RecordSystemsError("ALLTID_RECORD_SYSTEMS_FILE cannot be read") from None
