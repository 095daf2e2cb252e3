"""Bad input gets a typed error, and the people in the room notice nothing."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from auth.tokens import TokenKeys
from tests.browser.aiortc_peer import AiortcPeer, RefusedError
from tests.browser.conftest import Visitor, per_test
from tests.browser.polling import until
from tests.browser.service import Room

pytestmark = [pytest.mark.attack, pytest.mark.usefixtures("loopback_aiortc")]


@dataclass
class Call:
    """A room in which two talk."""

    room: Room
    two: tuple[AiortcPeer, AiortcPeer]

    async def goes_on(self) -> None:
        """Both receive more than before and were told of nobody coming or going."""
        before = [dict(peer.frames) for peer in self.two]

        async def more() -> bool:
            return all(
                peer.frames[kind] > old.get(kind, 0) + 2
                for peer, old in zip(self.two, before, strict=True)
                for kind in ("audio", "video")
            )

        await until(more, "the two still see and hear each other")
        for peer in self.two:
            names = [name for name, payload in peer.events if name.startswith("participant_")]
            assert names == (["participant_joined"] if peer is self.two[0] else [])


@per_test()
async def call(room: Room, people: AsyncExitStack, loopback_aiortc: None) -> AsyncIterator[Call]:
    """Two aiortc peers in a call."""
    first = await people.enter_async_context(AiortcPeer(room.service.url))
    await first.join(room.token("Anna"))
    second = await people.enter_async_context(AiortcPeer(room.service.url))
    await second.join(room.token("Bo"))
    yield Call(room, (first, second))


async def refused(call: Call, token: str, change: Callable[[str], str] = lambda offer: offer, **more: Any) -> str:
    """The error code of a join with that token and that change of the offer."""
    async with AiortcPeer(call.room.service.url) as stranger:
        offer, _ = await stranger.offer()
        with pytest.raises(RefusedError) as caught:
            await stranger.join(token, offer=change(offer), **more)
        return caught.value.code


def without_fingerprint(offer: str) -> str:
    return re.sub(r"a=fingerprint:.*\r\n", "", offer)


def with_a_thousand_media_sections(offer: str) -> str:
    return offer + "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n" * 1000


def longer_than_allowed(offer: str) -> str:
    return offer + "a=x-flood:" + "x" * 300 * 1024 + "\r\n"


def no_sdp_at_all(offer: str) -> str:
    return "\0" + offer[40:]


async def test_a_token_is_checked(call: Call) -> None:
    room = call.room
    foreign = TokenKeys.parse(TokenKeys.generate_text())
    forged = foreign.sign_meeting(
        identity="eve", display_name="Eve", room_id=room.room_id, role="host", now=time.time(), lifetime_s=60
    )
    assert await refused(call, forged) == "token_invalid"
    assert await refused(call, room.token("Eve", now=time.time() - 3600, lifetime_s=60)) == "token_expired"
    elsewhere = Room(room.service, "no-such-room")
    assert await refused(call, elsewhere.token("Eve")) == "unknown_room"
    await call.goes_on()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (without_fingerprint, {"offer_no_fingerprint"}),
        (with_a_thousand_media_sections, {"too_many_media"}),
        (longer_than_allowed, {"offer_too_large"}),
        (no_sdp_at_all, {"offer_invalid"}),
    ],
)
async def test_an_offer_is_checked(call: Call, change: Callable[[str], str], codes: set[str]) -> None:
    assert {await refused(call, call.room.token("Eve"), change)} == codes
    await call.goes_on()


async def test_an_identity_can_be_in_the_room_once(call: Call) -> None:
    assert await refused(call, call.room.token("Bo")) == "identity_in_use"
    assert await refused(call, call.room.token("Bo"), resume_token="0" * 32) in {"identity_in_use", "resume_refused"}
    await call.goes_on()


async def test_messages_are_checked(call: Call) -> None:
    stranger_codes = []
    async with AiortcPeer(call.room.service.url) as stranger:
        for event, payload in (
            ("select", {"wanted": []}),
            ("join", {"protocol": 1}),
            ("join", {"protocol": 2, "token": "x", "offer": "x", "tracks": {}}),
            ("set_source", {"source": "kitchen", "active": True}),
        ):
            with pytest.raises(RefusedError) as caught:
                await stranger.call(event, payload)
            stranger_codes.append(caught.value.code)
    assert stranger_codes == ["not_joined", "invalid_message", "unsupported_protocol", "invalid_message"]
    await call.goes_on()


async def test_the_page_says_why_a_link_does_not_open(call: Call, visitor: Visitor) -> None:
    room = call.room
    for token, code in (
        (room.token("Cia", now=time.time() - 3600, lifetime_s=60), "token_expired"),
        (room.token("Bo"), "identity_in_use"),
    ):
        person = await visitor("Cia")
        await person.page.goto(f"{room.service.url}/meeting#token={token}")
        await person.try_to_join()

        async def says_so(person: Any = person, code: str = code) -> bool:
            return bool((await person.meeting())["endCode"] == code)

        await until(says_so, f"the page says {code}")
    await call.goes_on()


async def test_logs_and_metrics_carry_no_personal_data(call: Call, people: AsyncExitStack) -> None:
    service = call.room.service
    token = call.room.token("Xerxesdotter")
    peer = await people.enter_async_context(AiortcPeer(service.url))
    reply = await peer.join(token)
    await peer.call("leave", {})
    written = (service.log() + await service.metrics()).lower()
    assert "front" in written
    for secret in ("xerxesdotter", token.lower(), reply["resume_token"].lower()):
        assert secret not in written
