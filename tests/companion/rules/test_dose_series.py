"""The series of doses: whatever is booked, moved, cancelled or given, no booked dose comes out of turn or too soon."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from companion.rules.bookings import Gate
from companion.rules.dose_series import Visit, check_change, orphaned, problem_of
from companion.rules.vaccination import Part
from tests.companion.refusals import code, refusal

DAY = date(2027, 3, 1)
FIRST, SECOND = Part("covid-19", 1), Part("covid-19", 2, 21)


def visit(days: int, *parts: Part, kind: str = "t", **fields: object) -> Visit:
    day = DAY + timedelta(days=days)
    made = Visit(day=day, at=datetime.combine(day, time(9), UTC), kind=kind, parts=parts)
    return replace(made, **fields)  # type: ignore[arg-type]


def second_by_type(days: int, booking_id: str = "two") -> Visit:
    """A second dose by its time type: two to four weeks after a visit of the type ``one``."""
    gate = Gate(min_days_since_dose=14, max_days_since_dose=28)
    return visit(days, kind="two", after_kind="one", gate=gate, booking_id=booking_id)


# --- one dose among the others -----------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 400), unique=True, max_size=5), st.integers(1, 5), st.integers(1, 200))
def test_a_dose_has_its_turn_and_its_interval(ago: list[int], number: int, interval: int) -> None:
    before = [visit(-days, Part("covid-19"), is_given=True) for days in ago]
    new = visit(0, Part("covid-19", number, interval))
    problem = problem_of(new, [*before, new])
    if number != len(ago) + 1:
        assert problem is not None
        assert (problem.code, problem.extra["next"]) == ("dose_number", len(ago) + 1)
    elif ago and min(ago) < interval:
        assert problem is not None
        assert problem.code == "dose_interval"
        assert problem.extra["earliest"] == (DAY + timedelta(days=interval - min(ago))).isoformat()
    else:
        assert problem is None


def test_a_combined_visit_asks_about_both_vaccines() -> None:
    flu = visit(-29, Part("influenza"), is_given=True)
    both = visit(0, Part("covid-19", None, 90), Part("influenza", None, 30))
    assert problem_of(both, [flu, both]) is not None
    alone = visit(0, Part("covid-19", None, 90))
    assert problem_of(alone, [flu, alone]) is None


def test_the_same_vaccine_is_not_given_twice_a_day() -> None:
    new = visit(0, Part("covid-19"))
    assert code(lambda: check_change([], [visit(0, Part("covid-19"), is_given=True), new], new)) == "dose_twice"


def test_a_dose_given_elsewhere_counts_as_the_one_before() -> None:
    new = replace(second_by_type(20), parts=(Part("covid-19"),))
    assert code(lambda: check_change([], [new], new)) == "dose_interval"
    given_there = visit(0, Part("covid-19"), kind="another", is_given=True)
    assert code(lambda: check_change([given_there], [given_there, new], new)) is None
    too_near = visit(7, Part("covid-19"), kind="another", is_given=True)
    assert code(lambda: check_change([too_near], [too_near, new], new)) == "dose_interval"


def test_a_slot_for_second_doses_needs_a_first() -> None:
    new = visit(20, kind="two", after_kind="one", is_second=True)
    assert code(lambda: check_change([], [new], new)) == "slot_reserved"
    assert code(lambda: check_change([], [visit(0, kind="one"), new], new)) is None


# --- what a change does to the others ----------------------------------------------------------------------------


def test_moving_a_first_dose_never_breaks_the_second() -> None:
    one, two = visit(0, kind="one", booking_id="one"), second_by_type(20)
    for days, is_right in ((5, True), (6, True), (7, False), (20, False), (30, False), (-8, True), (-9, False)):
        moved = visit(days, kind="one", booking_id="one")
        problem = refusal(lambda moved=moved: check_change([one, two], [moved, two], moved))
        assert (problem is None) is is_right
        if problem is not None:
            assert (problem.code, problem.extra["booking_id"]) == ("dose_later", "two")


def test_a_dose_between_two_others_breaks_nothing() -> None:
    one, three = visit(0, FIRST), visit(60, Part("covid-19", 2, 21), booking_id="b")
    between = visit(30, Part("covid-19"))
    assert code(lambda: check_change([one, three], [one, between, three], between)) == "dose_later"


def test_what_was_wrong_before_hinders_nothing_else() -> None:
    wrong = visit(1, SECOND)
    flu = visit(3, Part("influenza"))
    assert code(lambda: check_change([wrong], [wrong, flu], flu)) is None


def test_cancelling_takes_along_what_cannot_be_without() -> None:
    one, two = visit(0, FIRST, booking_id="one"), visit(30, SECOND, booking_id="two")
    three = visit(90, Part("covid-19", 3, 21), booking_id="three")
    flu = visit(30, Part("influenza"), booking_id="flu")
    assert orphaned([one, two, three, flu], one) == [two, three]
    assert orphaned([one, two, three, flu], two) == [three]
    assert orphaned([one, two, three, flu], three) == []


# --- any history -------------------------------------------------------------------------------------------------

KINDS = (
    (Part("covid-19", 1),),
    (Part("covid-19", 2, 21),),
    (Part("covid-19", None, 30),),
    (Part("covid-19", None, 90), Part("influenza", None, 30)),
    (),  # by time type: the second of the one below
    (),
)


def kind_of(number: int, days: int, booking_id: str) -> Visit:
    if number == 4:
        return second_by_type(days, booking_id)
    return visit(days, *KINDS[number], kind="one" if number == 5 else f"t{number}", booking_id=booking_id)


def is_right(series: list[Visit]) -> bool:
    """Slow and obvious: every booked dose against all that come before it."""
    for one in series:
        before = [other for other in series if other is not one and other.day < one.day]
        for part in one.parts:
            days = sorted(other.day for other in before if part.vaccine in other.vaccines)
            alike = [other for other in series if other.day == one.day and part.vaccine in other.vaccines]
            if len(alike) != 1 or (part.dose_number is not None and len(days) + 1 != part.dose_number):
                return False
            if part.min_interval_days and days and (one.day - days[-1]).days < part.min_interval_days:
                return False
        if one.kind == "two":
            firsts = [other.day for other in before if other.kind == "one"]
            if not firsts or not 14 <= (one.day - max(firsts)).days <= 28:
                return False
    return True


def may(before: list[Visit], after: list[Visit], changed: Visit) -> bool:
    return refusal(lambda: check_change(before, after, changed)) is None


CHANGES = st.tuples(st.sampled_from(["book", "move", "cancel"]), st.integers(0, 5), st.integers(0, 200), st.integers())


@given(st.lists(CHANGES, max_size=25))
def test_whatever_is_booked_moved_and_cancelled_the_series_holds(
    changes: list[tuple[str, int, int, int]],
) -> None:
    series: list[Visit] = []
    for number, (what, kind, days, which) in enumerate(changes):
        if what == "book":
            new = kind_of(kind, days, f"b{number}")
            if any(one.day == new.day for one in series):
                continue  # one patient is in one place at a time
            is_let = may(series, [*series, new], new)
            assert is_let == is_right([*series, new])
            series = [*series, new] if is_let else series
        elif series and what == "move":
            old = series[which % len(series)]
            left = [one for one in series if one is not old]
            moved = replace(old, day=DAY + timedelta(days=days), at=old.at.replace(hour=10) + timedelta(days=days))
            moved = replace(moved, at=datetime.combine(moved.day, time(9), UTC))
            if any(one.day == moved.day for one in left):
                continue
            is_let = may(series, [*left, moved], moved)
            assert is_let == is_right([*left, moved])
            series = [*left, moved] if is_let else series
        elif series:
            gone = series[which % len(series)]
            along = orphaned(series, gone)
            series = [one for one in series if one is not gone and one not in along]
        assert is_right(series)
