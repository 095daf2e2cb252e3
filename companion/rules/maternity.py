"""Önskemål om förlossningsklinik: gestational weeks, and the life of a wish.

A pregnancy is 280 days long by its due date (40+0). A wish can be changed through the day 21+6, whole local days; on
22+0 it is allocated (companion/rules/allocation.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import local_date, midnight
from companion.rules.transitions import following

PREGNANCY_DAYS: Final = 280
LAST_WISH_DAY: Final = 21 * 7 + 6
"""21+6: the last day on which a wish can be changed."""
MAX_CHOICES: Final = 5

WISH_CLOSED: Final = define(
    "wish_closed",
    409,
    sv="Önskemålet kan inte ändras efter vecka 21+6.",
    en="The wish cannot be changed after week 21+6.",
)
WISH_CHOICES: Final = define(
    "wish_choices", 422, sv="Välj olika kliniker som finns i listan.", en="Choose different clinics from the list."
)
PREGNANCY_STATE: Final = define(
    "pregnancy_state", 409, sv="Det går inte att göra längre.", en="This can no longer be done."
)
DUE_DATE: Final = define(
    "due_date", 422, sv="Det beräknade datumet är inte rimligt.", en="The due date is not plausible."
)
PREGNANCY_KNOWN: Final = define(
    "pregnancy_known", 409, sv="Graviditeten finns redan.", en="The pregnancy is registered already."
)
CLINIC_FULL: Final = define(
    "clinic_full", 409, sv="Kliniken är full den veckan.", en="The clinic is full in that week."
)
CLINIC_EXCLUDED: Final = define(
    "clinic_excluded",
    409,
    sv="Kliniken kan av medicinska skäl inte ta emot patienten.",
    en="The clinic cannot receive the patient for medical reasons.",
)
ALLOCATION_DAY: Final = define("allocation_day", 422, sv="Dagen har inte varit än.", en="That day has not come yet.")
WEEK: Final = define("week", 422, sv="Det finns ingen sådan vecka.", en="There is no such week.")
OVERRIDE_REASON: Final = define("override_reason", 422, sv="Ange ett skäl.", en="Give a reason.")


# --- weeks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class GestationalAge:
    """Completed weeks and days (``21+6``)."""

    weeks: int
    days: int

    def __str__(self) -> str:
        return f"{self.weeks}+{self.days}"


def gestational_age(due_date: date, day: date) -> GestationalAge:
    """How far a pregnancy is on a local date."""
    return GestationalAge(*divmod(PREGNANCY_DAYS - (due_date - day).days, 7))


def last_wish_date(due_date: date) -> date:
    """The day 21+6."""
    return due_date - timedelta(days=PREGNANCY_DAYS - LAST_WISH_DAY)


def wish_closes_at(due_date: date) -> datetime:
    """The instant at which 22+0 begins in Stockholm: from then on nothing is changed, and the wish is allocated."""
    return midnight(last_wish_date(due_date) + timedelta(days=1))


def due_week(due_date: date) -> str:
    """The week that capacity is counted in, ISO 8601 (``2027-W31``)."""
    year, week, _ = due_date.isocalendar()
    return f"{year}-W{week:02}"


def check_week(week: str) -> None:
    """It is a week of the calendar (not every year has a week 53)."""
    year, _, number = week.partition("-W")
    try:
        date.fromisocalendar(int(year), int(number), 1)
    except ValueError:
        raise Problem(WEEK, "week") from None


def check_due_date(due_date: date, now: datetime) -> None:
    """The pregnancy is neither to begin nor long over."""
    if not GestationalAge(4, 0) <= gestational_age(due_date, local_date(now)) <= GestationalAge(43, 0):
        raise Problem(DUE_DATE, "due_date")


# --- the life of a wish ------------------------------------------------------------------------------------------


class PregnancyState(StrEnum):
    """``open -> allocated -> ended``; ``waiting``: there was no room anywhere, somebody must decide."""

    OPEN = "open"
    WAITING = "waiting"
    ALLOCATED = "allocated"
    ENDED = "ended"


PregnancyEvent = Literal["wish", "revise", "allocate", "fail", "override", "end"]

_S = PregnancyState
TRANSITIONS: Final[Mapping[tuple[PregnancyState, PregnancyEvent], PregnancyState]] = MappingProxyType(
    {
        (_S.OPEN, "wish"): _S.OPEN,
        (_S.OPEN, "revise"): _S.OPEN,
        (_S.OPEN, "allocate"): _S.ALLOCATED,
        (_S.OPEN, "fail"): _S.WAITING,
        (_S.OPEN, "override"): _S.ALLOCATED,
        (_S.WAITING, "override"): _S.ALLOCATED,
        (_S.ALLOCATED, "override"): _S.ALLOCATED,
        # Loss, move, transfer, birth: silently, with nothing more told to anybody.
        (_S.OPEN, "end"): _S.ENDED,
        (_S.WAITING, "end"): _S.ENDED,
        (_S.ALLOCATED, "end"): _S.ENDED,
    }
)
SILENT: Final = frozenset({_S.ENDED})
"""States in which no notice of any kind is sent, nor any that waits is let out."""


def after(state: PregnancyState, event: PregnancyEvent) -> PregnancyState:
    """The next state; ``Problem`` when there is none."""
    return following(TRANSITIONS, state, event, PREGNANCY_STATE)


def check_wish(choices: Sequence[str], clinics: Iterable[str], *, due_date: date, now: datetime) -> None:
    """Different clinics of the list, in time. An empty wish takes back what was wished."""
    if now >= wish_closes_at(due_date):
        raise Problem(WISH_CLOSED, extra={"last_day": last_wish_date(due_date).isoformat()})
    if len(choices) > MAX_CHOICES or len(set(choices)) != len(choices) or not set(choices) <= set(clinics):
        raise Problem(WISH_CHOICES, "choices")


def check_override(reason: str) -> None:
    """Whoever places somebody by hand, or excludes a clinic, says why."""
    if len(reason.strip()) < 3:
        raise Problem(OVERRIDE_REASON, "reason")


def check_place(*, left: int, is_excluded: bool, may_exceed: bool) -> None:
    """By hand: never to a clinic that cannot take the patient; beyond the capacity only when that is meant."""
    if is_excluded:
        raise Problem(CLINIC_EXCLUDED, "clinic_hsa_id")
    if left <= 0 and not may_exceed:
        raise Problem(CLINIC_FULL, "clinic_hsa_id")


def check_allocation_day(day: date, now: datetime) -> None:
    """Nobody's wish is cut short: only those who have reached 22+0 are allocated."""
    if day > local_date(now):
        raise Problem(ALLOCATION_DAY, "day")
