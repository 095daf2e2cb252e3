"""How visits went: who was cut off, and what may be told of many visits together.

A technical abort is never an absence. Somebody whose last stay in the meeting was ended by a fault was cut off; nobody
is set to absent then, unless staff say why, and an absence that was noted before the fault was known is taken back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from companion.errors import Problem, define
from companion.rules.audiences import SMALLEST_CELL

TECHNICAL_ABORT: Final = define(
    "technical_abort",
    409,
    sv="Besöket bröts av ett tekniskt fel. Skriv varför patienten ändå räknas som utebliven.",
    en="The visit was cut off by a technical fault. Say why the patient counts as absent nevertheless.",
)
TAKES_PART: Final = frozenset({"participant", "host"})
"""Roles of the patient (or proxy) and of staff. A guest's or an interpreter's connection decides nothing."""


@dataclass(frozen=True)
class Stay:
    """What is decided by."""

    meeting_id: str
    person: str | None
    role: str
    left_at: datetime
    is_technical_abort: bool


def was_cut_off(stays: Iterable[Stay]) -> bool:
    """Whether somebody who takes part was cut off and did not come back."""
    last: dict[tuple[str | None, str], Stay] = {}
    for stay in stays:
        if stay.role not in TAKES_PART:
            continue
        key = (stay.person, stay.role)
        if key not in last or stay.left_at >= last[key].left_at:
            last[key] = stay
    return any(stay.is_technical_abort for stay in last.values())


def check_absence(*, cut_off: bool, note: str | None) -> None:
    """Refuse to count somebody as absent who was cut off, unless it is said why."""
    if cut_off and not note:
        raise Problem(TECHNICAL_ABORT, "note")


# --- figures of many visits --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What is added up of a stay."""

    meeting_id: str
    path: str
    is_technical_abort: bool
    seconds: float
    reconnects: int
    freezes: int
    packets_received: int
    packets_lost: int
    round_trip_ms: int | None


@dataclass(frozen=True)
class Figures:
    """Of a unit and a period. Of few visits there is nothing but that they are few: all else is None."""

    visits: int | None
    stays: int | None = None
    cut_off_visits: int | None = None
    """In which somebody was ended by a fault, whether they came back or not."""
    stays_by_path: Mapping[str, int] | None = None
    mean_minutes: float | None = None
    reconnects_per_stay: float | None = None
    freezes_per_hour: float | None = None
    loss_percent: float | None = None
    """Of what participants sent."""
    round_trip_ms: int | None = None
    """The median over stays."""


def figures_of(stays: Sequence[Measured]) -> Figures:
    """Sums and means of many visits. They tell of no health, but who was there among few is known to colleagues."""
    visits = {stay.meeting_id for stay in stays}
    if len(visits) < SMALLEST_CELL:
        return Figures(None if visits else 0)
    hours = sum(stay.seconds for stay in stays) / 3600
    packets = sum(stay.packets_received + stay.packets_lost for stay in stays)
    trips = sorted(stay.round_trip_ms for stay in stays if stay.round_trip_ms is not None)
    return Figures(
        visits=len(visits),
        stays=len(stays),
        cut_off_visits=len({stay.meeting_id for stay in stays if stay.is_technical_abort}),
        stays_by_path=dict(sorted(Counter(stay.path or "unknown" for stay in stays).items())),
        mean_minutes=round(60 * hours / len(stays), 1),
        reconnects_per_stay=round(sum(stay.reconnects for stay in stays) / len(stays), 2),
        freezes_per_hour=round(sum(stay.freezes for stay in stays) / hours, 1) if hours else None,
        loss_percent=round(100 * sum(stay.packets_lost for stay in stays) / packets, 2) if packets else None,
        round_trip_ms=trips[len(trips) // 2] if trips else None,
    )
