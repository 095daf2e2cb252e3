"""Vaccination: series of doses, and who may have which next and when.

Age by birth year and the interval between doses belong to the time type (``companion.rules.bookings.Gate``) and are
asked on every path. Here is what a time type gives (covid-19 and influenza together are one visit and two vaccines);
``companion.rules.dose_series`` holds the doses of a person together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from companion.errors import Problem, define

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


def check_given(dose: Dose, given_on: Iterable[date], today: date) -> None:
    """A dose that is written down has been given, and once on a day. ``given_on``: the vaccine's others."""
    if dose.given_on > today:
        raise Problem(DOSE_TO_COME, "given_on")
    if dose.given_on in set(given_on):
        raise Problem(DOSE_TWICE, "given_on")
