"""ICE-lite: what a peer's checks bring about, and that a stranger's bring about nothing."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import stun
from rtc.ice import CONSENT_EXPIRY_US, MAX_VALIDATED_ADDRESSES, IceCredentials, IceLite, IceOutcome

SERVER = IceCredentials("server01", "server-password-of-24-ch")
CLIENT = IceCredentials("clnt", "client-password-of-24-ch")
NEW_SERVER = IceCredentials("server02", "second-password-of-24-ch")
NEW_CLIENT = IceCredentials("cln2", "2nd-cl-password-of-24-ch")
HOME = ("192.0.2.1", 50000)
MOBILE = ("2001:db8::7", 50001)
TRANSACTION_ID = bytes(12)


def agent() -> IceLite:
    return IceLite(SERVER, CLIENT, now_us=0)


def check(
    server: IceCredentials = SERVER,
    client: IceCredentials = CLIENT,
    *,
    nominate: bool = False,
    password: str | None = None,
    controlled: bool = False,
    extra: tuple[tuple[int, bytes], ...] = (),
) -> bytes:
    return stun.binding_request(
        TRANSACTION_ID,
        username=f"{server.username_fragment}:{client.username_fragment}",
        key=(password or server.password).encode(),
        priority=1,
        ice_controlling=None if controlled else 7,
        ice_controlled=7 if controlled else None,
        use_candidate=nominate,
        extra=extra,
    )


def error_code(outcome: IceOutcome) -> int | None:
    assert outcome.response is not None
    message = stun.parse(outcome.response)
    assert stun.verify_integrity(outcome.response, message, SERVER.password.encode())
    return message.error_code


def test_a_valid_check_is_answered_with_the_address_it_came_from() -> None:
    ice = agent()
    outcome = ice.handle_request(check(), HOME, 1)
    assert outcome.response is not None
    response = stun.parse(outcome.response)
    assert response.message_class == stun.MessageClass.SUCCESS
    assert response.transaction_id == TRANSACTION_ID
    assert response.xor_mapped_address == HOME
    assert response.has_fingerprint
    assert stun.verify_integrity(outcome.response, response, SERVER.password.encode())
    assert (outcome.validated, outcome.selected, outcome.dropped) == (HOME, None, None)
    assert ice.validated == {HOME}
    assert ice.selected is None


def test_an_address_is_reported_validated_once() -> None:
    ice = agent()
    ice.handle_request(check(), HOME, 1)
    assert ice.handle_request(check(), HOME, 2).validated is None


def test_a_nomination_selects_and_is_reported_once() -> None:
    ice = agent()
    outcome = ice.handle_request(check(nominate=True), HOME, 1)
    assert (outcome.validated, outcome.selected, ice.selected) == (HOME, HOME, HOME)
    assert ice.handle_request(check(nominate=True), HOME, 2).selected is None


def test_the_latest_nominated_address_wins() -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 1)
    ice.handle_request(check(), MOBILE, 2)
    assert ice.selected == HOME
    assert ice.handle_request(check(nominate=True), MOBILE, 3).selected == MOBILE
    assert ice.handle_request(check(nominate=True), HOME, 4).selected == HOME


def test_a_peer_that_thinks_it_is_controlled_is_told_of_the_conflict_and_nothing_changes() -> None:
    ice = agent()
    outcome = ice.handle_request(check(controlled=True, nominate=True), HOME, 1)
    assert error_code(outcome) == 487
    assert outcome.dropped == "stun_role_conflict"
    assert (ice.validated, ice.selected) == (frozenset(), None)


def test_an_unknown_attribute_that_must_be_understood_is_answered_with_420() -> None:
    ice = agent()
    outcome = ice.handle_request(check(extra=((0x7F01, b"what"),)), HOME, 1)
    assert error_code(outcome) == 420
    assert outcome.response is not None
    assert stun.parse(outcome.response).attribute(stun.Attribute.UNKNOWN_ATTRIBUTES) == b"\x7f\x01"
    assert outcome.dropped == "stun_unknown_attribute"
    assert ice.validated == frozenset()


def test_an_unknown_attribute_that_may_be_ignored_is_ignored() -> None:
    # Chromium sends its network's id and cost in 0xC057.
    assert agent().handle_request(check(extra=((0xC057, b"\0\1\0\0"),)), HOME, 1).validated == HOME


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (check(password="guessed-password-24-char", nominate=True), "stun_integrity_wrong"),
        (check(server=NEW_SERVER, nominate=True), "stun_username_wrong"),
        (check(client=NEW_CLIENT, nominate=True), "stun_username_wrong"),
        (check(password="guessed-password-24-char", extra=((0x7F01, b""),)), "stun_integrity_wrong"),
        (check(password="guessed-password-24-char", controlled=True), "stun_integrity_wrong"),
        (check()[:-1], "stun_length_wrong"),
        (stun.binding_success(TRANSACTION_ID, HOME, SERVER.password.encode()), "stun_not_a_binding_request"),
        (stun.binding_error(TRANSACTION_ID, 487, SERVER.password.encode()), "stun_not_a_binding_request"),
        (b"\0\x01\0\0\x21\x12\xa4\x42" + bytes(12), "stun_fingerprint_missing"),
    ],
)
def test_a_stranger_gets_no_answer_and_changes_nothing(data: bytes, cause: str) -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 1)
    outcome = ice.handle_request(data, MOBILE, CONSENT_EXPIRY_US)
    assert outcome == IceOutcome(dropped=cause)
    assert (ice.validated, ice.selected) == ({HOME}, HOME)
    assert ice.is_expired(CONSENT_EXPIRY_US + 1), "a stranger's check does not prolong consent"


@pytest.mark.attack
@given(st.binary(max_size=200), st.integers(0, 2**40))
def test_no_bytes_of_a_stranger_change_anything(data: bytes, now_us: int) -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 0)
    outcome = ice.handle_request(data, MOBILE, now_us)
    assert outcome.response is None
    assert outcome.dropped is not None
    assert outcome.dropped.startswith("stun_")
    assert (ice.validated, ice.selected) == ({HOME}, HOME)


@pytest.mark.attack
def test_the_number_of_validated_addresses_is_bounded_and_the_selected_one_stays() -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 0)
    removed = []
    for port in range(1000, 1000 + 3 * MAX_VALIDATED_ADDRESSES):
        removed += ice.handle_request(check(), ("192.0.2.9", port), port).removed
        assert len(ice.validated) <= MAX_VALIDATED_ADDRESSES
    assert HOME in ice.validated
    assert removed[0] == ("192.0.2.9", 1000), "the longest silent goes first"
    assert not ice.validated & set(removed)


def test_an_address_that_falls_silent_is_forgotten_when_the_peer_is_heard_elsewhere() -> None:
    ice = agent()
    ice.handle_request(check(), HOME, 0)
    ice.handle_request(check(nominate=True), MOBILE, 1)
    assert ice.handle_request(check(), MOBILE, CONSENT_EXPIRY_US).removed == (HOME,)
    assert ice.validated == {MOBILE}


def test_consent_expires_30_s_after_the_last_valid_check() -> None:
    ice = agent()
    assert not ice.is_expired(CONSENT_EXPIRY_US - 1)
    assert ice.is_expired(CONSENT_EXPIRY_US)
    ice.handle_request(check(), HOME, CONSENT_EXPIRY_US)
    assert not ice.is_expired(2 * CONSENT_EXPIRY_US - 1)
    assert ice.is_expired(2 * CONSENT_EXPIRY_US)


def test_a_restart_keeps_the_old_path_until_the_first_check_with_the_new_credentials() -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 1)
    ice.restart(NEW_SERVER, NEW_CLIENT, 2)
    assert set(ice.usernames()) == {"server01", "server02"}
    assert ice.handle_request(check(), HOME, 3).dropped is None
    assert ice.selected == HOME
    outcome = ice.handle_request(check(NEW_SERVER, NEW_CLIENT), MOBILE, 4)
    assert outcome.validated == MOBILE
    assert ice.usernames() == ("server02",)
    assert ice.selected == HOME, "media flows on the old path until the new one is nominated"
    assert ice.handle_request(check(NEW_SERVER, NEW_CLIENT, nominate=True), MOBILE, 5).selected == MOBILE
    assert ice.handle_request(check(), HOME, 6).dropped == "stun_username_wrong"


def test_a_second_restart_replaces_one_that_was_never_used() -> None:
    ice = agent()
    ice.restart(NEW_SERVER, NEW_CLIENT, 1)
    third = IceCredentials("server03", "third---password-of-24-ch")
    ice.restart(third, NEW_CLIENT, 2)
    assert set(ice.usernames()) == {"server01", "server03"}
    assert ice.handle_request(check(NEW_SERVER, NEW_CLIENT), HOME, 3).dropped == "stun_username_wrong"


def test_a_restart_gives_the_peer_new_time_for_its_checks() -> None:
    ice = agent()
    ice.restart(NEW_SERVER, NEW_CLIENT, CONSENT_EXPIRY_US)
    assert not ice.is_expired(2 * CONSENT_EXPIRY_US - 1)


@pytest.mark.attack
def test_a_stranger_cannot_complete_a_restart() -> None:
    ice = agent()
    ice.handle_request(check(nominate=True), HOME, 0)
    ice.restart(NEW_SERVER, NEW_CLIENT, 1)
    forged = check(NEW_SERVER, NEW_CLIENT, password=SERVER.password, nominate=True)
    assert ice.handle_request(forged, MOBILE, 2).dropped == "stun_integrity_wrong"
    assert set(ice.usernames()) == {"server01", "server02"}


def test_generated_credentials_have_the_strength_and_the_alphabet_of_the_standard() -> None:
    credentials = IceCredentials.generate(random.Random(1).randbytes)
    alphabet = set(string.ascii_letters + string.digits + "+/")
    assert len(credentials.username_fragment) == 8
    assert len(credentials.password) == 32
    assert set(credentials.username_fragment + credentials.password) <= alphabet


def test_a_password_does_not_show_in_logs() -> None:
    assert SERVER.password not in repr(SERVER)
