"""The packet walk: what a subscriber gets of what publishers send, beside a slow twin."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from rtc.extensions import ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_WIDE_CC
from sfu.walk import KEYFRAME, KEYFRAME_WANTED
from tests.reference.forwarding import ReferenceConsumer, Sent
from tests.sfu.bench import OPUS, VP8_RTX, Bench, Peer, Slot
from tests.sfu.packets import read_vp8, rtp, vp8

SSRCS = (0xA0, 0xB0)
STEP = st.tuples(
    st.sampled_from([*["send"] * 5, *["flush"] * 3, "lose", "late", "again", "jump", "select", "wait"]),
    st.integers(0, 1),
    st.integers(0, 5),
)


def video_packet(packet: Sent) -> bytes:
    """The RTP packet of a publisher; its body says which it is."""
    payload = vp8(
        struct.pack("!BI", packet.source, packet.index),
        keyframe=packet.keyframe,
        picture=packet.picture,
        tl0=packet.tl0,
    )
    return rtp(SSRCS[packet.source], packet.index, packet.timestamp, payload)


class Publishers:
    """Two cameras whose packets are lost, late or doubled as the steps say."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.peers = [bench.add_peer(), bench.add_peer()]
        self.sources = [bench.video(peer, ssrc) for peer, ssrc in zip(self.peers, SSRCS, strict=True)]
        self.indices = [31_000, 65_530 - 3 * 7]
        self.held: list[tuple[Sent, bytes]] = []
        self.old: list[tuple[Sent, bytes]] = []
        self.batch: list[tuple[Sent, bytes]] = []

    def make(self, source: int, keyframe: bool) -> tuple[Sent, bytes]:
        """The camera's next packet, encrypted."""
        index = self.indices[source] = self.indices[source] + 1
        packet = Sent(source, index, index * 3000 * (source + 1), index * 7 + source * 999, index // 4, keyframe)
        return packet, self.peers[source].session.protect(video_packet(packet))

    def step(self, action: str, source: int, number: int) -> None:
        """Send, lose or hold back; ``number`` 0 makes keyframes, and says which old packet comes (again)."""
        if action == "jump":
            self.indices[source] += 400 * (number + 1)
        elif action == "late" and number % 2 and self.held:
            self.batch.append(self.held.pop(0))
        elif action == "again" and self.old:
            self.batch.append(self.old[-1 - number % len(self.old)])
        elif action in ("send", "lose", "late"):
            packet = self.make(source, number < 2)
            if action == "send":
                self.batch.append(packet)
                self.old.append(packet)
            elif action == "late":
                self.held.append(packet)

    def deliver(self) -> list[Sent]:
        """Hand over the batch that has gathered."""
        batch, self.batch = self.batch, []
        self.bench.send_raw(*((data, self.peers[packet.source].address) for packet, data in batch))
        return [packet for packet, _ in batch]


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, min_size=10, max_size=150))
def test_walk_rewrites_as_its_slow_twin(steps: list[tuple[str, int, int]]) -> None:
    bench = Bench()
    publishers = Publishers(bench)
    viewer = bench.add_peer()
    slot = bench.add_slot(viewer)
    twin = ReferenceConsumer()
    # A receiver cannot guess the rollover counter of a stream whose start it has missed (RFC 3711 section 3.3.1).
    for source in (0, 1):
        publishers.step("send", source, 5)
    expected = twin.handle(publishers.deliver(), bench.now_us)
    for action, source, number in [("select", 0, 0), *steps, ("flush", 0, 0)]:
        if action == "select":
            bench.walk.select(slot.consumer_id, publishers.sources[source])
            twin.select(source)
        elif action == "wait":
            bench.now_us += 7_000 * (number + 1)
        elif action == "flush":
            expected += twin.handle(publishers.deliver(), bench.now_us)
        else:
            publishers.step(action, source, number)
    got = [(packet.sequence_number, packet.timestamp, *read_vp8(packet.payload)) for packet in viewer.of(slot.ssrc)]
    assert got == [
        (one.sequence_number, one.timestamp, one.picture, one.tl0, struct.pack("!BI", sent.source, sent.index))
        for one in expected
        for sent in [one.original]
    ]
    assert all(packet.extensions == {} for packet in viewer.packets)
    stats = bench.walk.consumer_stats(slot.consumer_id)
    assert stats["source"] == (None if twin.shown is None else publishers.sources[twin.shown])
    assert bench.drops().get("protect", 0) == 0


def frame(index: int, *, source: int = 0, keyframe: bool = False, size: int = 0, timestamp: int | None = None) -> bytes:
    """A packet of camera ``source``, 3,000 ticks a frame."""
    payload = vp8(bytes(size), keyframe=keyframe, picture=index, tl0=index)
    return rtp(SSRCS[source], index, index * 3000 if timestamp is None else timestamp, payload)


def one_camera(bench: Bench) -> tuple[Peer, int, Peer, Slot]:
    """A publisher, its camera, a viewer and its slot that shows the camera, with the first keyframe seen."""
    publisher, viewer = bench.add_peer(), bench.add_peer()
    source, slot = bench.video(publisher, SSRCS[0]), bench.add_slot(viewer)
    assert bench.walk.select(slot.consumer_id, source)
    bench.send(publisher, frame(1000, keyframe=True))
    return publisher, source, viewer, slot


def test_switch_keeps_numbers_continuous_and_starts_on_a_keyframe() -> None:
    bench = Bench()
    first, _, viewer, slot = one_camera(bench)
    second = bench.add_peer()
    other = bench.video(second, SSRCS[1])
    bench.send(first, frame(1001))
    assert bench.walk.select(slot.consumer_id, other)
    bench.now_us += 100_000
    bench.send(second, frame(60000, source=1))
    bench.send(first, frame(1002))
    bench.now_us += 100_000
    bench.send(second, frame(60001, source=1, keyframe=True))
    bench.send(first, frame(1003))
    packets = viewer.of(slot.ssrc)
    assert [packet.sequence_number for packet in packets] == [1, 2, 3, 4]
    assert [read_vp8(packet.payload)[:2] for packet in packets] == [
        (picture, picture & 0xFF) for picture in (1000, 1001, 1002, 1003)
    ]
    assert packets[3].timestamp - packets[2].timestamp == 9000
    assert packets[3].payload[5] == 0


def test_late_packet_from_before_the_switch_is_not_forwarded() -> None:
    bench = Bench()
    publisher, _, viewer, slot = one_camera(bench)
    bench.send(publisher, frame(999))
    assert len(viewer.of(slot.ssrc)) == 1
    assert bench.drops() == {"before_start": 1}


def test_slot_that_cannot_be_sent_to_yet_waits_for_a_keyframe_that_it_can_get() -> None:
    bench = Bench()
    publisher, viewer = bench.add_peer(), bench.add_peer()
    slot = bench.add_slot(viewer)
    bench.walk.set_addresses(viewer.peer_id, [viewer.address], None)
    bench.walk.select(slot.consumer_id, bench.video(publisher, SSRCS[0]))
    bench.send(publisher, frame(0, keyframe=True), frame(1))
    bench.walk.set_addresses(viewer.peer_id, [viewer.address], viewer.address)
    bench.send(publisher, frame(2), frame(3, keyframe=True), frame(4))
    assert [packet.payload[5] for packet in viewer.of(slot.ssrc)] == [0, 1]


def test_keyframe_that_was_overtaken_within_its_batch_still_starts_the_slot() -> None:
    bench = Bench()
    _, _, viewer, slot = one_camera(bench)
    second = bench.add_peer()
    bench.walk.select(slot.consumer_id, bench.video(second, SSRCS[1]))
    bench.send(second, *(frame(index, source=1, keyframe=index == 500) for index in (499, 501, 500, 502)))
    packets = viewer.of(slot.ssrc)[1:]
    assert [(packet.sequence_number, packet.payload[5]) for packet in packets] == [(2, 0), (3, 1), (4, 1)]
    assert bench.drops() == {"before_start": 1}


def test_switch_of_sound_ignores_where_the_last_voice_began() -> None:
    bench = Bench()
    people = [bench.add_peer(), bench.add_peer()]
    voices = [bench.audio(person, ssrc) for person, ssrc in zip(people, SSRCS, strict=True)]
    viewer = bench.add_peer()
    slot = bench.add_slot(viewer)
    for number, index in ((0, 30000), (1, 10000)):
        assert not bench.walk.select(slot.consumer_id, voices[number])
        bench.send(people[number], rtp(SSRCS[number], index, index, b"voice", payload_type=OPUS))
    assert [packet.sequence_number for packet in viewer.of(slot.ssrc)] == [1, 2]


def test_jump_of_numbers_within_a_batch_is_smoothed_where_it_stands() -> None:
    bench = Bench()
    publisher, _, viewer, slot = one_camera(bench)
    bench.send(publisher, frame(1001), frame(9000), frame(9001))
    assert [packet.sequence_number for packet in viewer.of(slot.ssrc)] == [1, 2, 3, 4]


def test_extension_ids_are_mapped_per_subscriber() -> None:
    bench = Bench()
    publisher = bench.add_peer(publishing={AUDIO_LEVEL: 5, ABS_SEND_TIME: 6, TRANSPORT_WIDE_CC: 7, MID: 8})
    voice = bench.audio(publisher, SSRCS[0])
    wishes = [{AUDIO_LEVEL: 1, TRANSPORT_WIDE_CC: 3}, {AUDIO_LEVEL: 9, ABS_SEND_TIME: 2}, {}]
    viewers = [bench.add_peer(receiving=wish) for wish in wishes]
    for viewer in viewers:
        bench.walk.select(bench.add_slot(viewer).consumer_id, voice)
    sent = {5: b"\x9f", 6: b"\1\2\3", 7: b"\0\1", 8: b"0"}
    bench.send(publisher, rtp(SSRCS[0], 1, 1, b"voice", payload_type=OPUS, extensions=sent))
    extensions = [viewer.packets[0].extensions for viewer in viewers]
    send_time = ((bench.now_us << 18) // 1_000_000 & 0xFFFFFF).to_bytes(3, "big")
    assert extensions == [{1: b"\x9f", 3: b"\0\0"}, {9: b"\x9f", 2: send_time}, {}]


def test_transport_wide_sequence_numbers_count_per_subscriber() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    voice, camera = bench.audio(publisher, SSRCS[0]), bench.video(publisher, SSRCS[1])
    viewers = [bench.add_peer(receiving={TRANSPORT_WIDE_CC: 3}) for _ in range(2)]
    for viewer in viewers:
        bench.walk.select(bench.add_slot(viewer).consumer_id, camera)
    bench.walk.select(bench.add_slot(viewers[0]).consumer_id, voice)
    for index in range(3):
        bench.send(publisher, rtp(SSRCS[0], index, 0, b"voice", payload_type=OPUS))
        bench.send(publisher, frame(index, source=1, keyframe=True))
    counts = [[int.from_bytes(packet.extensions[3], "big") for packet in viewer.packets] for viewer in viewers]
    assert counts == [list(range(6)), list(range(3))]


def test_packets_of_a_frame_are_padded_to_one_size_and_read_as_they_were() -> None:
    bench = Bench(equalising=True)
    publisher, _, viewer, slot = one_camera(bench)
    messages = bench.walk.counters()["sent_messages"]
    sizes = [1100, 1101, 1090, 1101, 400]
    frames = [frame(1001 + i, size=size, timestamp=7) for i, size in enumerate(sizes)]
    bench.send(publisher, *frames)
    assert bench.walk.counters()["sent_messages"] == messages + 1
    assert len({len(datagram) for datagram in viewer.datagrams[1:5]}) == 1
    packets = viewer.of(slot.ssrc)[1:]
    assert [packet.padding_bytes for packet in packets] == [1, 0, 11, 0, 0]
    assert [packet.payload for packet in packets] == [rtp_frame[12:] for rtp_frame in frames]


def test_payload_type_is_mapped_per_subscriber_and_an_unsupported_codec_is_counted() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    camera = bench.video(publisher, SSRCS[0])
    able, unable = bench.add_peer(), bench.add_peer()
    bench.walk.select(bench.add_slot(able, {"VP8": (120, None)}).consumer_id, camera)
    bench.walk.select(bench.add_slot(unable, {"H264": (102, None)}).consumer_id, camera)
    bench.send(publisher, frame(1, keyframe=True))
    assert [packet.payload_type for packet in able.packets] == [120]
    assert unable.packets == []
    assert bench.drops() == {"codec_unsupported": 1}


def test_retransmission_of_a_publisher_is_unwrapped_once() -> None:
    bench = Bench()
    publisher, source, viewer, slot = one_camera(bench)
    bench.walk.add_source(publisher.peer_id, 0xAA, True, 90000, source)
    bench.send(publisher, frame(1002))
    lost = frame(1001)
    repair = rtp(0xAA, 7, 1001 * 3000, struct.pack("!H", 1001) + lost[12:], payload_type=VP8_RTX)
    bench.send(publisher, repair, rtp(0xAA, 8, 0, b"", payload_type=VP8_RTX))
    bench.send(publisher, lost)
    assert [packet.sequence_number for packet in viewer.of(slot.ssrc)] == [1, 3, 2]
    assert viewer.of(slot.ssrc)[2].payload == lost[12:]
    assert bench.drops() == {"duplicate": 1}


def test_streams_known_only_by_their_packets_are_bound_once_however_many_come_at_first() -> None:
    bench = Bench()
    publisher = bench.add_peer()
    asked = []
    bench.walk.on_unknown_ssrc = lambda *names: asked.append(names) is None and bool(bench.video(publisher, names[1]))
    for ssrc in range(0x700, 0x703):
        packets = [rtp(ssrc, i, 1, vp8(b"", keyframe=not i), extensions={4: b"1"}) for i in range(30)]
        bench.send(publisher, *packets)
    assert [names[1:4] for names in asked] == [(ssrc, 96, b"1") for ssrc in range(0x700, 0x703)]
    assert bench.drops() == {}


def test_stream_that_replaces_another_within_a_batch_leaves_nothing_behind() -> None:
    bench = Bench()
    publisher, source, viewer, slot = one_camera(bench)
    bound = [source]

    def replace(_peer: int, ssrc: int, *_names: object) -> bool:
        bound.append(bench.video(publisher, ssrc))
        bench.walk.remove_source(bound[-2])
        bench.walk.select(slot.consumer_id, bound[-1])
        return True

    bench.walk.on_unknown_ssrc = replace
    strangers = [rtp(ssrc, 5, 1, vp8(b"new", keyframe=True)) for ssrc in (0xC0, 0xD0)]
    bench.send(publisher, frame(1001), strangers[0], strangers[1])
    assert [packet.sequence_number for packet in viewer.of(slot.ssrc)] == [1, 2, 3, 4]
    assert bench.walk.sizes()["sources"] == 1


def test_sizes_return_to_zero_after_churn() -> None:
    bench = Bench()
    for turn in range(40):
        crowd = [bench.add_peer() for _ in range(4)]
        cameras = [bench.video(person, 0x900 + number) for number, person in enumerate(crowd)]
        for number, person in enumerate(crowd):
            for camera in cameras:
                bench.walk.select(bench.add_slot(person).consumer_id, camera)
            bench.send(person, rtp(0x900 + number, turn, 0, vp8(b"", keyframe=True)))
        for person in crowd[turn % 4 :] + crowd[: turn % 4]:
            bench.remove_peer(person)
    assert bench.walk.sizes() == {"peers": 0, "sources": 0, "consumers": 0, "addresses": 0}


def test_keyframe_that_was_asked_for_is_reported_once() -> None:
    bench = Bench()
    publisher, source, _, _ = one_camera(bench)
    bench.request_keyframe(source)
    bench.send(publisher, frame(1001), frame(1002, keyframe=True), frame(1003, keyframe=True))
    assert bench.walk.take_events() == [(KEYFRAME, source)]
    assert KEYFRAME != KEYFRAME_WANTED
