"""What is kept of an allocation gives the same allocation again, through JSON and whatever the order."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.allocation import Applicant, allocate
from companion.rules.allocation_record import RecordError, digest, places_record, record_of, replayed
from tests.companion.rules.test_allocation import situations

Situation = tuple[list[Applicant], dict[tuple[str, str], int], bytes]


@given(situations())
def test_a_stored_run_is_replayed_identically(situation: Situation) -> None:
    people, capacity, seed = situation
    record = json.loads(json.dumps(record_of(people, capacity)))
    assert replayed(record, seed) == json.loads(json.dumps(places_record(allocate(people, capacity, seed))))
    assert digest(record) == digest(record_of(people, capacity))


@given(situations(), st.randoms())
def test_the_digest_does_not_depend_on_the_order(situation: Situation, random: Random) -> None:
    people, capacity, _ = situation
    shuffled = list(people)
    random.shuffle(shuffled)
    assert digest(record_of(shuffled, dict(reversed(capacity.items())))) == digest(record_of(people, capacity))


@given(situations())
def test_whatever_changes_the_input_changes_the_digest(situation: Situation) -> None:
    people, capacity, _ = situation
    more = {**capacity, ("north", "2027-W30"): capacity.get(("north", "2027-W30"), 0) + 1}
    assert digest(record_of(people, more)) != digest(record_of(people, capacity))


def test_a_record_of_other_rules_is_refused() -> None:
    with pytest.raises(RecordError):
        replayed({"version": 2, "applicants": [], "capacity": []}, b"0" * 16)
