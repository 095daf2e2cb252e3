"""The load client's offer, read by the parser that the server uses."""

from loadtest.offer import EXTENSION_IDS, build_offer, sent_tracks
from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials
from rtc.sdp import parse_offer
from rtc.sdp_answer import negotiate

ICE = IceCredentials("abcd", "x" * 24)
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))


def test_a_publisher_offers_microphone_camera_and_slots() -> None:
    offer = parse_offer(build_offer(sent_tracks(5), 2, ICE, FINGERPRINT, 1))
    assert [(media.kind, media.direction) for media in offer.media] == [
        ("audio", "sendonly"),
        ("video", "sendonly"),
        ("audio", "recvonly"),
        ("video", "recvonly"),
        ("audio", "recvonly"),
        ("video", "recvonly"),
    ]
    assert offer.media[1].ssrcs == (6,)
    assert offer.ice == ICE
    assert offer.fingerprints == (FINGERPRINT,)


def test_a_server_accepts_every_codec_and_extension_offered() -> None:
    offer = parse_offer(build_offer(sent_tracks(5), 1, ICE, FINGERPRINT, 1))
    for media in negotiate(offer):
        assert [codec.name for codec in media.codecs] == (["OPUS"] if media.kind == "audio" else ["VP8"])
        assert set(media.extensions.items()) <= set(EXTENSION_IDS.items())
        assert len(media.extensions) >= 4
    assert negotiate(offer)[1].codecs[0].rtx_payload_type == 97


def test_who_only_watches_offers_slots_alone() -> None:
    offer = parse_offer(build_offer((), 3, ICE, FINGERPRINT, 1))
    assert {media.direction for media in offer.media} == {"recvonly"}
    assert len(offer.media) == 6
