"""Negotiation and the answer."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription

from rtc import extensions
from rtc.sdp import parse_answer, parse_offer
from rtc.sdp_answer import NegotiationPolicy, SlotSsrc, negotiate
from tests.rtc.offers import NAMES, read_offer
from tests.rtc.sdp_text import (
    AUDIO,
    SERVER_FINGERPRINT,
    SERVER_ICE,
    SESSION,
    VIDEO,
    answer_to,
    offer_text,
    slots_of,
    without,
)

MEETINGS = [name for name in NAMES if "meeting" in name]


@pytest.mark.parametrize("name", NAMES)
def test_every_m_line_is_answered_in_its_place_with_the_mirrored_direction(name: str) -> None:
    offer = parse_offer(read_offer(name))
    answer = parse_answer(answer_to(offer))
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly", "sendrecv": "recvonly", "inactive": "inactive"}
    assert [media.mid for media in answer.media] == [media.mid for media in offer.media]
    for ours, theirs in zip(answer.media, offer.media, strict=True):
        assert ours.kind == theirs.kind
        assert ours.rejected == (theirs.kind == "application")
        if not ours.rejected:
            assert ours.direction == mirrored[theirs.direction]
            assert ours.rtcp_mux
            assert ours.rtcp_rsize == theirs.rtcp_rsize


@pytest.mark.parametrize("name", NAMES)
def test_only_what_was_offered_and_is_forwarded_is_accepted(name: str) -> None:
    offer = parse_offer(read_offer(name))
    answer = parse_answer(answer_to(offer))
    for ours, theirs in zip(answer.media, offer.media, strict=True):
        offered = {codec.payload_type: codec for codec in theirs.codecs}
        for codec in ours.codecs:
            assert codec.name in {"OPUS", "VP8", "H264", "VP9", "AV1", "RTX"}
            assert codec.key == offered[codec.payload_type].key
            assert codec.parameters == offered[codec.payload_type].parameters
            assert set(codec.feedback) <= set(offered[codec.payload_type].feedback)
            assert "goog-remb" not in codec.feedback
        assert set(ours.extensions.items()) <= set(theirs.extensions.items())
        assert set(ours.extensions) <= extensions.SEND_EXTENSIONS


@pytest.mark.parametrize("name", NAMES)
def test_aiortc_reads_the_answer(name: str) -> None:
    theirs = SessionDescription.parse(answer_to(parse_offer(read_offer(name))))
    first = theirs.media[0]
    assert (first.ice.usernameFragment, first.ice.password) == (SERVER_ICE.username_fragment, SERVER_ICE.password)
    assert first.ice.iceLite
    assert first.dtls is not None
    assert first.dtls.role == "server"
    assert first.dtls.fingerprints[0].value == SERVER_FINGERPRINT.value
    assert [(candidate.ip, candidate.port) for candidate in first.ice_candidates] == [
        ("192.0.2.10", 40000),
        ("2001:db8::10", 40000),
    ]
    assert first.ice_candidates[0].priority > first.ice_candidates[1].priority
    assert all(media.ice_candidates_complete for media in theirs.media if media.kind != "application")


def test_the_answer_is_that_of_an_ice_lite_passive_server() -> None:
    answer = answer_to(parse_offer(offer_text()))
    assert answer.startswith("v=0\r\no=- 7 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n")
    assert "a=setup:passive\r\n" in answer
    assert "a=extmap-allow-mixed\r\n" in answer
    assert answer.endswith("\r\n")
    assert "a=candidate:1 1 udp 2130706431 192.0.2.10 40000 typ host\r\n" in answer
    assert "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.10\r\n" in answer


@pytest.mark.parametrize("name", MEETINGS)
def test_the_i_th_audio_and_the_i_th_video_slot_share_a_stream(name: str) -> None:
    answer = parse_answer(answer_to(parse_offer(read_offer(name))))
    slots = [media for media in answer.media if media.direction == "sendonly"]
    for index, (audio, video) in enumerate(zip(slots[::2], slots[1::2], strict=True)):
        assert audio.msid == (f"slot-{index}", f"slot-{index}-audio")
        assert video.msid == (f"slot-{index}", f"slot-{index}-video")
        assert audio.cname == video.cname == "server"
        assert len(audio.ssrcs) == 1
        assert video.ssrc_groups == (("FID", video.ssrcs),)


def test_codecs_are_answered_in_the_policys_order() -> None:
    offer = parse_offer(read_offer("chromium_meeting"))
    camera = negotiate(offer)[1]
    assert [codec.key for codec in camera.codecs] == ["VP8/90000", "H264/1/42e0", "VP9/0", "AV1/0"]
    camera = negotiate(offer, NegotiationPolicy(video_codecs=("AV1", "VP8")))[1]
    assert [codec.key for codec in camera.codecs] == ["AV1/0", "VP8/90000"]
    answer = parse_answer(answer_to(offer, NegotiationPolicy(video_codecs=("AV1", "VP8"))))
    assert [codec.name for codec in answer.media[1].codecs] == ["AV1", "RTX", "VP8", "RTX"]


@pytest.mark.parametrize("sender", MEETINGS)
@pytest.mark.parametrize("receiver", MEETINGS)
def test_what_one_client_sends_by_preference_every_other_can_show(sender: str, receiver: str) -> None:
    sent = {media.codecs[0].key for media in negotiate(parse_offer(read_offer(sender))) if media.role == "send"}
    slots = [media for media in negotiate(parse_offer(read_offer(receiver))) if media.role == "receive"]
    assert sent == {"OPUS/48000", "VP8/90000"}
    for slot in slots:
        assert sent & {codec.key for codec in slot.codecs}


def test_simulcast_is_accepted_with_the_rids_offered() -> None:
    offer = parse_offer(read_offer("chromium_meeting_simulcast"))
    camera = negotiate(offer)[1]
    assert camera.rids == ("l", "m", "h")
    assert "a=rid:l recv\r\na=rid:m recv\r\na=rid:h recv\r\na=simulcast:recv l;m;h\r\n" in answer_to(offer)
    assert negotiate(offer, NegotiationPolicy(max_rids=2))[1].rids == ("l", "m")


def test_slots_have_no_rid_extensions() -> None:
    lines = [f"a=extmap:1 {extensions.MID}", f"a=extmap:2 {extensions.RID}", f"a=extmap:3 {extensions.REPAIRED_RID}"]
    media = negotiate(parse_offer(offer_text(*lines, audio=[*AUDIO, *lines])))
    assert media[0].extensions == {extensions.MID: 1, extensions.RID: 2, extensions.REPAIRED_RID: 3}
    assert media[1].extensions == {extensions.MID: 1}


def test_extension_ids_beyond_one_byte_headers_are_not_accepted() -> None:
    offer = parse_offer(offer_text(f"a=extmap:16 {extensions.ABS_SEND_TIME}", f"a=extmap:14 {extensions.MID}"))
    assert negotiate(offer)[1].extensions == {extensions.MID: 14}


def test_rtx_is_accepted_only_together_with_nack() -> None:
    offer = parse_offer(offer_text(video=without(VIDEO, "a=rtcp-fb:96 nack")))
    (codec,) = negotiate(offer)[1].codecs
    assert codec.rtx_payload_type is None
    assert negotiate(parse_offer(offer_text()))[1].codecs[0].rtx_payload_type == 97


def test_a_negotiated_codec_is_found_by_its_payload_type() -> None:
    media = negotiate(parse_offer(offer_text()))[1]
    assert media.codec(96) is media.codecs[0]
    assert media.codec(97) is None


@pytest.mark.parametrize(
    "video",
    [
        without(VIDEO, "a=rtcp-mux"),
        [line.replace("VP8", "THEORA") for line in VIDEO],
        [VIDEO[0].replace("video 9", "video 0"), *VIDEO[1:]],
        ["m=video 9 RTP/AVP 96", *VIDEO[1:]],
        ["m=text 9 UDP/TLS/RTP/SAVPF 96 97", *VIDEO[1:]],
    ],
)
def test_an_m_line_that_cannot_be_served_is_refused_and_the_other_is_not(video: list[str]) -> None:
    offer = parse_offer(offer_text(video=video))
    audio, refused = negotiate(offer)
    assert (audio.rejected, audio.role) == (False, "send")
    assert (refused.rejected, refused.role, refused.codecs, refused.extensions) == (True, "inactive", (), {})
    answer = parse_answer(answer_to(offer))
    assert answer.media[1].rejected
    assert answer.bundle == ("0",)


def test_an_m_line_outside_the_bundle_is_refused() -> None:
    media = negotiate(parse_offer(offer_text(session=without(SESSION, "a=group"))))
    assert [item.rejected for item in media] == [False, True]


def test_when_the_first_m_line_is_refused_the_next_carries_the_transport() -> None:
    audio = [line.replace("opus/48000/2", "G722/8000") for line in AUDIO]
    answer = parse_answer(answer_to(parse_offer(offer_text(audio=audio))))
    assert answer.bundle == ("1",)
    assert answer.candidates


def test_when_nothing_can_be_served_everything_is_refused_without_a_bundle() -> None:
    audio = [line.replace("opus/48000/2", "G722/8000") for line in AUDIO]
    answer = answer_to(parse_offer(offer_text(audio=audio, video=without(VIDEO, "a=rtcp-mux"))))
    assert "BUNDLE" not in answer
    assert answer.count(" 0 UDP/TLS/RTP/SAVPF") == 2


@pytest.mark.parametrize(
    ("offered", "role", "answered"),
    [
        ("a=sendonly", "send", "recvonly"),
        ("a=sendrecv", "send", "recvonly"),
        ("a=recvonly", "receive", "sendonly"),
        ("a=inactive", "inactive", "inactive"),
    ],
)
def test_roles_follow_the_direction(offered: str, role: str, answered: str) -> None:
    offer = parse_offer(offer_text(audio=[*without(AUDIO, "a=sendonly"), offered]))
    assert negotiate(offer)[0].role == role
    assert parse_answer(answer_to(offer)).media[0].direction == answered


def test_a_slot_without_a_stream_rests() -> None:
    offer = parse_offer(offer_text())
    assert parse_answer(answer_to(offer, slots={})).media[1].direction == "inactive"


def test_a_slot_may_do_without_rtx() -> None:
    slot = SlotSsrc(4711, None, "slot-0", "slot-0-video", "server")
    answer = answer_to(parse_offer(offer_text()), slots={"1": slot})
    assert (
        "a=msid:slot-0 slot-0-video\r\na=ssrc:4711 cname:server\r\na=ssrc:4711 msid:slot-0 slot-0-video\r\n" in answer
    )
    assert "ssrc-group" not in answer


def test_every_receive_line_got_a_slot_in_these_tests() -> None:
    negotiated = negotiate(parse_offer(read_offer("firefox_meeting_simulcast")))
    assert len(slots_of(negotiated)) == 16
