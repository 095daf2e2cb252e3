"""A small valid offer whose lines tests change, and the answer to an offer."""

from __future__ import annotations

from collections.abc import Mapping

from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials
from rtc.sdp import Offer
from rtc.sdp_answer import NegotiatedMedia, NegotiationPolicy, SlotSsrc, build_answer, negotiate

DEFAULT_POLICY = NegotiationPolicy()
SERVER_ICE = IceCredentials("srvr", "server-password-of-24-ch")
SERVER_FINGERPRINT = Fingerprint.of(b"the server's certificate")
CLIENT_FINGERPRINT = Fingerprint.of(b"the client's certificate")

SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=extmap-allow-mixed"]
TRANSPORT = [
    "a=ice-ufrag:clnt",
    "a=ice-pwd:client-password-of-24-ch",
    f"a=fingerprint:{CLIENT_FINGERPRINT.algorithm} {CLIENT_FINGERPRINT.value}",
    "a=setup:actpass",
    "a=rtcp-mux",
]
AUDIO = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", *TRANSPORT, "a=sendonly", "a=rtpmap:111 opus/48000/2"]
VIDEO = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    "a=mid:1",
    *TRANSPORT,
    "a=recvonly",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtcp-fb:96 goog-remb",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
]


def offer_text(*more: str, session: list[str] = SESSION, audio: list[str] = AUDIO, video: list[str] = VIDEO) -> str:
    """The offer with lines added to its end, that is to its video m-line."""
    return "".join(f"{line}\r\n" for line in [*session, *audio, *video, *more])


def without(lines: list[str], start: str) -> list[str]:
    """The lines that do not begin so."""
    return [line for line in lines if not line.startswith(start)]


def slots_of(negotiated: list[NegotiatedMedia]) -> dict[str, SlotSsrc]:
    """A slot per receive m-line: the i-th audio and the i-th video share a stream."""
    slots: dict[str, SlotSsrc] = {}
    count = {"audio": 0, "video": 0}
    for media in negotiated:
        if media.role == "receive":
            index = count[media.kind]
            count[media.kind] += 1
            ssrc = 1000 + 10 * index + (1 if media.kind == "video" else 0)
            rtx_ssrc = ssrc + 1 if media.kind == "video" else None
            slots[media.mid] = SlotSsrc(ssrc, rtx_ssrc, f"slot-{index}", f"slot-{index}-{media.kind}", "server")
    return slots


def answer_to(
    offer: Offer,
    policy: NegotiationPolicy = DEFAULT_POLICY,
    *,
    slots: Mapping[str, SlotSsrc] | None = None,
) -> str:
    """The answer with fixed transport parameters."""
    negotiated = negotiate(offer, policy)
    return build_answer(
        offer,
        negotiated,
        local_ice=SERVER_ICE,
        fingerprint=SERVER_FINGERPRINT,
        candidates=[("192.0.2.10", 40000), ("2001:db8::10", 40000)],
        slot_ssrcs=slots_of(negotiated) if slots is None else slots,
        session_id=7,
        version=1,
    )
