"""Sockets that misbehave: what they do is counted by cause, they end, and nobody else notices."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.connection import Frame, MalformedFrameError, check_frame
from signalling.front import Front
from tests.patience import PATIENCE_S
from tests.signalling.conftest import MakeClient, MakeFront, meeting_token, time_to_join_is_over
from tests.signalling.fake_worker import FakeWorker

EVENT = {"type": 2, "nsp": "/", "data": ["join", {}], "id": 0}


def closed(front: Front, cause: str) -> float:
    return front.metrics.registry.get_sample_value("ao_front_sockets_closed_total", {"cause": cause}) or 0.0


class RawSocket:
    """A WebSocket that speaks Engine.IO by hand."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def open(self) -> None:
        """Read the opening, connect to the namespace, read the answer."""
        assert json.loads((await self.websocket.receive_str())[1:])["sid"]
        await self.send({"type": 0, "nsp": "/"})
        assert msgpack.unpackb(await self.websocket.receive_bytes())["type"] == 0

    async def send(self, packet: Any) -> None:
        await self.websocket.send_bytes(msgpack.packb(packet))

    async def wait_closed(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.websocket.closed:
                message = await self.websocket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR):
                    return


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def raw(session: aiohttp.ClientSession, front: Front, **arguments: Any) -> RawSocket:
    url = f"{front.http_url}/socket.io/?EIO=4&transport=websocket"
    return RawSocket(await session.ws_connect(url, max_msg_size=0, **arguments))


async def assert_alive(make_client: MakeClient) -> None:
    assert (await (await make_client()).join("somebody"))["ok"]


@pytest.mark.attack
@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\x00" * 100,
        b"\x91" * 60_000,
        msgpack.packb([]),
        msgpack.packb({}),
        msgpack.packb(EVENT | {"nsp": "/admin"}),
        msgpack.packb(EVENT | {"nsp": None}),
        msgpack.packb(EVENT | {"type": 3}),
        msgpack.packb(EVENT | {"type": 5, "attachments": 2**31}),
        msgpack.packb(EVENT | {"type": True}),
        msgpack.packb(EVENT | {"id": "0"}),
        msgpack.packb(EVENT | {"id": -1}),
        msgpack.packb(EVENT | {"data": []}),
        msgpack.packb(EVENT | {"data": {}}),
        msgpack.packb(EVENT | {"data": [1]}),
        msgpack.packb(EVENT | {"data": ["join", {}, {}]}),
        msgpack.packb(EVENT | {"data": ["disconnect", "x"]}),
        msgpack.packb(EVENT | {"data": ["connect", "x"]}),
        msgpack.packb({"type": 0, "nsp": "/"}),
        "2probe",
        "4hello",
        "x",
        "",
        "6" * 100,
    ],
    ids=repr,
)
async def test_a_malformed_frame_ends_the_socket_and_is_counted(
    session: aiohttp.ClientSession,
    front: Front,
    make_client: MakeClient,
    frame: bytes | str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    socket = await raw(session, front)
    await socket.open()
    if isinstance(frame, bytes):
        await socket.websocket.send_bytes(frame)
    else:
        await socket.websocket.send_str(frame)
    await socket.wait_closed()
    assert closed(front, "malformed") == 1
    assert caplog.records == []
    await assert_alive(make_client)


@pytest.mark.attack
async def test_an_event_before_the_connect_packet_ends_the_socket(session: aiohttp.ClientSession, front: Front) -> None:
    socket = await raw(session, front)
    await socket.send(EVENT)
    await socket.wait_closed()
    assert closed(front, "malformed") == 1


@pytest.mark.attack
async def test_an_oversize_frame_ends_the_socket_and_is_counted(
    session: aiohttp.ClientSession, front: Front, make_client: MakeClient
) -> None:
    socket = await raw(session, front)
    await socket.open()
    await socket.websocket.send_bytes(b"\x00" * (front.settings.max_message_bytes + 1))
    await socket.wait_closed()
    assert closed(front, "oversize") == 1
    await assert_alive(make_client)


@pytest.mark.attack
async def test_a_large_message_without_an_offer_is_message_too_large(make_client: MakeClient) -> None:
    anna = await make_client()
    await anna.join()
    reply = await anna.ask("select", {"wanted": [], "padding": "x" * 40_000})
    assert reply["error"]["code"] == "message_too_large"


@pytest.mark.attack
async def test_hasty_clients_are_told_rate_limited_and_may_go_on_later(
    make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    strict = await make_front(messages_burst=5, messages_per_s=0.001, offers_burst=2, offers_per_s=0.001)
    anna = await make_client(strict)
    codes = [(await anna.join(token="x"))["error"]["code"] for _ in range(3)]
    assert codes == ["token_invalid", "token_invalid", "rate_limited"]
    codes = [(await anna.ask("leave"))["error"]["code"] for _ in range(3)]
    assert codes == ["not_joined", "not_joined", "rate_limited"]


@pytest.mark.attack
async def test_a_flood_ends_the_socket(make_front: MakeFront, session: aiohttp.ClientSession, front: Front) -> None:
    strict = await make_front(messages_burst=5, messages_per_s=0.001)
    socket = await raw(session, strict)
    await socket.open()
    for _ in range(12):
        await socket.websocket.send_str("3")
    await socket.wait_closed()
    assert closed(strict, "flood") == 1


@pytest.mark.attack
async def test_a_reader_that_is_too_slow_is_cut_and_the_others_hear_everything(
    make_front: MakeFront, session: aiohttp.ClientSession, worker: FakeWorker, make_client: MakeClient, front: Front
) -> None:
    narrow = await make_front(max_queued_messages=20)
    slow = await raw(session, narrow)
    await slow.open()
    slow.websocket._response.connection.transport.pause_reading()
    join = {"protocol": 1, "token": meeting_token("slow"), "offer": "v=0", "tracks": {}}
    await slow.send(EVENT | {"data": ["join", join]})
    await worker.wait_for_call("join")
    quick = await make_client(narrow)
    await quick.join("quick")
    text = "x" * 60_000  # fills the operating system's buffers in a few hundred messages
    while not closed(narrow, "slow_reader"):
        payload = {"participant_id": "p", "reason": text}
        await worker.to_room("room", "participant_left", payload)
        await quick.wait_for("participant_left", len(quick.named("participant_left")) + 1)
    assert closed(narrow, "slow_reader") == 1
    await worker.wait_for_call("detach")
    assert (await quick.ask("set_source", {"source": "camera", "active": True}))["ok"]


@pytest.mark.attack
async def test_a_socket_that_does_not_join_in_time_is_closed(
    make_front: MakeFront, session: aiohttp.ClientSession
) -> None:
    impatient = await make_front(join_timeout_s=0.05)
    silent = await raw(session, impatient)  # not even a connect packet
    await silent.wait_closed()
    assert closed(impatient, "join_timeout") == 1


@pytest.mark.attack
async def test_a_socket_that_only_connects_is_closed_too(front: Front, make_client: MakeClient) -> None:
    connected = await make_client()
    time_to_join_is_over(front)
    await asyncio.wait_for(connected.gone.wait(), PATIENCE_S)
    assert closed(front, "join_timeout") == 1


async def test_a_socket_in_a_room_stays_and_after_a_leave_has_a_while_again(
    make_client: MakeClient, front: Front
) -> None:
    anna = await make_client()
    await anna.join()
    time_to_join_is_over(front)
    assert (await anna.ask("renew"))["ok"]
    await anna.ask("leave")
    assert not anna.gone.is_set()
    time_to_join_is_over(front)
    await asyncio.wait_for(anna.gone.wait(), PATIENCE_S)
    assert closed(front, "join_timeout") == 1


@pytest.mark.attack
async def test_no_more_sockets_than_the_limit(make_front: MakeFront, session: aiohttp.ClientSession) -> None:
    small = await make_front(max_sockets=2)
    first = await raw(session, small)
    await raw(session, small)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw(session, small)
    assert caught.value.status == 503
    await first.websocket.close()
    while len(small.sockets.eio.sockets) > 1:
        await asyncio.sleep(0.005)
    await raw(session, small)


@pytest.mark.attack
async def test_long_polling_and_broken_handshakes_leave_nothing_behind(
    session: aiohttp.ClientSession, front: Front
) -> None:
    for query in ("EIO=4&transport=polling", "EIO=4&transport=websocket", "EIO=3&transport=websocket", "j=1", "sid=x"):
        async with session.get(f"{front.http_url}/socket.io/?{query}") as response:
            assert response.status == 400
        async with session.post(f"{front.http_url}/socket.io/?{query}", data=b"x") as response:
            assert response.status in (400, 405)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(f"{front.http_url}/socket.io/?EIO=3&transport=websocket")
    assert front.sockets.eio.sockets == {}


@pytest.mark.attack
async def test_pages_of_other_origins_may_not_open_sockets(session: aiohttp.ClientSession, front: Front) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw(session, front, headers={"Origin": "https://evil.example"})
    assert caught.value.status == 400
    host = front.http_url.partition("://")[2]
    for origin in (f"http://{host}", f"https://{host}"):
        await (await raw(session, front, headers={"Origin": origin})).open()


@given(st.one_of(st.binary(max_size=64), st.text(max_size=16)))
def test_check_frame_accepts_or_raises_its_own_error_on_any_bytes(data: bytes | str) -> None:
    with contextlib.suppress(MalformedFrameError):
        assert isinstance(check_frame(data), Frame)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"type": st.integers(-1, 7) | _JSON, "nsp": st.just("/") | _JSON, "data": st.lists(_JSON, max_size=3) | _JSON},
        optional={"id": _JSON},
    )
)
def test_check_frame_accepts_or_raises_its_own_error_on_any_packet(packet: dict[str, Any]) -> None:
    try:
        frame = check_frame(msgpack.packb(packet))
    except MalformedFrameError:
        return
    assert packet["nsp"] == "/"
    assert frame.event is None or frame.event == packet["data"][0]


@pytest.mark.attack
async def test_one_address_opens_no_more_sockets_than_it_may_and_others_open_theirs(
    make_front: MakeFront, make_client: MakeClient
) -> None:
    front = await make_front(max_sockets_per_address=2, proxy_hops=1)
    url = f"{front.http_url}/socket.io/?EIO=4&transport=websocket"
    opened = []
    async with aiohttp.ClientSession() as http:

        async def status(address: str) -> int:
            try:
                opened.append(await http.ws_connect(url, headers={"X-Forwarded-For": f"198.51.100.9, {address}"}))
            except aiohttp.WSServerHandshakeError as error:
                return error.status
            return 101

        assert [await status("203.0.113.1") for _ in range(3)] == [101, 101, 429]
        assert await status("203.0.113.2") == 101
    assert closed(front, "too_many_of_address") == 1
    async with asyncio.timeout(PATIENCE_S):
        while front.sockets.eio.addresses:  # those that closed leave room, and nothing is kept of them
            await asyncio.sleep(0.01)
