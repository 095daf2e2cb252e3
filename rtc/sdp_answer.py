"""The server's answer (RFC 8829 section 5.3): :func:`negotiate` decides, :func:`build_answer` writes.

Only what the server forwards is accepted: no RED, no FEC, no data channel. An m-line that cannot be served is refused
with port 0 and takes nothing else with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from rtc.codecs import Codec
from rtc.extensions import RECEIVE_EXTENSIONS, SEND_EXTENSIONS
from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials
from rtc.sdp import Address, Offer, OfferedMedia

Role = Literal["send", "receive", "inactive"]
"""Seen from the client: it publishes, it has a slot, or the m-line rests."""

_HOST_TYPE_PREFERENCE: Final = 126
"""RFC 8445 section 5.1.2.2."""
_COMPONENT_RTP: Final = 1
VARIANTS: Final[Mapping[str, str]] = {
    "OPUS": "OPUS/48000",
    "VP8": "VP8/90000",
    "H264": "H264/1/42e0",
    "VP9": "VP9/0",
    "AV1": "AV1/0",
}
"""The key of the one variant of each codec that is accepted, from publishers and for slots alike.

So whatever anybody sends, everybody who has the codec can show: packets pass through unchanged. These are the variants
that all clients have: constrained baseline is H.264's mandatory one (RFC 7742 section 6.2), profile 0 of VP9 and AV1 is
8 bits 4:2:0. It also keeps answers small: Chromium offers 15 variants for each slot.
"""


@dataclass(frozen=True, slots=True)
class NegotiationPolicy:
    """What the server accepts. Codecs are names of :data:`VARIANTS`; the answer keeps their order."""

    audio_codecs: tuple[str, ...] = ("OPUS",)
    video_codecs: tuple[str, ...] = ("VP8", "H264", "VP9", "AV1")
    feedback: frozenset[str] = frozenset(("transport-cc", "nack", "nack pli", "ccm fir"))
    max_rids: int = 3
    """Encodings of one camera; browsers send at most three."""
    max_extension_id: int = 14
    """What one-byte header extensions can carry (RFC 8285 section 4.2)."""


@dataclass(frozen=True, slots=True)
class SlotSsrc:
    """The stream that the server will send on a slot, whoever is shown in it."""

    ssrc: int
    rtx_ssrc: int | None
    stream_id: str
    """Shared by the audio and the video of a pair, for lip sync: "slot-<i>"."""
    track_id: str
    cname: str


@dataclass(frozen=True, slots=True)
class NegotiatedMedia:
    """What was agreed for one m-line of the offer."""

    mid: str
    kind: str
    role: Role
    rejected: bool
    codecs: tuple[Codec, ...]
    """In the answer's order; with the client's payload types and the accepted feedback."""
    extensions: Mapping[str, int]
    rids: tuple[str, ...]
    offered: OfferedMedia

    def codec(self, payload_type: int) -> Codec | None:
        """The accepted codec with this payload type (not that of its RTX)."""
        return next((codec for codec in self.codecs if codec.payload_type == payload_type), None)


def negotiate(offer: Offer, policy: NegotiationPolicy = NegotiationPolicy()) -> list[NegotiatedMedia]:
    """Decide about every m-line of the offer, in its order."""
    return [_negotiate_media(media, media.mid in offer.bundle, policy) for media in offer.media]


def _negotiate_media(media: OfferedMedia, is_bundled: bool, policy: NegotiationPolicy) -> NegotiatedMedia:
    names = {"audio": policy.audio_codecs, "video": policy.video_codecs}.get(media.kind, ())
    codecs = _choose_codecs(media, names, policy)
    rejected = media.rejected or not is_bundled or not media.rtcp_mux or not codecs
    role: Role = "inactive"
    if not rejected and media.direction in ("sendonly", "sendrecv"):
        role = "send"
    elif not rejected and media.direction == "recvonly":
        role = "receive"
    known = RECEIVE_EXTENSIONS if role == "receive" else SEND_EXTENSIONS
    return NegotiatedMedia(
        mid=media.mid,
        kind=media.kind,
        role=role,
        rejected=rejected,
        codecs=() if rejected else codecs,
        extensions={
            uri: number
            for uri, number in media.extensions.items()
            if uri in known and number <= policy.max_extension_id and not rejected
        },
        rids=media.rids[: policy.max_rids] if role == "send" else (),
        offered=media,
    )


def _choose_codecs(media: OfferedMedia, names: Sequence[str], policy: NegotiationPolicy) -> tuple[Codec, ...]:
    """The first offered payload type of each accepted codec, in the policy's order."""
    offered: dict[str, Codec] = {}
    for codec in media.codecs:
        offered.setdefault(codec.key, codec)
    retransmissions = frozenset(codec.payload_type for codec in media.codecs if codec.name == "RTX")
    keys = [VARIANTS[name] for name in names]
    return tuple(_accepted(offered[key], retransmissions, policy) for key in keys if key in offered)


def _accepted(codec: Codec, retransmissions: frozenset[int], policy: NegotiationPolicy) -> Codec:
    rtx = codec.rtx_payload_type
    has_rtx = rtx in retransmissions and "nack" in codec.feedback
    return replace(
        codec,
        feedback=tuple(item for item in codec.feedback if item in policy.feedback),
        rtx_payload_type=rtx if has_rtx else None,
    )


def build_answer(
    offer: Offer,
    negotiated: Sequence[NegotiatedMedia],
    *,
    local_ice: IceCredentials,
    fingerprint: Fingerprint,
    candidates: Sequence[Address],
    slot_ssrcs: Mapping[str, SlotSsrc],
    session_id: int,
    version: int,
) -> str:
    """Write the answer.

    ``candidates`` are the worker's UDP addresses, best first. ``slot_ssrcs`` has an entry for every "receive" m-line;
    without one the m-line is answered inactive. ``version`` grows with each answer of a session (RFC 8866 section 5.2).
    """
    accepted = [media.mid for media in negotiated if not media.rejected]
    lines = ["v=0", f"o=- {session_id} {version} IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if accepted:
        lines.append(f"a=group:BUNDLE {' '.join(accepted)}")
    lines.append("a=ice-lite")
    if offer.extmap_allow_mixed:
        lines.append("a=extmap-allow-mixed")
    lines.append("a=msid-semantic: WMS *")
    # Of a bundle the first m-line's would do (RFC 8843 section 7.3), but aiortc reads the candidates of the last.
    transport = [
        f"a=ice-ufrag:{local_ice.username_fragment}",
        f"a=ice-pwd:{local_ice.password}",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        "a=setup:passive",
        *(_candidate_line(index, address) for index, address in enumerate(candidates)),
        "a=end-of-candidates",
    ]
    for media in negotiated:
        if media.rejected:
            lines += [f"m={media.kind} 0 {media.offered.protocol} {media.offered.formats[0]}", "c=IN IP4 0.0.0.0"]
            lines += [f"a=mid:{media.mid}", "a=inactive"]
            continue
        lines += _media_head(media, candidates[0] if candidates else None)
        lines += transport
        lines += _media_lines(media, slot_ssrcs.get(media.mid))
    return "\r\n".join(lines) + "\r\n"


def _media_head(media: NegotiatedMedia, address: Address | None) -> list[str]:
    payload_types: list[str] = []
    for codec in media.codecs:
        payload_types.append(str(codec.payload_type))
        if codec.rtx_payload_type is not None:
            payload_types.append(str(codec.rtx_payload_type))
    host, port = ("0.0.0.0", 9) if address is None else address
    return [
        f"m={media.kind} {port} {media.offered.protocol} {' '.join(payload_types)}",
        f"c=IN {'IP6' if ':' in host else 'IP4'} {host}",
        f"a=mid:{media.mid}",
    ]


def _candidate_line(index: int, address: Address) -> str:
    """RFC 8839 section 5.1; the priority falls with the place in the list."""
    priority = (_HOST_TYPE_PREFERENCE << 24) | ((0xFFFF - index) << 8) | (256 - _COMPONENT_RTP)
    return f"a=candidate:{index + 1} {_COMPONENT_RTP} udp {priority} {address[0]} {address[1]} typ host"


def _media_lines(media: NegotiatedMedia, slot: SlotSsrc | None) -> list[str]:
    lines = ["a=rtcp-mux"]
    if media.offered.rtcp_rsize:
        lines.append("a=rtcp-rsize")
    lines += [f"a=extmap:{number} {uri}" for uri, number in media.extensions.items()]
    for codec in media.codecs:
        lines += _codec_lines(codec)
    if media.role == "send":
        lines.append("a=recvonly")
        if media.rids:
            lines += [f"a=rid:{rid} recv" for rid in media.rids]
            lines.append(f"a=simulcast:recv {';'.join(media.rids)}")
    elif media.role == "receive" and slot is not None:
        lines += ["a=sendonly", *_slot_lines(slot)]
    else:
        lines.append("a=inactive")
    return lines


def _codec_lines(codec: Codec) -> list[str]:
    payload_type = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    name = codec.name.lower() if codec.name == "OPUS" else codec.name
    lines = [f"a=rtpmap:{payload_type} {name}/{codec.clock_rate}{channels}"]
    if codec.parameters:
        parameters = ";".join(f"{key}={value}" if value else key for key, value in codec.parameters.items())
        lines.append(f"a=fmtp:{payload_type} {parameters}")
    lines += [f"a=rtcp-fb:{payload_type} {item}" for item in codec.feedback]
    if codec.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{codec.rtx_payload_type} rtx/{codec.clock_rate}")
        lines.append(f"a=fmtp:{codec.rtx_payload_type} apt={payload_type}")
    return lines


def _slot_lines(slot: SlotSsrc) -> list[str]:
    msid = f"{slot.stream_id} {slot.track_id}"
    ssrcs = [slot.ssrc]
    lines = [f"a=msid:{msid}"]
    if slot.rtx_ssrc is not None:
        ssrcs.append(slot.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {slot.ssrc} {slot.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{slot.cname}", f"a=ssrc:{ssrc} msid:{msid}"]
    return lines
