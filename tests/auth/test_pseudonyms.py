"""Person ids: one per number, telling nothing."""

import base64
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.identity_numbers import IdentityNumber, IdentitySystem, parse
from auth.pseudonyms import PseudonymKeyError, Pseudonyms, is_person_id

KEY = bytes(range(32))
NUMBER = parse("191212121212", today=date(2026, 1, 1))


def test_the_id_of_a_number_never_changes() -> None:
    assert Pseudonyms(KEY).person_id(NUMBER) == "p-p5gbcdqlclsdi7hliysi3uohle"


@given(st.binary(min_size=32, max_size=64), st.sampled_from(IdentitySystem), st.text("0123456789", min_size=12))
def test_ids_have_one_form_and_show_no_number(key: bytes, system: IdentitySystem, value: str) -> None:
    person_id = Pseudonyms(key).person_id(IdentityNumber(system, value, None))
    assert is_person_id(person_id)
    assert value not in person_id


def test_ids_differ_by_number_system_and_key() -> None:
    other = IdentityNumber(IdentitySystem.STOCKHOLM_RESERVE, NUMBER.value, None)
    ids = {
        Pseudonyms(KEY).person_id(NUMBER),
        Pseudonyms(KEY).person_id(other),
        Pseudonyms(bytes(32)).person_id(NUMBER),
        Pseudonyms(KEY).person_id(parse("640823-3234", today=date(2026, 1, 1))),
    }
    assert len(ids) == 4


def test_a_generated_key_can_be_read() -> None:
    text = Pseudonyms.generate_text()
    assert Pseudonyms.parse(f"{text}\n").person_id(NUMBER) == Pseudonyms(base64.b64decode(text)).person_id(NUMBER)


@pytest.mark.parametrize("text", ["", "%%%", "c2hvcnQ=", "å"])
def test_unusable_keys_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(PseudonymKeyError) as caught:
        Pseudonyms.parse(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "p-", "p-p5gbcdqlclsdi7hliysi3uohlE", "191212121212", "p-" + "a" * 27])
def test_other_texts_are_no_person_ids(text: str) -> None:
    assert not is_person_id(text)
