"""The peer bank and the bare loop, end to end over the loopback interface with AEAD_AES_128_GCM."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from loadtest.barerun import Traffic, bare_stage
from loadtest.clip import Clip
from loadtest.frames import sized_audio
from loadtest.measure import measure
from loadtest.peerbank import PeerBank
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(("segment", "equalise"), [(False, False), (True, False), (True, True)])
async def test_every_packet_reaches_every_subscriber_once(segment: bool, equalise: bool) -> None:
    async with bare_stage(4, Traffic(packets_per_frame=10, fps=60), segment=segment, equalise=equalise) as stage:
        await _until(lambda: stage.bank.packets > 200)
        sample = await measure(stage, 0.4)
        assert sample.packets > 500
        assert (sample.lost, sample.duplicates, sample.lost_in_client) == (0, 0, 0)
        assert 0 < sample.latency_us(0.5) < 1_000_000
        assert sample.video.total + sample.audio.total >= sample.packets
        for number in stage.subscribers:
            assert sorted(entry["payload_type"] for entry in stage.bank.streams(number)) == [96, 111]
            assert stage.bank.peer(number)["undecryptable"] == 0
        assert all(stage.bank.sender(number)["refused"] == 0 for number in stage.senders)


async def test_the_first_frame_is_seen_as_a_keyframe() -> None:
    async with bare_stage(1, Traffic(packets_per_frame=3), segment=True) as stage:
        await _until(lambda: stage.bank.packets > 20)
        video = next(entry for entry in stage.bank.streams(1) if entry["payload_type"] == 96)
        assert video["keyframes"] == 1


@pytest.fixture
def bank() -> Iterator[PeerBank]:
    with closing(PeerBank(2)) as bank:
        yield bank


def test_a_full_bank_refuses_another_peer(bank: PeerBank) -> None:
    bank.add_peer()
    bank.add_peer()
    with pytest.raises(ValueError, match="full"):
        bank.add_peer()


def test_numbers_that_do_not_exist_are_refused(bank: PeerBank) -> None:
    number = bank.add_peer()
    for call in (lambda: bank.peer(1), lambda: bank.peer(-1), lambda: bank.start_sender(0), lambda: bank.sender(99)):
        with pytest.raises(IndexError):
            call()
    with pytest.raises(ValueError, match="mid"):
        bank.add_sender(number, Clip(sized_audio(120), 48_000, 111, is_video=False), ssrc=1, mid="10")


def test_datagrams_that_are_not_media_come_back_to_python(bank: PeerBank) -> None:
    one, other = bank.add_peer(), bank.add_peer()
    bank.connect(one, *bank.address(other))
    bank.connect(other, *bank.address(one))
    bank.send(one, b"\x00\x01stun")
    bank.send(one, b"\x16\xfe\xfddtls")
    bank.send(one, b"\x80" * 40)
    assert bank.poll() == [(other, b"\x00\x01stun"), (other, b"\x16\xfe\xfddtls")]
    assert bank.peer(other)["early"] == 1


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)
