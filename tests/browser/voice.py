"""A voice for Chromium's fake microphone, whose own beeps are too short for anybody to count as speaking."""

import math
import struct
import wave
from pathlib import Path

RATE_HZ = 16_000
SECONDS = 1
PITCH_HZ = 140
SYLLABLES_HZ = 4
FORMANTS_HZ = (600, 1_100, 2_400)


def write_voice(path: Path) -> None:
    """Vowels of a deep voice, four syllables a second; Chromium plays the file in a loop."""
    frames = bytearray()
    for index in range(RATE_HZ * SECONDS):
        second = index / RATE_HZ
        pitch = PITCH_HZ * (1 + 0.15 * math.sin(2 * math.pi * 1 * second))
        syllable = max(0.0, math.sin(math.pi * ((second * SYLLABLES_HZ) % 1))) ** 0.5
        tone = sum(
            math.sin(2 * math.pi * harmonic * pitch * second)
            * sum(math.exp(-(((harmonic * pitch - formant) / 250) ** 2)) for formant in FORMANTS_HZ)
            for harmonic in range(1, 20)
        )
        frames += struct.pack("<h", int(4_500 * syllable * math.tanh(tone)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(bytes(frames))
