"""SDP as lines and sections (RFC 8866 section 5), before anything of WebRTC is read into it.

Everything here fails with :class:`SdpError` only, and its cost is bounded by :class:`OfferLimits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

SdpErrorCode = Literal["offer_invalid", "offer_no_fingerprint", "offer_too_large", "too_many_media"]


class SdpError(ValueError):
    """The description is refused; ``code`` goes to the client as it is, ``detail`` is for developers."""

    def __init__(self, code: SdpErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: SdpErrorCode = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class OfferLimits:
    """What a description may cost. The defaults are several times what browsers write for the client of ``web/``."""

    max_bytes: int = 256 * 1024
    """Chromium's offer with eight receive pairs has 58 kB, with the 64 m-lines allowed about 200 kB."""
    max_media: int = 64
    """Three sources and thirty pairs of slots: more pictures than a screen shows."""
    max_candidates: int = 512
    """In all; they are counted and not read, since an ICE-lite server sends no checks."""
    max_codecs_per_media: int = 96
    """All payload types there are outside 32 of the 128 (RFC 5761 section 4 rules 64 to 95 out)."""
    max_extensions_per_media: int = 32
    """Chromium offers 13."""
    max_ssrcs_per_media: int = 32
    """Simulcast without rids, with RTX, has six."""
    max_fingerprints: int = 8
    """A certificate per hash; each costs a hash over the certificate at the handshake."""
    max_rids_per_media: int = 8
    """Browsers send at most three encodings."""


@dataclass(slots=True)
class Section:
    """The session part, or one m-line with what follows it."""

    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: tuple[str, ...] = ()
    attributes: dict[str, list[str]] = field(default_factory=dict)
    """Values of ``a=`` lines by name, in order; "" for flags."""

    def first(self, name: str) -> str | None:
        """The value of the first attribute of this name."""
        values = self.attributes.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """The values of all attributes of this name."""
        return self.attributes.get(name, [])


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}")
"""RFC 8866 section 9, with a length that no real name reaches."""
_MEDIA_KIND: Final = re.compile(r"[a-z]{1,16}")
_PROTOCOL: Final = re.compile(r"[A-Za-z0-9/]{1,64}")
_DIGITS: Final = re.compile(r"[0-9]{1,10}")
_WORD: Final = re.compile(r"[\x21-\x7e]{1,256}")


def is_token(text: str) -> bool:
    """A ``token`` of the grammar of at most 64 characters: safe to write into an answer."""
    return _TOKEN.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Visible ASCII characters, 1 to 256, and no space."""
    return _WORD.fullmatch(text) is not None


def read_number(text: str, maximum: int, what: str) -> int:
    """A decimal number of at most ten ASCII digits from 0 to ``maximum``."""
    if not _DIGITS.fullmatch(text) or int(text) > maximum:
        raise SdpError("offer_invalid", f"{what} is not a number from 0 to {maximum}")
    return int(text)


def read_sections(text: str, limits: OfferLimits) -> list[Section]:
    """The session part and then one section per m-line."""
    if len(text) > limits.max_bytes or len(text.encode(errors="replace")) > limits.max_bytes:
        raise SdpError("offer_too_large", f"more than {limits.max_bytes} bytes")
    if _CONTROL.search(text):
        raise SdpError("offer_invalid", "control character")
    sections = [Section()]
    for number, (kind, value) in enumerate(_lines(text)):
        if (kind == "v") != (number == 0) or (kind == "v" and value != "0"):
            raise SdpError("offer_invalid", "does not begin with the one line v=0")
        if kind == "m":
            if len(sections) > limits.max_media:
                raise SdpError("too_many_media", f"more than {limits.max_media} m-lines")
            sections.append(_read_media_line(value))
        elif kind == "a":
            name, _, attribute = value.partition(":")
            sections[-1].attributes.setdefault(name, []).append(attribute)
    return sections


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Type and value of each line; line ends may be CR LF or LF, as RFC 8866 section 5 wants accepted."""
    for line in text.split("\n"):
        stripped = line.removesuffix("\r")
        if not stripped:
            continue
        if len(stripped) < 2 or stripped[1] != "=" or not "a" <= stripped[0] <= "z" or "\r" in stripped:
            raise SdpError("offer_invalid", "a line is not of the form type=value")
        yield stripped[0], stripped[2:]


def _read_media_line(value: str) -> Section:
    """``m=<media> <port>[/<number>] <protocol> <format> ...``"""
    parts = value.split()
    if len(parts) < 4:
        raise SdpError("offer_invalid", "m-line is too short")
    kind, port, protocol, *formats = parts
    if not _MEDIA_KIND.fullmatch(kind) or not _PROTOCOL.fullmatch(protocol):
        raise SdpError("offer_invalid", "m-line is malformed")
    if not all(is_token(item) for item in formats):
        raise SdpError("offer_invalid", "m-line has a malformed format")
    return Section(kind, read_number(port.partition("/")[0], 65535, "port"), protocol, tuple(formats))
