"""Önskemål om förlossningsklinik: gestational weeks, the wish's life, and the allocation.

A pregnancy is 280 days long by its due date (40+0). A wish can be changed through the day 21+6, whole local days; on
22+0 it is allocated. All who reach it are allocated together, week of the due date by week:

1. Places given by hand come first. They may exceed the capacity: somebody decided it and said why.
2. First everybody's first choice, then the second choices of those who are left, and so on. Where more ask than there
   is room for, a draw decides, the same draw in every round.
3. Whoever got none of the choices, or wished for nothing, gets the nearest clinic with room. Without any room the
   pregnancy waits for a decision by hand; nobody is placed beyond the capacity by the program.

The draw of a pregnancy is HMAC-SHA256(seed, id): it depends on nobody else and not on any order, so that whoever has
the seed and the input can repeat the allocation and find the same.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import local_date, midnight

PREGNANCY_DAYS: Final = 280
LAST_WISH_DAY: Final = 21 * 7 + 6
"""21+6: the last day on which a wish can be changed."""
MAX_CHOICES: Final = 5
MIN_SEED_BYTES: Final = 16

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
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Problem(PREGNANCY_STATE, detail=f"{event} in state {state}")
    return following


def check_wish(choices: Sequence[str], clinics: Iterable[str], *, due_date: date, now: datetime) -> None:
    """Different clinics of the list, in time. An empty wish takes back what was wished."""
    if now >= wish_closes_at(due_date):
        raise Problem(WISH_CLOSED, extra={"last_day": last_wish_date(due_date).isoformat()})
    if len(choices) > MAX_CHOICES or len(set(choices)) != len(choices) or not set(choices) <= set(clinics):
        raise Problem(WISH_CHOICES, "choices")


def check_override(reason: str) -> None:
    """Whoever places somebody by hand says why."""
    if len(reason.strip()) < 3:
        raise Problem(OVERRIDE_REASON, "reason")


# --- allocation --------------------------------------------------------------------------------------------------

PlaceBy = Literal["override", "choice", "nearest"]
Why = Literal["full", "excluded", "drawn"]
"""Why a choice was not given: no place was left, medically excluded, or the draw gave the last places to others."""


@dataclass(frozen=True)
class Applicant:
    """A pregnancy that is to be allocated."""

    pregnancy_id: str
    week: str
    choices: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    """All clinics, the nearest first."""
    excluded: frozenset[str] = frozenset()
    """Clinics that cannot take the patient, for medical reasons."""
    override: str | None = None
    """The clinic that somebody decided."""


@dataclass(frozen=True)
class Refused:
    """A choice that was not given, and why."""

    clinic: str
    why: Why


@dataclass(frozen=True)
class Place:
    """What the allocation found for one pregnancy; ``clinic`` None when there was no room anywhere."""

    pregnancy_id: str
    week: str
    clinic: str | None
    by: PlaceBy | None
    rank: int | None
    """1: the first choice; None when it was none of them."""
    refused: tuple[Refused, ...]
    """The choices before it."""


Capacity = Mapping[tuple[str, str], int]
"""Places by clinic and week; what is not there is none."""


def draw(seed: bytes, pregnancy_id: str) -> bytes:
    """The lot of a pregnancy: the lower goes first."""
    if len(seed) < MIN_SEED_BYTES:
        raise ValueError(f"a seed has at least {MIN_SEED_BYTES} bytes")
    return hmac.digest(seed, pregnancy_id.encode(), hashlib.sha256)


def allocate(applicants: Iterable[Applicant], capacity: Capacity, seed: bytes) -> list[Place]:
    """Place everybody; in the order of the pregnancies' ids. ``capacity``: what earlier allocations have left."""
    drawn = sorted(applicants, key=lambda one: (draw(seed, one.pregnancy_id), one.pregnancy_id))
    if len({one.pregnancy_id for one in drawn}) != len(drawn):
        raise ValueError("a pregnancy is allocated once")
    left = {key: max(0, places) for key, places in capacity.items()}
    before_round: dict[tuple[str, str], int] = {}
    refused: dict[str, list[Refused]] = {one.pregnancy_id: [] for one in drawn}
    places: dict[str, Place] = {}

    def place(one: Applicant, clinic: str | None, by: PlaceBy | None, rank: int | None) -> None:
        places[one.pregnancy_id] = Place(one.pregnancy_id, one.week, clinic, by, rank, tuple(refused[one.pregnancy_id]))
        if clinic is not None:
            left[clinic, one.week] = max(0, left.get((clinic, one.week), 0) - 1)

    for one in drawn:
        if one.override is not None:
            place(one, one.override, "override", _rank(one))
    for rank in range(max((len(one.choices) for one in drawn), default=0)):
        before_round = dict(left)
        for one in drawn:
            if one.pregnancy_id in places or rank >= len(one.choices):
                continue
            clinic = one.choices[rank]
            key = clinic, one.week
            if clinic in one.excluded:
                refused[one.pregnancy_id].append(Refused(clinic, "excluded"))
            elif left.get(key, 0) > 0:
                place(one, clinic, "choice", rank + 1)
            else:
                why: Why = "drawn" if before_round.get(key, 0) > 0 else "full"
                refused[one.pregnancy_id].append(Refused(clinic, why))
    for one in drawn:
        if one.pregnancy_id not in places:
            nearest = (c for c in one.nearest if c not in one.excluded and left.get((c, one.week), 0) > 0)
            clinic_or_none = next(nearest, None)
            place(one, clinic_or_none, "nearest" if clinic_or_none else None, None)
    return sorted(places.values(), key=lambda one: one.pregnancy_id)


def _rank(one: Applicant) -> int | None:
    return one.choices.index(one.override) + 1 if one.override in one.choices else None


# --- explanation -------------------------------------------------------------------------------------------------

_WHY: Final[Mapping[str, Mapping[Why, str]]] = MappingProxyType(
    {
        "sv": {
            "full": "vecka {week} var full hos {clinic}",
            "drawn": "fler önskade {clinic} vecka {week} än det fanns plats för, och lotten avgjorde",
            "excluded": "{clinic} kan av medicinska skäl inte ta emot dig",
        },
        "en": {
            "full": "week {week} was full at {clinic}",
            "drawn": "more wished for {clinic} in week {week} than there was room for, and the draw decided",
            "excluded": "{clinic} cannot receive you for medical reasons",
        },
    }
)


def explain(place: Place, language: Literal["sv", "en"], names: Mapping[str, str]) -> str:
    """Why this clinic, in a sentence for the patient. ``names``: of the clinics."""
    week = int(place.week.rpartition("W")[2])
    causes = [
        _WHY[language][one.why].format(week=week, clinic=names.get(one.clinic, one.clinic)) for one in place.refused
    ]
    because = (", eftersom " if language == "sv" else ", because ") + "; ".join(causes) if causes else ""
    return f"{_outcome(place, language)}{because}."


def _outcome(place: Place, language: Literal["sv", "en"]) -> str:
    is_swedish = language == "sv"
    if place.clinic is None:
        return "Ingen klinik hade plats än" if is_swedish else "No clinic had room yet"
    if place.by == "override":
        return "Platsen är beslutad av mottagningen" if is_swedish else "The place was decided by the unit"
    if place.rank is not None:
        return f"Ditt val nummer {place.rank}" if is_swedish else f"Your choice number {place.rank}"
    return "Den närmaste kliniken med plats" if is_swedish else "The nearest clinic with room"
