"""Any text parses as an offer that can be answered readably, or raises SdpError, never any other error."""

from __future__ import annotations

from rtc.sdp import SdpError, parse_answer, parse_offer
from rtc.sdp_answer import negotiate
from tests.rtc.offers import read_offer
from tests.rtc.sdp_text import answer_to, offer_text


def fuzz_sdp(data: bytes) -> None:
    """Parse, answer, and read the answer."""
    try:
        offer = parse_offer(data.decode(errors="surrogateescape"))
    except SdpError:
        return
    answer = answer_to(offer)
    if not answer.isascii():
        raise AssertionError("the answer holds what no token does")
    if all(media.rejected for media in negotiate(offer)):
        return  # an answer without a transport, which parse_answer refuses
    if [media.mid for media in parse_answer(answer).media] != [media.mid for media in offer.media]:
        raise AssertionError("the answer does not fit the offer")


def seeds() -> list[bytes]:
    """A small offer and those of two real clients."""
    return [
        offer_text("a=rid:h send", "a=simulcast:send h", "a=ssrc:1 cname:x", "a=extmap:3 urn:x").encode(),
        read_offer("chromium_with_data_channel").encode(),
        read_offer("aiortc_meeting").encode(),
    ]
