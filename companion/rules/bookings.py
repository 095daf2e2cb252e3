"""Bookings (bokningar): their states, and who may book, move and cancel what and when.

``TRANSITIONS`` is the whole state machine; what is not in it is refused. The gates (``check_*``) are asked on every
path that makes a booking, whoever walks it; staff may pass those that say so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import age_on, local_date
from companion.rules.slots import overlaps
from companion.rules.transitions import following

SLOT_TAKEN: Final = define("slot_taken", 409, sv="Tiden är redan bokad.", en="The time has been taken.")
SLOT_PAST: Final = define("slot_past", 409, sv="Tiden har passerat.", en="The time is past.")
SLOT_RESERVED: Final = define(
    "slot_reserved", 409, sv="Tiden är avsatt för något annat.", en="The time is reserved for something else."
)
HOLD_EXPIRED: Final = define(
    "hold_expired", 409, sv="Tiden hann bli ledig igen. Välj på nytt.", en="The hold has expired. Choose again."
)
BOOKING_STATE: Final = define(
    "booking_state", 409, sv="Bokningen kan inte ändras så längre.", en="The booking can no longer be changed so."
)
BOOKING_OVERLAPS: Final = define(
    "booking_overlaps",
    409,
    sv="Patienten har redan en bokning vid den tiden.",
    en="The patient has a booking at that time already.",
)
TOO_MANY_BOOKINGS: Final = define(
    "too_many_bookings", 409, sv="Patienten har för många bokningar.", en="The patient has too many bookings."
)
TOO_LATE: Final = define("too_late", 409, sv="Det är för sent. Ring mottagningen.", en="It is too late. Call the unit.")
TOO_EARLY: Final = define("too_early", 409, sv="Det är för tidigt.", en="It is too early.")
NOT_PERMITTED: Final = define(
    "not_permitted",
    403,
    sv="Den här tiden kan bara mottagningen ändra. Ring dit.",
    en="Only the unit can do this with this kind of booking. Call it.",
)
AGE_GATE: Final = define(
    "age_gate", 409, sv="Tiden är inte för patientens ålder.", en="The time is not for the patient's age."
)
TIME_TYPE_INVALID: Final = define(
    "time_type_not_valid", 409, sv="Tidstypen gäller inte den dagen.", en="The time type is not valid on that day."
)
DOSE_INTERVAL: Final = define(
    "dose_interval", 409, sv="Det är för tätt inpå förra dosen.", en="It is too soon after the previous dose."
)


class BookingState(StrEnum):
    """``booked -> arrived -> fulfilled | cancelled | no_show``."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


Event = Literal["arrive", "fulfil", "cancel", "miss", "rebook", "undo_miss"]

_S = BookingState
TRANSITIONS: Final[Mapping[tuple[BookingState, Event], BookingState]] = MappingProxyType(
    {
        (_S.BOOKED, "rebook"): _S.BOOKED,
        (_S.BOOKED, "arrive"): _S.ARRIVED,
        (_S.BOOKED, "cancel"): _S.CANCELLED,
        (_S.BOOKED, "miss"): _S.NO_SHOW,
        (_S.BOOKED, "fulfil"): _S.FULFILLED,
        (_S.ARRIVED, "fulfil"): _S.FULFILLED,
        (_S.ARRIVED, "cancel"): _S.CANCELLED,
        # Somebody came after all, or the video failed: a technical abort is never an absence.
        (_S.NO_SHOW, "undo_miss"): _S.BOOKED,
    }
)

HOLDS_PLACE: Final = frozenset({_S.BOOKED, _S.ARRIVED, _S.FULFILLED, _S.NO_SHOW})
"""States in which a booking has its place in the slot: only cancelling gives it back."""


def after(state: BookingState, event: Event) -> BookingState:
    """The next state; ``Problem`` when there is none."""
    return following(TRANSITIONS, state, event, BOOKING_STATE)


@dataclass(frozen=True)
class Permissions:
    """What a patient may do with bookings of a time type."""

    book: bool = True
    see: bool = True
    rebook: bool = True
    cancel: bool = True
    message: bool = True


@dataclass(frozen=True)
class Gate:
    """Whom a time type (tidstyp) is for and when; None: no limit."""

    valid_from: date | None = None
    valid_until: date | None = None
    """The last day."""
    successor_id: str | None = None
    """The time type that replaces it, for whoever comes on another day."""
    min_age: int | None = None
    max_age: int | None = None
    """In whole years on the day of the visit."""
    born_from_year: int | None = None
    born_until_year: int | None = None
    """The age gate of the vaccination time book goes by birth year."""
    min_days_since_dose: int | None = None
    max_days_since_dose: int | None = None


def check_person(gate: Gate, *, day: date, birth_date: date | None) -> None:
    """Validity and age, which nobody passes, staff included. ``day``: of the visit, local."""
    if (gate.valid_from and day < gate.valid_from) or (gate.valid_until and day > gate.valid_until):
        raise Problem(TIME_TYPE_INVALID, extra={"successor_id": gate.successor_id})
    check_age(gate, day, birth_date)


def check_dose_interval(gate: Gate, day: date, previous_dose: date | None) -> None:
    """How long after the dose before; ``previous_dose`` None: there is none."""
    if gate.min_days_since_dose is not None:
        if previous_dose is None:
            raise Problem(DOSE_INTERVAL, detail="no previous dose is known")
        days = (day - previous_dose).days
        if days < gate.min_days_since_dose:
            earliest = previous_dose + timedelta(days=gate.min_days_since_dose)
            raise Problem(DOSE_INTERVAL, extra={"earliest": earliest.isoformat()})
        if gate.max_days_since_dose is not None and days > gate.max_days_since_dose:
            raise Problem(DOSE_INTERVAL, detail="too long after the previous dose")


def check_age(gate: Gate, day: date, birth_date: date | None) -> None:
    """Age in whole years on the day, and birth year."""
    limits = (gate.min_age, gate.max_age, gate.born_from_year, gate.born_until_year)
    if all(limit is None for limit in limits):
        return
    if birth_date is None:
        raise Problem(AGE_GATE, detail="the birth date is not known")
    age, year = age_on(birth_date, day), birth_date.year
    is_young = gate.min_age is not None and age < gate.min_age
    is_old = gate.max_age is not None and age > gate.max_age
    is_born_early = gate.born_from_year is not None and year < gate.born_from_year
    is_born_late = gate.born_until_year is not None and year > gate.born_until_year
    if is_young or is_old or is_born_early or is_born_late:
        raise Problem(AGE_GATE)


def check_new(
    *, now: datetime, starts_at: datetime, ends_at: datetime, taken: Iterable[tuple[datetime, datetime]]
) -> None:
    """A booking must be to come, and the patient free. ``taken``: the times of the patient's other bookings."""
    if starts_at <= now:
        raise Problem(SLOT_PAST)
    check_free(starts_at=starts_at, ends_at=ends_at, taken=taken)


def check_free(*, starts_at: datetime, ends_at: datetime, taken: Iterable[tuple[datetime, datetime]]) -> None:
    """Nobody is at two visits at once."""
    if any(overlaps(starts_at, ends_at, *other) for other in taken):
        raise Problem(BOOKING_OVERLAPS)


def check_change_by_patient(*, allowed: bool, now: datetime, starts_at: datetime, hours_before: int) -> None:
    """Patients (and their proxies) move and cancel what they may, until so many hours before it."""
    if not allowed:
        raise Problem(NOT_PERMITTED)
    if now > starts_at - timedelta(hours=hours_before):
        raise Problem(TOO_LATE)


def is_absent(*, now: datetime, starts_at: datetime, ends_at: datetime) -> bool:
    """Whoever has not come when half of the time has passed counts as absent."""
    return now > starts_at + (ends_at - starts_at) / 2


def check_arrival(*, now: datetime, starts_at: datetime, ends_at: datetime) -> None:
    """Arriving is possible on the day, until half of the time has passed."""
    if is_absent(now=now, starts_at=starts_at, ends_at=ends_at):
        raise Problem(TOO_LATE)
    if local_date(now) < local_date(starts_at):
        raise Problem(TOO_EARLY)


def check_miss(*, now: datetime, starts_at: datetime, ends_at: datetime) -> None:
    """Nobody is absent before half of the time has passed."""
    if not is_absent(now=now, starts_at=starts_at, ends_at=ends_at):
        raise Problem(TOO_EARLY)
