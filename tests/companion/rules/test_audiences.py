"""Whom a campaign is for; counts that show nobody, not even by the difference of two."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.audiences import (
    SMALLEST_CELL,
    UNKNOWN,
    Audience,
    Candidate,
    Cell,
    age_band,
    counts_of,
    last_birth_date,
    matches,
    shown_count,
    shown_counts,
)
from companion.rules.local_time import age_on
from tests.companion.refusals import code

DAY = date(2027, 3, 1)

# --- audience ----------------------------------------------------------------------------------------------------

SEXES, AREAS, RISKS, UNITS = ("female", "male"), ("0180", "0182"), ("asthma", "heart"), ("u1", "u2")
CANDIDATES = st.builds(
    Candidate,
    birth_date=st.none() | st.dates(date(1930, 1, 1), DAY),
    sex=st.sampled_from(SEXES),
    area=st.none() | st.sampled_from(AREAS),
    risk_groups=st.frozensets(st.sampled_from(RISKS)),
    units=st.frozensets(st.sampled_from(UNITS)),
    has_opted_out=st.booleans(),
)
AUDIENCES = st.builds(
    Audience,
    min_age=st.none() | st.integers(0, 100),
    max_age=st.none() | st.integers(0, 100),
    born_from_year=st.none() | st.integers(1920, 2030),
    born_until_year=st.none() | st.integers(1920, 2030),
    sexes=st.frozensets(st.sampled_from(SEXES)),
    areas=st.frozensets(st.sampled_from(AREAS)),
    risk_groups=st.frozensets(st.sampled_from(RISKS)),
    units=st.frozensets(st.sampled_from(UNITS)),
)


@given(AUDIENCES, CANDIDATES)
def test_all_conditions_hold_and_nobody_unwilling_is_offered_it(audience: Audience, person: Candidate) -> None:
    if not matches(audience, person, DAY):
        return
    if person.birth_date is None:
        assert all(limit is None for limit in audience.limits)
    else:
        age, year = age_on(person.birth_date, DAY), person.birth_date.year
        assert (audience.min_age or 0) <= age <= (100 if audience.max_age is None else audience.max_age)
        assert (audience.born_from_year or 0) <= year <= (audience.born_until_year or 9999)
    assert not person.has_opted_out
    assert not audience.sexes or person.sex in audience.sexes
    assert not audience.areas or person.area in audience.areas
    assert not audience.risk_groups or person.risk_groups & audience.risk_groups
    assert not audience.units or person.units & audience.units


@pytest.mark.parametrize(
    ("birth", "is_in"),
    [
        (date(1962, 3, 1), True),  # 65 today
        (date(1962, 3, 2), False),  # tomorrow
        (date(1956, 3, 2), True),  # 71 tomorrow
        (date(1956, 3, 1), False),
        (date(1956, 2, 29), False),  # 71 on 28 February
        (None, False),
    ],
)
def test_age_is_in_whole_years_on_the_day(birth: date | None, is_in: bool) -> None:
    assert matches(Audience(min_age=65, max_age=70), Candidate(birth, "female", None), DAY) == is_in


def test_an_audience_says_something() -> None:
    assert code(Audience().check) == "audience_empty"
    Audience(min_age=0).check()


# --- counts ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_small_counts_are_not_shown_and_one_person_more_is_seldom_seen(count: int) -> None:
    shown = shown_count(count)
    assert (shown is None) == (0 < count < SMALLEST_CELL)
    if shown is not None:
        assert 0 <= count - shown < 5


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), max_size=6))
def test_a_suppressed_part_cannot_be_found_by_subtraction(cells: dict[str, int]) -> None:
    total, shown = shown_counts(cells)
    small = {name for name, count in cells.items() if 0 < count < SMALLEST_CELL}
    hidden = {name for name, count in shown.items() if count is None}
    assert small <= hidden
    if small:
        assert len(hidden) >= 2 or total is None
    assert all(count is None or count <= cells[name] for name, count in shown.items())


@given(st.integers(0, 110), st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_the_last_birth_date_is_the_last(age: int, day: date) -> None:
    last = last_birth_date(age, day)
    assert age_on(last, day) >= age
    assert age_on(last + timedelta(days=1), day) < age


@given(st.dates(date(1915, 1, 1), DAY))
def test_a_band_holds_the_age(birth_date: date) -> None:
    lower, _, upper = age_band(birth_date, DAY).partition("-")
    assert int(lower) <= age_on(birth_date, DAY) <= int(upper or 200)
    assert age_band(None, DAY) == age_band(DAY + timedelta(days=1), DAY) == UNKNOWN


@st.composite
def two_audiences(draw: st.DrawFn) -> list[Cell]:
    """Cells of a new audience, compared to one that was counted before."""
    found = []
    for sex in SEXES:
        for area in AREAS:
            both, new, old = (draw(st.integers(0, 20)) for _ in range(3))
            found.append(Cell(sex, "60-69", area, both + new, (new,), (old,)))
    return found


@given(two_audiences())
def test_where_two_counts_are_shown_they_never_differ_by_few(cells: list[Cell]) -> None:
    def leaks(chosen: list[Cell]) -> bool:
        new, only_new, only_old = (
            sum(cell.count for cell in chosen),
            sum(cell.only_new[0] for cell in chosen),
            sum(cell.only_old[0] for cell in chosen),
        )
        are_shown = new >= SMALLEST_CELL and new - only_new + only_old >= SMALLEST_CELL
        return are_shown and (0 < only_new < SMALLEST_CELL or 0 < only_old < SMALLEST_CELL)

    groups = [cells, *([cell for cell in cells if cell.sex == sex] for sex in SEXES)]
    groups += [[cell for cell in cells if cell.area == area] for area in AREAS]
    assert code(lambda: counts_of(cells)) == ("preview_too_close" if any(map(leaks, groups)) else None)


def test_a_preview_adds_the_cells_up() -> None:
    counts = counts_of([Cell("female", "60-69", "0180", 23), Cell("male", "60-69", "0182", 31), Cell("x", "y", "z", 0)])
    assert counts.total == 50
    assert counts.by == {"sex": {"female": 20, "male": 30}, "band": {"60-69": 50}, "area": {"0180": 20, "0182": 30}}
    assert counts_of([]).total == 0
