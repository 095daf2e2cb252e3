"""Who was cut off, and what may be told of many visits."""

from datetime import UTC, datetime, timedelta

from companion.rules.audiences import SMALLEST_CELL
from companion.rules.visit_quality import Figures, Measured, Stay, check_absence, figures_of, was_cut_off
from tests.companion.refusals import code

AT = datetime(2027, 3, 8, 9, 0, tzinfo=UTC)


def stay(minutes: int, *, aborted: bool, person: str | None = "anna", role: str = "participant") -> Stay:
    return Stay("m", person, role, AT + timedelta(minutes=minutes), aborted)


def test_who_was_cut_off_last_was_cut_off() -> None:
    assert was_cut_off([stay(1, aborted=True)])
    assert was_cut_off([stay(1, aborted=False), stay(2, aborted=True)])
    assert was_cut_off([stay(9, aborted=False, person="bo", role="host"), stay(2, aborted=True)])
    assert was_cut_off([stay(9, aborted=True, person="bo", role="host"), stay(12, aborted=False)])


def test_who_came_back_was_not_whatever_order_is_told() -> None:
    stays = [stay(1, aborted=True), stay(2, aborted=False)]
    assert not was_cut_off(stays)
    assert not was_cut_off(reversed(stays))
    assert not was_cut_off([])


def test_a_guests_or_an_encoders_connection_decides_nothing() -> None:
    roles = ("guest", "interpreter", "whip", "whep")
    assert not was_cut_off(stay(1, aborted=True, role=role) for role in roles)


def test_absence_after_a_fault_needs_a_note() -> None:
    assert code(lambda: check_absence(cut_off=True, note=None)) == "technical_abort"
    assert code(lambda: check_absence(cut_off=True, note="")) == "technical_abort"
    assert code(lambda: check_absence(cut_off=True, note="said so")) is None
    assert code(lambda: check_absence(cut_off=False, note=None)) is None


def measured(number: int, **changes: object) -> Measured:
    values = {
        "meeting_id": f"m{number}", "path": "udp", "is_technical_abort": False, "seconds": 1800.0, "reconnects": 0,
        "freezes": 1, "packets_received": 990, "packets_lost": 10, "round_trip_ms": 40,
    }  # fmt: skip
    return Measured(**(values | changes))  # type: ignore[arg-type]


def test_of_few_visits_nothing_is_told() -> None:
    few = [measured(number % (SMALLEST_CELL - 1)) for number in range(100)]
    assert figures_of(few) == Figures(None)
    assert figures_of([]) == Figures(0)


def test_many_visits_are_added_up() -> None:
    stays = [measured(number) for number in range(SMALLEST_CELL)]
    stays += [measured(0, is_technical_abort=True, path="", reconnects=11, round_trip_ms=None)] * 2
    assert figures_of(stays) == Figures(
        visits=10,
        stays=12,
        cut_off_visits=1,
        stays_by_path={"udp": 10, "unknown": 2},
        mean_minutes=30.0,
        reconnects_per_stay=1.83,
        freezes_per_hour=2.0,
        loss_percent=1.0,
        round_trip_ms=40,
    )


def test_stays_without_packets_or_time_divide_by_nothing() -> None:
    empty = {"seconds": 0.0, "packets_received": 0, "packets_lost": 0, "round_trip_ms": None}
    figures = figures_of([measured(number, **empty) for number in range(SMALLEST_CELL)])
    assert (figures.freezes_per_hour, figures.loss_percent, figures.round_trip_ms) == (None, None, None)
