"""Offers as real clients wrote them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.sdp")))


def read_offer(name: str) -> str:
    """The text of ``<name>.sdp``, with its CR LF line ends."""
    return (FOLDER / f"{name}.sdp").read_bytes().decode()
