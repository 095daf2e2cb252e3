"""Any bytes parse as RTCP and as transport-wide feedback, or raise RtcpError, and the slow twin sees the same."""

from __future__ import annotations

import struct

from rtc import rtcp
from tests.reference import rtcp as reference


def fuzz_rtcp(data: bytes) -> None:
    """The compiled parser and its twin agree on the items."""
    if _outcome(rtcp.parse, data) != _outcome(reference.parse, data):
        raise AssertionError("the twin sees another compound")


def fuzz_transport_feedback(data: bytes) -> None:
    """The compiled reader and its twin count the same packets."""
    if _outcome(rtcp.count_transport_feedback, data) != _outcome(reference.count_transport_feedback, data):
        raise AssertionError("the twin counts otherwise")


def _outcome(function, data: bytes):
    try:
        return function(data)
    except rtcp.RtcpError:
        return None


def seeds_rtcp() -> list[bytes]:
    """One compound of reports, SDES and BYE, and one of each feedback."""
    report = struct.pack("!IIIIIII", 1, 2, 0x40000003, 65536, 9, 10, 11)
    return [
        bytes.fromhex("81c9 0007") + report + bytes.fromhex("81ca0003 00000001 01046e616d65 0000 81cb0001 00000001"),
        bytes.fromhex("80c80006") + bytes(24) + bytes.fromhex("a1c90002 00000001 00000004"),
        bytes.fromhex("81ce0002 00000001 00000002 84ce0004 00000001 00000000 00000002 01000000"),
        bytes.fromhex("81cd0003 00000001 00000002 0064ffff"),
        rtcp.transport_feedback(1, 2, 65530, [0, None, 1000, 90_000, *[None] * 20, 5_000_000], 7),
    ]


def seeds_transport_feedback() -> list[bytes]:
    """Vectors of both kinds, and runs."""
    return [
        rtcp.transport_feedback(1, 2, 65530, [0, None, 1000, 90_000, *[None] * 20, 5_000_000], 7)[12:],
        struct.pack("!HHIHHH", 9, 24, 0, 0x2005, 0x4005, 0xBFFF) + bytes(40),
        struct.pack("!HHIHH", 9, 8199, 0, 0x1FFF, 8),
    ]
