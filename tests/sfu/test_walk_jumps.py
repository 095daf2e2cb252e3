"""A publisher whose numbers jump: whatever becomes of the packet at the jump, those behind it come through."""

from __future__ import annotations

import struct

import pytest

from sfu.walk import Walk
from tests.sfu.bench import VP8, VP8_RTX, Bench, Peer, Slot
from tests.sfu.packets import rtp, vp8

CAMERA, REPAIR = 0xA0, 0xA1
H264 = 102


def frame(index: int, payload: bytes | None = None, payload_type: int = VP8) -> bytes:
    payload = vp8(b"picture", keyframe=True, picture=index, tl0=index) if payload is None else payload
    return rtp(CAMERA, index, index * 3000, payload, payload_type=payload_type)


def one_camera() -> tuple[Bench, Peer, int, Peer, Slot]:
    """A publisher, its camera, and a viewer that has got the first keyframe."""
    bench = Bench()
    publisher, viewer = bench.add_peer(codecs={VP8: "VP8", H264: "H264"}), bench.add_peer()
    source, slot = bench.video(publisher, CAMERA), bench.add_slot(viewer, {"VP8": (VP8, VP8_RTX)})
    bench.walk.select(slot.consumer_id, source)
    bench.send(publisher, frame(1000))
    return bench, publisher, source, viewer, slot


def numbers(viewer: Peer, slot: Slot) -> list[int]:
    return [packet.sequence_number for packet in viewer.of(slot.ssrc)]


@pytest.mark.attack
@pytest.mark.parametrize("together", [True, False])
def test_a_malformed_payload_at_the_jump_freezes_nobody(together: bool) -> None:
    bench, publisher, _, viewer, slot = one_camera()
    packets = [frame(1001), frame(40000, b"\x90\xe0\x81"), frame(40001), frame(40002)]
    for batch in [packets] if together else [[packet] for packet in packets]:
        bench.send(publisher, *batch)
    assert numbers(viewer, slot) == [1, 2, 3, 4]
    assert bench.drops()["payload_malformed"] == 1


def test_a_codec_at_the_jump_that_a_viewer_cannot_receive_does_not_freeze_what_follows() -> None:
    bench, publisher, _, viewer, slot = one_camera()
    bench.send(publisher, frame(40000, b"\x67\x42", H264), frame(40001), frame(40002))
    assert numbers(viewer, slot) == [1, 2, 3]
    assert bench.drops()["codec_unsupported"] == 1


def test_a_jump_while_a_viewer_has_no_address_is_smoothed_when_it_has_one_again() -> None:
    bench, publisher, _, viewer, slot = one_camera()
    bench.walk.set_addresses(viewer.peer_id, [viewer.address], None)
    bench.send(publisher, frame(40000))
    bench.walk.set_addresses(viewer.peer_id, [viewer.address], viewer.address)
    bench.send(publisher, frame(40001))
    assert numbers(viewer, slot) == [1, 2]


@pytest.mark.attack
@pytest.mark.parametrize("original", [40000, 1000 - 2000, 1000 + 1500])
def test_a_retransmission_of_a_number_far_away_moves_nothing(original: int) -> None:
    bench, publisher, source, viewer, slot = one_camera()
    walk: Walk = bench.walk
    walk.add_source(publisher.peer_id, REPAIR, True, 90000, source)
    repair = struct.pack("!H", original & 0xFFFF) + vp8(b"old", picture=1)
    bench.send(publisher, rtp(REPAIR, 1, 0, repair, payload_type=VP8_RTX))
    bench.send(publisher, frame(1001), frame(1002))
    assert numbers(viewer, slot) == [1, 2, 3]
    assert bench.drops()["rtx_malformed"] == 1
