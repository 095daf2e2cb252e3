"""Any bytes parse as an RTP packet, or raise RtpError, and the slow twin sees the same."""

from __future__ import annotations

from rtc import rtp
from tests.reference import rtp as reference

_HEADER = bytes.fromhex("b1e003e800015f9000001234") + b"csrc"


def fuzz_rtp(data: bytes) -> None:
    """The compiled parser and its twin agree on the packet or on the cause."""
    if _outcome(rtp.parse, data) != _outcome(reference.parse, data):
        raise AssertionError("the twin sees another packet")


def _outcome(parse, data: bytes):
    try:
        return parse(data)
    except rtp.RtpError as error:
        return error.cause


def seeds() -> list[bytes]:
    """With and without extensions of both forms, CSRCs and padding."""
    return [
        b"\x80" + _HEADER[1:12] + b"payload",
        _HEADER + bytes.fromhex("bede0003 1061 22616263 5061 6000 f000 0000") + b"payload\0\0\3",
        _HEADER + bytes.fromhex("10000003 010161 02026162 0f00 000361 0000") + b"payload\1",
    ]
