"""The last steps of a clinician's way in from the record system, the same for portal links and SMART App Launch."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from aiohttp import web
from redis.exceptions import RedisError

from auth.audit import AuditEntry, entry_of
from auth.audit_store import AuditUnavailableError
from auth.permissions import NOTHING, Action, Decision, Resource, decide
from auth.portal_links import PortalLink
from auth.portal_requests import PortalRequest
from auth.principal import Principal
from auth.sessions import Session, new_grant_id
from signalling.guard import REQUEST_ID, Guard
from signalling.metrics import FrontMetrics
from signalling.portal_pages import PortalRefusal, refused_page
from signalling.requests import client_address
from signalling.session_start import Door, SessionStart

OUT_OF_ORDER: Final = (RedisError, AuditUnavailableError, OSError)
"""What is raised when the store or the audit log does not answer. Clinicians see a page, not the API's JSON."""

FindMeeting = Callable[[str], Awaitable[Resource | None]]
"""What a meeting is to the table of permissions; None when there is none of that id."""


class PortalEntry:
    """Lets clinicians in, or says why not; both are audited and counted."""

    def __init__(
        self,
        find_meeting: FindMeeting,
        guard: Guard,
        start: SessionStart,
        record: Callable[[AuditEntry], Awaitable[None]],
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float],
        proxy_hops: int = 0,
    ) -> None:
        self._find_meeting = find_meeting
        self._guard = guard
        self._start = start
        self._record = record
        self._metrics = metrics
        self._clock = clock
        self._proxy_hops = proxy_hops

    async def admit(self, request: web.Request, link: PortalLink, door: Door) -> web.StreamResponse:
        """A session for whoever the record system vouches for, and the way to the meeting; or a page that says no."""
        session = staff_session(link, self._clock())
        resource, refusal = await self._judge(request, link, session.principal())
        if refusal is not None:
            return await self.refuse(request, refusal, link, door, resource)
        response = web.Response(status=303, headers={"Location": target_of(link), "Cache-Control": "no-store"})
        await self._start.begin(request, response, session, door)
        self._metrics.portal_entries.labels(door, "ok").inc()
        return response

    def out_of_order(self, door: Door) -> web.Response:
        """The page for when nobody can be let in; it writes nothing, since that may be what does not work."""
        self._metrics.portal_entries.labels(door, "out_of_order").inc()
        return refused_page("out_of_order")

    async def refuse(
        self,
        request: web.Request,
        refusal: PortalRefusal,
        link: PortalLink | None,
        door: Door,
        resource: Resource = NOTHING,
    ) -> web.Response:
        """Audit and count a refusal; the page that explains it. Without a link nobody knows who it was."""
        self._metrics.portal_entries.labels(door, refusal).inc()
        if link is not None:
            entry = entry_of(
                staff_session(link, self._clock()).principal(),
                door,
                Decision(False, "relation"),
                resource if resource.patient_person_id else Resource(patient_person_id=link.patient_person_id),
                at_ms=int(self._clock() * 1000),
                request_id=request[REQUEST_ID],
                address=client_address(request, self._proxy_hops),
                what=f"{refusal}:{link.link_id}",
            )
            await self._record(entry)
        return refused_page(refusal)

    async def _judge(
        self, request: web.Request, link: PortalLink, principal: Principal
    ) -> tuple[Resource, PortalRefusal | None]:
        """What the link is about, and why it does not open; one browser is one person's at a time."""
        present = await self._guard.find_session(request)
        if present is not None and (present.kind, present.actor) != ("staff", link.staff_hsa_id):
            return NOTHING, "other_person"
        if link.meeting_id is None:
            return NOTHING, None
        meeting = await self._find_meeting(link.meeting_id)
        if meeting is None:
            return NOTHING, "meeting_unknown"
        return meeting, why_not(principal, meeting, link.patient_person_id)


def staff_session(who: PortalRequest | PortalLink, now: float) -> Session:
    """The session of a clinician that a record system vouches for."""
    return Session(
        kind="staff",
        actor=who.staff_hsa_id,
        display_name=who.display_name,
        acr=who.acr,
        authenticated_at=who.authenticated_at,
        created_at=int(now),
        seen_at=int(now),
        grant_id=new_grant_id(),
        commissions=(who.commission,),
        commission=who.commission,
    )


def target_of(link: PortalLink) -> str:
    """Where the clinician goes: into the meeting, or to the staff portal."""
    return "/portal" if link.meeting_id is None else f"/meeting/{link.meeting_id}"


def why_not(
    principal: Principal, meeting: Resource, person_id: str | None
) -> Literal["other_unit", "other_patient"] | None:
    """Why a meeting is not for this clinician and patient. Group meetings have no patient of their own, but members."""
    if not decide(principal, Action.MEETING_JOIN, meeting):
        return "other_unit"
    if person_id is None or person_id == meeting.patient_person_id or person_id in meeting.member_ids:
        return None
    return "other_patient"
