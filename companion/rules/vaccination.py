"""Vaccination: series of doses, and who may have which next and when.

Age by birth year and the interval between doses belong to the time type (``companion.rules.bookings.Gate``) and are
asked on every path. Here is what they are asked with: the doses given so far, of all vaccines that a time type gives
(covid-19 and influenza together are one visit and two vaccines).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from companion.errors import Problem, define
from companion.rules.bookings import Gate, check_gate

DOSE_NUMBER: Final = define(
    "dose_number", 409, sv="Det är inte den dos som står på tur.", en="This is not the dose that comes next."
)
DOSE_TWICE: Final = define(
    "dose_twice", 409, sv="Vaccinet är redan givet den dagen.", en="The vaccine was given on that day already."
)
DOSE_TO_COME: Final = define("dose_to_come", 422, sv="Dosen är inte given än.", en="The dose is not given yet.")


@dataclass(frozen=True)
class Dose:
    """A dose that was given."""

    vaccine: str
    """Which series it belongs to (``covid-19``, ``influenza``)."""
    given_on: date


@dataclass(frozen=True)
class Part:
    """What a time type gives of one vaccine."""

    vaccine: str
    dose_number: int | None = None
    """Which dose of the series it is; None: any (a refill)."""
    min_interval_days: int | None = None
    """After the previous dose of the same vaccine, whichever number it had."""


def doses_of(vaccine: str, doses: Iterable[Dose]) -> list[Dose]:
    """The series so far, oldest first."""
    return sorted((dose for dose in doses if dose.vaccine == vaccine), key=lambda dose: dose.given_on)


def previous_dose(parts: Sequence[Part], doses: Sequence[Dose], day: date) -> date | None:
    """The latest dose before ``day`` of any vaccine that the visit gives: what the time type's interval is from."""
    vaccines = {part.vaccine for part in parts}
    return max((dose.given_on for dose in doses if dose.vaccine in vaccines and dose.given_on < day), default=None)


def check_visit(
    gate: Gate, parts: Sequence[Part], doses: Sequence[Dose], *, day: date, birth_date: date | None
) -> None:
    """Everything about age, number and interval that a visit on ``day`` needs; asked at booking, moving and giving."""
    check_gate(gate, day=day, birth_date=birth_date, previous_dose=previous_dose(parts, doses, day))
    for part in parts:
        series = doses_of(part.vaccine, doses)
        if any(dose.given_on == day for dose in series):
            raise Problem(DOSE_TWICE)
        if part.dose_number is not None and len(series) + 1 != part.dose_number:
            raise Problem(DOSE_NUMBER, extra={"next": len(series) + 1})
        if part.min_interval_days is not None:
            before = Gate(min_days_since_dose=part.min_interval_days)
            last = series[-1].given_on if series else None
            if last is not None:
                check_gate(before, day=day, birth_date=None, previous_dose=last)


def check_given(dose: Dose, series: Sequence[Dose], today: date) -> None:
    """A dose that is written down has been given, once on a day, after those before it."""
    if dose.given_on > today:
        raise Problem(DOSE_TO_COME, "given_on")
    if any(one.given_on == dose.given_on for one in series):
        raise Problem(DOSE_TWICE, "given_on")
