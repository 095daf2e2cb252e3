"""One room: who may come in, who is told what, who is lost and who is shown. In virtual time, with real transports."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.bus import RpcError
from tests.sfu.virtual import TRACKS, Encoding, VirtualPeer, World, hear_each_other, refusal

REQUEST = st.tuples(
    st.sampled_from(
        ["join", "join", "leave", "detach", "resume", "negotiate", "select", "set_source", "wait", "close"]
    ),
    st.integers(0, 3),
    st.booleans(),
)


def test_slots_say_who_is_heard_in_them() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    shown = {}
    for front, data in world.events("slots"):
        assert front == "front"
        assert data["participant_ids"] == ["p-anna"]
        shown = {slot["mid"]: (slot["participant_id"], slot["source"]) for slot in data["payload"]["slots"]}
    assert {mid: who for mid, who in shown.items() if who[0]} == {"3": ("p-bo", "microphone"), "4": ("p-bo", "camera")}
    assert set(anna.heard) == {"3", "4"}
    assert [slot["participant_id"] for slot in bo.reply["slots"]] == ["p-anna", "p-anna", None, None]


def test_slots_go_to_the_front_of_whom_they_concern_and_joins_once_per_front() -> None:
    world = World()
    people = [world.peer(name, slots=4) for name in ("anna", "bo", "cai", "dan")]
    for number, person in enumerate(people):
        person.join(front_id=f"front-{number % 2}")
    world.run(1)
    events = world.events()
    joined = [
        (front, data["payload"]["participant"]["participant_id"])
        for front, data in events
        if data["event"] == "participant_joined"
    ]
    assert Counter(joined).most_common(1)[0][1] == 1
    assert {front for front, who in joined if who == "p-dan"} == {"front-0", "front-1"}
    for front, data in events:
        if data["event"] == "slots":
            assert data["participant_ids"] in ([["p-anna"], ["p-cai"]] if front == "front-0" else [["p-bo"], ["p-dan"]])


def test_identity_that_is_in_the_meeting_is_refused_without_its_token() -> None:
    world = World()
    people = world.meet("anna", "bo")
    twin = world.peer("anna")
    assert refusal(twin.join) == "identity_in_use"
    assert refusal(twin.join, resume_token="0" * 32) == "identity_in_use"
    for person in people:
        person.forget()
    world.run(1)
    assert hear_each_other(*people)


@pytest.mark.parametrize("simulcast", [False, True])
def test_reloaded_page_takes_its_place_over(simulcast: bool) -> None:
    world = World()
    anna, bo = world.meet("anna", "bo", seconds=2, simulcast=simulcast)
    anna.alive = False
    again = world.peer("anna", simulcast=simulcast)
    reply = again.join(resume_token=anna.reply["resume_token"], participant_id="p-other", front_id="front-2")
    assert (reply["participant_id"], reply["replaced_front_id"]) == ("p-anna", "front")
    assert reply["resume_token"] != anna.reply["resume_token"]
    world.run(2)
    bo.forget()
    again.forget()
    world.run(1)
    assert hear_each_other(again, bo)
    assert world.walk.sizes()["peers"] == 2
    assert [data["event"] for _, data in world.events() if data["event"] == "participant_left"] == []


def test_lost_participant_comes_back_within_its_time() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    world.events()
    world.engine.detach(anna.request(front_id="front", socket_id="s-anna"), world.now_us)
    (_, data), *_ = world.events("participant_changed")
    assert data["payload"]["participant"]["state"] == "lost"
    world.run(29)
    assert hear_each_other(anna, bo)
    reply = world.engine.resume(
        anna.request(resume_token=anna.reply["resume_token"], front_id="front-2", socket_id="s-new"), world.now_us
    )
    assert {person["state"] for person in reply["participants"]} == {"connected"}
    world.engine.detach(anna.request(front_id="front", socket_id="s-anna"), world.now_us)
    world.run(40)
    assert [data["event"] for _, data in world.events() if data["event"] == "participant_left"] == []
    assert world.engine.stats({}, 0)["participants"] == 2


def test_lost_participant_is_removed_after_thirty_seconds() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    anna.alive = False
    world.engine.detach(anna.request(front_id="front", socket_id="s-anna"), world.now_us)
    world.run(29.9)
    assert world.events("participant_left") == []
    world.run(0.2)
    (_, data), *more = world.events("participant_left")
    assert data["payload"] == {"participant_id": "p-anna", "reason": "lost"}
    assert more == []
    assert world.engine.stats({}, 0)["participants"] == 1
    token = anna.reply["resume_token"]
    request = anna.request(resume_token=token, front_id="front", socket_id="s-anna")
    assert refusal(world.engine.resume, request, world.now_us) == "resume_refused"


def test_resume_with_a_wrong_token_is_refused() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    request = anna.request(resume_token="0" * 32, front_id="front", socket_id="s")
    assert refusal(world.engine.resume, request, world.now_us) == "resume_refused"


def test_peer_that_falls_silent_is_told_to_reconnect_once() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    anna.alive = False
    world.run(60)
    told = world.events("reconnect")
    assert [(data["participant_ids"], data["payload"]) for _, data in told] == [
        (["p-anna"], {"reason": "transport_failed"})
    ]


def test_full_room_refuses_and_leaves_nothing() -> None:
    world = World()
    world.meet("anna", "bo")
    sizes = world.walk.sizes()
    assert refusal(world.peer("cai").join, max_participants=2) == "room_full"
    assert world.walk.sizes() == sizes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offer": "v=0\r\n"}, "offer_invalid"),
        ({"offer": "x" * 300_000}, "offer_too_large"),
        ({"tracks": {"0": "microphone", "1": "microphone"}}, "offer_invalid"),
        ({"tracks": {"99": "camera"}}, "offer_invalid"),
    ],
)
def test_bad_offer_leaves_the_room_unharmed(changes: dict[str, object], code: str) -> None:
    world = World()
    people = world.meet("anna", "bo")
    sizes = world.walk.sizes()
    assert refusal(world.peer("cai").join, **changes) == code
    assert refusal(world.peer("cai").join, room_id="another", **changes) == code
    request = people[0].request(**{"offer": people[0].offer(), "tracks": TRACKS, **changes})
    assert refusal(world.engine.negotiate, request, world.now_us) == code
    assert world.walk.sizes() == sizes
    assert set(world.engine.rooms) == {"room"}
    for person in people:
        person.forget()
    world.run(1)
    assert hear_each_other(*people)


def test_offer_without_fingerprint_leaves_the_room_unharmed() -> None:
    world = World()
    people = world.meet("anna", "bo")
    cai = world.peer("cai")
    bare = "\r\n".join(line for line in cai.offer().split("\r\n") if not line.startswith("a=fingerprint"))
    assert refusal(cai.join, offer=bare) == "offer_no_fingerprint"
    world.run(1)
    assert hear_each_other(*people)


def test_muting_is_told_to_the_others_once() -> None:
    world = World()
    anna, _ = world.meet("anna", "bo")
    world.events()
    for _ in range(2):
        world.engine.set_source(anna.request(source="microphone", active=False), world.now_us)
    ((_, data),) = world.events("participant_changed")
    assert data["except"] == "p-anna"
    assert data["payload"]["participant"]["sources"] == {"microphone": False, "camera": True, "screen": False}


def test_screen_takes_a_slot_and_gives_it_back() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    screen = Encoding(0x7000)

    def shows_screen() -> bool:
        anna.forget()
        payload = bytes((0x90, 0xC0, 0x80, 1, 0, 0)) + b"screen/"
        for _ in range(3):
            bo.send_rtp(bo.packet(screen, "2", payload, 96, 3000))
            world.run(0.1)
        return "screen/" in anna.pictures()

    assert not shows_screen()
    world.engine.set_source(bo.request(source="screen", active=True), world.now_us)
    world.run(0.1)
    assert shows_screen()
    world.engine.set_source(bo.request(source="screen", active=False), world.now_us)
    world.run(0.1)
    assert not shows_screen()


def test_video_that_is_not_on_the_screen_is_not_sent_and_its_sound_is() -> None:
    world = World()
    anna, *_ = world.meet("anna", "bo", "cai", seconds=2)
    want_bo = [{"participant_id": "p-bo", "source": "camera", "quality": "high"}]
    world.engine.select(anna.request(wanted=want_bo), world.now_us)
    world.run(0.5)
    anna.forget()
    world.run(1)
    assert set(anna.pictures()) == {"bo/"}
    assert set(anna.voices()) == {"bo", "cai"}
    world.engine.select(anna.request(wanted=want_bo, hidden=True), world.now_us)
    world.run(0.5)
    anna.forget()
    world.run(1)
    assert set(anna.pictures()) == set()
    assert set(anna.voices()) == {"bo", "cai"}
    world.engine.select(anna.request(wanted=[]), world.now_us)
    world.run(1)
    anna.forget()
    world.run(1)
    assert set(anna.pictures()) == {"bo/", "cai/"}


def test_loudest_is_the_speaker() -> None:
    world = World()
    _, bo = world.meet("anna", "bo", seconds=0.1)
    bo.publishing = False
    world.run(2)
    assert world.events("speakers")[-1][1]["payload"] == {"participant_ids": ["p-anna"]}
    world.peers[("203.0.113.1", 10_000)].publishing = False
    world.run(3)
    assert world.events("speakers")[-1][1]["payload"] == {"participant_ids": []}


def _do(world: World, people: list[VirtualPeer], action: str, person: VirtualPeer, flag: bool) -> None:
    """One request; the person may or may not be in the room."""
    request: dict[str, Any] = {"room_id": "room", "participant_id": f"p-{person.name}"}
    token = person.reply.get("resume_token", "")
    socket = {"front_id": f"front-{flag:d}", "socket_id": f"s-{person.name}"}
    if action == "join":
        person.join(resume_token=token if flag else None, max_participants=3, **socket)
    elif action == "wait":
        world.run(16 if flag else 0.1)
    elif action == "close":
        world.engine.close_room({"room_id": "room"}, world.now_us)
    elif action == "select":
        wanted = [{"participant_id": f"p-{one.name}", "source": "camera", "quality": "low"} for one in people]
        world.engine.select({**request, "wanted": wanted if flag else []}, world.now_us)
    else:
        request |= {"source": "screen", "active": flag, "tracks": TRACKS, "resume_token": token, **socket}
        getattr(world.engine, action)({**request, "offer": person.offer()}, world.now_us)


@settings(max_examples=40, deadline=None)
@given(st.lists(REQUEST, max_size=25))
def test_any_order_of_requests_keeps_the_books(steps: list[tuple[str, int, bool]]) -> None:
    world = World()
    refusals: Counter[str] = Counter()
    people = [world.peer(name, simulcast=name == "bo") for name in ("anna", "bo", "cai", "dan")]
    for person in people:
        person.alive = False
    for action, number, flag in steps:
        try:
            _do(world, people, action, people[number], flag)
        except RpcError as error:
            refusals[error.code] += 1
        world.engine.tick(world.now_us)
        room = world.engine.rooms.get("room")
        there = list(room.people.values()) if room else []
        assert world.walk.sizes()["peers"] == len(world.engine._by_peer) == len(there) <= 3
        assert {id(person) for _, person in world.engine._by_ufrag.values()} == {id(person) for person in there}
        for person in there:
            shown = [slot.shown for slot in person.slots.values() if slot.shown]
            assert len(shown) == len(set(shown))
            assert {who for who, _ in shown} <= {other.participant_id for other in there if other is not person}
            # Whoever there is to hear, as long as there are slots, is heard.
            assert {who for who, source in shown if source == "microphone"} == {
                other.participant_id for other in there if other is not person
            }
    assert set(refusals) <= {"identity_in_use", "room_full", "not_joined", "resume_refused"}
    world.engine.close_room({"room_id": "room"}, world.now_us)
    assert set(world.walk.sizes().values()) == {0}
