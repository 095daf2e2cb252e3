"""TURN credentials: the form that coturn checks, and settings that cannot be used."""

import base64
import hashlib
import hmac

import pytest

from auth.turn import TurnServer, TurnSettingsError

NOW = 1_800_000_000.0
SECRET = "0123456789abcdef"  # made up


def test_the_user_name_is_its_end_and_an_id_and_the_password_their_hmac() -> None:
    found = TurnServer(["turn:a", "turns:b"], SECRET, 3600).credentials("c0ffee", NOW)
    assert (found.urls, found.username) == (("turn:a", "turns:b"), "1800003600:c0ffee")
    digest = hmac.new(SECRET.encode(), b"1800003600:c0ffee", hashlib.sha1).digest()
    assert base64.b64decode(found.credential) == digest
    assert found.expires_at == NOW + 3600


def test_settings_without_addresses_mean_no_server() -> None:
    assert TurnServer.parse("", "", 60) is None
    assert TurnServer.parse(" , ", "", 60) is None


@pytest.mark.parametrize(
    ("urls", "secret"),
    [("turn:a", ""), ("turn:a", "x" * 15), ("stun:a", SECRET), ("http://a", SECRET), ("turn:a,b", SECRET)],
)
def test_settings_that_cannot_be_used_are_refused_without_telling_the_secret(urls: str, secret: str) -> None:
    with pytest.raises(TurnSettingsError) as caught:
        TurnServer.parse(urls, secret, 60)
    assert not secret or secret not in str(caught.value)


def test_no_secret_is_in_a_representation() -> None:
    server = TurnServer(["turn:a"], SECRET, 60)
    found = server.credentials("x", NOW)
    assert SECRET not in repr(server)
    assert found.credential not in repr(found)
