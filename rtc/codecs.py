"""Codecs as SDP describes them: payload types, parameters, feedback, RTX (RFC 8866 section 6.6, RFC 4585, RFC 4588)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from rtc.sdp_sections import OfferLimits, SdpError, Section, is_token, is_word, read_number

_FIRST_RTCP_CONFLICT: Final = 64
_LAST_RTCP_CONFLICT: Final = 95
"""RFC 5761 section 4: with these payload types a marked RTP packet looks like RTCP."""
_MAX_CLOCK_RATE_HZ: Final = 1_000_000
_MAX_CHANNELS: Final = 24
_MAX_PARAMETERS: Final = 32
_MAX_FEEDBACK: Final = 32
_REMEMBERED_LISTS: Final = 64
"""Codec lists kept with what was read from them: m-lines of an offer repeat each other, and one browser the next."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to code a medium, with the payload type that one side gave it."""

    payload_type: int
    name: str
    """Encoding name in upper case: "OPUS", "VP8", "H264", "RTX", ..."""
    clock_rate: int
    """RTP timestamp units per second."""
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    """``a=fmtp``; names in lower case. A parameter without "=" has its text as name and "" as value."""
    feedback: tuple[str, ...] = ()
    """``a=rtcp-fb`` without the payload type: "nack", "nack pli", "transport-cc", ..."""
    rtx_payload_type: int | None = None
    """Retransmissions of this codec (RFC 4588 section 8.1, ``apt``)."""

    @property
    def key(self) -> str:
        """What must be equal at publisher and subscriber for packets to be passed through: "H264/1/42e0"."""
        if self.name == "H264":
            return f"H264/{self.parameters.get('packetization-mode', '0')}/{self.h264_profile}"
        if self.name == "VP9":
            return f"VP9/{self.parameters.get('profile-id', '0')}"
        if self.name == "AV1":
            return f"AV1/{self.parameters.get('profile', '0')}"
        return f"{self.name}/{self.clock_rate}"

    @property
    def h264_profile(self) -> str:
        """``profile_idc`` and constraint bits in four hexadecimal digits, one spelling per profile (RFC 6184 table 5).

        A missing profile means baseline (RFC 6184 section 8.1).
        """
        text = self.parameters.get("profile-level-id", "420010").lower()
        try:
            profile, constraints = int(text[:2], 16), int(text[2:4], 16)
        except ValueError:
            return "invalid"
        is_constrained_baseline = (
            (profile == 0x42 and constraints & 0x40)
            or (profile == 0x4D and constraints & 0x80)
            or (profile == 0x58 and constraints & 0xC0 == 0xC0)
        )
        return "42e0" if is_constrained_baseline else f"{profile:02x}{constraints & 0xFC:02x}"


def read_codecs(section: Section, limits: OfferLimits) -> tuple[Codec, ...]:
    """The codecs of an RTP m-line in its order of preference, RTX joined to what it repairs.

    Static payload types without a=rtpmap are left out (nothing the server forwards has one), as are payload types that
    cannot be told from RTCP.
    """
    return _read_codecs(
        section.formats,
        tuple(section.all("rtpmap")),
        tuple(section.all("fmtp")),
        tuple(section.all("rtcp-fb")),
        limits.max_codecs_per_media,
    )


@lru_cache(maxsize=_REMEMBERED_LISTS)
def _read_codecs(
    formats: tuple[str, ...],
    maps: tuple[str, ...],
    parameters: tuple[str, ...],
    feedback: tuple[str, ...],
    maximum: int,
) -> tuple[Codec, ...]:
    if len(formats) > maximum:
        raise SdpError("offer_too_large", f"more than {maximum} payload types")
    payload_types = [read_number(text, 127, "payload type") for text in formats]
    if len(set(payload_types)) != len(payload_types):
        raise SdpError("offer_invalid", "payload type twice in one m-line")
    map_of = _by_payload_type(maps, "rtpmap", maximum)
    parameters_of = _by_payload_type(parameters, "fmtp", maximum)
    feedback_of = _read_feedback(feedback)
    codecs: list[Codec] = []
    for payload_type in payload_types:
        text = map_of.get(payload_type)
        if text is None or _FIRST_RTCP_CONFLICT <= payload_type <= _LAST_RTCP_CONFLICT:
            continue
        name, clock_rate, channels = _read_map(text)
        codecs.append(
            Codec(
                payload_type=payload_type,
                name=name,
                clock_rate=clock_rate,
                channels=channels,
                parameters=MappingProxyType(_read_parameters(parameters_of.get(payload_type, ""))),
                feedback=tuple(dict.fromkeys((*feedback_of.get(payload_type, ()), *feedback_of.get(None, ())))),
            )
        )
    return _join_retransmissions(codecs)


def _by_payload_type(lines: Sequence[str], what: str, maximum: int) -> dict[int, str]:
    if len(lines) > 2 * maximum:
        raise SdpError("offer_too_large", f"too many lines a={what}")
    values: dict[int, str] = {}
    for line in lines:
        payload_type, _, value = line.partition(" ")
        values.setdefault(read_number(payload_type, 127, f"payload type of {what}"), value.strip())
    return values


def _read_map(text: str) -> tuple[str, int, int]:
    """``<encoding name>/<clock rate>[/<channels>]``"""
    name, *numbers = text.split("/")
    if not is_token(name) or not 1 <= len(numbers) <= 2:
        raise SdpError("offer_invalid", "rtpmap is malformed")
    clock_rate = read_number(numbers[0], _MAX_CLOCK_RATE_HZ, "clock rate")
    channels = read_number(numbers[1], _MAX_CHANNELS, "channels") if len(numbers) == 2 else 1
    return name.upper(), clock_rate, channels


def _read_parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in text.split(";"):
        name, separator, value = part.strip().partition("=")
        if not name:
            continue
        if not is_word(name) or (separator and value and not is_word(value)) or len(parameters) >= _MAX_PARAMETERS:
            raise SdpError("offer_invalid", "fmtp is malformed")
        parameters.setdefault(name.lower(), value)
    return parameters


def _read_feedback(lines: Sequence[str]) -> dict[int | None, list[str]]:
    """Feedback by payload type; None stands for the wildcard."""
    feedback: dict[int | None, list[str]] = {}
    for line in lines:
        payload_type, _, value = line.partition(" ")
        words = value.split()
        if not words or not all(is_word(word) for word in words):
            raise SdpError("offer_invalid", "rtcp-fb is malformed")
        number = None if payload_type == "*" else read_number(payload_type, 127, "payload type of rtcp-fb")
        listed = feedback.setdefault(number, [])
        if len(listed) >= _MAX_FEEDBACK:
            raise SdpError("offer_too_large", "too many lines a=rtcp-fb")
        listed.append(" ".join(words))
    return feedback


def _join_retransmissions(codecs: list[Codec]) -> tuple[Codec, ...]:
    retransmission_of: dict[str, int] = {}
    for codec in codecs:
        if codec.name == "RTX":
            retransmission_of.setdefault(codec.parameters.get("apt", ""), codec.payload_type)
    return tuple(
        codec
        if codec.name == "RTX" or str(codec.payload_type) not in retransmission_of
        else replace(codec, rtx_payload_type=retransmission_of[str(codec.payload_type)])
        for codec in codecs
    )
