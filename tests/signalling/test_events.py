"""Client events against a real front and a fake media worker: joins, refusals, losses and returns."""

import asyncio
from typing import Any

import msgpack
import pytest

from signalling.front import Front
from signalling.protocol import JoinReply, NegotiateReply, ResumeReply
from tests.patience import PATIENCE_S
from tests.signalling.conftest import KEYS, NOW, Client, MakeClient, MakeFront, MakeWorker, meeting_token
from tests.signalling.fake_worker import FakeWorker


def code(reply: dict[str, Any]) -> str:
    assert reply["ok"] is False
    return str(reply["error"]["code"])


def payload_of(reply: dict[str, Any]) -> dict[str, Any]:
    assert reply["ok"] is True, reply
    return {key: value for key, value in reply.items() if key != "ok"}


def metric(front: Front, name: str, **labels: str) -> float:
    return front.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_join_is_answered_with_everything_the_model_says(make_client: MakeClient, worker: FakeWorker) -> None:
    anna = await make_client()
    reply = JoinReply.model_validate(payload_of(await anna.join()))
    assert (reply.room_id, reply.room_name, reply.answer) == ("room", "The room", "answer to v=0")
    assert [participant.display_name for participant in reply.participants] == ["Name of anna"]
    (params,) = worker.calls_of("join")
    assert params["identity"] == "anna"
    assert params["max_participants"] == 12


async def test_events_sent_right_after_the_join_arrive_after_its_answer(make_client: MakeClient) -> None:
    order: list[str] = []
    for number in range(10):
        client = await make_client()
        client.socket.on("slots", lambda payload: order.append("slots"))
        assert (await client.join(f"person{number}"))["ok"]
        order.append("joined")
        while len(order) % 2:
            await asyncio.sleep(0)
    assert order == ["joined", "slots"] * 10


async def test_others_hear_of_a_join_a_mute_and_a_leave(make_client: MakeClient) -> None:
    anna, bo = await make_client(), await make_client()
    await anna.join("anna")
    await bo.join("bo")
    assert (await anna.wait_for("participant_joined"))["participant"]["display_name"] == "Name of bo"
    assert bo.named("participant_joined") == []
    assert (await bo.ask("set_source", {"source": "camera", "active": True})) == {"ok": True}
    assert (await anna.wait_for("participant_changed"))["participant"]["sources"]["camera"] is True
    assert (await bo.ask("leave")) == {"ok": True}
    assert (await anna.wait_for("participant_left"))["reason"] == "left"


async def test_a_broadcast_is_one_bus_event_and_one_encoding(
    make_client: MakeClient, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [await make_client() for _ in range(5)]
    for number, client in enumerate(clients):
        await client.join(f"person{number}")
    encoded: list[str] = []
    original = front.sockets.encode_event

    def count(event: str, payload: Any) -> Any:
        encoded.append(event)
        return original(event, payload)

    monkeypatch.setattr(front.sockets, "encode_event", count)
    await clients[0].ask("set_source", {"source": "screen", "active": True})
    for client in clients:
        await client.wait_for("participant_changed")
    assert encoded.count("participant_changed") == 1, "whatever else the joins still bring"


async def test_negotiate_and_select_reach_the_worker(make_client: MakeClient, worker: FakeWorker) -> None:
    anna = await make_client()
    await anna.join()
    reply = await anna.ask("negotiate", {"offer": "v=1", "tracks": {"0": "microphone"}})
    assert NegotiateReply.model_validate(payload_of(reply)).answer == "again"
    wanted = [{"participant_id": "abc", "source": "camera", "quality": "high"}]
    assert await anna.ask("select", {"wanted": wanted}) == {"ok": True}
    assert worker.calls_of("select")[0]["wanted"] == wanted


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("negotiate", {"offer": "v=0", "tracks": {}}),
        ("set_source", {"source": "camera", "active": True}),
        ("select", {"wanted": []}),
        ("leave", {}),
    ],
)
async def test_acting_before_the_join_and_after_the_leave_is_not_joined(
    make_client: MakeClient, worker: FakeWorker, event: str, payload: dict[str, Any]
) -> None:
    anna = await make_client()
    assert code(await anna.ask(event, payload)) == "not_joined"
    await anna.join()
    await anna.ask("leave")
    assert code(await anna.ask(event, payload)) == "not_joined"
    assert {name for name, _ in worker.calls} == {"join", "leave"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"protocol": 2}, "unsupported_protocol"),
        ({"protocol": "1"}, "unsupported_protocol"),
        ({"token": "nonsense"}, "token_invalid"),
        ({"token": 7}, "token_invalid"),
        ({"token": "x" * 5000}, "token_invalid"),
        ({"token": meeting_token(lifetime_s=-60)}, "token_expired"),
        ({"token": meeting_token(room_id="elsewhere")}, "unknown_room"),
        ({"offer": "x" * (256 * 1024 + 1)}, "offer_too_large"),
        ({"offer": b"v=0"}, "invalid_message"),
        ({"offer": None}, "invalid_message"),
        ({"tracks": {str(number): "camera" for number in range(65)}}, "too_many_media"),
        ({"tracks": {"0": "telepathy"}}, "invalid_message"),
        ({"tracks": {"0 0": "camera"}}, "invalid_message"),
        ({"active": {"camera": 1}}, "invalid_message"),
        ({"surprise": True}, "invalid_message"),
    ],
)
async def test_a_bad_join_is_refused_with_its_code_and_a_good_one_still_works(
    make_client: MakeClient, worker: FakeWorker, changes: dict[str, Any], expected: str
) -> None:
    anna = await make_client()
    assert code(await anna.join(**changes)) == expected
    assert worker.calls == []
    assert (await anna.join())["ok"]


@pytest.mark.parametrize("payload", [None, 1, "join", [], [[]], {"a": {"b": [1] * 100}}, b"\x00"])
async def test_a_payload_of_any_shape_is_invalid_message(make_client: MakeClient, payload: Any) -> None:
    anna = await make_client()
    for event in ("join", "resume", "negotiate", "set_source", "select"):
        reply = await anna.socket.call(event, payload, timeout=10)
        assert code(reply) in ("invalid_message", "not_joined")


async def test_javascripts_undefined_is_the_same_as_nothing(make_client: MakeClient) -> None:
    anna = await make_client()
    assert (await anna.join(resume_token=msgpack.ExtType(0, b"\0")))["ok"]
    assert (await anna.socket.call("leave", (msgpack.ExtType(0, b"\0"),), timeout=10)) == {"ok": True}


async def test_an_unknown_event_is_invalid_message(make_client: MakeClient) -> None:
    anna = await make_client()
    reply = await anna.ask("become_admin")
    assert reply["error"] == {
        "code": "invalid_message",
        "message": "The message does not follow the protocol.",
        "field": "event",
    }


@pytest.mark.attack
async def test_room_guessing_without_a_valid_token_tells_nothing_and_reaches_nobody(
    make_client: MakeClient, worker: FakeWorker, front: Front
) -> None:
    other = type(KEYS)({"test": bytes(32)})
    answers = []
    for room_id in ("room", "elsewhere"):
        token = other.sign_meeting(
            identity="eve", display_name="Eve", room_id=room_id, role="host", now=NOW, lifetime_s=60
        )
        answers.append(await (await make_client()).join(token=token))
    assert answers[0] == answers[1]
    assert code(answers[0]) == "token_invalid"
    assert worker.calls == []


@pytest.mark.parametrize(
    "refusal", ["room_full", "identity_in_use", "offer_invalid", "offer_no_fingerprint", "too_many_media"]
)
async def test_the_workers_refusal_is_passed_on_and_the_socket_may_try_again(
    make_client: MakeClient, worker: FakeWorker, refusal: str
) -> None:
    anna = await make_client()
    worker.refuse["join"] = refusal
    assert code(await anna.join()) == refusal
    worker.refuse.clear()
    assert (await anna.join())["ok"]


async def test_an_error_code_the_protocol_does_not_know_becomes_internal(
    make_client: MakeClient, worker: FakeWorker
) -> None:
    worker.refuse["join"] = "cpu_on_fire"
    assert code(await (await make_client()).join()) == "internal"


async def test_a_second_connected_join_is_identity_in_use_and_harms_nobody(make_client: MakeClient) -> None:
    anna, double = await make_client(), await make_client()
    await anna.join("anna")
    assert code(await double.join("anna")) == "identity_in_use"
    assert code(await anna.join("anna")) == "already_joined"
    assert (await anna.ask("set_source", {"source": "camera", "active": True}))["ok"]


async def test_without_a_live_worker_a_join_is_no_worker(make_client: MakeClient, worker: FakeWorker) -> None:
    await worker.stop()
    assert code(await (await make_client()).join()) == "no_worker"


# --- losing and coming back ------------------------------------------------------------------------------------


async def test_a_lost_socket_detaches_and_another_front_resumes(
    make_client: MakeClient, make_front: MakeFront, worker: FakeWorker
) -> None:
    anna, bo = await make_client(), await make_client()
    await anna.join("anna")
    await bo.join("bo")
    await anna.cut()
    assert (await bo.wait_for("participant_changed"))["participant"]["state"] == "lost"
    other_front = await make_front()
    again = await make_client(other_front)
    reply = ResumeReply.model_validate(payload_of(await again.resume_of(anna)))
    assert {participant.state for participant in reply.participants} == {"connected"}
    await bo.ask("set_source", {"source": "camera", "active": True})
    await again.wait_for("participant_changed")


async def test_resume_with_a_token_that_expired_during_the_call_works_but_a_join_does_not(
    make_client: MakeClient,
) -> None:
    anna = await make_client()
    await anna.join("anna")
    await anna.cut()
    again = await make_client()
    expired = meeting_token("anna", lifetime_s=-600)
    assert code(await again.join(token=expired)) == "token_expired"
    assert (await again.resume_of(anna, token=expired))["ok"]


@pytest.mark.attack
async def test_resume_with_the_wrong_secret_is_refused(make_client: MakeClient) -> None:
    anna, eve = await make_client(), await make_client()
    await anna.join("anna")
    assert code(await eve.resume_of(anna, "eve", resume_token="guess")) == "resume_refused"
    assert code(await eve.ask("set_source", {"source": "camera", "active": True})) == "not_joined"


async def test_a_reload_takes_the_place_over_and_the_old_page_is_told_replaced(
    make_client: MakeClient, make_front: MakeFront, front: Front, worker: FakeWorker
) -> None:
    old = await make_client()
    first = await old.join("anna")
    other_front = await make_front()
    for at in (front, other_front):  # the second one is told over the bus
        new = await make_client(at)
        reply = await new.join("anna", resume_token=first["resume_token"])
        assert reply["participant_id"] == first["participant_id"]
        assert (await old.wait_for("closed"))["code"] == "replaced"
        await asyncio.wait_for(old.gone.wait(), PATIENCE_S)
        old, first = new, reply
    assert worker.calls_of("detach") == []


async def test_a_dead_workers_people_are_told_to_reconnect_and_join_a_live_one(
    make_client: MakeClient, make_worker: MakeWorker, front: Front, worker: FakeWorker
) -> None:
    anna = await make_client()
    first = await anna.join("anna")
    await worker.stop()
    second = await make_worker("second")
    await front.watch.poll()
    assert await anna.wait_for("reconnect") == {"reason": "worker_lost"}
    assert code(await anna.ask("set_source", {"source": "camera", "active": True})) == "not_joined"
    assert (await anna.join("anna", resume_token=first["resume_token"]))["ok"]
    assert len(second.calls_of("join")) == 1


async def test_after_a_failed_transport_the_same_socket_joins_again_with_its_resume_token(
    make_client: MakeClient, worker: FakeWorker
) -> None:
    anna = await make_client()
    first = await anna.join("anna")
    await worker.to_room("room", "reconnect", {"reason": "transport_failed"})
    await anna.wait_for("reconnect")
    again = await anna.join("anna", resume_token=first["resume_token"])
    assert again["participant_id"] == first["participant_id"]
    assert worker.calls_of("detach") == []


async def test_a_join_the_worker_answers_too_late_is_worker_timeout_and_leaves_nobody_connected(
    make_front: MakeFront, make_client: MakeClient, front: Front, worker: FakeWorker
) -> None:
    hasty = await make_front(rpc_timeout_s=0.1)
    worker.block.add("join")
    anna = await make_client(hasty)
    assert code(await anna.join("anna")) == "worker_timeout"
    hasty.media._timeout_s = PATIENCE_S
    worker.unblocked.set()
    await worker.wait_for_call("detach")
    assert [person.state for person in worker.rooms["room"].values()] == ["lost"]
    worker.block.clear()
    assert (await anna.join("anna"))["ok"]


async def test_a_socket_that_dies_during_its_join_is_detached(make_client: MakeClient, worker: FakeWorker) -> None:
    worker.block.add("join")
    anna = await make_client()
    joining = asyncio.create_task(anna.join("anna"))
    while not worker.bus._running:
        await asyncio.sleep(0.005)
    await anna.cut()
    joining.cancel()
    worker.unblocked.set()
    await worker.wait_for_call("detach")
    assert [person.state for person in worker.rooms["room"].values()] == ["lost"]


async def test_a_closed_room_tells_everybody_and_ends_their_sockets(
    make_client: MakeClient, worker: FakeWorker, front: Front
) -> None:
    anna = await make_client()
    await anna.join("anna")
    await front.media.close_room("worker", "room")
    assert (await anna.wait_for("closed"))["code"] == "room_closed"
    await asyncio.wait_for(anna.gone.wait(), PATIENCE_S)
    assert worker.calls_of("detach") == []
    assert metric(front, "ao_front_participants") == 0


async def test_join_leave_churn_leaks_nothing(make_client: MakeClient, front: Front, worker: FakeWorker) -> None:
    for number in range(15):
        client: Client = await make_client()
        await client.join(f"person{number}")
        if number % 2:
            await client.ask("leave")
        await client.close()
    await worker.wait_for_call("detach", 8)
    while front.sockets.eio.sockets:
        await asyncio.sleep(0.005)
    await front.events.finish()
    assert len(front.sessions) == 0
    assert front.sessions._rooms == {}
    assert front.sockets.eio.connections == {}
    assert front.bus._waiting == {}
    for name in ("ao_front_participants", "ao_front_rooms", "ao_front_sockets"):
        assert metric(front, name) == 0


async def test_joins_and_errors_are_counted_by_code(make_client: MakeClient, front: Front) -> None:
    anna = await make_client()
    await anna.join(token="x")
    await anna.join()
    assert metric(front, "ao_front_joins_total", result="ok") == 1
    assert metric(front, "ao_front_joins_total", result="token_invalid") == 1
    assert metric(front, "ao_front_errors_total", event="join", code="token_invalid") == 1
    assert metric(front, "ao_front_rpc_seconds_count", method="join", result="ok") == 1
