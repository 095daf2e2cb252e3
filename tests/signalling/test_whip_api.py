"""WHIP and WHEP with aiortc as the standard client, through a real front and a real media worker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import aiohttp
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from sfu.worker import Worker
from signalling.front import Front
from tests.browser.aiortc_peer import Tone, allow_loopback
from tests.sfu.virtual import World
from tests.signalling.conftest import NOW, MakeFront, meeting_token
from tests.signalling.real_worker import People

SDP = {"Content-Type": "application/sdp"}
BOUND_S = 20


class StandardClient:
    """Knows RFC 9725 and nothing of us: an address, a bearer token, and SDP both ways."""

    def __init__(self, front: Front, way: str, token: str, room_id: str = "room") -> None:
        self.address = f"{front.http_url}/{way}/{room_id}"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.publishes = way == "whip"
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.received: dict[str, asyncio.Event] = {"audio": asyncio.Event(), "video": asyncio.Event()}
        self.session = ""
        self.etag = ""
        self.status = 0
        self.answer: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self.connection.on("track", self._watch)

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession(headers=self.headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()
        await self.http.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def offer(self) -> str:
        """Two m-lines, one each of sound and picture."""
        if self.publishes:
            self.connection.addTransceiver(Tone(), direction="sendonly")
            self.connection.addTransceiver(VideoStreamTrack(), direction="sendonly")
        else:
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def start(self, offer: str | None = None, **headers: str) -> int:
        """POST the offer and take the answer; the status."""
        body = (offer if offer is not None else await self.offer()).encode()
        async with self.http.post(self.address, data=body, headers=SDP | headers) as response:
            self.status, self.answer, text = response.status, response, await response.text()
        if self.status == 201:
            assert response.content_type == "application/sdp"
            self.session = self.address.rpartition("/w")[0] + response.headers["Location"]
            self.etag = response.headers["ETag"]
            await self.connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return self.status

    async def end(self) -> int:
        """DELETE the session; the status."""
        async with self.http.delete(self.session) as response:
            return response.status

    async def patch(self, content_type: str = "application/trickle-ice-sdpfrag", **headers: str) -> int:
        """A candidate more; the status."""
        body = b"a=ice-ufrag:x\r\na=ice-pwd:y\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        async with self.http.patch(self.session, data=body, headers={"Content-Type": content_type, **headers}) as one:
            return one.status

    def _watch(self, track: MediaStreamTrack) -> None:
        async def run() -> None:
            try:
                while True:
                    await track.recv()
                    self.received[track.kind].set()
            except MediaStreamError:
                return

        self._tasks.append(asyncio.create_task(run()))


MakeStandardClient = Callable[..., Any]


def token(scope: str, identity: str = "anna", **claims: Any) -> str:
    return meeting_token(identity, **{"scopes": frozenset({scope}), "grant_id": f"grant-{identity}", **claims})


@pytest.fixture
async def client(real_front: Front, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeStandardClient]:
    """Standard clients that are closed in the end."""
    allow_loopback(monkeypatch)
    made: list[StandardClient] = []

    async def make(way: str, bearer: str | None = None, **options: Any) -> StandardClient:
        one = StandardClient(options.pop("front", real_front), way, bearer or token(way), **options)
        made.append(one)
        return await one.__aenter__()

    yield make
    for one in made:
        await one.__aexit__()


async def connected(one: StandardClient) -> None:
    """Until the peer connection stands."""
    while one.connection.connectionState != "connected":
        assert one.connection.connectionState in ("new", "connecting")
        await asyncio.sleep(0.01)


async def test_what_one_publishes_by_whip_another_watches_by_whep(client: MakeStandardClient, people: People) -> None:
    host = await people.inside("host", "host")
    publisher = await client("whip")
    assert await publisher.start() == 201
    joined = await host.client.wait_for("participant_joined")
    assert joined["participant"]["display_name"] == "Name of anna"
    assert joined["participant"]["sources"] == {"microphone": True, "camera": True, "screen": False}
    watcher = await client("whep", token("whep", "bo"))
    assert await watcher.start() == 201
    async with asyncio.timeout(BOUND_S):
        await connected(publisher)
        await asyncio.gather(*(event.wait() for event in watcher.received.values()))
    assert (await host.client.wait_for("participant_joined", 2))["participant"]["role"] == "participant"
    assert await publisher.end() == 200
    left = await host.client.wait_for("participant_left")
    assert left == {"participant_id": joined["participant"]["participant_id"], "reason": "left"}
    assert await publisher.end() == 404


async def test_the_answer_names_the_session_and_the_relays(client: MakeStandardClient, make_front: MakeFront) -> None:
    front = await make_front(turn_urls="turn:turn.example.org:3478", turn_secret="sixteen bytes or more")
    await front.registry.create_room("room", "The room", 12)
    one = await client("whip", front=front)
    assert await one.start() == 201
    headers = one.answer.headers
    assert headers["Location"].startswith("/whip/room/")
    assert one.etag.startswith('"')
    (link,) = headers.getall("Link")
    assert link.startswith('<turn:turn.example.org:3478>; rel="ice-server"; username="')
    assert 'credential-type="password"' in link


async def test_trickled_candidates_are_taken_and_restarts_are_not(client: MakeStandardClient) -> None:
    one = await client("whip")
    await one.start()
    assert await one.patch() == 204
    assert await one.patch(**{"If-Match": one.etag}) == 204
    assert await one.patch(**{"If-Match": '"other"'}) == 412
    assert await one.patch(**{"If-Match": "*"}) == 422
    assert await one.patch("application/json") == 415


async def test_any_front_ends_a_session_also_with_a_token_that_expired_meanwhile(
    client: MakeStandardClient, make_front: MakeFront, media_worker: Worker
) -> None:
    one = await client("whip")
    assert await one.start() == 201
    later = await make_front(clock=lambda: NOW + 2 * 3600)
    one.session = later.http_url + one.answer.headers["Location"]
    assert await one.end() == 200
    assert media_worker.engine.rooms == {}


async def test_a_client_that_goes_without_a_word_leaves_the_room(client: MakeStandardClient, people: People) -> None:
    host = await people.inside("host", "host")
    one = await client("whip")
    await one.start()
    async with asyncio.timeout(BOUND_S):
        await connected(one)
        await one.connection.close()
        assert (await host.client.wait_for("participant_left"))["reason"] == "lost"


@pytest.mark.attack
@pytest.mark.parametrize("way", ["whip", "whep"])
@pytest.mark.parametrize(
    ("claims", "room_id", "status", "code"),
    [
        ({"scopes": frozenset({"join"})}, "room", 401, "token_invalid"),
        ({"now": NOW - 7200}, "room", 401, "token_expired"),
        ({"admitted": False}, "room", 403, "not_admitted"),
        ({"grant_id": "revoked"}, "room", 403, "revoked"),
        ({"grant_id": "removed"}, "room", 403, "removed"),
        ({}, "other", 404, "unknown_room"),
        ({"room_id": "other"}, "room", 404, "unknown_room"),
        ({"room_id": "nowhere"}, "nowhere", 404, "unknown_room"),
    ],
)
async def test_who_may_not_is_refused_before_the_offer_is_read(
    client: MakeStandardClient,
    real_front: Front,
    media_worker: Worker,
    way: str,
    claims: dict[str, Any],
    room_id: str,
    status: int,
    code: str,
) -> None:
    await real_front.registry.create_room("other", "Another room", 12)
    await real_front.revocations.revoke("revoked", "test")
    await real_front.admissions.remove("room", "removed")
    one = await client(way, token(way, **claims), room_id=room_id)
    assert await one.start("nonsense") == status
    assert (await one.answer.json())["error"]["code"] == code
    assert media_worker.engine.rooms == {}


@pytest.mark.attack
async def test_one_ways_token_does_not_serve_the_other_nor_the_socket(
    client: MakeStandardClient, people: People
) -> None:
    for way, other in (("whip", "whep"), ("whep", "whip")):
        one = await client(way, token(other))
        assert await one.start() == 401
        person = await people("anna", scopes=frozenset({other}))
        for entrance in (person.join, person.wait):
            assert (await entrance())["error"]["code"] == "token_invalid"


@pytest.mark.attack
@pytest.mark.parametrize("offer", ["", "v=0", "\0", "x" * 300_000, "v=0\r\n" * 1000])
async def test_what_is_no_offer_is_refused(client: MakeStandardClient, media_worker: Worker, offer: str) -> None:
    one = await client("whip")
    assert await one.start(offer) == 400
    assert media_worker.engine.rooms == {}


@pytest.mark.attack
async def test_a_watcher_publishes_nothing_and_a_publisher_needs_something_to_send(
    client: MakeStandardClient, media_worker: Worker
) -> None:
    sending = World().peer("anna").offer()
    watcher = await client("whep")
    assert await watcher.start(sending) == 400
    publisher, receiving = await client("whip"), await client("whep")
    assert await publisher.start(await receiving.offer()) == 400
    assert media_worker.engine.rooms == {}


@pytest.mark.attack
async def test_another_persons_session_cannot_be_ended(client: MakeStandardClient, media_worker: Worker) -> None:
    one, other = await client("whip"), await client("whip", token("whip", "eva"))
    await one.start()
    other.session = one.session
    assert await other.end() == 404
    assert await other.patch() == 404
    assert len(media_worker.engine.rooms["room"].people) == 1


@pytest.mark.attack
async def test_removal_and_revocation_end_it_and_it_does_not_come_back(
    client: MakeStandardClient, people: People, real_front: Front, media_worker: Worker
) -> None:
    host = await people.inside("host", "host")
    one = await client("whip")
    await one.start()
    joined = await host.client.wait_for("participant_joined")
    participant_id = joined["participant"]["participant_id"]
    assert (await host.client.ask("remove", {"participant_id": participant_id}))["ok"]
    assert (await host.client.wait_for("participant_left"))["reason"] == "removed"
    again = await client("whip")
    assert await again.start() == 403
    other = await client("whep", token("whep", "bo"))
    await other.start()
    await host.client.wait_for("participant_joined", 2)
    await real_front.revocations.revoke("grant-bo", "test")
    await host.client.wait_for("participant_left", 2)
    assert [one.identity for one in media_worker.engine.rooms["room"].people.values()] == ["host"]


async def test_browsers_of_other_sites_are_let_in_by_the_settings_alone(
    client: MakeStandardClient, make_front: MakeFront
) -> None:
    front = await make_front(allowed_origins="https://studio.example.org")
    await front.registry.create_room("room", "The room", 12)
    one = await client("whip", front=front)
    for origin, allowed in (("https://studio.example.org", True), ("https://evil.example", False)):
        async with one.http.options(one.address, headers={"Origin": origin}) as response:
            assert response.status == 204
            assert response.headers["Accept-Post"] == "application/sdp"
            assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed


@pytest.mark.attack
async def test_offers_of_one_address_are_limited(client: MakeStandardClient, make_front: MakeFront) -> None:
    front = await make_front(offers_burst=3)
    await front.registry.create_room("room", "The room", 12)
    one = await client("whip", front=front)
    assert [await one.start("x") for _ in range(4)] == [400, 400, 400, 429]
