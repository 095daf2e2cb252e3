"""The door of a room with real transports: nothing before admission, nothing after removal or revocation."""

from __future__ import annotations

from typing import Any

import pytest

from sfu.engine import REVOKED_KEPT_US
from tests.sfu.virtual import TRACKS, VirtualPeer, World, hear_each_other, refusal


def ask(world: World, name: str, **changes: Any) -> dict[str, Any]:
    params = {
        "room_id": "room",
        "room_name": "The room",
        "participant_id": f"w-{name}",
        "identity": name,
        "grant_id": f"g-{name}",
        "display_name": name,
        "role": "guest",
        "front_id": "front",
        "socket_id": f"ws-{name}",
        "max_participants": 10,
        "since": 1_800_000_000,
        **changes,
    }
    return world.engine.wait(params, world.now_us)


def meeting() -> tuple[World, VirtualPeer, VirtualPeer]:
    """A host and a participant who talk, and cai who waits."""
    world = World()
    host, bo = world.peer("host"), world.peer("bo")
    host.join(role="host", grant_id="g-host", front_id="front-h")
    bo.join(grant_id="g-bo")
    world.run(1)
    ask(world, "cai")
    return world, host, bo


def by_host(participant_id: str, **changes: Any) -> dict[str, Any]:
    return {"room_id": "room", "by": "p-host", "participant_id": participant_id, **changes}


def outside(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Take all events; keep those for who waits."""
    return [(data["event"], data["payload"]) for _, data in world.events() if data.get("waiting")]


def test_the_host_sees_who_waits_and_participants_do_not() -> None:
    world, *_ = meeting()
    world.events()
    ask(world, "dan")
    world.run(0.1)
    told = world.events("waiting")
    assert [(front, data["participant_ids"]) for front, data in told] == [("front-h", ["p-host"])]
    assert [one["display_name"] for one in told[0][1]["payload"]["people"]] == ["cai", "dan"]


def test_a_host_who_comes_later_or_comes_back_gets_the_queue_with_the_reply() -> None:
    world = World()
    ask(world, "cai")
    host, bo = world.peer("host"), world.peer("bo")
    reply = host.join(role="host")
    assert [one["display_name"] for one in reply["waiting"]] == ["cai"]
    assert bo.join()["waiting"] == []
    again = host.request(resume_token=reply["resume_token"], front_id="front", socket_id="s-2")
    assert [one["participant_id"] for one in world.engine.resume(again, world.now_us)["waiting"]] == ["w-cai"]


@pytest.mark.attack
def test_nothing_of_the_room_reaches_those_who_wait() -> None:
    world, _host, bo = meeting()
    world.events()
    world.engine.set_source(bo.request(source="camera", active=False), world.now_us)
    dan = world.peer("dan")
    dan.join()
    world.run(2)
    world.engine.leave(dan.request(), world.now_us)
    world.run(1)
    told = [(front, data) for front, data in world.events() if data.get("waiting")]
    assert [data["event"] for _, data in told] == []
    assert world.walk.sizes()["peers"] == 2
    assert world.engine.stats({}, 0)["participants"] == 2


@pytest.mark.attack
@pytest.mark.parametrize("method", ["negotiate", "set_source", "select"])
def test_who_waits_can_do_nothing_in_the_room(method: str) -> None:
    world, host, _ = meeting()
    request = {
        "room_id": "room",
        "participant_id": "w-cai",
        "offer": host.offer(),
        "tracks": TRACKS,
        "source": "camera",
        "active": True,
        "wanted": [],
    }
    assert refusal(getattr(world.engine, method), request, world.now_us) == "not_joined"


@pytest.mark.attack
def test_the_secret_of_a_place_in_the_queue_resumes_nothing() -> None:
    world, *_ = meeting()
    place = ask(world, "dan")
    request = {
        "room_id": "room",
        "participant_id": "w-dan",
        "resume_token": place["resume_token"],
        "front_id": "front",
        "socket_id": "s",
    }
    assert refusal(world.engine.resume, request, world.now_us) == "resume_refused"


def test_an_admitted_person_is_told_and_meets_the_others() -> None:
    world, host, bo = meeting()
    world.events()
    assert world.engine.admit(by_host("w-cai"), world.now_us) == {"grant_id": "g-cai"}
    assert outside(world) == [("admitted", {})]
    cai = world.peer("cai")
    cai.join(grant_id="g-cai")
    for person in (host, bo):
        person.forget()
    world.run(2)
    assert hear_each_other(host, bo, cai)
    assert world.events("waiting")[-1][1]["payload"] == {"people": []}


@pytest.mark.attack
@pytest.mark.parametrize("method", ["admit", "remove"])
@pytest.mark.parametrize(("by", "code"), [("p-bo", "forbidden"), ("w-cai", "not_joined"), ("p-nobody", "not_joined")])
def test_only_a_host_in_the_room_admits_and_removes(method: str, by: str, code: str) -> None:
    world, *_ = meeting()
    assert refusal(getattr(world.engine, method), by_host("w-cai", by=by), world.now_us) == code
    assert refusal(getattr(world.engine, method), by_host("p-nobody"), world.now_us) == "unknown_participant"
    assert refusal(getattr(world.engine, method), by_host("w-cai", room_id="other"), world.now_us) == "not_joined"
    assert "w-cai" in world.engine.rooms["room"].door.waiting.people


@pytest.mark.attack
def test_a_host_of_one_room_admits_nobody_in_another() -> None:
    world, *_ = meeting()
    ask(world, "dan", room_id="other")
    world.peer("eva").join(room_id="other", participant_id="p-eva")
    assert refusal(world.engine.admit, by_host("w-dan", room_id="other"), world.now_us) == "not_joined"
    assert refusal(world.engine.remove, by_host("p-eva", room_id="other"), world.now_us) == "not_joined"


def test_who_is_turned_away_is_told_and_may_not_ask_again() -> None:
    world, *_ = meeting()
    world.events()
    world.engine.remove(by_host("w-cai"), world.now_us)
    ((event, payload),) = outside(world)
    assert (event, payload["code"]) == ("closed", "denied")
    assert refusal(ask, world, "cai") == "removed"
    assert ask(world, "cai", grant_id="another grant")["position"] == 1


@pytest.mark.attack
def test_who_is_removed_hears_and_is_heard_no_more_and_gets_back_by_no_way() -> None:
    world, host, bo = meeting()
    world.events()
    assert world.engine.remove(by_host("p-bo"), world.now_us) == {"grant_id": "g-bo"}
    closed, left = [data for _, data in world.events() if data["event"] in ("closed", "participant_left")]
    assert (closed["participant_ids"], closed["payload"]["code"]) == (["p-bo"], "removed")
    assert left["payload"] == {"participant_id": "p-bo", "reason": "removed"}
    world.run(0.2)
    host.forget()
    bo.forget()
    world.run(1)
    assert not host.voices()
    assert not bo.voices()
    assert world.drops()["rtp_unknown_peer"] > 0 or world.walk.sizes()["peers"] == 1
    resume = bo.request(
        resume_token=bo.reply["resume_token"], grant_id="g-bo", front_id="front", socket_id="s", identity="bo"
    )
    assert refusal(world.engine.resume, resume, world.now_us) == "removed"
    assert refusal(world.peer("bo").join, grant_id="g-bo", resume_token=bo.reply["resume_token"]) == "removed"
    assert refusal(ask, world, "bo") == "removed"
    assert refusal(world.engine.negotiate, bo.request(offer=bo.offer(), tracks=TRACKS), world.now_us) == "not_joined"


def test_a_host_does_not_remove_the_own_self() -> None:
    world, *_ = meeting()
    assert refusal(world.engine.remove, by_host("p-host"), world.now_us) == "forbidden"


@pytest.mark.attack
def test_who_is_removed_goes_with_the_own_encoder_too() -> None:
    world, *_ = meeting()
    encoder = world.peer("bo-encoder")
    encoder.join(grant_id="g-bo", front_id="", socket_id="")
    world.engine.remove(by_host("p-bo-encoder"), world.now_us)
    assert [one.participant_id for one in world.engine.rooms["room"].people.values()] == ["p-host"]
    assert refusal(world.peer("bo").join, grant_id="g-bo") == "removed"


def test_a_host_takes_the_own_encoder_out_and_stays() -> None:
    world, *_ = meeting()
    world.peer("encoder").join(grant_id="g-host", front_id="", socket_id="")
    assert world.engine.remove(by_host("p-encoder"), world.now_us) == {"grant_id": None}
    assert "p-host" in world.engine.rooms["room"].people
    assert world.engine.rooms["room"].door.removed == set()


@pytest.mark.attack
def test_a_revoked_grant_ends_the_call_also_when_its_socket_is_away() -> None:
    world, _host, bo = meeting()
    world.engine.detach(bo.request(front_id="front", socket_id="s-bo"), world.now_us)
    world.engine.revoke("g-bo", world.now_us)
    world.run(0.2)
    bo.forget()
    world.run(1)
    assert not bo.voices()
    assert [person.participant_id for person in world.engine.rooms["room"].people.values()] == ["p-host"]
    assert refusal(world.peer("bo").join, grant_id="g-bo") == "revoked"


@pytest.mark.attack
def test_a_revoked_grant_ends_the_wait_and_the_joins_under_way_for_a_minute() -> None:
    world, *_ = meeting()
    world.events()
    world.engine.revoke("g-cai", world.now_us)
    ((event, payload),) = outside(world)
    assert (event, payload["code"]) == ("closed", "revoked")
    assert refusal(ask, world, "cai") == "revoked"
    world.run(REVOKED_KEPT_US / 1_000_000 + 1)
    assert ask(world, "cai")["position"] == 1  # Redis, which the front asks first, remembers longer


@pytest.mark.attack
def test_anothers_token_does_not_resume_with_a_stolen_secret() -> None:
    world, _host, bo = meeting()
    stolen = bo.request(resume_token=bo.reply["resume_token"], front_id="front", socket_id="s", identity="eva")
    assert refusal(world.engine.resume, stolen, world.now_us) == "resume_refused"


def test_those_who_wait_keep_a_room_alive_and_the_last_one_ends_it() -> None:
    world = World()
    ask(world, "cai")
    assert set(world.engine.rooms) == {"room"}
    world.engine.stop_waiting({"room_id": "room", "participant_id": "w-cai"}, world.now_us)
    assert world.engine.rooms == {}


def test_a_dead_fronts_people_keep_their_places_in_the_queue() -> None:
    world, *_ = meeting()
    place = ask(world, "dan", front_id="front-2")
    assert place["position"] == 2
    world.engine.front_lost("front", world.now_us)
    world.run(29)
    assert ask(world, "cai", front_id="front-2")["position"] == 1
    world.run(5)
    assert [one.identity for one in world.engine.rooms["room"].door.waiting.people.values()] == ["cai", "dan"]


def test_a_closed_room_sends_those_who_wait_home_and_a_moved_one_says_nothing() -> None:
    world, *_ = meeting()
    world.events()
    world.engine.close_room({"room_id": "room"}, world.now_us)
    assert [(event, payload["code"]) for event, payload in outside(world)] == [("closed", "room_closed")]
    world, *_ = meeting()
    world.events()
    world.engine.abandon("room", world.now_us)
    assert world.events() == []
    assert world.engine.rooms == {}


def test_somebody_without_a_socket_leaves_when_the_media_ends() -> None:
    world, _host, _bo = meeting()
    player = world.peer("player")
    player.join(front_id="", socket_id="")
    world.run(1)
    assert player.voices()
    world.engine.front_lost("", world.now_us)
    player.alive = False
    world.run(60)
    assert "p-player" not in world.engine.rooms["room"].people
    assert all(front for front, _ in world.events())
