"""Vaccination: what is written down has been given, once on a day."""

from datetime import date, timedelta

from companion.rules.vaccination import Dose, check_given
from tests.companion.refusals import code

DAY = date(2027, 3, 1)


def test_what_is_written_down_has_been_given_once_on_a_day() -> None:
    assert code(lambda: check_given(Dose("covid-19", DAY), [DAY], DAY)) == "dose_twice"
    assert code(lambda: check_given(Dose("covid-19", DAY + timedelta(days=1)), [DAY], DAY)) == "dose_to_come"
    assert code(lambda: check_given(Dose("covid-19", DAY - timedelta(days=1)), [DAY], DAY)) is None
