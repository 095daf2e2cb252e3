"""SDP as lines and sections."""

from __future__ import annotations

import pytest

from rtc.sdp_sections import OfferLimits, SdpError, is_token, is_word, read_number, read_sections

LIMITS = OfferLimits()
START = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"


def error_of(text: str, limits: OfferLimits = LIMITS) -> str:
    with pytest.raises(SdpError) as raised:
        read_sections(text, limits)
    return raised.value.code


def test_attributes_belong_to_the_m_line_above_them() -> None:
    session, audio, video = read_sections(
        START
        + "a=group:BUNDLE 0 1\r\nm=audio 9 RTP/SAVPF 1 2\r\na=mid:0\r\na=sendonly\r\n"
        + "m=video 0 RTP/SAVPF 3\r\na=mid:1\r\n",
        LIMITS,
    )
    assert session.first("group") == "BUNDLE 0 1"
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 9, "RTP/SAVPF", ("1", "2"))
    assert audio.first("mid") == "0"
    assert audio.first("sendonly") == ""
    assert audio.first("recvonly") is None
    assert video.all("mid") == ["1"]
    assert video.port == 0


def test_lines_may_end_in_lf_alone_and_unknown_lines_are_passed_over() -> None:
    assert len(read_sections("v=0\nz=unknown\n\nm=audio 9 X 1\n", LIMITS)) == 2


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=1\r\n",
        "o=-\r\nv=0\r\n",
        START + "v=0\r\n",
        START + "x",
        START + "no equals sign",
        START + "A=upper\r\n",
        START + "a=null\0byte\r\n",
        START + "a=bell\x07\r\n",
        START + "a=inner\rreturn\r\n",
        START + "a=line\u2028separator\r\n",
        START + "m=audio\r\n",
        START + "m=audio 9 RTP/SAVPF\r\n",
        START + "m=audio 65536 RTP/SAVPF 1\r\n",
        START + "m=audio -1 RTP/SAVPF 1\r\n",
        START + "m=audio x RTP/SAVPF 1\r\n",
        START + "m=Audio! 9 RTP/SAVPF 1\r\n",
        START + "m=audio 9 RTP\\SAVPF 1\r\n",
        START + 'm=audio 9 RTP/SAVPF "1"\r\n',
    ],
)
def test_malformed_text_is_refused(text: str) -> None:
    if text == "":
        assert len(read_sections(text, LIMITS)) == 1
    else:
        assert error_of(text) == "offer_invalid"


@pytest.mark.attack
def test_limits_of_size() -> None:
    assert error_of(START + "a=" + "x" * LIMITS.max_bytes) == "offer_too_large"
    assert error_of(START + "a=" + "å" * (LIMITS.max_bytes // 2)) == "offer_too_large"
    assert error_of(START + "m=audio 9 RTP/SAVPF 1\r\n" * 65) == "too_many_media"
    assert len(read_sections(START + "m=audio 9 RTP/SAVPF 1\r\n" * 64, LIMITS)) == 65


@pytest.mark.attack
@pytest.mark.parametrize("text", ["", "256", "-1", "+1", " 1", "1_0", "٣", "1e1", "9" * 5000])
def test_numbers_are_ascii_digits_in_range(text: str) -> None:
    with pytest.raises(SdpError, match="not a number"):
        read_number(text, 255, "number")


def test_tokens_and_words_hold_nothing_that_ends_a_line_or_a_field() -> None:
    assert is_token("abc-1_{}")
    assert not is_token("a b")
    assert not is_token("a:b")
    assert not is_token("a\r\n")
    assert is_word("urn:ietf:params/x;y=1")
    assert not is_word("a b")
    assert not is_word("å")
    assert not is_word("")
