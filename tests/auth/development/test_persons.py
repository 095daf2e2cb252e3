"""The invented persons: each as old as the note says, with valid numbers, and none of them twice."""

from datetime import date

import pytest

from auth.development.persons import (
    CUSTODY,
    EMPLOYEES,
    PERSONNUMMER,
    PROXY_GRANTS,
    SAMORDNINGSNUMMER,
    patients,
)
from auth.identity_numbers import parse


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 12, 31), date(2031, 6, 15)])
def test_everybody_is_as_old_as_the_note_says(today: date) -> None:
    people = {person.key: person for person in patients(today)}

    def age(key: str) -> int:
        born = people[key].born
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    assert age("alva") < 13
    assert not people["alva"].has_eid
    assert 13 <= age("elliot") < 18
    assert age("nils") == (13 if (today.month, today.day) == (12, 31) else 12)
    assert all(age(key) >= 18 for key in people if key not in ("alva", "elliot", "nils", "lo"))
    assert people["petra"].protected


def test_every_number_is_valid_in_its_system() -> None:
    today = date(2026, 11, 23)
    for person in patients(today):
        number = parse(person.number, today=today)
        assert (number.system, number.value) == (person.system, person.number)
        assert number.birth_date in (person.born, None)


def test_personal_identity_numbers_are_of_the_test_series() -> None:
    numbers = [one.number for one in patients(date(2026, 1, 1)) if one.system in (PERSONNUMMER, SAMORDNINGSNUMMER)]
    assert {number[8:11] for number in numbers} == {"238", "239"}


def test_nobody_is_there_twice() -> None:
    people = patients(date(2026, 1, 1))
    assert len({person.key for person in people}) == len({person.number for person in people}) == len(people)
    assert len({one.hsa_id for one in EMPLOYEES}) == len(EMPLOYEES)
    commissions = [one.hsa_id for employee in EMPLOYEES for one in employee.commissions]
    assert len(set(commissions)) == len(commissions)


def test_there_are_two_care_providers_and_somebody_without_a_commission() -> None:
    assert len({one.provider for employee in EMPLOYEES for one in employee.commissions}) == 2
    assert [employee.commissions for employee in EMPLOYEES].count(()) == 1


def test_proxies_are_people_with_an_e_id_and_the_child_has_two_guardians() -> None:
    people = {person.key: person for person in patients(date(2026, 1, 1))}
    assert all(people[grant.actor].has_eid and grant.subject in people for grant in PROXY_GRANTS)
    assert [grant.kind for grant in PROXY_GRANTS if grant.subject == "alva"] == ["guardian", "guardian"]
    assert not [grant for grant in PROXY_GRANTS if grant.subject == "elliot"]


def test_custody_knows_every_child_and_one_for_whom_nobody_acts_yet() -> None:
    today = date(2026, 1, 1)
    people = {person.key: person for person in patients(today)}
    minors = {key for key, person in people.items() if today.year - person.born.year < 18}
    assert minors == set(CUSTODY)
    assert all(people[guardian].has_eid for guardians in CUSTODY.values() for guardian in guardians)
    acts = {(one.actor, one.subject) for one in PROXY_GRANTS if one.kind == "guardian"}
    assert acts < {(guardian, child) for child, guardians in CUSTODY.items() for guardian in guardians}
    assert "lo" not in {subject for _, subject in acts}
