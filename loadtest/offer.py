"""The SDP offer of a load-generating client: what a browser would offer of it, with ids that the peer bank knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rtc.extensions import ABS_CAPTURE_TIME, ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_WIDE_CC
from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials

OPUS_PAYLOAD_TYPE: Final = 111
VP8_PAYLOAD_TYPE: Final = 96
VP8_RTX_PAYLOAD_TYPE: Final = 97
EXTENSION_IDS: Final[Mapping[str, int]] = {
    AUDIO_LEVEL: 1,
    ABS_SEND_TIME: 2,
    TRANSPORT_WIDE_CC: 3,
    MID: 4,
    ABS_CAPTURE_TIME: 13,
}
"""As ``rtpwrite.pxd`` writes them."""

_AUDIO_LINES: Final = (
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
)
_VIDEO_LINES: Final = (
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
)


@dataclass(frozen=True)
class SentTrack:
    """A media section that this client sends on."""

    mid: str
    kind: str
    source: str
    ssrc: int


def sent_tracks(first_ssrc: int) -> tuple[SentTrack, SentTrack]:
    """Microphone and camera, the first two sections of a publisher's offer."""
    return (
        SentTrack("0", "audio", "microphone", first_ssrc),
        SentTrack("1", "video", "camera", first_ssrc + 1),
    )


def build_offer(
    tracks: tuple[SentTrack, ...], slots: int, ice: IceCredentials, fingerprint: Fingerprint, session_id: int
) -> str:
    """Sendonly sections for the tracks, then ``slots`` pairs of recvonly audio and video."""
    sections: list[tuple[str, str, SentTrack | None]] = [(track.mid, track.kind, track) for track in tracks]
    sections += [(str(len(tracks) + i), ("audio", "video")[i % 2], None) for i in range(2 * slots)]
    lines = [
        "v=0",
        f"o=- {session_id} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(mid for mid, _, _ in sections),
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
    ]
    for mid, kind, track in sections:
        lines += _section(mid, kind, track, ice, fingerprint)
    return "\r\n".join(lines) + "\r\n"


def _section(mid: str, kind: str, track: SentTrack | None, ice: IceCredentials, fingerprint: Fingerprint) -> list[str]:
    formats = "111" if kind == "audio" else "96 97"
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ice.username_fragment}",
        f"a=ice-pwd:{ice.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        "a=setup:actpass",
        f"a=mid:{mid}",
    ]
    lines += [
        f"a=extmap:{number} {uri}" for uri, number in EXTENSION_IDS.items() if kind == "audio" or uri != AUDIO_LEVEL
    ]
    lines += ["a=sendonly" if track else "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize"]
    if track:
        lines.append(f"a=msid:load {track.source}")
    lines += _AUDIO_LINES if kind == "audio" else _VIDEO_LINES
    if track:
        lines += [f"a=ssrc:{track.ssrc} cname:load", f"a=ssrc:{track.ssrc} msid:load {track.source}"]
    return lines
