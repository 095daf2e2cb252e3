"""Every client event from every role in every state: who must not is refused, and with which code.

The expectations are written out here, not taken from the table of permissions: who changes the table meets this test.
"""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from auth.tokens import ROLES
from signalling.protocol import CLIENT_EVENTS
from tests.sfu.virtual import TRACKS, World
from tests.signalling.real_worker import People

pytestmark = pytest.mark.attack

ALL: Final = ("host", "participant", "proxy", "guest", "interpreter")
"""The token's roles, and a participant who acts for another."""
NOT_YET: Final[Mapping[str, str]] = {
    "join": "not_admitted",
    "wait": "ok",
    "resume": "not_admitted",
    "negotiate": "not_joined",
    "set_source": "not_joined",
    "select": "not_joined",
    "report": "not_joined",
    "admit": "not_joined",
    "remove": "not_joined",
    "renew": "not_joined",
    "leave": "not_joined",
}
"""A new socket whose token is not admitted."""
WAITING: Final[Mapping[str, str]] = {
    "join": "not_admitted",
    "wait": "already_joined",
    "resume": "already_joined",
    "negotiate": "not_admitted",
    "set_source": "not_admitted",
    "select": "not_admitted",
    "report": "not_admitted",
    "admit": "not_admitted",
    "remove": "not_admitted",
    "renew": "ok",
    "leave": "ok",
}
INSIDE: Final[Mapping[str, str]] = {
    "join": "already_joined",
    "wait": "already_joined",
    "resume": "already_joined",
    "negotiate": "ok",
    "set_source": "ok",
    "select": "ok",
    "report": "ok",
    "admit": "forbidden",
    "remove": "forbidden",
    "renew": "ok",
    "leave": "ok",
}
AS_HOST: Final = {"admit": "ok", "remove": "ok"}
"""What differs for a host inside."""


def claims_of(who: str) -> dict[str, Any]:
    if who == "proxy":
        return {"role": "participant", "subject": "p-child"}
    return {"role": who}


async def ask(person: Any, event: str, target: str) -> str:
    """Send the event as that person would; the code of the answer."""
    payloads: dict[str, dict[str, Any]] = {
        "join": person.entrance(),
        "wait": {"protocol": 1, "token": person.token},
        "resume": {"protocol": 1, "token": person.token, "participant_id": "x", "resume_token": "x"},
        "negotiate": {"offer": World().peer(person.name).offer(), "tracks": TRACKS},
        "set_source": {"source": "camera", "active": True},
        "select": {"wanted": []},
        "report": {"freezes": 0, "frozen_ms": 0, "jitter_ms": 0, "path": ""},
        "admit": {"participant_id": target},
        "remove": {"participant_id": target},
        "renew": {},
        "leave": {},
    }
    reply = await person.client.ask(event, payloads[event])
    return "ok" if reply["ok"] else reply["error"]["code"]


def test_every_event_and_every_role_is_walked() -> None:
    assert set(NOT_YET) == set(WAITING) == set(INSIDE) == set(CLIENT_EVENTS)
    assert {claims_of(who)["role"] for who in ALL} == set(ROLES)


@pytest.mark.parametrize("event", CLIENT_EVENTS)
@pytest.mark.parametrize("who", ALL)
async def test_a_new_socket_without_admission(people: People, who: str, event: str) -> None:
    target = await people.waiting("cai")
    person = await people("anna", admitted=False, **claims_of(who))
    assert await ask(person, event, target.place["participant_id"]) == NOT_YET[event]


@pytest.mark.parametrize("event", CLIENT_EVENTS)
@pytest.mark.parametrize("who", ALL)
async def test_who_waits(people: People, who: str, event: str) -> None:
    target = await people.waiting("cai")
    person = await people.waiting("anna", **claims_of(who))
    assert await ask(person, event, target.place["participant_id"]) == WAITING[event]


@pytest.mark.parametrize("event", CLIENT_EVENTS)
@pytest.mark.parametrize("who", ALL)
async def test_who_is_inside(people: People, who: str, event: str) -> None:
    target = await people.waiting("cai")
    person = await people.inside("anna", **claims_of(who))
    expected = {**INSIDE, **(AS_HOST if who == "host" else {})}[event]
    assert await ask(person, event, target.place["participant_id"]) == expected


@pytest.mark.parametrize("event", sorted(set(CLIENT_EVENTS) - {"join", "wait", "resume"}))
async def test_after_removal_nothing_is_heard_any_more(people: People, event: str) -> None:
    host = await people.inside("host", "host")
    person = await people.inside("anna")
    reply = await host.client.ask("remove", {"participant_id": person.client.joined["participant_id"]})
    assert reply == {"ok": True}
    assert (await person.client.wait_for("closed"))["code"] == "removed"
    await person.connect()
    assert await ask(person, event, "x") == "not_joined"
    for entrance in ("join", "wait"):
        assert await ask(person, entrance, "x") == "removed"
