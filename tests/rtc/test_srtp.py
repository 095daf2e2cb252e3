"""SRTP sessions: each profile both ways, and what must be refused (attacks: bad tags, replay, rollover, lengths)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import srtp
from rtc.srtp import SrtpError, SrtpSession

PROFILES = ["AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_SHA1_80"]
RECEIVER_REPORT = b"\x80\xc9\0\1\0\0\0\7"


def pair(profile: str) -> tuple[SrtpSession, SrtpSession]:
    """Two ends of one association."""
    size = srtp.key_bytes(profile)
    ours, theirs = bytes(range(size)), bytes(range(100, 100 + size))
    return SrtpSession(profile, ours, theirs), SrtpSession(profile, theirs, ours)


def rtp_packet(sequence: int, payload: bytes = b"payload", ssrc: int = 7) -> bytes:
    return b"\x80\x60" + struct.pack("!HII", sequence & 0xFFFF, 0, ssrc) + payload


@pytest.fixture(params=PROFILES)
def ends(request: pytest.FixtureRequest) -> tuple[SrtpSession, SrtpSession]:
    return pair(request.param)


def test_packets_travel_both_ways(ends: tuple[SrtpSession, SrtpSession]) -> None:
    for sender, receiver in (ends, ends[::-1]):
        protected = sender.protect(rtp_packet(1))
        assert len(protected) == len(rtp_packet(1)) + sender.overhead_bytes
        assert b"payload" not in protected
        assert receiver.unprotect(protected) == rtp_packet(1)
        assert receiver.unprotect_rtcp(sender.protect_rtcp(RECEIVER_REPORT)) == RECEIVER_REPORT


@pytest.mark.attack
def test_a_replay_is_refused(ends: tuple[SrtpSession, SrtpSession]) -> None:
    sender, receiver = ends
    rtp, rtcp = sender.protect(rtp_packet(1)), sender.protect_rtcp(RECEIVER_REPORT)
    receiver.unprotect(rtp)
    receiver.unprotect_rtcp(rtcp)
    for call, packet in ((receiver.unprotect, rtp), (receiver.unprotect_rtcp, rtcp)):
        with pytest.raises(SrtpError) as caught:
            call(packet)
        assert caught.value.status in (9, 10)


@pytest.mark.attack
def test_a_packet_older_than_the_replay_window_is_refused_and_one_within_is_not(ends) -> None:
    sender, receiver = ends
    packets = [sender.protect(rtp_packet(sequence)) for sequence in range(srtp.REPLAY_WINDOW_PACKETS + 10)]
    receiver.unprotect(packets[-1])
    with pytest.raises(SrtpError) as caught:
        receiver.unprotect(packets[0])
    assert caught.value.status == 10
    assert receiver.unprotect(packets[20]) == rtp_packet(20)


@pytest.mark.attack
def test_any_changed_bit_is_refused_and_the_true_packet_still_comes_through(ends) -> None:
    sender, receiver = ends
    rtp, rtcp = sender.protect(rtp_packet(1)), sender.protect_rtcp(RECEIVER_REPORT)
    for call, packet in ((receiver.unprotect, rtp), (receiver.unprotect_rtcp, rtcp)):
        for at in range(len(packet)):
            changed = bytearray(packet)
            changed[at] ^= 1
            with pytest.raises(SrtpError):
                call(bytes(changed))
    assert receiver.unprotect(rtp) == rtp_packet(1)
    assert receiver.unprotect_rtcp(rtcp) == RECEIVER_REPORT


@pytest.mark.attack
def test_a_flood_of_bad_tags_does_not_move_the_rollover_counter(ends) -> None:
    sender, receiver = ends
    receiver.unprotect(sender.protect(rtp_packet(1)))
    for sequence in range(0, 65536, 997):
        with pytest.raises(SrtpError):
            receiver.unprotect(rtp_packet(sequence, bytes(40)))
    assert receiver.unprotect(sender.protect(rtp_packet(2))) == rtp_packet(2)


@pytest.mark.attack
@pytest.mark.parametrize("lost", [1, 100, 20_000])
def test_the_sequence_counter_rolls_over_while_packets_are_lost(ends, lost: int) -> None:
    sender, receiver = ends
    receiver.unprotect(sender.protect(rtp_packet(65536 - lost // 2 - 1)))
    for index in range(65536 - lost // 2, 65536 + lost // 2):
        sender.protect(rtp_packet(index))
    for index in range(65536 + lost // 2, 65536 + lost // 2 + 3):
        assert receiver.unprotect(sender.protect(rtp_packet(index))) == rtp_packet(index)


@pytest.mark.attack
def test_a_late_packet_from_before_the_rollover_is_taken(ends) -> None:
    sender, receiver = ends
    late = [sender.protect(rtp_packet(index)) for index in range(65530, 65545)]
    for packet in late[:1] + late[6:] + late[1:6]:
        receiver.unprotect(packet)


@pytest.mark.attack
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", range(40))
def test_too_short_packets_are_refused(profile: str, size: int) -> None:
    _, receiver = pair(profile)
    for fill in (b"\x80", b"\x9f", b"\xff", b"\0"):
        with pytest.raises(SrtpError):
            receiver.unprotect(fill * size)
        with pytest.raises(SrtpError):
            receiver.unprotect_rtcp(fill * size)
    for call in (receiver.protect, receiver.protect_rtcp):
        with pytest.raises(SrtpError):
            call(bytes([0x80]) * min(size, 7))


@given(st.sampled_from(PROFILES), st.binary(max_size=200))
def test_any_bytes_are_refused_with_the_one_error(profile: str, data: bytes) -> None:
    _, receiver = pair(profile)
    for call in (receiver.unprotect, receiver.unprotect_rtcp):
        with pytest.raises(SrtpError):
            call(data)


@pytest.mark.parametrize("profile", PROFILES)
def test_keys_of_a_wrong_length_are_refused(profile: str) -> None:
    size = srtp.key_bytes(profile)
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(ValueError, match="bytes of key and salt"):
            SrtpSession(profile, bytes(wrong), bytes(size))
        with pytest.raises(ValueError, match="bytes of key and salt"):
            SrtpSession(profile, bytes(size), bytes(wrong))


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown SRTP profile"):
        SrtpSession("NULL_SHA1_80", b"", b"")


def test_a_packet_beyond_the_buffer_is_refused() -> None:
    sender, receiver = pair("AEAD_AES_128_GCM")
    assert len(sender.protect(rtp_packet(1, bytes(2048 - 12)))) == 2048 + 16
    for call in (sender.protect, sender.protect_rtcp, receiver.unprotect, receiver.unprotect_rtcp):
        with pytest.raises(ValueError, match="2048"):
            call(bytes(2049))
