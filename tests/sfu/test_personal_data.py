"""What looks like a person or a secret does not reach a log; what is needed to run the service does."""

import base64
import enum
import json
import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.audit import AuditKeys, Head, sign_head
from auth.identity_numbers import IdentityNumberError, IdentitySystem, parse
from auth.pseudonyms import Pseudonyms
from sfu.personal_data import FORBIDDEN_KEYS, MAX_TEXT_CHARACTERS, scrub, scrub_fields, scrub_text
from tests.auth.test_identity_numbers import national_reserve, registered, stockholm_reserve

TODAY = date(2026, 11, 23)
words = st.text("abcdefghijåäö ,.:;()\"'", max_size=12)
around = st.tuples(words, words)


def embedded(text: str, before: str, after: str) -> str:
    """The scrubbed text with something around it that is no letter or digit next to it."""
    return scrub_text(f"{before} {text} {after}")


# --- identity numbers --------------------------------------------------------------------------------------------


@pytest.mark.attack
@given(registered(), st.sampled_from(["", "-", " ", "+"]), st.booleans(), around)
def test_registered_numbers_are_removed_however_they_are_written(
    number: tuple[str, date, bool], sign: str, with_century: bool, words_around: tuple[str, str]
) -> None:
    value = number[0]
    text = f"{value[:8] if with_century else value[2:8]}{sign}{value[8:]}"
    shown = embedded(text, *words_around)
    assert text not in shown
    assert value[8:] not in shown


@pytest.mark.attack
@given(stockholm_reserve() | national_reserve().map(lambda number: number[0]), around)
def test_reserve_numbers_are_removed(value: str, words_around: tuple[str, str]) -> None:
    assert value not in embedded(value, *words_around)
    assert value not in embedded(parse(value, today=TODAY).formatted, *words_around)


@pytest.mark.attack
@given(registered())
def test_a_number_that_is_logged_as_a_number_is_removed(number: tuple[str, date, bool]) -> None:
    value = number[0]
    assert scrub(int(value)) == "[removed]"
    if value[2] != "0" and value[:2] != "18":
        assert scrub(int(value[2:])) == "[removed]"


@pytest.mark.attack
@given(registered(), st.sampled_from("0123456789"))
def test_a_mistyped_number_is_removed_too(number: tuple[str, date, bool], last: str) -> None:
    value = number[0][:11] + last
    assert value not in scrub_text(f"no such person: {value}")


# --- the rest of what tells who somebody is ----------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    "private",
    [
        "anna.oberg+vard@region.example.se",
        "+46701234567",
        "+46 70 123 45 67",
        "0046701234567",
        "070-123 45 67",
        "0701234567",
        "08-123 456 78",
        "08 123 45 67",
        "+358 40 1234567",
        "SE2321000131-P000000123457",
        "TSTNMT2321000156-10NG",
        "p-p5gbcdqlclsdi7hliysi3uohle",
        "Bearer abc.def-ghi",
        "token=abc",
        "access_token=abc",
        "code=abcdef",
        "link=Xyz",
        "__Host-session=abc",
        jwt.encode({"sub": "anna"}, bytes(32), algorithm="HS256"),
        "aB3" * 15,
    ],
)
def test_addresses_numbers_and_tokens_are_removed(private: str) -> None:
    for text in (private, f"what about {private}?", f"({private})", f"https://example.org/?x=1&{private}&y=2"):
        shown = scrub_text(text)
        secret = private.partition("=")[2] or private
        assert secret not in shown.replace("token=", "").replace("link=", "").replace("code=", ""), text


@pytest.mark.attack
@given(st.binary(min_size=32, max_size=64))
def test_random_secrets_in_base64_are_removed(secret: bytes) -> None:
    text = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    kinds = (str.isupper, str.islower, str.isdigit)
    if all(any(is_kind(one) for one in text) for is_kind in kinds):
        assert text not in scrub_text(f"the cookie was {text}, it seems")


@pytest.mark.attack
@given(st.text("0123456789", min_size=12, max_size=12), st.binary(min_size=32, max_size=32))
def test_a_person_id_is_removed(value: str, key: bytes) -> None:
    try:
        number = parse(value, today=TODAY, system=IdentitySystem.PERSONNUMMER)
    except IdentityNumberError:
        number = parse("191212121212", today=TODAY)
    person_id = Pseudonyms(key).person_id(number)
    assert person_id not in scrub_text(f"case of {person_id}")


@pytest.mark.attack
@pytest.mark.parametrize("key", sorted(FORBIDDEN_KEYS))
def test_values_of_forbidden_keys_are_removed_whatever_they_are(key: str) -> None:
    for written in (key, key.upper(), key.replace("_", "-").title()):
        assert scrub_fields({written: "Anna"}) == {written: "[removed]"}
        assert "Anna" not in json.dumps(scrub_fields({"x": [{written: {"deep": "Anna"}}]}))
    assert scrub_fields({key: None}) == {key: None}


class Person:
    def __repr__(self) -> str:
        return "Anna"


@pytest.mark.attack
def test_objects_are_shown_by_their_type_only() -> None:
    for value in (Person(), [Person()], {"x": {"y": (Person(),)}}, {Person()}, Person, b"Anna", Exception("Anna")):
        assert "Anna" not in json.dumps(scrub(value))
    assert scrub(Person()) == "<Person>"
    deep: Any = "Anna"
    for _ in range(10):
        deep = [deep]
    assert "Anna" not in json.dumps(scrub(deep))


# --- what stays --------------------------------------------------------------------------------------------------


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "kept",
    [
        "front_ready",
        "RuntimeError at test_logs.py:81",
        "worker-a1b2c3-0",
        "signalling.front",
        "http://127.0.0.1:8080",
        "redis://10.0.0.1:6379/0",
        "unix:///var/lib/alltid-oppet/valkey/socket",
        "2001:db8::1",
        "closed after 1800000000000 ms, 12345 packets",
        "version 0.1.0",
        "ROOM_CLOSED",
        sign_head(Head(7, bytes(32)), AuditKeys({"k": bytes(32)})).to_text(),
        "",
    ],
)
def test_what_is_needed_to_run_the_service_stays(kept: str) -> None:
    assert scrub_text(kept) == kept


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 1, 1)))  # noqa: DTZ001
def test_timestamps_stay(instant: datetime) -> None:
    for text in (instant.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z"), f"{instant:%Y-%m-%d %H:%M:%S}"):
        assert scrub_text(text) == text


@given(st.binary(min_size=0, max_size=40))
def test_ids_and_hashes_in_hexadecimal_stay(data: bytes) -> None:
    assert scrub_text(f"grant s-{data.hex()}x") == f"grant s-{data.hex()}x"


@given(st.integers(-(10**8), 10**8) | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_counts_and_measures_stay(value: float | bool | None) -> None:
    assert scrub(value) == value


def test_plain_data_keeps_its_form() -> None:
    fields = {
        "event": "x",
        "count": 3,
        "colour": Colour.RED,
        "ids": ("a", "b"),
        "path": Path("a/b"),
        "deep": {"n": 1.5},
    }
    assert scrub_fields(fields) == {
        "event": "x",
        "count": 3,
        "colour": "red",
        "ids": ["a", "b"],
        "path": "a/b",
        "deep": {"n": 1.5},
    }


@given(st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_anything_becomes_something_that_can_be_written(value: Any) -> None:
    json.dumps(scrub(value))


def test_long_texts_are_cut_and_cost_little() -> None:
    for text in ("a" * 10**6, "0" * 10**6, "a@" * 10**5, "eyJ" * 10**5, "+1" * 10**5, secrets.token_hex(10**5)):
        assert len(scrub_text(text)) <= MAX_TEXT_CHARACTERS + 100
