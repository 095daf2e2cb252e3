"""What the publishers send: a moving test picture and a tone, encoded once by PyAV and kept in memory.

``Frame`` sequences loop: the first picture is a keyframe that depends on nothing, so starting over at any
time gives a stream every decoder accepts.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from loadtest.packetizer import packetize_opus, packetize_vp8

VIDEO_CLOCK_RATE = 90_000
AUDIO_CLOCK_RATE = 48_000
OPUS_FRAME_MS = 20
_RESILIENT = {"error-resilient": "1"}


@dataclass(frozen=True)
class Frame:
    """One frame as RTP payloads; ``duration`` in units of the stream's RTP clock."""

    payloads: tuple[bytes, ...]
    duration: int
    keyframe: bool


@cache
def encoded_video(
    width: int = 640, height: int = 360, fps: int = 30, bitrate_bps: int = 1_000_000, seconds: float = 4.0
) -> tuple[Frame, ...]:
    """VP8 of a bar moving over a gradient, real-time settings, one keyframe at the start."""
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, fps)
    encoder.bit_rate = bitrate_bps
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "9999"} | _RESILIENT
    encoded = []
    for index in range(round(fps * seconds)):
        encoded += encoder.encode(_test_picture(width, height, index))
    encoded += encoder.encode(None)
    return tuple(
        Frame(tuple(packetize_vp8(bytes(packet), number)), VIDEO_CLOCK_RATE // fps, bool(packet.is_keyframe))
        for number, packet in enumerate(encoded)
    )


@cache
def encoded_audio(bitrate_bps: int = 32_000, seconds: float = 2.0) -> tuple[Frame, ...]:
    """Opus of a tone that swells and fades (so that voice detection has something to follow), 20 ms frames."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = AUDIO_CLOCK_RATE, "mono", "s16"
    encoder.bit_rate = bitrate_bps
    encoder.options = {"application": "voip", "frame_duration": str(OPUS_FRAME_MS)}
    samples = AUDIO_CLOCK_RATE * OPUS_FRAME_MS // 1000
    encoded = []
    for index in range(round(seconds * 1000 / OPUS_FRAME_MS)):
        encoded += encoder.encode(_test_tone(samples, index))
    return tuple(Frame(tuple(packetize_opus(bytes(packet))), samples, True) for packet in encoded)


def sized_video(packets_per_frame: int, datagram_bytes: int, fps: int = 30, frames: int = 60) -> tuple[Frame, ...]:
    """Frames of exactly ``packets_per_frame`` packets near ``datagram_bytes`` for the benchmark.

    The payload is real encoded VP8 cut to size, and the frame lengths vary as an encoder's do, so a frame's packets
    differ by one byte (the longer ones last). Frame 0 is the keyframe; the others carry the bit that says they are
    not (RFC 7741 section 4.3), and nothing here is for decoding.
    """
    payload_bytes = datagram_bytes - HEADER_BYTES - 4
    keyframe = b"".join(payload[4:] for payload in encoded_video()[0].payloads)
    source = keyframe * (-(-packets_per_frame * payload_bytes // len(keyframe)) + 1)
    later = bytes((source[0] | 1,)) + source[1:]
    sizes = random.Random(2)  # noqa: S311  (a repeatable benchmark, no secret)
    result = []
    for number in range(frames):
        length = (packets_per_frame - 1) * payload_bytes + payload_bytes - sizes.randrange(packets_per_frame)
        payloads = packetize_vp8((later if number else source)[:length], number, payload_bytes)
        result.append(Frame(tuple(payloads), VIDEO_CLOCK_RATE // fps, keyframe=number == 0))
    return tuple(result)


def sized_audio(datagram_bytes: int) -> tuple[Frame, ...]:
    """Opus frames of one size, so that a datagram before encryption has ``datagram_bytes``."""
    payload = (encoded_audio()[0].payloads[0] * 32)[: datagram_bytes - HEADER_BYTES]
    return (Frame((payload,), AUDIO_CLOCK_RATE * OPUS_FRAME_MS // 1000, keyframe=True),)


HEADER_BYTES = 32
"""RTP header with the extension block the bank writes, see ``rtpwrite.pxd``."""


def _test_picture(width: int, height: int, index: int) -> VideoFrame:
    """A gradient with a bright bar that moves eight pixels per frame."""
    picture = VideoFrame(width, height, "yuv420p")
    left = index * 8 % (width - 64)
    for plane_number, plane in enumerate(picture.planes):
        plane.update(b"".join(_picture_rows(plane_number, plane.line_size, plane.height, left, index)))
    picture.pts = index
    picture.time_base = Fraction(1, 30)
    return picture


def _picture_rows(plane_number: int, line_bytes: int, height: int, left: int, index: int) -> Iterator[bytes]:
    """The rows of one plane: luma carries the bar, the colour planes drift slowly."""
    shades = bytes(value // 4 % 200 + 20 for value in range(1600 + line_bytes))
    for row in range(height):
        if plane_number:
            yield bytes((128 + (row + index) % 32,)) * line_bytes
            continue
        start = (row + index * 3) % 200 * 4
        yield shades[start : start + left] + b"\xe0" * 64 + shades[start + left + 64 : start + line_bytes]


def _test_tone(samples: int, index: int) -> AudioFrame:
    """A 375 Hz square wave whose loudness follows a triangle of one second."""
    position = index % 50
    loudness = 200 * (position if position < 25 else 50 - position)
    period = AUDIO_CLOCK_RATE // 375
    one_period = loudness.to_bytes(2, "little", signed=True) * (period // 2)
    one_period += (-loudness).to_bytes(2, "little", signed=True) * (period // 2)
    start = index * samples % period * 2
    wave = (one_period * (samples // period + 2))[start : start + samples * 2]
    frame = AudioFrame("s16", "mono", samples)
    frame.planes[0].update(wave)
    frame.sample_rate = AUDIO_CLOCK_RATE
    frame.pts = index * samples
    return frame
