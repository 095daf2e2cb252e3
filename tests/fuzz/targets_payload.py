"""Any bytes have a payload descriptor that is valid or not, for every codec, and the slow twin reads the same."""

from __future__ import annotations

from rtc import payload
from tests.reference import payload as reference


def fuzz_payload(data: bytes) -> None:
    """All codecs read the same bytes."""
    for codec in payload.CODECS:
        if payload.read(codec, data) != reference.read(codec, data):
            raise AssertionError(f"the twin reads {codec} otherwise")


def seeds() -> list[bytes]:
    """VP8 with all fields, VP9 with layers, H.264 STAP-A and FU-A, AV1."""
    return [
        bytes.fromhex("90f081020920 00 9d012a"),
        bytes.fromhex("a881020007 00"),
        bytes.fromhex("18 0002 6742 0003 68ce3c 0001 65"),
        bytes.fromhex("7c87 42"),
        bytes.fromhex("18 0a0b"),
    ]
