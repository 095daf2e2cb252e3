"""People are told of what happens to their bookings: neutral notices by SMS, e-mail and push, once for each event."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from auth.principal import ProxyScope
from chat.notice_templates import TemplateId, parameters_of
from chat.opening_hours import STOCKHOLM
from signalling.companion_answers import CompanionRefusedError
from signalling.companion_cache import Freshness
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, EventPayloadError, text_of
from signalling.companion_reports import CompanionReports


@dataclass(frozen=True)
class Telling:
    """What is said, and to whose guardians if the patient can be told nowhere; None: to nobody but the patient."""

    template_id: TemplateId
    scope: ProxyScope | None = None


TELLINGS: Final[Mapping[str, Telling]] = {
    "booking.created": Telling("booking_made", "book"),
    "booking.rebooked": Telling("booking_moved", "book"),
    "booking.cancelled": Telling("booking_cancelled", "book"),
    "booking.reminder": Telling("booking_reminder", "book"),
    "summons.sent": Telling("summons", "book"),
    "summons.reminder": Telling("summons_reminder", "book"),
    "reserve.offered": Telling("place_offered", "book"),
    "offer.notice": Telling("offer", "book"),
    # What these are about is between the patient and the unit, also where the patient is a child.
    "guardian.asked": Telling("question"),
    "maternity.opened": Telling("question"),
    "maternity.reminder": Telling("question_reminder"),
    "maternity.allocated": Telling("decision"),
    "correction.decided": Telling("decision"),
    "extract.ready": Telling("ready"),
}
"""Kind of event -> what is said. Whether a patient booked or staff did, a receipt is due."""
_UNIT: Final = Freshness(fresh_s=300.0, stale_s=24 * 3600.0)


class Teller(Protocol):
    """Tells patients (``signalling/notice_part.py``)."""

    async def tell_patient(
        self,
        person_id: str,
        template_id: TemplateId,
        parameters: Mapping[str, str],
        *,
        key: str,
        scope: ProxyScope | None,
    ) -> bool:
        """Tell somebody, or with a scope the guardians of a child; False when nobody can be told."""
        ...

    async def note_protection(self, person_id: str, *, is_protected: bool) -> None:
        """Whether the identity is protected, as the register says now."""
        ...


NoticeName = Callable[[str, str], Awaitable[str]]
"""Care provider and unit -> what the unit has decided that notices call it; empty: nothing."""


class BookingNotices:
    """The handler of the kinds of events in ``TELLINGS``."""

    def __init__(
        self,
        client: CompanionClient,
        teller: Teller,
        reports: CompanionReports,
        notice_name: NoticeName,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._notice_name = notice_name
        self._teller = teller
        self._reports = reports
        self._clock = clock

    async def happened(self, event: CompanionEvent) -> None:
        """Tell the patient, unless the visit is over: news of yesterday is none.

        Somebody whose identity is protected is told by letter alone, which is the companion's (``may_be_notified`` in
        ``companion/rules/masking.py``); nor are a protected child's guardians.
        """
        telling, person_id = TELLINGS[event.kind], text_of(event.payload, "patient")
        is_protected = event.payload.get("is_protected")
        if isinstance(is_protected, bool):
            await self._teller.note_protection(person_id, is_protected=is_protected)
        if is_protected is not False:  # who does not say so is not to be told either
            return
        parameters = {}
        if "unit" in parameters_of(telling.template_id):
            parameters["unit"] = await self._unit_name(text_of(event.payload, "unit"))
        if event.kind.startswith("booking."):
            starts_at = _instant(event.payload, "starts_at")
            if starts_at.timestamp() <= self._clock():
                return
            parameters["when"] = f"{starts_at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
        is_told = await self._teller.tell_patient(
            person_id, telling.template_id, parameters, key=event.key, scope=telling.scope
        )
        if not is_told and event.kind in ("summons.sent", "offer.notice"):
            await self._reports.unreached(person_id)

    async def _unit_name(self, hsa_id: str) -> str:
        """What the unit has decided to be called; never its name, which may say what somebody has."""
        try:
            body: Any = (await self._client.get(f"/units/{hsa_id}", None, freshness=_UNIT)).body
        except CompanionRefusedError:
            return ""
        provider = body.get("provider_hsa_id") if isinstance(body, dict) else None
        return await self._notice_name(provider, hsa_id) if isinstance(provider, str) else ""


def _instant(payload: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text_of(payload, name))
    except ValueError:
        raise EventPayloadError(name) from None
    if found.tzinfo is None:
        raise EventPayloadError(name)
    return found
