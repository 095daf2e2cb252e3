"""Codecs of an m-line."""

from __future__ import annotations

import pytest

from rtc.codecs import Codec, read_codecs
from rtc.sdp_sections import OfferLimits, SdpError, Section

LIMITS = OfferLimits()


def section(formats: str, **attributes: list[str]) -> Section:
    return Section(
        "video", 9, "UDP/TLS/RTP/SAVPF", tuple(formats.split()), {k.replace("_", "-"): v for k, v in attributes.items()}
    )


def h264(profile_level_id: str | None = None, mode: str | None = "1") -> Codec:
    parameters = {}
    if mode is not None:
        parameters["packetization-mode"] = mode
    if profile_level_id is not None:
        parameters["profile-level-id"] = profile_level_id
    return Codec(96, "H264", 90000, parameters=parameters)


def test_reads_map_parameters_feedback_and_rtx() -> None:
    (codec, rtx) = read_codecs(
        section(
            "96 97",
            rtpmap=["96 vp8/90000", "97 rtx/90000"],
            fmtp=["97 apt=96;rtx-time=200", "96 max-fr=30 ; X-Flag"],
            rtcp_fb=["96 nack", "96 nack  pli", "* transport-cc"],
        ),
        LIMITS,
    )
    assert (codec.payload_type, codec.name, codec.clock_rate, codec.channels) == (96, "VP8", 90000, 1)
    assert codec.parameters == {"max-fr": "30", "x-flag": ""}
    assert codec.feedback == ("nack", "nack pli", "transport-cc")
    assert codec.rtx_payload_type == 97
    assert (rtx.name, rtx.rtx_payload_type) == ("RTX", None)


def test_payload_types_without_map_or_in_the_range_of_rtcp_are_left_out() -> None:
    codecs = read_codecs(section("0 72 96", rtpmap=["72 VP8/90000", "96 VP8/90000"]), LIMITS)
    assert [codec.payload_type for codec in codecs] == [96]


def test_the_order_is_that_of_the_m_line() -> None:
    codecs = read_codecs(section("98 96", rtpmap=["96 VP8/90000", "98 VP9/90000"]), LIMITS)
    assert [codec.name for codec in codecs] == ["VP9", "VP8"]


@pytest.mark.parametrize(
    ("codec", "key"),
    [
        (Codec(111, "OPUS", 48000, 2), "OPUS/48000"),
        (Codec(96, "VP8", 90000), "VP8/90000"),
        (Codec(98, "VP9", 90000), "VP9/0"),
        (Codec(98, "VP9", 90000, parameters={"profile-id": "2"}), "VP9/2"),
        (Codec(45, "AV1", 90000, parameters={"profile": "1", "level-idx": "5"}), "AV1/1"),
        (h264("42e01f"), "H264/1/42e0"),
        (h264("42E034"), "H264/1/42e0"),
        (h264("42c01f"), "H264/1/42e0"),
        (h264("4d801f"), "H264/1/42e0"),
        (h264("58c01f"), "H264/1/42e0"),
        (h264("42001f"), "H264/1/4200"),
        (h264("4d001f"), "H264/1/4d00"),
        (h264("64001f", mode=None), "H264/0/6400"),
        (h264(None), "H264/1/4200"),
        (h264("zz"), "H264/1/invalid"),
    ],
)
def test_the_key_names_what_both_sides_must_share(codec: Codec, key: str) -> None:
    assert codec.key == key


@pytest.mark.attack
@pytest.mark.parametrize(
    ("media", "code"),
    [
        (section("128"), "offer_invalid"),
        (section("96 96"), "offer_invalid"),
        (section("x"), "offer_invalid"),
        (section("96", rtpmap=["300 VP8/90000"]), "offer_invalid"),
        (section("96", rtpmap=["96 VP8"]), "offer_invalid"),
        (section("96", rtpmap=["96 VP8/90000/2/3"]), "offer_invalid"),
        (section("96", rtpmap=["96 VP8/99999999"]), "offer_invalid"),
        (section("96", rtpmap=["96 a b/90000"]), "offer_invalid"),
        (section("96", rtpmap=["96 VP8/90000/99"]), "offer_invalid"),
        (section("96", rtpmap=["96 VP8/90000"], fmtp=["96 a=b c"]), "offer_invalid"),
        (
            section("96", rtpmap=["96 VP8/90000"], fmtp=["96 " + ";".join(f"a{i}=1" for i in range(40))]),
            "offer_invalid",
        ),
        (section("96", rtcp_fb=["96"]), "offer_invalid"),
        (section("96", rtcp_fb=["x nack"]), "offer_invalid"),
        (section("96", rtcp_fb=["96 å"]), "offer_invalid"),
        (section("96", rtcp_fb=["96 nack"] * 40), "offer_too_large"),
        (section(" ".join(map(str, range(127)))), "offer_too_large"),
        (section("96", rtpmap=["96 VP8/90000"] * 200), "offer_too_large"),
    ],
)
def test_malformed_codecs_are_refused(media: Section, code: str) -> None:
    with pytest.raises(SdpError) as raised:
        read_codecs(media, LIMITS)
    assert raised.value.code == code
