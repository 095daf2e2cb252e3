"""TURN credentials: who gets them, over HTTP and with the join, and that they say nothing of who it is."""

import base64
import hashlib
import hmac
from typing import Any

import aiohttp
import pytest

from auth.turn import TurnSettingsError
from signalling.front import Front
from tests.signalling.browsing import patient
from tests.signalling.conftest import NOW, MakeClient, MakeFront, meeting_token
from tests.signalling.meeting_people import MakeBrowser, error

pytestmark = pytest.mark.usefixtures("worker")
SECRET = "a secret of the relay"  # made up
URLS = "turn:turn.example.org:3478?transport=udp, turns:turn.example.org:5349?transport=tcp"


@pytest.fixture
async def turn_front(make_front: MakeFront) -> Front:
    front = await make_front(turn_urls=URLS, turn_secret=SECRET)
    await front.registry.create_room("room", "The room", 12)
    return front


def check(server: dict[str, Any]) -> None:
    assert server["urls"] == [url.strip() for url in URLS.split(",")]
    ends_at, _, name = server["username"].partition(":")
    assert int(ends_at) == NOW + 3600
    assert len(name) == 16
    digest = hmac.new(SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(server["credential"]) == digest


async def test_who_has_logged_in_gets_credentials(make_browser: MakeBrowser, turn_front: Front) -> None:
    session = patient()
    browser = await make_browser(session, turn_front)
    status, body, _ = await browser.ask("GET", "/api/turn")
    assert status == 200
    (server,) = body["ice_servers"]
    check(server)
    assert body["expires_at"] == NOW + 3600
    assert session.actor not in repr(body)
    again = (await browser.ask("GET", "/api/turn"))[1]["ice_servers"][0]
    assert again["username"] != server["username"]


@pytest.mark.parametrize("role", ["host", "participant", "guest", "interpreter"])
async def test_who_has_a_meeting_token_gets_credentials(turn_front: Front, role: str) -> None:
    headers = {"Authorization": f"Bearer {meeting_token(role=role, admitted=False)}"}
    async with aiohttp.ClientSession() as http, http.get(f"{turn_front.http_url}/api/turn", headers=headers) as answer:
        assert answer.status == 200
        check((await answer.json())["ice_servers"][0])


@pytest.mark.attack
async def test_others_get_none(make_browser: MakeBrowser, turn_front: Front) -> None:
    browser = await make_browser(None, turn_front)
    for token in ("", "x", meeting_token(now=NOW - 7200), meeting_token(scopes=frozenset({"whip"}))):
        status, body, _ = await browser.ask("GET", "/api/turn", headers={"Authorization": f"Bearer {token}"})
        assert (status, "credential" in repr(body)) == (401, False)
    assert (await browser.ask("GET", "/api/turn"))[0] == 401
    await turn_front.revocations.revoke("sub:anna", "test")
    status, body, _ = await browser.ask("GET", "/api/turn", headers={"Authorization": f"Bearer {meeting_token()}"})
    assert (status, error(body)) == (403, "revoked")


async def test_the_join_brings_credentials_along(make_client: MakeClient, turn_front: Front) -> None:
    client = await make_client(turn_front)
    (server,) = (await client.join())["ice_servers"]
    check(server)


async def test_without_servers_there_are_no_credentials(
    make_browser: MakeBrowser, make_client: MakeClient, front: Front
) -> None:
    browser = await make_browser(patient())
    assert (await browser.ask("GET", "/api/turn"))[1] == {"ice_servers": [], "expires_at": None}
    assert (await (await make_client()).join())["ice_servers"] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"turn_urls": "turn:x"},
        {"turn_urls": "turn:x", "turn_secret": "short"},
        {"turn_urls": "http://x", "turn_secret": SECRET},
    ],
)
async def test_a_front_does_not_start_with_settings_that_give_away_a_relay(
    make_front: MakeFront, settings: dict[str, str]
) -> None:
    with pytest.raises(TurnSettingsError) as caught:
        await make_front(**settings)
    assert SECRET not in str(caught.value)
