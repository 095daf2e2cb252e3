"""Seeded mutations of byte strings: what a fuzzer does to a valid message to make an almost valid one."""

import random
from collections.abc import Callable, Sequence

LARGEST_BYTES = 4096
"""Inputs are cut here: beyond two datagrams a longer input finds nothing new and only costs time."""

BOUNDARIES = (0, 1, 2, 3, 4, 7, 8, 0x0F, 0x10, 0x7F, 0x80, 0xFE, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
BOUNDARIES_32 = (*BOUNDARIES, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
TEXT_TOKENS = (
    b"\0",
    b"\r\n",
    b"\n",
    b" ",
    b":",
    b"=",
    b"/",
    b";",
    b"-1",
    b"256",
    b"65536",
    b"99999999999999999999",
    b"\xff\xfe",
)

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def flip_bit(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """One bit differs."""
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_byte(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """One byte becomes any other."""
    data[rng.randrange(len(data))] = rng.randrange(256)


def set_boundary(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A one, two or four byte field (big endian) becomes a value at which counters and checks turn."""
    width = rng.choice((1, 2, 2, 4))
    if len(data) < width:
        return
    value = rng.choice(BOUNDARIES_32 if width == 4 else BOUNDARIES) & ((1 << 8 * width) - 1)
    at = rng.randrange(len(data) - width + 1)
    data[at : at + width] = value.to_bytes(width, "big")


def nudge_length(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A two byte field grows or shrinks a little, as a lying length does."""
    if len(data) < 2:
        return
    at = rng.randrange(len(data) - 1)
    value = int.from_bytes(data[at : at + 2], "big") + rng.choice((-4, -2, -1, 1, 2, 4))
    data[at : at + 2] = (value & 0xFFFF).to_bytes(2, "big")


def true_length(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A field becomes what really follows it, in bytes or 32-bit words, so that the change gets past length checks."""
    if len(data) < 4:
        return
    at = rng.randrange(len(data) - 1)
    rest = len(data) - at - 2
    data[at : at + 2] = (rng.choice((rest, rest // 4, len(data), len(data) // 4 - 1)) & 0xFFFF).to_bytes(2, "big")


def cut(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """The end is missing."""
    del data[rng.randrange(len(data)) :]


def drop_slice(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A piece from the middle is missing."""
    at = rng.randrange(len(data))
    del data[at : at + rng.randint(1, 16)]


def repeat_slice(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A piece stands there several times, as a flood of attributes or lines does."""
    at = rng.randrange(len(data))
    piece = data[at : at + rng.randint(1, 64)]
    data[at:at] = piece * rng.choice((1, 2, 8))


def insert_random(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """Random bytes stand in between."""
    at = rng.randint(0, len(data))
    data[at:at] = rng.randbytes(rng.randint(1, 8))


def insert_token(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """A piece of text that text parsers stumble over stands in between."""
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice(TEXT_TOKENS)


def splice(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    """The beginning of this one and the end of another."""
    other = rng.choice(corpus)
    if other:
        data[rng.randint(0, len(data)) :] = other[rng.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit,
    set_byte,
    set_boundary,
    set_boundary,
    nudge_length,
    true_length,
    cut,
    drop_slice,
    repeat_slice,
    insert_random,
    insert_token,
    splice,
)


def mutated(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One input: a member of the corpus after one to six mutations, now and then plain random bytes."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randint(0, 256))
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))):
        if not data:
            data.extend(rng.randbytes(4))
        rng.choice(MUTATIONS)(rng, data, corpus)
    return bytes(data[:LARGEST_BYTES])
