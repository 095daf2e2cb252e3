"""Records of visits reach the companion: whatever dies on the way, each once, and none holds up the others."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from sfu.registry import ProcessRecord, Registry
from sfu.stay_store import STREAM, StayWriter, append
from sfu.worker import Worker
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_client import CompanionClient
from signalling.front import Front
from signalling.hand_over import IDLE_S, REFUSED_S, UNAVAILABLE_S
from signalling.meetings import Meeting, Meetings
from signalling.visit_quality import LEASE_KEY, VisitQualityForwarder, VisitQualityMetrics
from tests.companion.people import ANNA, PROVIDER, UNIT
from tests.companion.people import staff as employee
from tests.patience import PATIENCE_S
from tests.signalling.browsing import patient
from tests.signalling.conftest import NOW, MakeFront, MakeWorker
from tests.signalling.meeting_people import MakeBrowser
from tests.signalling.real_companion import RealCompanion
from tests.signalling.real_worker import People


class Client:
    """Keeps what it is told; ``answers`` are what it raises, by meeting."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.principals: list[Any] = []
        self.raises: dict[str, Exception] = {}
        self.chokes_on: str = ""

    async def send(self, method: str, path: str, principal: Any, *, body: Any, idempotency_key: str) -> Any:
        assert method == "POST"
        assert 8 <= len(idempotency_key) <= 128
        meeting_id = path.split("/")[2]
        if meeting_id in self.raises:
            raise self.raises[meeting_id]
        if any(stay["stay_id"] == self.chokes_on for stay in body["stays"]):
            raise CompanionRefusedError(422, {"code": "invalid_request"})
        self.principals.append(principal)
        self.told.append((meeting_id, body))


@pytest.fixture
def client() -> Client:
    return Client()


def forwarder(
    client: Client, redis: Redis, name: str = "front-1", metrics: VisitQualityMetrics | None = None
) -> VisitQualityForwarder:
    told = cast(CompanionClient, client)
    return VisitQualityForwarder(told, redis, Registry(redis), Meetings(redis), name, metrics)


def record(number: int, meeting_id: str = "m1", **changes: Any) -> dict[str, Any]:
    return {"stay_id": f"stay-{number}", "meeting_id": meeting_id, **changes}


def stays(body: dict[str, Any]) -> list[str]:
    return [stay["stay_id"] for stay in body["stays"]]


async def test_records_go_by_meeting_with_the_place_that_is_known_and_are_gone_then(
    client: Client, redis_client: Redis
) -> None:
    starts_at = int(NOW)
    meeting = Meeting("m2", "t", "one_to_one", PROVIDER, UNIT, "u", starts_at, starts_at + 600, patient=ANNA)
    await Meetings(redis_client).put(meeting, NOW)
    await Meetings(redis_client).close(meeting, NOW)  # ended by a host: it is known for a while
    for one in (record(1), record(2, "m2"), record(3)):
        await append(redis_client, one)
    one = forwarder(client, redis_client)
    assert await one.step() == 0.0
    assert [(meeting_id, stays(body)) for meeting_id, body in client.told] == [
        ("m1", ["stay-1", "stay-3"]),
        ("m2", ["stay-2"]),
    ]
    assert "place" not in client.told[0][1]
    place = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "patient_person_id": ANNA}
    assert client.told[1][1]["place"] == place
    assert all("meeting_id" not in stay for _, body in client.told for stay in body["stays"])
    assert {scope for principal in client.principals for scope in principal.service_scopes} == {"quality:write"}
    assert await redis_client.xlen(STREAM) == 0
    assert await one.step() == IDLE_S


async def test_a_front_that_dies_after_telling_tells_again(client: Client, redis_client: Redis) -> None:
    await append(redis_client, record(1))
    dying = forwarder(client, redis_client)

    async def killed(*_arguments: Any) -> None:
        raise RuntimeError("killed")

    dying._done = killed  # type: ignore[method-assign]
    await dying.step()
    another = forwarder(client, redis_client, "front-2")
    assert await another.step() == IDLE_S  # the dead one's lease still holds
    await redis_client.delete(LEASE_KEY)  # what half a minute does
    await another.step()
    assert [stays(body) for _, body in client.told] == [["stay-1"], ["stay-1"]]
    assert await redis_client.xlen(STREAM) == 0


async def test_a_companion_that_is_away_or_refuses_the_front_costs_nothing_but_time(
    client: Client, redis_client: Redis
) -> None:
    registry = CollectorRegistry()
    metrics = VisitQualityMetrics(registry)
    one = forwarder(client, redis_client, metrics=metrics)
    await append(redis_client, record(1))
    client.raises["m1"] = CompanionUnavailableError("connection")
    assert await one.step() == UNAVAILABLE_S
    client.raises["m1"] = CompanionRefusedError(401, {"code": "not_logged_in"})
    assert await one.step() == REFUSED_S
    assert await redis_client.xlen(STREAM) == 1
    client.raises.clear()
    await one.step()
    assert [stays(body) for _, body in client.told] == [["stay-1"]]
    counted = {
        result: registry.get_sample_value("ao_front_visit_records_total", {"result": result})
        for result in ("taken", "refused", "unavailable", "no_meeting", "malformed")
    }
    assert counted == {"taken": 1, "refused": 1, "unavailable": 1, "no_meeting": 0, "malformed": 0}


async def test_what_cannot_be_taken_holds_up_nothing(client: Client, redis_client: Redis) -> None:
    client.raises["a-room"] = CompanionRefusedError(404, {"code": "not_found"})
    client.chokes_on = "stay-3"
    await redis_client.xadd(STREAM, {"r": b"\xc1"})
    await redis_client.xadd(STREAM, {"x": b"1"})
    for one in (record(1, "a-room"), record(2), record(3), record(4)):
        await append(redis_client, one)
    await forwarder(client, redis_client).step()
    assert [stays(body) for _, body in client.told] == [["stay-2"], ["stay-4"]]
    assert await redis_client.xlen(STREAM) == 0


async def test_the_people_of_a_dead_worker_are_told_of_and_its_successors_are_not(
    client: Client, redis_client: Redis
) -> None:
    for incarnation, number in (("old", 1), ("new", 2)):
        open_stays = [record(number, end_cause="worker_lost")]
        await StayWriter(redis_client, "w1", incarnation, lambda kept=open_stays: kept).write_snapshot()  # type: ignore[misc]
    await Registry(redis_client).announce("worker", ProcessRecord("w1", "new"))
    one = forwarder(client, redis_client)
    await one.worker_lost("w1")
    await one.step()
    assert [stays(body) for _, body in client.told] == [["stay-1"]]


async def test_a_front_sees_to_it_when_a_worker_dies(
    make_front: MakeFront, make_worker: MakeWorker, redis_client: Redis
) -> None:
    worker = await make_worker("w1")
    front = await make_front(companion_url="http://127.0.0.1:1")
    assert "w1" in front.watch.alive
    kept = [record(1, end_cause="worker_lost")]
    await StayWriter(redis_client, "w1", worker.incarnation, lambda: kept).write_snapshot()
    await redis_client.delete("ao:worker:w1")  # what five seconds without a heartbeat do
    await worker.heartbeat.stop()
    await front.watch.poll()
    assert await redis_client.xlen(STREAM) == 1


# --- all of it, for real -----------------------------------------------------------------------------------------


@pytest.fixture
async def front(media_worker: Worker, make_front: MakeFront, real_companion: RealCompanion) -> Front:
    return await make_front(companion_url=real_companion.url)


@pytest.fixture
async def real_front(front: Front) -> Front:
    """The people of ``people`` come to this one."""
    return front


async def test_a_visit_arrives_at_the_companion_also_when_that_was_away(
    real_front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, people: People, redis_client: Redis
) -> None:
    booking = await real_companion.book((await real_companion.slots())[0])
    await real_companion.deliver(real_front)
    meeting_id = booking["meeting_id"]
    anna, host = await people("anna"), await people("host", role="host", room_id=meeting_id)
    browser = await make_browser(patient(ANNA))
    token = (await browser.send("POST", f"/api/meetings/{meeting_id}/token", {}))[1]["token"]
    anna.token = token
    assert (await host.join())["ok"]
    place = await anna.wait()
    assert (await host.client.ask("admit", {"participant_id": place["participant_id"]}))["ok"]
    anna.token = (await anna.client.wait_for("admitted"))["token"]
    assert (await anna.join())["ok"]
    report = {"freezes": 3, "frozen_ms": 700, "jitter_ms": 12, "path": "udp"}
    assert (await anna.client.ask("report", report))["ok"]
    await real_companion.stop()
    assert (await anna.client.ask("leave"))["ok"]
    async with asyncio.timeout(PATIENCE_S):
        while not await redis_client.xlen(STREAM):
            await asyncio.sleep(0.02)
    visits = real_front.companion.visits
    assert visits is not None
    assert await visits.step() in (UNAVAILABLE_S, IDLE_S)
    assert await redis_client.xlen(STREAM) == 1
    await real_companion.start()
    real_companion.clock.now = datetime.fromtimestamp(NOW, UTC)
    async with asyncio.timeout(PATIENCE_S):
        while await redis_client.xlen(STREAM):
            await visits.step()
            await asyncio.sleep(0.02)
    found = (await real_companion.api.get(f"/visits/{meeting_id}/quality", employee())).json()
    [stay] = found["stays"]
    assert (stay["role"], stay["end_cause"], stay["freezes"], stay["path"]) == ("participant", "left", 3, "udp")
    assert [what for _, what in stay["log"]] == ["waiting", "admitted", "joined", "left"]
