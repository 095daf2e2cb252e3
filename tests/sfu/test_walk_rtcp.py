"""The walk's RTCP: repair, keyframe requests, sender reports, and what publishers are told."""

from __future__ import annotations

import struct

from rtc.extensions import TRANSPORT_WIDE_CC
from rtc.rtcp import Item, count_transport_feedback
from sfu.table import INITIAL_RETRANSMISSION_CREDIT_BYTES
from sfu.walk import KEYFRAME_WANTED
from tests.sfu.bench import EXTENSION_IDS, VP8_RTX, Bench, Peer
from tests.sfu.packets import (
    NACK,
    PLI,
    TRANSPORT_FEEDBACK,
    feedback,
    nack,
    read_nack,
    read_sender_report,
    rtp,
    sender_report,
    vp8,
)

CAMERA = 0xCAFE


def frame(index: int, *, keyframe: bool = False, size: int = 20, extensions: dict[int, bytes] | None = None) -> bytes:
    """A packet of the camera."""
    return rtp(CAMERA, index, index * 3000, vp8(bytes(size), keyframe=keyframe, picture=index), extensions=extensions)


def of_kind(peer: Peer, kind: tuple[int, int]) -> list[Item]:
    """The feedback of one kind that came to a peer."""
    return [item for item in peer.reports if (item.type, item.count_or_format) == kind]


def test_nack_is_answered_by_a_retransmission_with_the_original_number() -> None:
    bench = Bench()
    publisher, viewer = bench.add_peer(), bench.add_peer()
    camera, slot = bench.video(publisher, CAMERA), bench.add_slot(viewer)
    bench.walk.select(slot.consumer_id, camera)
    for index in range(500, 520):
        bench.send(publisher, frame(index, keyframe=index == 500))
    bench.send_rtcp(viewer, nack(slot.ssrc, [(3, 0b101)]))
    repairs = viewer.of(slot.rtx_ssrc)
    originals = {packet.sequence_number: packet for packet in viewer.of(slot.ssrc)}
    assert [struct.unpack("!H", packet.payload[:2])[0] for packet in repairs] == [3, 4, 6]
    for packet in repairs:
        original = originals[struct.unpack("!H", packet.payload[:2])[0]]
        assert packet.payload_type == VP8_RTX
        assert (packet.payload[2:], packet.timestamp) == (original.payload, original.timestamp)
    assert len({packet.sequence_number for packet in repairs}) == 3


def test_nack_storm_is_capped() -> None:
    bench = Bench()
    publisher, viewer = bench.add_peer(), bench.add_peer()
    camera, slot = bench.video(publisher, CAMERA), bench.add_slot(viewer)
    bench.walk.select(slot.consumer_id, camera)
    for index in range(100):
        bench.send(publisher, frame(index, keyframe=not index, size=1000))
    forwarded = sum(len(datagram) for datagram in viewer.datagrams)
    for _ in range(50):
        bench.send_rtcp(viewer, nack(slot.ssrc, [(1 + 17 * i, 0xFFFF) for i in range(5)]))
    repaired = sum(len(packet.payload) for packet in viewer.of(slot.rtx_ssrc))
    assert 0 < repaired <= INITIAL_RETRANSMISSION_CREDIT_BYTES + forwarded // 4
    assert bench.drops()["nack_limited"] > 3000
    bench.send(publisher, frame(100))
    assert len(viewer.of(slot.ssrc)) == 101


def test_nack_for_what_was_never_sent_or_for_another_ones_slot_gets_nothing() -> None:
    bench = Bench()
    publisher, viewer, other = bench.add_peer(), bench.add_peer(), bench.add_peer()
    camera, slot = bench.video(publisher, CAMERA), bench.add_slot(viewer)
    bench.walk.select(slot.consumer_id, camera)
    bench.send(publisher, frame(1, keyframe=True))
    bench.send_rtcp(viewer, nack(slot.ssrc, [(9000, 0)]))
    bench.send_rtcp(other, nack(slot.ssrc, [(1, 0)]))
    assert viewer.of(slot.rtx_ssrc) == other.packets == []
    assert bench.drops() == {"nack_unknown": 2}


def test_picture_loss_of_a_hundred_subscribers_makes_one_event() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    camera = bench.video(publisher, CAMERA)
    viewers = [bench.add_peer() for _ in range(100)]
    slots = [bench.add_slot(viewer) for viewer in viewers]
    for slot in slots:
        bench.walk.select(slot.consumer_id, camera)
    bench.send(publisher, frame(1, keyframe=True))
    for viewer, slot in zip(viewers, slots, strict=True):
        bench.send_rtcp(viewer, feedback(PLI, slot.ssrc))
    assert bench.walk.take_events() == [(KEYFRAME_WANTED, camera)]
    bench.send_rtcp(viewers[0], feedback(PLI, slots[0].ssrc))
    assert bench.walk.take_events() == [(KEYFRAME_WANTED, camera)]
    bench.request_keyframe(camera)
    assert [struct.unpack("!II", item.body)[1] for item in of_kind(publisher, PLI)] == [CAMERA]


def test_each_subscriber_gets_a_sender_report_of_its_own() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    camera = bench.video(publisher, CAMERA)
    viewers = [bench.add_peer(), bench.add_peer()]
    slots = [bench.add_slot(viewer) for viewer in viewers]
    bench.walk.select(slots[0].consumer_id, camera)
    bench.send(publisher, frame(1, keyframe=True))
    bench.walk.select(slots[1].consumer_id, camera)
    bench.send(publisher, frame(2, keyframe=True))
    theirs_us = 1_700_000_000_000_000
    bench.send_rtcp(publisher, sender_report(CAMERA, theirs_us, 2 * 3000))
    bench.now_us += 40_000
    bench.send_rtcp(publisher, sender_report(CAMERA, theirs_us + 30_000, 2 * 3000 + 2700))
    for viewer, slot in zip(viewers, slots, strict=True):
        reports = [read_sender_report(item.body) for item in viewer.reports if item.type == 200]
        offset = viewer.of(slot.ssrc)[-1].timestamp - 2 * 3000
        assert [report[0] for report in reports] == [slot.ssrc] * 2
        assert [report[3] for report in reports] == [len(viewer.of(slot.ssrc))] * 2
        # The second came 10 ms late: its RTP time is moved on to the time of sending.
        assert [report[2] - offset for report in reports] == [6000, 6000 + 2700 + 900]
        assert abs(reports[1][1] - bench.now_us) <= 1
        assert [item.type for item in viewer.reports] == [200, 202, 200, 202]


def test_publisher_is_told_what_is_missing_and_what_has_come() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    bench.video(publisher, CAMERA)
    number = EXTENSION_IDS[TRANSPORT_WIDE_CC]
    for index in [*range(10), *range(13, 30)]:
        bench.send(publisher, frame(index, keyframe=not index, extensions={number: struct.pack("!H", index)}))
    bench.tick()
    assert publisher.reports == []
    bench.now_us += 20_000
    bench.tick(feedback=True, reports=True)
    assert [read_nack(item.body) for item in of_kind(publisher, NACK)] == [{10, 11, 12}]
    arrived = of_kind(publisher, TRANSPORT_FEEDBACK)
    assert [count_transport_feedback(item.body[8:]) for item in arrived] == [(27, 3)]
    report = next(item for item in publisher.reports if item.type == 201)
    ssrc, loss, highest = struct.unpack("!III", report.body[4:16])
    assert (ssrc, loss >> 24, loss & 0xFFFFFF, highest) == (CAMERA, 3 * 256 // 31, 3, 29)


def test_hole_that_stays_is_asked_for_again_and_then_needs_a_keyframe() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    camera = bench.video(publisher, CAMERA)
    bench.send(publisher, frame(0, keyframe=True), frame(2))
    for _ in range(60):
        bench.now_us += 20_000
        bench.tick()
    assert [read_nack(item.body) for item in of_kind(publisher, NACK)] == [{1}] * 8
    assert bench.walk.take_events() == [(KEYFRAME_WANTED, camera)]
    bench.send(publisher, frame(1))
    bench.tick()
    assert len(of_kind(publisher, NACK)) == 8


def test_walk_says_whether_holes_are_open_so_that_a_tick_comes_in_time() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    bench.video(publisher, CAMERA)
    bench.send(publisher, frame(0, keyframe=True))
    assert not bench.walk.has_holes
    bench.send(publisher, frame(2))
    assert bench.walk.has_holes
    bench.tick()
    assert bench.walk.has_holes
    bench.send(publisher, frame(1))
    bench.tick()
    assert not bench.walk.has_holes


def test_hole_too_large_to_ask_for_needs_a_keyframe_at_once() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    camera = bench.video(publisher, CAMERA)
    bench.send(publisher, frame(0, keyframe=True), frame(300))
    bench.tick()
    assert bench.walk.take_events() == [(KEYFRAME_WANTED, camera)]


def test_hole_that_is_filled_is_not_asked_for() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    bench.video(publisher, CAMERA)
    bench.send(publisher, frame(0, keyframe=True), frame(2), frame(1))
    bench.now_us += 100_000
    bench.tick()
    assert publisher.reports == []
