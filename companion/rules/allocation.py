"""Allocation of maternity clinics: who gives birth where, by wish, capacity and lot.

All who reach week 22+0 are allocated together, week of the due date by week:

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
from types import MappingProxyType
from typing import Final, Literal

MIN_SEED_BYTES: Final = 16

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
    allocation = _Allocation(drawn, capacity)
    allocation.overrides()
    for rank in range(max((len(one.choices) for one in drawn), default=0)):
        allocation.choices(rank)
    allocation.nearest()
    return sorted(allocation.places.values(), key=lambda one: one.pregnancy_id)


class _Allocation:
    """The state of one run: what is left, and who was refused what."""

    def __init__(self, drawn: Sequence[Applicant], capacity: Capacity) -> None:
        self._drawn = drawn
        self._left = {key: max(0, places) for key, places in capacity.items()}
        self._refused: dict[str, list[Refused]] = {one.pregnancy_id: [] for one in drawn}
        self.places: dict[str, Place] = {}

    def overrides(self) -> None:
        """What was decided by hand."""
        for one in self._drawn:
            if one.override is not None:
                self._place(one, one.override, "override", _rank(one))

    def choices(self, rank: int) -> None:
        """One round: everybody's choice of that rank (0: the first), those with the lower lot before the others."""
        before = dict(self._left)
        for one in self._waiting():
            if rank >= len(one.choices):
                continue
            clinic = one.choices[rank]
            if clinic not in one.excluded and self._has_room(clinic, one):
                self._place(one, clinic, "choice", rank + 1)
                continue
            why: Why = "full"
            if clinic in one.excluded:
                why = "excluded"
            elif before.get((clinic, one.week), 0) > 0:
                why = "drawn"
            self._refused[one.pregnancy_id].append(Refused(clinic, why))

    def nearest(self) -> None:
        """Whoever is left: the nearest with room, or nothing."""
        for one in self._waiting():
            possible = (c for c in one.nearest if c not in one.excluded and self._has_room(c, one))
            clinic = next(possible, None)
            self._place(one, clinic, "nearest" if clinic else None, None)

    def _waiting(self) -> list[Applicant]:
        return [one for one in self._drawn if one.pregnancy_id not in self.places]

    def _has_room(self, clinic: str, one: Applicant) -> bool:
        return self._left.get((clinic, one.week), 0) > 0

    def _place(self, one: Applicant, clinic: str | None, by: PlaceBy | None, rank: int | None) -> None:
        refused = tuple(self._refused[one.pregnancy_id])
        self.places[one.pregnancy_id] = Place(one.pregnancy_id, one.week, clinic, by, rank, refused)
        if clinic is not None:
            key = clinic, one.week
            self._left[key] = max(0, self._left.get(key, 0) - 1)


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
