"""The allocation is fair, within capacity, repeatable from its seed, and explained."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.allocation import Applicant, Place, Refused, allocate, draw, explain

CLINICS = ("north", "south", "west")
SEED = b"0123456789abcdef"

WEEKS = ("2027-W30", "2027-W31")


@st.composite
def situations(random: st.DrawFn) -> tuple[list[Applicant], dict[tuple[str, str], int], bytes]:
    count = random(st.integers(0, 12))
    people = [
        Applicant(
            pregnancy_id=f"pg-{number}",
            week=random(st.sampled_from(WEEKS)),
            choices=tuple(random(st.permutations(CLINICS))[: random(st.integers(0, 3))]),
            nearest=tuple(random(st.permutations(CLINICS))),
            excluded=random(st.frozensets(st.sampled_from(CLINICS), max_size=1)),
            override=random(st.sampled_from([None, None, None, *CLINICS])),
        )
        for number in range(count)
    ]
    capacity = {(clinic, week): random(st.integers(0, 4)) for clinic in CLINICS for week in WEEKS}
    return people, capacity, random(st.binary(min_size=16, max_size=16))


@given(situations())
def test_capacity_is_never_exceeded_but_by_hand(
    situation: tuple[list[Applicant], dict[tuple[str, str], int], bytes],
) -> None:
    people, capacity, seed = situation
    places = allocate(people, capacity, seed)
    assert len(places) == len(people)
    by_hand = Counter((one.clinic, one.week) for one in places if one.by == "override")
    taken = Counter((one.clinic, one.week) for one in places if one.clinic)
    for key, number in taken.items():
        clinic, week = key
        assert clinic is not None
        assert number <= max(capacity[clinic, week], by_hand[key])


@given(situations())
def test_nobody_waits_while_there_is_room_and_no_exclusion_is_passed(
    situation: tuple[list[Applicant], dict[tuple[str, str], int], bytes],
) -> None:
    people, capacity, seed = situation
    places = {one.pregnancy_id: one for one in allocate(people, capacity, seed)}
    taken = Counter((one.clinic, one.week) for one in places.values() if one.clinic)
    for person in people:
        place = places[person.pregnancy_id]
        if person.override is not None:
            assert place.clinic == person.override
            continue
        assert place.clinic not in person.excluded
        if place.clinic is None:
            open_ones = set(CLINICS) - person.excluded
            assert all(taken[clinic, person.week] >= capacity[clinic, person.week] for clinic in open_ones)


@given(situations())
def test_nobody_with_a_worse_lot_or_lower_rank_has_what_another_wanted_more(
    situation: tuple[list[Applicant], dict[tuple[str, str], int], bytes],
) -> None:
    """Fair: a choice that somebody did not get was excluded, or went to those who ranked it as high and drew better."""
    people, capacity, seed = situation
    places = {one.pregnancy_id: one for one in allocate(people, capacity, seed)}
    for person in people:
        mine = places[person.pregnancy_id]
        if mine.by == "override":
            continue
        wanted = person.choices[: mine.rank - 1] if mine.rank else person.choices
        for rank, clinic in enumerate(wanted, start=1):
            if clinic in person.excluded:
                assert Refused(clinic, "excluded") in mine.refused
                continue
            assert any(one.clinic == clinic and one.why in ("full", "drawn") for one in mine.refused)
            holders = [one for one in places.values() if one.clinic == clinic and one.week == person.week]
            assert len(holders) >= capacity[clinic, person.week]
            for holder in holders:
                if holder.by == "override":
                    continue
                assert holder.by == "choice"
                assert holder.rank is not None
                better_lot = draw(seed, holder.pregnancy_id) < draw(seed, person.pregnancy_id)
                assert holder.rank < rank or (holder.rank == rank and better_lot)


@given(situations(), st.randoms())
def test_it_is_repeated_from_its_seed_whatever_the_order(
    situation: tuple[list[Applicant], dict[tuple[str, str], int], bytes], random: Random
) -> None:
    people, capacity, seed = situation
    shuffled = list(people)
    random.shuffle(shuffled)
    assert allocate(shuffled, dict(reversed(capacity.items())), seed) == allocate(people, capacity, seed)


def test_everybody_wins_some_seeds() -> None:
    """Over many seeds two equal wishes for one place are given equally often."""
    pair = [Applicant(name, WEEKS[0], ("north",), CLINICS) for name in ("pg-a", "pg-b")]
    capacity = {("north", WEEKS[0]): 1, ("south", WEEKS[0]): 1}
    winners = Counter(
        next(one.pregnancy_id for one in allocate(pair, capacity, n.to_bytes(16, "big")) if one.clinic == "north")
        for n in range(1000)
    )
    assert 440 <= winners["pg-a"] <= 560


def test_a_pregnancy_is_allocated_once_and_a_seed_is_long() -> None:
    with pytest.raises(ValueError, match="once"):
        allocate([Applicant("pg-a", WEEKS[0])] * 2, {}, SEED)
    with pytest.raises(ValueError, match="seed"):
        draw(b"short", "pg-a")


# --- explanation -------------------------------------------------------------------------------------------------


def test_it_says_why() -> None:
    names = {"north": "Norra", "south": "Södra", "west": "Västra"}
    place = Place("pg-a", "2027-W31", "south", "choice", 2, (Refused("north", "full"),))
    assert explain(place, "sv", names) == "Ditt val nummer 2, eftersom vecka 31 var full hos Norra."
    assert explain(place, "en", names) == "Your choice number 2, because week 31 was full at Norra."
    assert explain(Place("pg-a", "2027-W31", "west", "nearest", None, ()), "en", names) == (
        "The nearest clinic with room."
    )
    assert "No clinic" in explain(Place("pg-a", "2027-W31", None, None, None, ()), "en", names)
    assert "beslutad" in explain(Place("pg-a", "2027-W31", "west", "override", None, ()), "sv", names)


@given(situations())
def test_every_outcome_can_be_explained_in_both_languages(
    situation: tuple[list[Applicant], dict[tuple[str, str], int], bytes],
) -> None:
    for place in allocate(*situation):
        assert explain(place, "sv", {}).endswith(".")
        assert explain(place, "en", {}).endswith(".")
