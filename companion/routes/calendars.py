"""Bookings for calendar programs (iCalendar)."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from companion.errors import language_of
from companion.identity import public
from companion.routes.answers import file_of, refusals
from companion.routes.bookings import Lister, Reader
from companion.routes.shapes import ObjectId, Output
from companion.rules.calendars import calendar, invitation
from companion.services import Services
from companion.store import calendars as store
from companion.store.bookings import own_booking

router = APIRouter(tags=["calendars"])

WHY_PUBLIC = "Calendar programs have no login: the address is the secret, and it tells only when."
MEDIA_TYPE = "text/calendar; charset=utf-8"
_ICALENDAR = file_of("text/calendar", "iCalendar (RFC 5545).")


class FeedOut(Output):
    """Where a calendar program finds the feed. Shown once."""

    path: str


@router.get("/bookings/{booking_id}/calendar", response_class=Response, responses=_ICALENDAR | refusals(409))
async def read_invitation(request: Request, booking_id: ObjectId, caller: Reader) -> Response:
    """One booking as an invitation (REQUEST), or a CANCEL when it was cancelled. With a protected identity: none."""
    async with caller.transaction() as transaction:
        booking = await own_booking(transaction, caller, booking_id, lock=False)
        await store.check_calendar(transaction, booking.patient_person_id)
        language = language_of(request.headers.get("accept-language", ""))
        return Response(invitation(store.entry_of(booking), language, transaction.now), media_type=MEDIA_TYPE)


@router.post("/calendar-feed", status_code=201)
async def make_feed(caller: Lister) -> FeedOut:
    """A secret address of one's own bookings; the one before ends."""
    async with caller.transaction() as transaction:
        return FeedOut(path=f"/calendar/{await store.make_feed(transaction, caller)}")


@router.delete("/calendar-feed", status_code=204)
async def end_feed(caller: Lister) -> None:
    """End the feed."""
    async with caller.transaction() as transaction:
        await store.end_feed(transaction, caller)


@router.get("/calendar/{secret}", response_class=Response, responses=_ICALENDAR)
async def read_feed(
    request: Request,
    secret: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")],
    services: Annotated[Services, public(WHY_PUBLIC)],
) -> Response:
    """The feed, neutral and without places."""
    address = request.client.host if request.client else None
    async with services.database.transaction(services.clock()) as transaction:
        entries = await store.read_feed(transaction, secret, request.state.request_id, address)
        language = language_of(request.headers.get("accept-language", ""))
        return Response(calendar(entries, "PUBLISH", language, transaction.now), media_type=MEDIA_TYPE)
