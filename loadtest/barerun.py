"""A benchmark cell against the bare loop: static keys and addresses, no signalling."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from loadtest.clip import Clip
from loadtest.driver import BankDriver
from loadtest.frames import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, sized_audio, sized_video
from loadtest.measure import Stage
from loadtest.peerbank import PeerBank
from rtc.srtp import SrtpSession, key_bytes

OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE = 111, 96
CAPTURE_TIME_MASK = 1 << 13
"""Only the send time: nobody negotiated the other extensions with the bare loop."""


@dataclass(frozen=True)
class Traffic:
    """What the publisher sends in a benchmark cell. Sizes of datagrams before encryption."""

    packets_per_frame: int
    fps: int = 30
    video_bytes: int = 1200
    audio_bytes: int = 120

    def clips(self) -> tuple[Clip, Clip]:
        """Video and audio."""
        frames = sized_video(self.packets_per_frame, self.video_bytes, self.fps)
        return (
            Clip(frames, VIDEO_CLOCK_RATE, VP8_PAYLOAD_TYPE, is_video=True),
            Clip(sized_audio(self.audio_bytes), AUDIO_CLOCK_RATE, OPUS_PAYLOAD_TYPE, is_video=False),
        )


@asynccontextmanager
async def bare_stage(
    subscribers: int,
    traffic: Traffic,
    *,
    segment: bool,
    equalise: bool = False,
    cpu: int | None = None,
    profile: str = "AEAD_AES_128_GCM",
) -> AsyncIterator[Stage]:
    """The bare loop running and fed; its senders are video, then audio."""
    bank = PeerBank(subscribers + 1)
    driver = BankDriver(bank)
    keys = [os.urandom(key_bytes(profile)) for _ in range(subscribers + 1)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtest.bare",
        env=os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},  # as the worker does for itself
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        port = (await _line(process))["port"]
        for key in keys:
            number = bank.add_peer()
            bank.connect(number, "127.0.0.1", port)
            bank.set_keys(number, SrtpSession(profile, key, key), feedback=False, extension_mask=CAPTURE_TIME_MASK)
        await _say(
            process,
            {
                "cpu": cpu,
                "profile": profile,
                "segment": segment,
                "equalise": equalise,
                "publisher_key": keys[0].hex(),
                "subscribers": [[*bank.address(number), keys[number].hex()] for number in range(1, subscribers + 1)],
            },
        )
        await _line(process)
        video, audio = traffic.clips()
        senders = (
            bank.add_sender(0, video, ssrc=1000, mid="1"),
            bank.add_sender(0, audio, ssrc=1001, mid="0"),
        )
        driver.start()
        for number in senders:
            bank.start_sender(number)
        yield Stage(bank, process.pid, senders, tuple(range(1, subscribers + 1)), subscribers)
    finally:
        driver.stop()
        bank.close()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _say(process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    if process.stdin is None:
        raise RuntimeError("the bare loop has no standard input")
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line the process prints, as JSON."""
    if process.stdout is None:
        raise RuntimeError("the bare loop has no standard output")
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer
