"""People are told of what happens to their bookings: neutral notices by SMS, e-mail and push, once for each event."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from chat.notice_templates import TemplateId
from chat.opening_hours import STOCKHOLM
from signalling.companion_answers import CompanionRefusedError
from signalling.companion_cache import Freshness
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, EventPayloadError, text_of
from signalling.companion_reports import CompanionReports

TEMPLATES: Final[Mapping[str, TemplateId]] = {
    "booking.created": "booking_made",
    "booking.rebooked": "booking_moved",
    "booking.cancelled": "booking_cancelled",
    "summons.sent": "summons",
    "summons.reminder": "summons_reminder",
    "reserve.offered": "place_offered",
    "guardian.asked": "question",
}
"""Kind of event -> what is said. Whether a patient booked or staff did, a receipt is due."""
_UNIT: Final = Freshness(fresh_s=300.0, stale_s=24 * 3600.0)


class Teller(Protocol):
    """Tells patients (``signalling/notice_part.py``)."""

    async def tell_patient(
        self, person_id: str, template_id: TemplateId, parameters: Mapping[str, str], *, key: str, scope: Any
    ) -> bool:
        """Tell somebody, or the guardians of a child; False when nobody can be told."""
        ...


class BookingNotices:
    """The handler of the kinds of events in ``TEMPLATES``."""

    def __init__(
        self, client: CompanionClient, teller: Teller, reports: CompanionReports, *, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._teller = teller
        self._reports = reports
        self._clock = clock

    async def happened(self, event: CompanionEvent) -> None:
        """Tell the patient, unless the visit is over: news of yesterday is none."""
        template_id, person_id = TEMPLATES[event.kind], text_of(event.payload, "patient")
        parameters = {"unit": await self._unit_name(text_of(event.payload, "unit"))}
        if event.kind.startswith("booking."):
            starts_at = _instant(event.payload, "starts_at")
            if starts_at.timestamp() <= self._clock():
                return
            parameters["when"] = f"{starts_at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}"
        is_told = await self._teller.tell_patient(person_id, template_id, parameters, key=event.key, scope="book")
        if not is_told and event.kind == "summons.sent":
            await self._reports.unreached(person_id)

    async def _unit_name(self, hsa_id: str) -> str:
        try:
            body: Any = (await self._client.get(f"/units/{hsa_id}", None, freshness=_UNIT)).body
        except CompanionRefusedError:
            return ""
        name = body.get("name") if isinstance(body, dict) else None
        return name if isinstance(name, str) else ""


def _instant(payload: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text_of(payload, name))
    except ValueError:
        raise EventPayloadError(name) from None
    if found.tzinfo is None:
        raise EventPayloadError(name)
    return found
