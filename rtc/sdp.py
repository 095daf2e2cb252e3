"""What a peer offers (RFC 8829, RFC 8843): :func:`parse_offer` gives an :class:`Offer` or raises :class:`SdpError`.

Only what the server can use is kept; what it would write into an answer is checked to be a plain token first. Answers,
as the load generator gets them, have the same form and are read by :func:`parse_answer`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rtc.codecs import Codec, read_codecs
from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials
from rtc.sdp_sections import OfferLimits, SdpError, Section, is_token, is_word, read_number, read_sections

__all__ = ["Offer", "OfferLimits", "OfferedMedia", "SdpError", "parse_answer", "parse_offer"]

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Address = tuple[str, int]

_DIRECTIONS: Final[tuple[Direction, ...]] = ("sendrecv", "sendonly", "recvonly", "inactive")
_ICE_CHARACTERS: Final = re.compile(r"[A-Za-z0-9+/\-_=]+")
"""ice-char of RFC 8839 section 5.4, and three that clients use although they should not."""
_RID: Final = re.compile(r"[A-Za-z0-9_\-]{1,16}")
"""RFC 8851 section 10; 16 bytes fill a one-byte header extension."""
_MAX_MID_BYTES: Final = 16
"""A mid travels in a one-byte header extension, which holds 16."""
_LAST_EXTENSION_ID: Final = 255
_PROVISIONAL_EXTENSION_ID: Final = 4096
"""RFC 8285 section 7: ids from here on are mere proposals."""
_NO_EXTENSION_ID: Final = 15
"""RFC 8285 section 4.2: ends a one-byte extension block."""


@dataclass(frozen=True, slots=True)
class OfferedMedia:
    """One m-line."""

    mid: str
    kind: str
    """"audio", "video" or "application"; others are kept only to be refused."""
    protocol: str
    formats: tuple[str, ...]
    direction: Direction
    rejected: bool
    """Port 0 without bundle-only: the m-line is not in use."""
    rtcp_mux: bool
    rtcp_rsize: bool
    codecs: tuple[Codec, ...]
    extensions: Mapping[str, int]
    """Header extension ids by URI."""
    ssrcs: tuple[int, ...]
    ssrc_groups: tuple[tuple[str, tuple[int, ...]], ...]
    """Semantics ("FID", "SIM") and members (RFC 5576 section 4.2)."""
    rids: tuple[str, ...]
    """Simulcast encodings the peer can send, in its order (RFC 8853)."""
    cname: str | None
    msid: tuple[str, str] | None
    """Stream id ("-" for none) and track id (RFC 8830)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A session description for one bundled transport."""

    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    media: tuple[OfferedMedia, ...]
    bundle: tuple[str, ...]
    """Mids of the BUNDLE group; without one, the first m-line alone."""
    extmap_allow_mixed: bool
    ice_lite: bool
    candidates: tuple[Address, ...] = ()
    """UDP host candidates; read from answers only."""


def parse_offer(text: str, limits: OfferLimits = OfferLimits()) -> Offer:  # noqa: B008 (frozen)
    """Read a client's offer; anything that is not one raises :class:`SdpError`."""
    return _parse(text, limits, ("actpass", "active"))


def parse_answer(text: str, limits: OfferLimits = OfferLimits()) -> Offer:  # noqa: B008 (frozen)
    """Read an answer, with its candidates."""
    return _parse(text, limits, ("active", "passive"), with_candidates=True)


def _parse(text: str, limits: OfferLimits, setups: Sequence[str], *, with_candidates: bool = False) -> Offer:
    session, *sections = read_sections(text, limits)
    if not sections:
        raise SdpError("offer_invalid", "no m-line")
    if sum(len(section.all("candidate")) for section in (session, *sections)) > limits.max_candidates:
        raise SdpError("offer_too_large", f"more than {limits.max_candidates} candidates")
    media = tuple(_read_media(section, session, limits) for section in sections)
    mids = [item.mid for item in media]
    if len(set(mids)) != len(mids):
        raise SdpError("offer_invalid", "a mid occurs twice")
    bundle = _read_bundle(session, mids)
    bundled = {item.mid: section for item, section in zip(media, sections, strict=True) if item.mid in bundle}
    _check_extensions([item for item in media if item.mid in bundle])
    tagged = next((bundled[item.mid] for item in media if item.mid in bundle and not item.rejected), bundled[bundle[0]])
    setup = tagged.first("setup") or session.first("setup") or ""
    if setup not in setups:
        raise SdpError("offer_invalid", f"setup is none of {', '.join(setups)}")
    return Offer(
        ice=_read_ice(tagged, session),
        fingerprints=_read_fingerprints(tagged, session, limits),
        setup=setup,
        media=media,
        bundle=bundle,
        extmap_allow_mixed=session.first("extmap-allow-mixed") is not None,
        ice_lite=session.first("ice-lite") is not None,
        candidates=_read_candidates(tagged) if with_candidates else (),
    )


def _read_media(section: Section, session: Section, limits: OfferLimits) -> OfferedMedia:
    mid = section.first("mid")
    if mid is None or not is_token(mid) or len(mid) > _MAX_MID_BYTES:
        raise SdpError("offer_invalid", "an m-line has no mid of 1 to 16 plain characters")
    is_rtp = section.protocol.endswith(("/RTP/SAVPF", "/RTP/SAVP")) and section.kind in ("audio", "video")
    ssrcs, cname = _read_ssrcs(section, limits)
    return OfferedMedia(
        mid=mid,
        kind=section.kind,
        protocol=section.protocol,
        formats=section.formats,
        direction=_read_direction(section, session),
        rejected=section.port == 0 and section.first("bundle-only") is None,
        rtcp_mux=section.first("rtcp-mux") is not None,
        rtcp_rsize=section.first("rtcp-rsize") is not None,
        codecs=read_codecs(section, limits) if is_rtp else (),
        extensions=_read_extensions(section, session, limits),
        ssrcs=ssrcs,
        ssrc_groups=_read_ssrc_groups(section, limits),
        rids=_read_rids(section, limits),
        cname=cname,
        msid=_read_msid(section),
    )


def _read_direction(section: Section, session: Section) -> Direction:
    for part in (section, session):
        for direction in _DIRECTIONS:
            if part.first(direction) is not None:
                return direction
    return "sendrecv"


def _read_bundle(session: Section, mids: Sequence[str]) -> tuple[str, ...]:
    for group in session.all("group"):
        semantics, *members = group.split()[: len(mids) + 2] or [""]
        if semantics == "BUNDLE":
            if not members or not set(members) <= set(mids):
                raise SdpError("offer_invalid", "BUNDLE group names no m-line or an unknown one")
            return tuple(dict.fromkeys(members))
    return (mids[0],)


def _read_ice(tagged: Section, session: Section) -> IceCredentials:
    """RFC 8839 section 5.4: 4 to 256 and 22 to 256 characters, at the m-line or above all."""
    fragment = tagged.first("ice-ufrag") or session.first("ice-ufrag") or ""
    password = tagged.first("ice-pwd") or session.first("ice-pwd") or ""
    for text, minimum in ((fragment, 4), (password, 22)):
        if not minimum <= len(text) <= 256 or not _ICE_CHARACTERS.fullmatch(text):
            raise SdpError("offer_invalid", "ice-ufrag or ice-pwd is missing or malformed")
    return IceCredentials(fragment, password)


def _read_fingerprints(tagged: Section, session: Section, limits: OfferLimits) -> tuple[Fingerprint, ...]:
    lines = tagged.all("fingerprint") or session.all("fingerprint")
    if len(lines) > limits.max_fingerprints:
        raise SdpError("offer_too_large", f"more than {limits.max_fingerprints} fingerprints")
    fingerprints = [fingerprint for line in lines if (fingerprint := Fingerprint.parse(line)) is not None]
    if not fingerprints:
        raise SdpError("offer_no_fingerprint", "no certificate fingerprint with SHA-256, SHA-384 or SHA-512")
    return tuple(dict.fromkeys(fingerprints))


def _read_extensions(section: Section, session: Section, limits: OfferLimits) -> dict[str, int]:
    """``a=extmap:<id>[/<direction>] <URI> [<attributes>]`` (RFC 8285 section 8)."""
    lines = [*session.all("extmap"), *section.all("extmap")]
    if len(lines) > limits.max_extensions_per_media:
        raise SdpError("offer_too_large", f"more than {limits.max_extensions_per_media} header extensions")
    extensions: dict[str, int] = {}
    for line in lines:
        words = line.split()
        if len(words) < 2 or not is_word(words[1]):
            raise SdpError("offer_invalid", "extmap is malformed")
        number = read_number(words[0].partition("/")[0], 65535, "header extension id")
        if number >= _PROVISIONAL_EXTENSION_ID:
            continue
        if not 1 <= number <= _LAST_EXTENSION_ID or number == _NO_EXTENSION_ID:
            raise SdpError("offer_invalid", "header extension id is out of range")
        extensions.setdefault(words[1], number)
    if len(set(extensions.values())) != len(extensions):
        raise SdpError("offer_invalid", "header extension id twice in one m-line")
    return extensions


def _check_extensions(media: Sequence[OfferedMedia]) -> None:
    """In a bundle an id means one thing (RFC 8843 section 9.3): packets are read before their m-line is known."""
    meaning: dict[int, str] = {}
    for item in media:
        for uri, number in item.extensions.items():
            if meaning.setdefault(number, uri) != uri:
                raise SdpError("offer_invalid", "header extension id means different things within the bundle")


def _read_ssrcs(section: Section, limits: OfferLimits) -> tuple[tuple[int, ...], str | None]:
    ssrcs: dict[int, None] = {}
    cname: str | None = None
    for line in section.all("ssrc"):
        number, _, attribute = line.partition(" ")
        ssrcs[read_number(number, 0xFFFFFFFF, "ssrc")] = None
        if len(ssrcs) > limits.max_ssrcs_per_media:
            raise SdpError("offer_too_large", f"more than {limits.max_ssrcs_per_media} ssrcs in an m-line")
        if cname is None and attribute.startswith("cname:"):
            cname = attribute.removeprefix("cname:")[:255]
    return tuple(ssrcs), cname


def _read_ssrc_groups(section: Section, limits: OfferLimits) -> tuple[tuple[str, tuple[int, ...]], ...]:
    lines = section.all("ssrc-group")
    groups: list[tuple[str, tuple[int, ...]]] = []
    for line in lines:
        semantics, *members = line.split() or [""]
        if len(lines) > limits.max_ssrcs_per_media or len(members) > limits.max_ssrcs_per_media:
            raise SdpError("offer_too_large", "too many ssrc groups or members")
        groups.append((semantics, tuple(read_number(member, 0xFFFFFFFF, "ssrc") for member in members)))
    return tuple(groups)


def _read_rids(section: Section, limits: OfferLimits) -> tuple[str, ...]:
    """Encodings to be sent: those of a=simulcast in its order (of alternatives the first), else those of a=rid."""
    declared: dict[str, None] = {}
    for line in section.all("rid"):
        words = line.split()
        if len(words) < 2 or not _RID.fullmatch(words[0]) or words[1] not in ("send", "recv"):
            raise SdpError("offer_invalid", "rid is malformed")
        if words[1] == "send":
            declared[words[0]] = None
    if len(declared) > limits.max_rids_per_media:
        raise SdpError("offer_too_large", f"more than {limits.max_rids_per_media} rids in an m-line")
    words = (section.first("simulcast") or "").split()
    if "send" not in words[:-1]:
        return tuple(declared)
    listed = [part.partition(",")[0].removeprefix("~") for part in words[words.index("send") + 1].split(";")]
    return tuple(dict.fromkeys(rid for rid in listed if rid in declared))


def _read_msid(section: Section) -> tuple[str, str] | None:
    words = (section.first("msid") or "").split()
    return (words[0], words[1] if len(words) > 1 else "") if words else None


def _read_candidates(tagged: Section) -> tuple[Address, ...]:
    """Host candidates with an IP address, in the order given; names (mDNS) cannot be used."""
    addresses: list[Address] = []
    for line in tagged.all("candidate"):
        words = line.split()
        if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or words[7] != "host":
            continue
        try:
            host = str(ipaddress.ip_address(words[4]))
        except ValueError:
            continue
        addresses.append((host, read_number(words[5], 65535, "port of a candidate")))
    return tuple(addresses)
