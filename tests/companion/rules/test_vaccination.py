"""Vaccination: the age gate, the doses' order and interval."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from companion.rules.bookings import Gate
from companion.rules.vaccination import Dose, Part, check_given, check_visit, previous_dose
from tests.companion.refusals import code, refusal

DAY = date(2027, 3, 1)
COVID = Part("covid-19")
OLD = date(1950, 6, 1)


@given(st.lists(st.integers(1, 400), unique=True, max_size=5), st.integers(1, 5), st.integers(1, 200))
def test_a_dose_is_given_in_its_turn_and_after_its_interval(ago: list[int], number: int, interval: int) -> None:
    doses = [Dose("covid-19", DAY - timedelta(days=days)) for days in ago]
    part = Part("covid-19", number, interval)
    problem = refusal(lambda: check_visit(Gate(), [part], doses, day=DAY, birth_date=OLD))
    if number != len(doses) + 1:
        assert problem is not None
        assert (problem.code, problem.extra["next"]) == ("dose_number", len(doses) + 1)
    elif doses and min(ago) < interval:
        assert problem is not None
        assert problem.code == "dose_interval"
        assert problem.extra["earliest"] == (DAY + timedelta(days=interval - min(ago))).isoformat()
    else:
        assert problem is None


def test_the_age_gate_goes_by_birth_year() -> None:
    gate = Gate(born_until_year=1962)
    assert code(lambda: check_visit(gate, [COVID], [], day=DAY, birth_date=date(1962, 12, 31))) is None
    assert code(lambda: check_visit(gate, [COVID], [], day=DAY, birth_date=date(1963, 1, 1))) == "age_gate"
    assert code(lambda: check_visit(gate, [COVID], [], day=DAY, birth_date=None)) == "age_gate"


def test_a_combined_visit_asks_about_both_vaccines() -> None:
    both = [Part("covid-19", min_interval_days=90), Part("influenza", min_interval_days=30)]
    recent_flu = [Dose("influenza", DAY - timedelta(days=29))]
    assert code(lambda: check_visit(Gate(), both, recent_flu, day=DAY, birth_date=OLD)) == "dose_interval"
    assert code(lambda: check_visit(Gate(), [both[0]], recent_flu, day=DAY, birth_date=OLD)) is None
    assert previous_dose(both, recent_flu, DAY) == recent_flu[0].given_on
    assert previous_dose([COVID], recent_flu, DAY) is None


def test_a_second_dose_needs_its_first_through_the_time_types_gate() -> None:
    gate = Gate(min_days_since_dose=21)
    assert code(lambda: check_visit(gate, [COVID], [], day=DAY, birth_date=OLD)) == "dose_interval"
    first = [Dose("covid-19", DAY - timedelta(days=21))]
    assert code(lambda: check_visit(gate, [COVID], first, day=DAY, birth_date=OLD)) is None


def test_the_same_vaccine_is_not_given_twice_a_day() -> None:
    today = [Dose("covid-19", DAY)]
    assert code(lambda: check_visit(Gate(), [COVID], today, day=DAY, birth_date=OLD)) == "dose_twice"
    assert code(lambda: check_given(Dose("covid-19", DAY), today, DAY)) == "dose_twice"
    assert code(lambda: check_given(Dose("covid-19", DAY + timedelta(days=1)), today, DAY)) == "dose_to_come"
    assert code(lambda: check_given(Dose("covid-19", DAY - timedelta(days=1)), today, DAY)) is None
