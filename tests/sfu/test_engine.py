"""Whole meetings in virtual time: offers, ICE, DTLS and SRTP to the picture in the slot, over good and bad networks."""

from __future__ import annotations

from collections import Counter

import pytest

from sfu.bus import RpcError
from tests.sfu.packets import PLI, feedback, read_sender_report, sender_report
from tests.sfu.virtual import TRACKS, Conditions, VirtualPeer, World

NOTHING = {"peers": 0, "sources": 0, "consumers": 0, "addresses": 0}


def hear_each_other(*people: VirtualPeer) -> bool:
    """Whether everybody hears and sees exactly all others."""
    return all(
        set(one.voices()) == {other.name for other in people if other is not one}
        and {picture.split("/")[0] for picture in one.pictures()} == set(one.voices())
        for one in people
    )


def refusal(call: object, *arguments: object, **named: object) -> str:
    """The code that a request is refused with."""
    with pytest.raises(RpcError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.code


def test_two_people_hear_and_see_each_other() -> None:
    world = World()
    people = world.meet("anna", "bo", seconds=2)
    assert hear_each_other(*people)
    for person in people:
        for packets in person.heard.values():
            numbers = [packet.sequence_number for packet in packets]
            assert numbers == list(range(1, len(numbers) + 1))
    assert +world.drops() == Counter()


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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_meeting_over_a_bad_network(seed: int) -> None:
    world = World(Conditions(loss=0.1, delay_us=30_000, jitter_us=40_000, duplicate=0.05), seed=seed)
    people = world.meet("anna", "bo", "cai", seconds=10)
    assert hear_each_other(*people)
    voices = people[0].voices()
    assert all(heard > 250 for heard in voices.values())
    world.conditions = Conditions()
    for person in people:
        person.forget()
    world.run(1)
    assert hear_each_other(*people)


def test_simulcast_is_bound_by_mid_and_rid_and_a_lone_viewer_gets_the_largest() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo", seconds=3, simulcast=True)
    anna.forget()
    world.run(1)
    assert set(anna.pictures()) == {"bo/h"}
    world.engine.select(
        anna.request(wanted=[{"participant_id": "p-bo", "source": "camera", "quality": "low"}]), world.now_us
    )
    world.run(0.5)
    anna.forget()
    world.run(0.5)
    assert set(anna.pictures()) == {"bo/l"}
    assert set(bo.pictures()) == {"anna/l", "anna/m", "anna/h"} & set(bo.pictures())


def test_encoding_that_its_publisher_pauses_is_replaced() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo", seconds=3, simulcast=True)
    paused = bo.cameras.pop()
    world.run(4)
    anna.forget()
    world.run(1)
    assert paused.rid == "h"
    assert set(anna.pictures()) == {"bo/m"}


def test_streams_that_the_offer_does_not_name_are_bound_by_mid() -> None:
    world = World()
    assert hear_each_other(*world.meet("anna", "bo", seconds=2, named=False))
    assert +world.drops() == Counter()


def test_keyframe_requests_of_many_viewers_are_one_to_the_publisher() -> None:
    world = World()
    anna, *others = world.meet("anna", "bo", "cai", "dan", seconds=2, slots=4)
    world.run(1)
    anna.forget()
    for other in others:
        ssrc = next(ssrc for ssrc, mid in other.slot_mids.items() if other.heard[mid] and "anna/" in _names(other, mid))
        other.send_rtcp(feedback(PLI, ssrc))
    world.run(0.4)
    asked = [item for item in anna.reports if (item.type, item.count_or_format) == PLI]
    assert len(asked) == 1


def _names(person: VirtualPeer, mid: str) -> set[str]:
    return {packet.payload[6:].decode(errors="replace") for packet in person.heard[mid] if packet.payload_type == 96}


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


def test_ice_restart_from_another_address_keeps_the_call() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    anna.restart_ice(("203.0.113.77", 40_000))
    anna.forget()
    bo.forget()
    world.run(1)
    assert hear_each_other(anna, bo)
    assert min(anna.voices()["bo"], bo.voices()["anna"]) > 40


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
    screen = bo.cameras[0].__class__(0x7000)

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


def test_sender_reports_reach_the_other_side_under_its_slots_names() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    bo.send_rtcp(
        sender_report(bo.microphone.ssrc, 1_700_000_000_000_000, bo.microphone.timestamp),
        sender_report(bo.cameras[0].ssrc, 1_700_000_000_000_000, bo.cameras[0].timestamp),
    )
    world.run(0.1)
    reports = [read_sender_report(item.body) for item in anna.reports if item.type == 200]
    assert [anna.slot_mids[report[0]] for report in reports] == ["3", "4"]
    assert len({report[1] for report in reports}) == 1


def test_loudest_is_the_speaker() -> None:
    world = World()
    _, bo = world.meet("anna", "bo", seconds=0.1)
    bo.publishing = False
    world.run(2)
    assert world.events("speakers")[-1][1]["payload"] == {"participant_ids": ["p-anna"]}
    world.peers[("203.0.113.1", 10_000)].publishing = False
    world.run(3)
    assert world.events("speakers")[-1][1]["payload"] == {"participant_ids": []}


def test_joining_and_leaving_leaves_nothing_behind() -> None:
    world = World()
    for turn in range(6):
        people = world.meet("anna", "bo", "cai", seconds=0.5, simulcast=bool(turn % 2))
        world.engine.leave(people[turn % 3].request(), world.now_us)
        world.run(0.1)
        world.engine.close_room({"room_id": "room"}, world.now_us)
        world.peers.clear()
        world.run(0.1)
        assert world.walk.sizes() == NOTHING
        assert (world.engine.rooms, world.engine._by_peer, world.engine._by_ufrag) == ({}, {}, {})
    world.run(10)
    assert world.engine.keyframes._pending == {}
