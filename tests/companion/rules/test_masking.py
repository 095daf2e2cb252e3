"""What of a person is shown where."""

import dataclasses
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.masking import (
    MASKED_NAME,
    NEUTRAL_NAME,
    PARTS,
    Identity,
    Surface,
    may_be_notified,
    shown,
)

ANNA = Identity("Anna", "Sjöqvist", "199001019802", date(1990, 1, 1), "female", "0180", False)
names = st.text("abcdefghijklmnopqrstuvwxyzåäö", min_size=12, max_size=20)
people = st.builds(
    Identity,
    names,
    names,
    st.from_regex(r"19[0-9]{10}", fullmatch=True),
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.sampled_from(["female", "male", "other", "unknown"]),
    st.from_regex(r"area-[0-9]{6}", fullmatch=True),
    st.booleans(),
)
HIDING = (Surface.QUEUE, Surface.PROXY, Surface.GUEST, Surface.FEED, Surface.STATISTICS)


@given(people, st.sampled_from(HIDING), st.sampled_from(["sv", "en"]))
def test_nothing_of_a_protected_person_is_shown_in_passing(person: Identity, surface: Surface, language: str) -> None:
    person = dataclasses.replace(person, is_protected=True)
    text = str(dataclasses.asdict(shown(person, surface, language)))  # type: ignore[arg-type]
    for secret in (person.given_name, person.family_name, person.number, person.area, repr(person.birth_date)):
        assert str(secret) not in text
    assert f"'{person.sex}'" not in text


@given(people, people, st.sampled_from(HIDING))
def test_two_protected_people_look_the_same_in_passing(one: Identity, other: Identity, surface: Surface) -> None:
    first, second = (dataclasses.replace(person, is_protected=True) for person in (one, other))
    assert shown(first, surface) == shown(second, surface)


@given(people, st.sampled_from(Surface))
def test_protection_never_shows_more(person: Identity, surface: Surface) -> None:
    openly = shown(dataclasses.replace(person, is_protected=False), surface)
    hidden = shown(dataclasses.replace(person, is_protected=True), surface)
    for name in ("number", "birth_date", "birth_year", "sex", "area"):
        assert getattr(hidden, name) in (None, getattr(openly, name))
    assert hidden.area is None
    assert not openly.is_marked


@given(people, st.sampled_from(Surface))
def test_a_shown_person_is_not_logged_by_accident(person: Identity, surface: Surface) -> None:
    assert repr(shown(person, surface)) in ("ShownPerson(is_marked=True)", "ShownPerson(is_marked=False)")
    assert repr(person) == "Identity()"


def test_staff_are_told_that_care_is_needed_and_nobody_else_is() -> None:
    protected = dataclasses.replace(ANNA, is_protected=True)
    assert {surface for surface in Surface if shown(protected, surface).is_marked} == {
        Surface.OWN,
        Surface.RECORD,
        Surface.QUEUE,
    }
    assert shown(protected, Surface.QUEUE, "en").name == MASKED_NAME["en"]
    assert shown(protected, Surface.GUEST).name == NEUTRAL_NAME["sv"]
    assert shown(protected, Surface.RECORD).name == "Anna Sjöqvist"


def test_calendars_and_statistics_name_nobody_at_all() -> None:
    for surface in (Surface.FEED, Surface.STATISTICS):
        assert shown(ANNA, surface).name == NEUTRAL_NAME["sv"]
        assert shown(ANNA, surface).number is None


def test_guests_see_names_and_no_more() -> None:
    seen = dataclasses.asdict(shown(ANNA, Surface.GUEST))
    assert {name for name, value in seen.items() if value} == {"name"}


def test_every_surface_is_in_the_table() -> None:
    assert set(PARTS) == set(Surface)
    assert all(hidden <= openly for openly, hidden in PARTS.values())


@pytest.mark.parametrize("channel", ["sms", "email", "push", "calendar"])
def test_somebody_protected_gets_letters_only(channel: str) -> None:
    assert not may_be_notified(is_protected=True, channel=channel)  # type: ignore[arg-type]
    assert may_be_notified(is_protected=False, channel=channel)  # type: ignore[arg-type]
    assert may_be_notified(is_protected=True, channel="letter")
