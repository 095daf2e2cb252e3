"""The front's HTTP routes about meetings, put together."""

from collections.abc import Callable

from aiohttp import web
from redis.asyncio import Redis

from auth.guest_links import GuestLinks
from auth.revocations import Revocations
from auth.tokens import TokenKeys
from auth.turn import TurnServer
from sfu.client import MediaClient
from sfu.registry import Registry
from signalling import guest_api, meeting_api, turn_api, whip_api
from signalling.admissions import Admissions
from signalling.entry import Entry
from signalling.guardian_links import GuardianSecrets
from signalling.meeting_chats import MeetingChats
from signalling.meeting_closing import MeetingCloser
from signalling.meeting_entry import MeetingEntry
from signalling.meeting_source import MeetingSource
from signalling.meetings import Meetings
from signalling.settings import FrontSettings
from signalling.whip_sessions import WhipSessions

ROUTES = (*meeting_api.ROUTES, *guest_api.ROUTES, *turn_api.ROUTES, *whip_api.ROUTES)


class MeetingRoutes:
    """Meetings, links, TURN, WHIP and WHEP."""

    def __init__(
        self,
        settings: FrontSettings,
        keys: TokenKeys,
        redis: "Redis",
        registry: Registry,
        media: MediaClient,
        meetings: Meetings,
        source: MeetingSource,
        closer: MeetingCloser,
        chats: MeetingChats,
        links: GuestLinks,
        admissions: Admissions,
        revocations: Revocations,
        entry: Entry,
        turn: TurnServer | None,
        *,
        clock: Callable[[], float],
    ) -> None:
        guardian_secrets = GuardianSecrets(keys)
        signer = MeetingEntry(settings, keys, registry, admissions, chats, max_participants=settings.max_participants)
        self._apis = (
            meeting_api.MeetingApi(meetings, source, signer, closer, chats, registry, media, clock=clock),
            guest_api.GuestApi(settings, source, signer, links, revocations, guardian_secrets, clock=clock),
            turn_api.TurnApi(turn, entry, clock=clock),
            whip_api.WhipApi(settings, entry, media, WhipSessions(redis), turn, clock=clock),
        )

    def attach(self, app: web.Application) -> None:
        """Put the routes into the application."""
        for api in self._apis:
            api.add_routes(app)
