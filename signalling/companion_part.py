"""The front's part that works with the companion: the client, and what is done about its events."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web
from redis.asyncio import Redis

from auth.guest_links import GuestLinks
from auth.revocations import Revocations
from auth.tokens import TokenKeys
from chat.case_store import CaseStore
from chat.contacts import Contacts
from chat.unit_settings import UnitStore
from sfu.registry import Registry
from signalling import care_api, companion_events
from signalling.audit_forwarder import AuditForwarder, ForwarderMetrics
from signalling.care_api import CareApi
from signalling.companion_client import CompanionClient
from signalling.companion_course import MeetingCourse
from signalling.companion_event_keys import EventKeys
from signalling.companion_events import CompanionEventApi, CompanionEventMetrics
from signalling.companion_meetings import KINDS as BOOKING_KINDS
from signalling.companion_meetings import BookingMeetings
from signalling.companion_metrics import CompanionMetrics
from signalling.companion_notices import TELLINGS, BookingNotices
from signalling.companion_people import CompanionPeople
from signalling.companion_policy import RetryPolicy
from signalling.companion_protection import Protections
from signalling.companion_proxies import CompanionProxies
from signalling.companion_reports import CompanionReports
from signalling.companion_roles import CompanionRoles
from signalling.events import ClientEvents
from signalling.guardian_links import GuardianLinks, GuardianSecrets
from signalling.identity import Identity
from signalling.keys import load_audit_keys
from signalling.meeting_closing import MeetingCloser
from signalling.meeting_source import MeetingSource
from signalling.meetings import Meeting, Meetings
from signalling.metrics import FrontMetrics
from signalling.notice_part import NoticePart
from signalling.settings import FrontSettings
from signalling.visit_quality import VisitQualityForwarder, VisitQualityMetrics

ROUTES: Final = (*companion_events.ROUTES, *care_api.ROUTES)
FORWARDING_RETRIES: Final = RetryPolicy(attempts=1, attempt_s=10.0, total_s=10.0)


class CompanionPart:
    """Everything of the companion at one front. Without an address of it there is no client, and nothing is asked."""

    def __init__(
        self,
        settings: FrontSettings,
        keys: TokenKeys,
        front_id: str,
        redis: "Redis",
        registry: Registry,
        identity: Identity,
        meetings: Meetings,
        closer: MeetingCloser,
        metrics: FrontMetrics,
        *,
        opens_at: Callable[[Meeting], int],
        clock: Callable[[], float],
    ) -> None:
        self.client: CompanionClient | None = None
        if settings.companion_url:
            counted = CompanionMetrics(metrics.registry)
            self.client = CompanionClient(settings.companion_url, keys, metrics=counted, wall_clock=clock)
        self.events = CompanionEventApi(EventKeys(redis), CompanionEventMetrics(metrics.registry), clock=clock)
        self._clock = clock
        self._units = UnitStore(redis)
        self._reporting: asyncio.Task[None] | None = None
        self.reports: CompanionReports | None = None
        self.protections: Protections | None = None
        if self.client is not None:
            self.protections = Protections(redis, self.client, Contacts(redis))
            self.reports = CompanionReports(redis, self.client, identity.sessions, self.protections, clock=clock)
            identity.start.on_patient = self.reports.logged_in
        self.care = CareApi(settings, self.client, proxy_hops=settings.proxy_hops)
        self.source = MeetingSource(redis, meetings, self.client, clock=clock)
        if self.client is not None:
            proxies = CompanionProxies(self.client, redis, identity.proxies, identity.sessions, clock=clock)
            identity.proxies.on_missing = proxies.fill
            self.events.on("proxies.changed", proxies.changed)
            roles = CompanionRoles(self.client, identity.sessions, clock=clock)
            identity.logins.roles = roles
            self.events.on("role.given", roles.given)
            self.events.on("role.taken", roles.taken)
            people = CompanionPeople(self.client, Contacts(redis), CaseStore(redis))
            self.events.on("person.erased", people.erased)
            booked = BookingMeetings(self.client, self.source, meetings, closer, opens_at=opens_at, clock=clock)
            for kind in BOOKING_KINDS:
                self.events.on(kind, booked.changed)
        self._forwarder: AuditForwarder | None = None
        self.visits: VisitQualityForwarder | None = None
        self._forwarding_client: CompanionClient | None = None
        self._forwarding: list[asyncio.Task[None]] = []
        if self.client is not None:
            # With a circuit of its own and more patience: nobody waits for it, and it opens nobody else's.
            self._forwarding_client = CompanionClient(
                settings.companion_url, keys, retries=FORWARDING_RETRIES, wall_clock=clock
            )
            counted_visits = VisitQualityMetrics(metrics.registry)
            self.visits = VisitQualityForwarder(
                self._forwarding_client, redis, registry, meetings, front_id, counted_visits
            )
        audit_keys = load_audit_keys(settings)
        if self._forwarding_client is not None and audit_keys is not None:
            self._forwarder = AuditForwarder(
                self._forwarding_client,
                redis,
                audit_keys,
                front_id,
                ForwarderMetrics(metrics.registry),
                trim_after_days=settings.audit_trim_after_days,
                clock=clock,
            )

    def attach(self, app: web.Application) -> None:
        """Put the routes into the application."""
        self.events.add_routes(app)
        self.care.add_routes(app)

    def link_by(
        self, keys: TokenKeys, links: GuestLinks, revocations: Revocations, closes_at: Callable[[Meeting], int]
    ) -> None:
        """Let guardians come to meetings of teenagers who agree."""
        guardians = GuardianLinks(
            GuardianSecrets(keys), links, self.source, revocations, closes_at=closes_at, clock=self._clock
        )
        if self.client is not None:
            self.events.on("guardian.consented", guardians.consented)
            self.events.on("guardian.declined", guardians.declined)

    def tell_by(self, notices: NoticePart) -> None:
        """Let people be told of their bookings, and the companion of how that went."""
        if self.client is None or self.reports is None:
            return
        told = BookingNotices(self.client, notices, self.reports, self._units.notice_name, clock=self._clock)
        for kind in TELLINGS:
            self.events.on(kind, told.happened)
        self.reports.contacts = notices.contacts
        notices.delivery.watchers.append(self.reports.ended)

    def follow(self, events: ClientEvents, closer: MeetingCloser) -> None:
        """Let the companion know of the course of meetings."""
        if self.reports is not None:
            course = MeetingCourse(self.reports, clock=self._clock)
            events.on_joined, closer.on_ended = course.joined, course.ended

    async def start(self) -> None:
        """Begin to report, and to hand over the audit log and the records of visits."""
        if self.reports is not None:
            self._reporting = asyncio.create_task(self.reports.run())
        for forwarder in (self._forwarder, self.visits):
            if forwarder is not None:
                self._forwarding.append(asyncio.create_task(forwarder.run()))

    async def worker_lost(self, worker_id: str) -> None:
        """A media worker died: the records of its people are not lost with it."""
        if self.visits is not None:
            await self.visits.worker_lost(worker_id)

    async def close(self) -> None:
        """Ask no more."""
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.wait([self._reporting])
        for task in self._forwarding:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for client in (self.client, self._forwarding_client):
            if client is not None:
                await client.close()
