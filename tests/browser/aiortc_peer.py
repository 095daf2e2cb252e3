"""A participant without a browser: aiortc speaks the media, python-socketio the signalling.

It is another implementation of everything on the wire, so it finds what two Chromiums have wrong alike.
"""

import array
import asyncio
import fractions
import math
import ssl
from collections import Counter
from typing import Any, Self

import aiohttp
import aioice.ice
import av
import socketio
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

from tests.patience import PATIENCE_S

SAMPLE_RATE_HZ = 48_000
SAMPLES_PER_FRAME = 960
TONE_HZ = 480
PICTURE_WIDTH, PICTURE_HEIGHT = 160, 120
RATE_30_TO_15 = 2
"""aiortc's clock for pictures ticks 30 times a second."""
LOUD = 1000
"""A sample (of 32,767) that silence with a codec's noise never reaches."""


class RefusedError(Exception):
    """The server answered with an error; ``code`` is the protocol's."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]


class Tone(AudioStreamTrack):
    """A sine wave in stereo frames of 20 ms, so that receivers have energy to measure."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, when their time has come."""
        loop = asyncio.get_running_loop()
        if not self._sent:
            self._begin_s = loop.time()
        await asyncio.sleep(max(0.0, self._begin_s + self._sent / SAMPLE_RATE_HZ - loop.time()))
        phase = 2 * math.pi * TONE_HZ / SAMPLE_RATE_HZ
        samples = array.array("h", (int(10_000 * math.sin(phase * (self._sent + i))) for i in range(SAMPLES_PER_FRAME)))
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES_PER_FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.pts = self._sent
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE_HZ)
        self._sent += SAMPLES_PER_FRAME
        return frame


class Picture(VideoStreamTrack):
    """A small grey picture that changes, 15 a second: aiortc's own of VGA size takes a core to encode and decode."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> av.VideoFrame:
        """The next picture, when its time has come."""
        for _ in range(RATE_30_TO_15):
            pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(width=PICTURE_WIDTH, height=PICTURE_HEIGHT, format="yuv420p")
        for plane, level in zip(frame.planes, (self._sent % 200 + 20, 128, 128), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        frame.pts = pts
        frame.time_base = time_base
        self._sent += 1
        return frame


def allow_loopback(monkeypatch: Any) -> None:
    """Lets aiortc use 127.0.0.1, which it leaves out of its candidates."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])


class AiortcPeer:
    """Joins with a tone and a picture and counts what comes in; ``async with AiortcPeer(url) as peer``."""

    def __init__(self, url: str, slot_pairs: int = 2) -> None:
        self.url = url
        # One transport from the start: after the other policies aiortc loses track of some bundled receivers.
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.socket = socketio.AsyncClient(serializer="msgpack", reconnection=False, ssl_verify=False)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.frames: Counter[str] = Counter()
        """Frames decoded, by kind; of sound only those that are no silence."""
        self._slot_pairs = slot_pairs
        self._tasks: list[asyncio.Task[None]] = []
        self.connection.on("track", self._watch)
        self.socket.on("*", self._record)

    async def __aenter__(self) -> Self:
        """Opens the signalling socket; join by ``join``."""
        await self.socket.connect(self.url, transports=["websocket"], wait_timeout=PATIENCE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes everything without a word of leave."""
        await self.connection.close()
        await self.socket.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _record(self, event: str, payload: dict[str, Any]) -> None:
        self.events.append((event, payload))

    def _watch(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._count_frames(track)))

    async def _count_frames(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, av.AudioFrame):
                    samples = array.array("h", bytes(frame.planes[0]))
                    self.frames["audio"] += max(samples) > LOUD
                else:
                    self.frames["video"] += 1
        except MediaStreamError:
            return

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Sends one event and returns its reply; RefusedError when the server refuses it."""
        reply: dict[str, Any] = await self.socket.call(event, payload, timeout=PATIENCE_S)
        if not reply["ok"]:
            raise RefusedError(reply["error"])
        return reply

    async def offer(self) -> tuple[str, dict[str, str]]:
        """The offer of the protocol's shape, and which of its media sections is which source."""
        self.connection.addTransceiver(Tone(), direction="sendonly")
        self.connection.addTransceiver(Picture(), direction="sendonly")
        for _ in range(self._slot_pairs):
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        await self.connection.setLocalDescription(await self.connection.createOffer())
        microphone, camera = self.connection.getTransceivers()[:2]
        return self.connection.localDescription.sdp, {microphone.mid: "microphone", camera.mid: "camera"}

    async def join(self, token: str, **changes: Any) -> dict[str, Any]:
        """Joins the token's room and starts the media; ``changes`` replace parts of the message."""
        offer, tracks = await self.offer()
        message = {
            "protocol": 1,
            "token": token,
            "offer": offer,
            "tracks": tracks,
            "active": {"microphone": True, "camera": True},
        }
        reply = await self.call("join", message | changes)
        await self.connection.setRemoteDescription(RTCSessionDescription(reply["answer"], "answer"))
        return reply


def trusting_session() -> aiohttp.ClientSession:
    """An HTTP session that accepts the service's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
