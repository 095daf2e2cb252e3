"""Whole meetings in virtual time: offers, ICE, DTLS and SRTP to the picture in the slot, over good and bad networks."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sfu.packets import PLI, feedback, read_sender_report, sender_report
from tests.sfu.virtual import TRACKS, Conditions, VirtualPeer, World, hear_each_other

NOTHING = {"peers": 0, "sources": 0, "consumers": 0, "addresses": 0}


def test_two_people_hear_and_see_each_other() -> None:
    world = World()
    people = world.meet("anna", "bo", seconds=2)
    assert hear_each_other(*people)
    for person in people:
        for packets in person.heard.values():
            numbers = [packet.sequence_number for packet in packets]
            assert numbers == list(range(1, len(numbers) + 1))
    assert +world.drops() == Counter()


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


def test_ice_restart_from_another_address_keeps_the_call() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    anna.restart_ice(("203.0.113.77", 40_000))
    anna.forget()
    bo.forget()
    world.run(1)
    assert hear_each_other(anna, bo)
    assert min(anna.voices()["bo"], bo.voices()["anna"]) > 40


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


def test_streams_that_a_new_offer_renames_are_heard_again() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    for encoding in (bo.microphone, *bo.cameras):
        encoding.ssrc += 0x100
    bo.cameras[0].wants_keyframe = True
    world.engine.negotiate(bo.request(offer=bo.offer(), tracks=TRACKS), world.now_us)
    world.run(0.1)
    anna.forget()
    world.run(0.5)
    assert min(anna.voices()["bo"], anna.pictures()["bo/"]) > 15


def test_more_slots_show_more_people_and_leave_the_others_where_they_are() -> None:
    world = World()
    anna, *_ = world.meet("anna", "bo", "cai", "dan", slots=2, seconds=2)
    before = {mid: {packet.ssrc for packet in heard} for mid, heard in anna.heard.items()}
    anna.sections += [("7", "audio", False), ("8", "video", False)]
    reply = world.engine.negotiate(anna.request(offer=anna.offer(), tracks=TRACKS), world.now_us)
    anna.take_answer(reply["answer"])
    anna.forget()
    world.run(1)
    assert set(anna.voices()) == {"bo", "cai", "dan"}
    assert before.items() <= {mid: {packet.ssrc for packet in heard} for mid, heard in anna.heard.items()}.items()


def test_many_ice_restarts_leave_no_names_behind() -> None:
    world = World()
    anna, bo = world.meet("anna", "bo")
    for turn in range(20):
        anna.restart_ice(("203.0.113.77", 40_000 + turn))
        world.run(0.2)
    assert len(world.engine._by_ufrag) <= 4
    assert world.walk.sizes()["addresses"] <= 9
    anna.forget()
    bo.forget()
    world.run(0.5)
    assert hear_each_other(anna, bo)
