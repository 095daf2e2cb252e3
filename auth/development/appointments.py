"""Today's visits in the test bench. The record system lists them, ``alltid-oppet serve`` makes their meetings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from auth.development.persons import UNIT_HEALTH_CENTRE, UNIT_MATERNITY, UNIT_REHAB

QUARTER_S: Final = 900
VISIT_S: Final = 1800


@dataclass(frozen=True)
class Appointment:
    """One visit."""

    meeting_id: str
    kind: Literal["one_to_one", "multi_party", "group"]
    title: str
    unit: str
    hosts: tuple[str, ...]
    """HSA-ids."""
    patients: tuple[str, ...]
    """Keys of ``persons.patients``; of a group all, else the one whose visit it is."""
    after_s: int
    """Start, in seconds after the quarter of an hour in which the test bench started."""
    phone: str

    def starts_at(self, started_at: float) -> int:
        """Seconds since the epoch."""
        return int(started_at) // QUARTER_S * QUARTER_S + self.after_s


PHONES: Final[Mapping[str, str]] = {
    UNIT_HEALTH_CENTRE: "08-465 004 10",
    UNIT_MATERNITY: "08-465 004 20",
    UNIT_REHAB: "08-465 004 30",
}
"""From the series that the Swedish Post and Telecom Authority keeps free for invented numbers."""

_KARIN, _JOHAN, _EVA = "SE5555555555-K001", "SE5555555555-J002", "SE5555555555-E005"
_AMIRA, _PER = "SE5555555555-A003", "SE5566778899-P004"


def _visit(
    meeting_id: str,
    title: str,
    unit: str,
    host: str,
    patient: str,
    minutes: int,
    kind: Literal["one_to_one", "multi_party"] = "one_to_one",
) -> Appointment:
    return Appointment(f"demo-{meeting_id}", kind, title, unit, (host,), (patient,), minutes * 60, PHONES[unit])


APPOINTMENTS: Final[Sequence[Appointment]] = (
    _visit("maria", "Läkarbesök", UNIT_HEALTH_CENTRE, _KARIN, "maria", 0),
    _visit("bengt", "Läkarbesök med anhörig", UNIT_HEALTH_CENTRE, _KARIN, "bengt", 15, "multi_party"),
    _visit("alva", "Sköterskebesök", UNIT_HEALTH_CENTRE, _JOHAN, "alva", 30),
    _visit("elliot", "Samtal", UNIT_HEALTH_CENTRE, _KARIN, "elliot", 60),
    _visit("petra", "Uppföljning", UNIT_HEALTH_CENTRE, _EVA, "petra", 90),
    _visit("sara", "Barnmorskebesök", UNIT_MATERNITY, _AMIRA, "sara", 0),
    Appointment(
        "demo-group", "group", "Föräldragrupp", UNIT_MATERNITY, (_AMIRA, _KARIN), ("sara", "maria", "tomas"), 1800,
        PHONES[UNIT_MATERNITY],
    ),
    _visit("ivan", "Rehabsamtal", UNIT_REHAB, _PER, "ivan", 0),
    _visit("okand", "Första besök", UNIT_REHAB, _PER, "okand", 45),
)  # fmt: skip


def of_unit(unit: str) -> list[Appointment]:
    """A unit's visits by time."""
    return sorted((one for one in APPOINTMENTS if one.unit == unit), key=lambda one: one.after_s)


def by_meeting(meeting_id: str) -> Appointment | None:
    """The visit of a meeting."""
    return next((one for one in APPOINTMENTS if one.meeting_id == meeting_id), None)
