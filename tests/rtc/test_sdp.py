"""Offers: what is read from those of real clients, and what is refused. Row 9 of the threat list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import extensions
from rtc.sdp import OfferLimits, SdpError, parse_answer, parse_offer
from rtc.sdp_answer import negotiate
from tests.rtc.offers import NAMES, read_offer
from tests.rtc.sdp_text import AUDIO, CLIENT_FINGERPRINT, SESSION, VIDEO, answer_to, offer_text, without

LIMITS = OfferLimits()


def error_of(text: str, limits: OfferLimits = LIMITS) -> str:
    with pytest.raises(SdpError) as raised:
        parse_offer(text, limits)
    return raised.value.code


@pytest.mark.parametrize("name", NAMES)
def test_reads_the_offers_of_real_clients(name: str) -> None:
    offer = parse_offer(read_offer(name))
    assert offer.setup == "actpass"
    assert offer.bundle == tuple(media.mid for media in offer.media)
    assert {fingerprint.algorithm for fingerprint in offer.fingerprints} >= {"sha-256"}
    assert not any(media.rejected for media in offer.media)
    for media in offer.media:
        if media.kind != "application":
            assert media.rtcp_mux
            assert {"OPUS", "VP8"} & {codec.name for codec in media.codecs}


def test_reads_chromiums_meeting() -> None:
    offer = parse_offer(read_offer("chromium_meeting_simulcast"))
    assert [media.kind for media in offer.media] == ["audio", "video", "video", *["audio", "video"] * 8]
    assert [media.direction for media in offer.media] == [*["sendonly"] * 3, *["recvonly"] * 16]
    microphone, camera, screen = offer.media[:3]
    assert camera.rids == ("l", "m", "h")
    assert screen.rids == ()
    assert camera.codecs[0].key == "VP8/90000"
    assert camera.codecs[0].rtx_payload_type == 97
    assert camera.extensions[extensions.RID] == 10
    assert microphone.extensions[extensions.AUDIO_LEVEL] == 1
    assert len(microphone.ssrcs) == 1
    assert microphone.cname
    assert microphone.msid
    assert microphone.msid[0] == (camera.msid or ("",))[0], "one stream, for lip sync"
    assert offer.extmap_allow_mixed
    assert "H264/1/42e0" in {codec.key for codec in camera.codecs}


def test_reads_ssrc_groups() -> None:
    offer = parse_offer(read_offer("aiortc_meeting"))
    camera = offer.media[1]
    assert camera.ssrc_groups == (("FID", camera.ssrcs),)
    assert len(camera.ssrcs) == 2


def test_reads_a_data_channel_without_codecs() -> None:
    media = parse_offer(read_offer("chromium_with_data_channel")).media[2]
    assert (media.kind, media.codecs, media.formats) == ("application", (), ("webrtc-datachannel",))


def test_transport_values_may_stand_at_the_session() -> None:
    lines = ["a=ice-ufrag:sess", "a=ice-pwd:session-password-of-24-c", "a=setup:active"]
    fingerprint = f"a=fingerprint:sha-256 {CLIENT_FINGERPRINT.value}"
    bare = [line for line in AUDIO if not line.startswith(("a=ice", "a=setup", "a=fingerprint"))]
    offer = parse_offer(offer_text(session=[*SESSION, *lines, fingerprint], audio=bare))
    assert offer.ice.username_fragment == "sess"
    assert offer.setup == "active"
    assert offer.fingerprints == (CLIENT_FINGERPRINT,)


def test_without_a_bundle_only_the_first_m_line_has_the_transport() -> None:
    assert parse_offer(offer_text(session=without(SESSION, "a=group"))).bundle == ("0",)


def test_port_0_means_rejected_unless_it_is_bundle_only() -> None:
    video = ["m=video 0 UDP/TLS/RTP/SAVPF 96 97", *VIDEO[1:]]
    assert parse_offer(offer_text(video=video)).media[1].rejected
    assert not parse_offer(offer_text("a=bundle-only", video=video)).media[1].rejected


@pytest.mark.parametrize(
    ("lines", "rids"),
    [
        (["a=rid:h send", "a=rid:l send", "a=simulcast:send l;h"], ("l", "h")),
        (["a=rid:h send pt=96", "a=rid:l send", "a=simulcast:send ~h,x;l"], ("h", "l")),
        (["a=rid:h send", "a=rid:b recv", "a=simulcast:recv b send h"], ("h",)),
        (["a=rid:h send", "a=simulcast:send h;unknown;h"], ("h",)),
        (["a=rid:h send"], ("h",)),
        (["a=rid:h recv", "a=simulcast:recv h"], ()),
        (["a=simulcast:send"], ()),
        (["a=simulcast:send h;l"], ()),
    ],
)
def test_rids_are_those_the_client_can_send(lines: list[str], rids: tuple[str, ...]) -> None:
    assert parse_offer(offer_text(*lines)).media[1].rids == rids


def test_proposed_header_extension_ids_are_passed_over() -> None:
    offer = parse_offer(offer_text("a=extmap:4097 urn:x", "a=extmap:3/sendonly urn:y attributes"))
    assert offer.media[1].extensions == {"urn:y": 3}


def test_an_answer_is_read_with_its_candidates() -> None:
    answer = parse_answer(answer_to(parse_offer(offer_text())))
    assert answer.ice_lite
    assert answer.setup == "passive"
    assert answer.candidates == (("192.0.2.10", 40000), ("2001:db8::10", 40000))


def test_candidates_of_an_answer_that_are_of_no_use_are_passed_over() -> None:
    text = answer_to(parse_offer(offer_text())).replace("192.0.2.10 40000 typ", "abc.local 40000 typ")
    assert parse_answer(text).candidates == (("2001:db8::10", 40000),)


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "v=0\r\ns=-\r\n",
        offer_text(audio=without(AUDIO, "a=mid")),
        offer_text(video=[*without(VIDEO, "a=mid"), "a=mid:0"]),
        offer_text(audio=[*without(AUDIO, "a=mid"), "a=mid:" + "x" * 17]),
        offer_text(audio=[*without(AUDIO, "a=mid"), "a=mid:a b"]),
        offer_text(session=[*without(SESSION, "a=group"), "a=group:BUNDLE"]),
        offer_text(session=[*without(SESSION, "a=group"), "a=group:BUNDLE 0 9"]),
        offer_text(audio=without(AUDIO, "a=ice-ufrag")),
        offer_text(audio=without(AUDIO, "a=ice-pwd")),
        offer_text(audio=["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:abc", *AUDIO[1:]]),
        offer_text(audio=["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:ab:cd", *AUDIO[1:]]),
        offer_text(audio=["m=audio 9 UDP/TLS/RTP/SAVPF 111", f"a=ice-pwd:{'x' * 300}", *AUDIO[1:]]),
        offer_text(audio=without(AUDIO, "a=setup")),
        offer_text(audio=[*without(AUDIO, "a=setup"), "a=setup:passive"]),
        offer_text(audio=["m=audio 9 UDP/TLS/RTP/SAVPF 128", *AUDIO[1:]]),
        offer_text("a=extmap:0 urn:x"),
        offer_text("a=extmap:15 urn:x"),
        offer_text("a=extmap:256 urn:x"),
        offer_text("a=extmap:3 urn:x", "a=extmap:3 urn:y"),
        offer_text("a=extmap:3"),
        offer_text("a=extmap:3 urn:x", audio=[*AUDIO, "a=extmap:3 urn:y"]),
        offer_text("a=ssrc:4294967296 cname:x"),
        offer_text("a=ssrc:x cname:x"),
        offer_text("a=ssrc-group:FID 1 x"),
        offer_text("a=rid:h"),
        offer_text("a=rid:h sideways"),
        offer_text("a=rid:h\\x send"),
        offer_text("a=rid:" + "r" * 17 + " send"),
        offer_text("a=null\0byte"),
    ],
)
def test_malformed_offers_are_refused(text: str) -> None:
    assert error_of(text) == "offer_invalid"


@pytest.mark.attack
@pytest.mark.parametrize(
    "line",
    [
        None,
        "a=fingerprint:sha-1 " + ":".join(["AA"] * 20),
        "a=fingerprint:md5 " + ":".join(["AA"] * 16),
        "a=fingerprint:sha-256 AA:BB",
        "a=fingerprint:sha-256",
        "a=fingerprint:",
    ],
)
def test_an_offer_without_a_strong_fingerprint_is_refused(line: str | None) -> None:
    audio = without(AUDIO, "a=fingerprint")
    assert error_of(offer_text(audio=audio if line is None else [*audio, line])) == "offer_no_fingerprint"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["a=x:" + "y" * 300_000], "offer_too_large"),
        (VIDEO * 70, "too_many_media"),
        ([f"a=candidate:1 1 udp 1 {i}.local 9 typ host" for i in range(600)], "offer_too_large"),
        ([f"a=extmap:{i} urn:{i}" for i in range(1, 50)], "offer_too_large"),
        ([f"a=ssrc:{i} cname:x" for i in range(50)], "offer_too_large"),
        (["a=ssrc-group:FID 1 2"] * 50, "offer_too_large"),
        (["a=ssrc-group:FID " + "1 " * 50], "offer_too_large"),
        ([f"a=rid:{i} send" for i in range(20)], "offer_too_large"),
        (["a=rtcp-fb:96 nack"] * 100, "offer_too_large"),
    ],
)
def test_floods_are_refused(lines: list[str], code: str) -> None:
    assert error_of(offer_text(*lines)) == code


@pytest.mark.attack
def test_a_flood_of_fingerprints_is_refused() -> None:
    audio = [*AUDIO, *[f"a=fingerprint:sha-256 {CLIENT_FINGERPRINT.value}"] * 20]
    assert error_of(offer_text(audio=audio)) == "offer_too_large"


def test_limits_can_be_set() -> None:
    assert error_of(offer_text(), OfferLimits(max_media=1)) == "too_many_media"
    assert error_of(offer_text(), OfferLimits(max_bytes=100)) == "offer_too_large"


@pytest.mark.attack
@given(st.data())
def test_a_changed_line_is_read_or_refused_with_the_one_error(data: st.DataObject) -> None:
    lines = offer_text("a=rid:h send", "a=simulcast:send h", "a=ssrc:1 cname:x", "a=extmap:3 urn:x").split("\r\n")
    index = data.draw(st.integers(0, len(lines) - 1))
    lines[index] = data.draw(
        st.text(max_size=30)
        | st.just(lines[index]).flatmap(lambda line: st.integers(0, len(line)).map(lambda cut: line[:cut]))
        | st.text(max_size=10).map(lambda tail: lines[index] + tail)
        | st.sampled_from(lines)
    )
    try:
        offer = parse_offer("\r\n".join(lines))
    except SdpError:
        return
    answer = answer_to(offer)
    assert answer.isascii()
    if any(not media.rejected for media in negotiate(offer)):
        assert [media.mid for media in parse_answer(answer).media] == [media.mid for media in offer.media]
