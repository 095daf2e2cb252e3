"""Rows 1 to 8 of the threat list against one worker: refused, counted by cause, and nobody's call is touched."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

import pytest

from rtc.dtls import DtlsTransport
from rtc.srtp import SrtpSession
from sfu.table import UNKNOWN_SSRC_ALLOWANCE
from sfu.walk import ADDRESS_PACKETS_PER_S, KEYFRAME_WANTED, STRANGER_PACKETS_PER_S
from tests.rtc.dtls_network import certificate, client_hello
from tests.sfu.bench import OPUS, VP8_RTX, Bench, Peer, Slot
from tests.sfu.packets import AFB, FIR, NACK, PLI, feedback, nack, receiver_report, rtcp, rtp, sender_report, vp8
from tests.sfu.virtual import EXTENSION_IDS, MID, RID, World

pytestmark = pytest.mark.attack
CAMERA, VOICE = 0xCAFE, 0xFACE
STRANGER = ("203.0.113.200", 6666)


class Call:
    """A publisher with a camera and a voice, and a viewer of both; ``still_works`` is the point of every test."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.publisher: Peer = self.bench.add_peer()
        self.viewer: Peer = self.bench.add_peer()
        self.camera = self.bench.video(self.publisher, CAMERA)
        self.voice = self.bench.audio(self.publisher, VOICE)
        self.slot: Slot = self.bench.add_slot(self.viewer)
        self.voice_slot: Slot = self.bench.add_slot(self.viewer)
        self.bench.walk.select(self.slot.consumer_id, self.camera)
        self.bench.walk.select(self.voice_slot.consumer_id, self.voice)
        self.number = 100
        self.still_works()

    def frame(self, payload: bytes | None = None) -> bytes:
        """The camera's next packet, plain."""
        self.number += 1
        return rtp(CAMERA, self.number, self.number * 3000, vp8(b"body", keyframe=True) if payload is None else payload)

    def still_works(self) -> None:
        """A good packet gets through."""
        before = len(self.viewer.of(self.slot.ssrc)), len(self.viewer.of(self.voice_slot.ssrc))
        self.bench.send(self.publisher, self.frame(), rtp(VOICE, self.number, self.number, b"voice", payload_type=OPUS))
        after = len(self.viewer.of(self.slot.ssrc)), len(self.viewer.of(self.voice_slot.ssrc))
        assert after == (before[0] + 1, before[1] + 1)

    def refuses(self, **causes: int) -> None:
        """Just these causes were counted, and the call goes on."""
        assert self.bench.drops() == causes
        self.still_works()
        assert self.bench.drops() == causes


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.fixture
def world() -> Iterator[World]:
    """A meeting of two that must be as good after the test as before."""
    world = World()
    people = world.meet("anna", "bo")
    sizes = world.walk.sizes()
    yield world
    for person in people:
        person.forget()
    world.run(1)
    assert people[0].voices()["bo"] > 45
    assert people[1].pictures()["anna/"] > 45
    assert world.walk.sizes() == sizes
    assert world.events("reconnect") == []


# -- rows 1 to 4: STUN and DTLS --------------------------------------------------------------------------------------


def test_dtls_from_an_address_that_ice_has_not_validated_is_dropped(world: World) -> None:
    cai = world.peer("cai")
    cai.join()
    for _ in range(5):
        world.to_server(*((data, STRANGER) for data in client_hello()))
        world.run(0.05)
    assert world.drops()["unknown_address"] >= 5
    world.run(1)
    assert cai.session is not None
    world.engine.leave(cai.request(), world.now_us)


def test_client_hello_of_a_stranger_at_a_validated_address_does_not_spoil_the_handshake(world: World) -> None:
    cai = world.peer("cai")
    cai.join()
    world.to_server((cai.check(), cai.address))
    for number in range(3):
        world.to_server(*((data, cai.address) for data in client_hello(f"stranger-{number}")))
        world.to_server((b"\x16\xfe\xfd" + bytes(40), cai.address))
    world._under_way.clear()  # what the stranger is answered is not the point here
    world.run(2)
    assert cai.session is not None
    assert cai.voices()["anna"] > 0
    world.engine.leave(cai.request(), world.now_us)


def test_certificate_other_than_the_announced_one_gets_no_keys(world: World) -> None:
    cai = world.peer("cai")
    cai.join()
    cai.dtls = DtlsTransport(certificate("thief"), "client", cai.server.fingerprints)
    world.run(2)
    person = world.engine.rooms["room"].people["p-cai"]
    assert person.transport.dtls.srtp_keys is None
    assert cai.heard == {}
    assert [data["participant_ids"] for _, data in world.events("reconnect")] == [["p-cai"]]
    world.engine.leave(cai.request(), world.now_us)


def test_stun_with_a_bad_integrity_or_name_is_dropped_in_silence(world: World) -> None:
    anna = next(iter(world.peers.values()))
    selected = world.engine.rooms["room"].people["p-anna"].transport.ice.selected
    good = anna.check()
    forged = [anna.check(key=b"wrong"), good[:-1], good[:20], good[:40] + b"\xff" + good[41:], bytes(20)]
    world._under_way.clear()
    for data in forged:
        world.to_server((data, STRANGER))
    assert all(to != STRANGER for *_, to in world._under_way)
    drops = +world.drops()
    assert sum(count for cause, count in drops.items() if "stun" in cause) == len(forged)
    assert world.engine.rooms["room"].people["p-anna"].transport.ice.selected == selected


def test_check_that_a_stranger_repeats_moves_the_call_no_longer_than_to_the_next_check(world: World) -> None:
    """Short-term credentials do not tell a repetition (RFC 8489 section 9.1): who reads along can borrow the media."""
    anna = next(iter(world.peers.values()))
    world.to_server((anna.check(), STRANGER))
    ice = world.engine.rooms["room"].people["p-anna"].transport.ice
    world.run(3)
    assert ice.selected == anna.address
    world.run(30)
    assert ice.validated == {anna.address}


def test_stun_flood_of_one_address_is_limited_and_others_are_served(world: World) -> None:
    check = world.peers[("203.0.113.1", 10_000)].check(key=b"wrong")
    flood = int(ADDRESS_PACKETS_PER_S) * 10
    world.to_server(*((check, STRANGER) for _ in range(flood)))
    assert world.drops()["rate_limited"] == flood - int(ADDRESS_PACKETS_PER_S)
    assert world.drops()["stun_stun_integrity_wrong"] == int(ADDRESS_PACKETS_PER_S)


def test_stun_flood_of_many_strangers_is_limited_and_those_in_a_call_are_served(world: World) -> None:
    check = world.peers[("203.0.113.1", 10_000)].check(key=b"wrong")
    flood = 4 * int(STRANGER_PACKETS_PER_S)
    world.to_server(*((check, (f"10.9.{i >> 8}.{i & 255}", 7000)) for i in range(flood)))
    assert world.drops()["rate_limited"] >= flood - int(STRANGER_PACKETS_PER_S)
    before = world.drops()["rate_limited"]
    world.run(3)
    assert world.drops()["rate_limited"] == before


def test_answer_to_a_stranger_is_never_larger_than_its_question(world: World) -> None:
    world._under_way.clear()
    anna = world.peers[("203.0.113.1", 10_000)]
    for data in (anna.check(key=b"wrong"), bytes((0, 1)) + bytes(18), *client_hello(), bytes(2), bytes((255,)) * 9):
        world.to_server((data, STRANGER))
    assert [item for item in world._under_way if item[4] == STRANGER] == []


# -- row 5: SRTP -----------------------------------------------------------------------------------------------------


def test_flood_with_a_bad_tag_does_not_hang_up(call: Call) -> None:
    size = call.bench.walk.sizes()
    for number in range(200):
        forged = rtp(CAMERA, call.number + 1 + number, 0, bytes(60))
        call.bench.send_raw(*[(forged, call.publisher.address)] * 10)
    assert call.bench.walk.sizes() == size
    call.refuses(srtp_tag=2000)


def test_replayed_packet_is_dropped(call: Call) -> None:
    data = call.publisher.session.protect(call.frame())
    call.bench.send_raw(*[(data, call.publisher.address)] * 3)
    report = call.publisher.session.protect_rtcp(receiver_report(1))
    call.bench.send_raw(*[(report, call.publisher.address)] * 3)
    call.refuses(srtp_replay=4, rtcp_unknown_ssrc=1)


def test_rollover_of_the_sequence_counter_under_loss_is_followed(call: Call) -> None:
    """The 65,535th packet and those around it are lost, twice."""
    bench, got = call.bench, []
    for index in range(call.number + 1, 2 * 65536 + 5000, 97):
        call.number = index
        bench.now_us += 10_000
        data = call.publisher.session.protect(call.frame())
        if index % 65536 not in (*range(65_300, 65_536), *range(300)):
            bench.send_raw((data, call.publisher.address))
            got.append(index)
    assert len(call.viewer.of(call.slot.ssrc)) == 1 + len(got)
    call.number += 1
    call.refuses()


@pytest.mark.parametrize("length", [4, 8, 12, 16, 21])
def test_too_short_srtcp_is_malformed(call: Call, length: int) -> None:
    data = call.publisher.session.protect_rtcp(receiver_report(1))[:length]
    call.bench.send_raw((data, call.publisher.address))
    call.refuses(rtcp_malformed=1)


def test_plain_rtp_and_rtcp_are_refused(call: Call) -> None:
    plain = [call.frame(), receiver_report(CAMERA), feedback(PLI, CAMERA) + bytes(20)]
    call.bench.send_raw(*((data, call.publisher.address) for data in plain))
    assert sum(call.bench.drops().values()) == 3
    assert set(call.bench.drops()) <= {"srtp_tag", "srtp_other"}
    assert call.bench.walk.take_events() == []
    call.still_works()


def test_media_of_a_stranger_and_before_the_keys_is_refused(call: Call) -> None:
    data = call.publisher.session.protect(call.frame())
    early = call.bench.walk.add_peer(1)
    call.bench.walk.set_addresses(early, [("192.0.2.250", 9)], ("192.0.2.250", 9))
    call.bench.send_raw((data, STRANGER), (data, ("192.0.2.250", 9)))
    call.refuses(unknown_address=1, no_keys=1)


# -- row 6: RTP ------------------------------------------------------------------------------------------------------


def _with(packet: bytes, offset: int, value: int) -> bytes:
    return packet[:offset] + bytes((value,)) + packet[offset + 1 :]


@pytest.mark.parametrize("last", [0, 200, 255])
def test_padding_of_nothing_or_beyond_the_packet_is_malformed(call: Call, last: int) -> None:
    packet = _with(call.frame(), 0, 0xA0)
    call.bench.send(call.publisher, _with(packet, len(packet) - 1, last))
    call.refuses(rtp_malformed=1)


def test_extension_element_beyond_its_block_is_malformed(call: Call) -> None:
    head = struct.pack("!BBHII", 0x90, 96, call.number + 1, 0, CAMERA)
    call.bench.send(call.publisher, head + struct.pack("!HH", 0xBEDE, 1) + b"\x1f\0\0\0" + vp8(b"x"))
    call.bench.send(call.publisher, _with(head, 3, 250) + struct.pack("!HH", 0x1000, 1) + b"\0\0\1\xff" + vp8(b"x"))
    call.number = 250
    call.refuses(extension_malformed=2)


def test_csrc_list_and_extension_block_beyond_the_packet_are_refused(call: Call) -> None:
    session = call.publisher.session
    for first, tail in ((0x8F, b""), (0x90, b"\xbe\xde\xff\xff"), (0x90, b"\xbe")):
        good = bytearray(session.protect(call.frame()))
        good[0] = first
        call.bench.send_raw((bytes(good[:12]) + tail + bytes(good[12:]), call.publisher.address))
        call.bench.send_raw((bytes(good[:12]), call.publisher.address))
    assert sum(call.bench.drops().values()) == 6
    call.still_works()


def test_datagrams_over_the_mtu_are_dropped(call: Call) -> None:
    data = call.publisher.session.protect(call.frame(vp8(bytes(1440))))
    call.bench.send_raw((data, call.publisher.address), (bytes((128,)) * 4000, call.publisher.address))
    call.refuses(too_long=2)


def test_largest_packet_is_forwarded_with_its_extensions(call: Call) -> None:
    payload = vp8(bytes(1472 - 16 - 12 - 6), keyframe=True)
    call.bench.send(call.publisher, call.frame(payload))
    assert call.viewer.packets[-1].payload == payload
    call.refuses()


def test_empty_payload_is_forwarded_as_what_it_is(call: Call) -> None:
    call.bench.send(call.publisher, call.frame(b""))
    assert call.viewer.packets[-1].payload == b""
    call.refuses()


def test_datagrams_that_are_nothing_are_counted(call: Call) -> None:
    for data in (b"", b"\x80", b"\x05" * 30, b"\x50" * 30, b"\xff" * 30):
        call.bench.send_raw((data, call.publisher.address))
    call.bench.send_raw((b"\x80\x60" + bytes(6), call.publisher.address))
    call.refuses(not_a_packet=5, rtp_malformed=1)


def test_stream_of_another_is_not_touched_by_its_ssrc(call: Call) -> None:
    """A participant sends under the publisher's SSRC, and reports and asks for slots that are not its own."""
    thief = call.bench.add_peer()
    call.bench.send(thief, rtp(CAMERA, call.number + 1, 0, vp8(b"forged", keyframe=True)))
    assert len(call.viewer.packets) == 2
    call.bench.send_rtcp(thief, sender_report(CAMERA, 0, 0), feedback(PLI, call.slot.ssrc), receiver_report(CAMERA))
    assert call.bench.walk.take_events() == []
    assert call.viewer.reports == []
    call.refuses(unknown_ssrc=1, rtcp_unknown_ssrc=3)


def test_same_ssrc_of_two_participants_makes_two_streams(call: Call) -> None:
    namesake = call.bench.add_peer()
    source = call.bench.video(namesake, CAMERA)
    slot = call.bench.add_slot(call.viewer)
    call.bench.walk.select(slot.consumer_id, source)
    call.bench.send(namesake, rtp(CAMERA, 1, 0, vp8(b"namesake", keyframe=True)))
    assert [packet.payload[6:] for packet in call.viewer.of(slot.ssrc)] == [b"namesake"]
    call.refuses()


def test_churn_of_ssrcs_is_bounded(call: Call) -> None:
    asked: list[int] = []
    call.bench.walk.on_unknown_ssrc = lambda peer, ssrc, *_: bool(asked.append(ssrc))
    for ssrc in range(0x10000, 0x10000 + 500):
        call.bench.send(call.publisher, rtp(ssrc, 1, 0, b"x"))
    assert len(asked) == UNKNOWN_SSRC_ALLOWANCE
    call.refuses(unknown_ssrc=500)


def test_stream_that_nobody_knows_is_asked_about_five_times_a_second_and_uses_up_one_allowance(call: Call) -> None:
    asked: list[int] = []
    call.bench.walk.on_unknown_ssrc = lambda peer, ssrc, *_: bool(asked.append(ssrc))
    for number in range(1, 101):
        call.bench.send(call.publisher, rtp(0xBAD, number, 0, b"x"))
        call.bench.now_us += 10_000
    assert asked == [0xBAD] * 5
    for ssrc in range(0x10000, 0x10000 + 50):
        call.bench.send(call.publisher, rtp(ssrc, 1, 0, b"x"))
    assert len(asked) == 5 + UNKNOWN_SSRC_ALLOWANCE - 1
    call.refuses(unknown_ssrc=150)


def test_churn_of_ssrcs_with_good_names_is_bounded_and_leaves_one_stream(world: World) -> None:
    bo = world.peers[("203.0.113.1", 10_001)]
    sources = world.walk.sizes()["sources"]
    bo.publishing = False
    for ssrc in range(0x10000, 0x10000 + 200):
        names = {EXTENSION_IDS[MID]: b"1"}
        bo.send_rtp(rtp(ssrc, 1, 0, vp8(b"churn", keyframe=True), extensions=names))
    world.run(0.1)
    assert world.walk.sizes()["sources"] == sources
    assert world.drops()["unknown_ssrc"] == 200 - UNKNOWN_SSRC_ALLOWANCE
    bo.publishing = True


@pytest.mark.parametrize(
    ("mid", "rid"), [(b"", b""), (b"3", b""), (b"77", b""), (b"\xff\0", b""), (b"1", b"h"), (b"1", b"\xff")]
)
def test_stream_with_a_mid_or_rid_that_is_not_the_senders_own_is_refused(world: World, mid: bytes, rid: bytes) -> None:
    bo = world.peers[("203.0.113.1", 10_001)]
    names = {EXTENSION_IDS[MID]: mid, EXTENSION_IDS[RID]: rid}
    extensions = {number: value for number, value in names.items() if value}
    bo.send_rtp(rtp(0x10000, 1, 0, vp8(b"forged", keyframe=True), extensions=extensions))
    world.run(0.1)
    assert world.drops()["unknown_ssrc"] == 1


def test_mid_of_one_means_nothing_for_another(world: World) -> None:
    """Mids are each peer's own: "1" of bo is bo's camera and leaves anna's alone."""
    anna, bo = world.peers.values()
    before = dict(world.engine.rooms["room"].people["p-anna"].producers["camera"].encodings)
    bo.send_rtp(rtp(0x10000, 1, 0, vp8(b"bo/", keyframe=True), extensions={EXTENSION_IDS[MID]: b"1"}))
    bo.cameras[0].ssrc = 0x10000
    bo.cameras[0].sequence_number = 1
    world.run(0.5)
    assert world.engine.rooms["room"].people["p-anna"].producers["camera"].encodings == before
    assert set(anna.pictures()) == {"bo/"}


def test_payload_type_that_was_not_negotiated_is_dropped(call: Call) -> None:
    call.number += 1
    call.bench.send(call.publisher, rtp(CAMERA, call.number, 0, vp8(b"x"), payload_type=77))
    call.bench.walk.add_source(call.publisher.peer_id, 0xAA, True, 90000, call.camera)
    call.bench.send(
        call.publisher, rtp(0xAA, 1, 0, b"\0\1xx", payload_type=98), rtp(0xAA, 2, 0, b"\0", payload_type=97)
    )
    call.refuses(payload_type=2)


def test_retransmission_that_claims_any_number_harms_only_its_own_stream(call: Call) -> None:
    call.bench.walk.add_source(call.publisher.peer_id, 0xAA, True, 90000, call.camera)
    for number, original in enumerate((0, 0xFFFF, 0x8000, 40_000)):
        payload = struct.pack("!H", original) + vp8(b"odd", keyframe=True)
        call.bench.send(call.publisher, rtp(0xAA, number, 0, payload, payload_type=VP8_RTX))
    call.refuses(before_start=2, rtx_malformed=2)


def test_bye_ends_nothing(call: Call) -> None:
    bye = rtcp(203, 1, struct.pack("!I", CAMERA))
    call.bench.send_rtcp(call.publisher, receiver_report(call.slot.ssrc) + bye)
    call.bench.send_rtcp(call.viewer, bye, rtcp(203, 31, bytes(4)))
    assert call.bench.walk.sizes()["sources"] == 2
    call.refuses(rtcp_ignored=3, rtcp_unknown_ssrc=1)


# -- row 7: RTCP -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("!BBH", 0x81, 206, 100) + bytes(8),
        struct.pack("!BBH", 0x81, 206, 0xFFFF),
        struct.pack("!BBH", 0x01, 206, 2) + bytes(8),
        struct.pack("!BBH", 0xA1, 206, 2) + bytes(7) + b"\xff",
        struct.pack("!BBH", 0x81, 206, 1) + bytes(4),
        struct.pack("!BBH", 0x8F, 205, 3) + bytes(12),
        struct.pack("!BBH", 0x80, 200, 2) + bytes(8),
    ],
)
def test_truncated_compound_is_counted_and_its_good_head_is_used(call: Call, tail: bytes) -> None:
    call.bench.send_rtcp(call.viewer, feedback(PLI, call.slot.ssrc) + tail)
    assert call.bench.walk.take_events() == [(KEYFRAME_WANTED, call.camera)]
    call.refuses(rtcp_malformed=1)


def test_report_of_more_blocks_than_it_holds_is_read_as_far_as_it_goes(call: Call) -> None:
    report = receiver_report(call.slot.ssrc, 128)
    call.bench.send_rtcp(call.viewer, bytes((0x9F,)) + report[1:])
    assert call.bench.walk.consumer_stats(call.slot.consumer_id)["fraction_lost"] == 0.5
    call.refuses()


def test_storm_of_picture_loss_reaches_the_publisher_once(world: World) -> None:
    anna, bo = world.peers.values()
    bo.forget()
    ssrc = next(ssrc for ssrc, mid in anna.slot_mids.items() if mid == "4")
    for _ in range(300):
        anna.send_rtcp(feedback(PLI, ssrc))
        anna.send_rtcp(feedback(FIR, 0, struct.pack("!II", ssrc, 1 << 24)))
    world.run(0.4)
    assert [(item.type, item.count_or_format) for item in bo.reports].count(PLI) <= 1


def test_forged_bandwidth_estimate_changes_nothing(call: Call) -> None:
    remb = b"REMB" + struct.pack("!BBHI", 1, 0xFC, 0, call.slot.ssrc)
    call.bench.send_rtcp(call.viewer, feedback(AFB, 0, remb))
    call.bench.send_rtcp(call.viewer, feedback((205, 3), call.slot.ssrc, bytes(8)))
    assert call.publisher.reports == []
    call.refuses(rtcp_ignored=2)


def test_nack_around_the_wrap_of_numbers_stays_within_what_was_sent(call: Call) -> None:
    call.bench.send_rtcp(call.viewer, nack(call.slot.ssrc, [(0xFFF8, 0xFFFF), (0, 0xFFFF)]))
    repaired = call.viewer.of(call.slot.rtx_ssrc)
    assert {packet.payload[:2] for packet in repaired} == {b"\0\1"}
    assert set(call.bench.drops()) == {"nack_unknown"}
    call.still_works()


def test_nack_that_is_cut_short_is_read_as_far_as_it_goes(call: Call) -> None:
    call.bench.send_rtcp(call.viewer, feedback(NACK, call.slot.ssrc), rtcp(*NACK, struct.pack("!I", 1)))
    assert call.viewer.of(call.slot.rtx_ssrc) == []
    call.refuses(rtcp_malformed=1)


def test_sender_report_with_a_mad_clock_keeps_the_reports_sane(call: Call) -> None:
    for ntp_us in (-2_208_988_800_000_000, 0, (2**32 - 1 - 2_208_988_800) * 1_000_000, 5):
        call.bench.send_rtcp(call.publisher, sender_report(CAMERA, ntp_us, 0xFFFFFFFF))
    reports = [item for item in call.viewer.reports if item.type == 200]
    assert len(reports) == 4
    assert {item.body[4:8] for item in reports} == {struct.pack("!I", 2_208_988_800 + call.bench.now_us // 1_000_000)}
    call.refuses()


# -- row 8: codec headers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"\x90", b"\x90\x80", b"\x90\x80\x80", b"\x90\xc0\x80\x01", b"\x90\xf0\x01\x02"])
def test_truncated_descriptor_is_malformed(call: Call, payload: bytes) -> None:
    call.bench.send(call.publisher, call.frame(payload))
    call.refuses(payload_malformed=1)


def test_picture_without_an_id_after_one_with_is_forwarded_as_it_is(call: Call) -> None:
    other = call.bench.add_peer()
    source = call.bench.video(other, 0xBEEF)
    call.bench.walk.select(call.slot.consumer_id, source)
    payloads = [b"\x10\x00bare", b"\x90\x80\x05\x00seven", b"\x90\x80\x85\x05\x00fifteen"]
    for number, payload in enumerate(payloads):
        call.bench.send(other, rtp(0xBEEF, number, 0, payload))
    got = [packet.payload for packet in call.viewer.of(call.slot.ssrc)[1:]]
    assert [len(payload) for payload in got] == [len(payload) for payload in payloads]
    assert got[0] == payloads[0]
    assert call.bench.drops() == {}


def test_dependency_descriptor_that_is_malformed_or_large_passes_unread(call: Call) -> None:
    """It is the receiver's to read; one above 16 bytes takes the two-byte form."""
    uri = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
    bench = Bench()
    publisher, viewer = bench.add_peer(publishing={uri: 12}), bench.add_peer(receiving={uri: 5})
    camera = bench.video(publisher, CAMERA)
    bench.walk.select(bench.add_slot(viewer).consumer_id, camera)
    for number, size in enumerate((1, 16, 17, 200)):
        descriptor = b"\xff" * size
        block = bytes((12, size)) + descriptor + bytes(-(size + 2) % 4)
        head = struct.pack("!BBHIIHH", 0x90, 96, number, 0, CAMERA, 0x1000, len(block) // 4)
        bench.send(publisher, head + block + vp8(b"x", keyframe=True))
        assert viewer.packets[-1].extensions == {5: descriptor}
    assert bench.drops() == {}


def test_drop_causes_of_a_good_call_stay_empty(world: World) -> None:
    assert +world.drops() == Counter()
    assert isinstance(next(iter(world.peers.values())).session, SrtpSession)


# -- row 11: acting after removal ------------------------------------------------------------------------------------


def test_media_of_somebody_who_has_left_reaches_nobody(world: World) -> None:
    cai = world.peer("cai")
    cai.join()
    world.run(1)
    assert cai.session is not None
    world.engine.leave(cai.request(), world.now_us)
    before = world.drops()["unknown_address"]
    cai.forget()
    world.run(1)
    assert world.drops()["unknown_address"] - before > 100
    assert sum(cai.voices().values()) < 3
    anna = next(iter(world.peers.values()))
    anna.forget()
    world.run(1)
    assert set(anna.voices()) == {"bo"}
