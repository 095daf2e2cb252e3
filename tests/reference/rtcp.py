"""The slow twin of ``rtc.rtcp``: compounds (RFC 3550 section 6) and transport-wide feedback."""

from collections.abc import Iterator

from rtc.rtcp import Item, RtcpError


def parse(data: bytes) -> list[Item]:
    """Split a compound into its items, or raise RtcpError."""
    if len(data) > 65535:
        raise RtcpError("long")
    if not data:
        raise RtcpError("empty")
    items = []
    while data:
        if len(data) < 4 or data[0] // 64 != 2:
            raise RtcpError("malformed")
        size = 4 + 4 * int.from_bytes(data[2:4], "big")
        packet, data = data[:size], data[size:]
        if len(packet) < size:
            raise RtcpError("malformed")
        body = packet[4:]
        if packet[0] & 0x20:
            if not body or not 1 <= body[-1] <= len(body):
                raise RtcpError("malformed")
            body = body[: len(body) - body[-1]]
        items.append(Item(packet[1], packet[0] % 32, body))
    return items


def transport_feedback(sender: int, media: int, base: int, arrivals_us: list[int | None], feedback_count: int) -> bytes:
    """Build a feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1), two-bit vectors only."""
    first_us = next(arrival for arrival in arrivals_us if arrival is not None)
    reference = first_us // 64_000
    previous = reference * 64_000 // 250
    symbols, deltas = [], b""
    for arrival_us in arrivals_us:
        delta = None if arrival_us is None else arrival_us // 250 - previous
        if delta is None or not -(2**15) <= delta < 2**15:
            symbols.append(0)
            continue
        previous += delta
        if 0 <= delta < 256:
            symbols.append(1)
            deltas += delta.to_bytes(1, "big")
        else:
            symbols.append(2)
            deltas += delta.to_bytes(2, "big", signed=True)
    chunks = b""
    for at in range(0, len(symbols), 7):
        group = symbols[at : at + 7]
        bits = "11" + "".join(f"{symbol:02b}" for symbol in group + [0] * (7 - len(group)))
        chunks += int(bits, 2).to_bytes(2, "big")
    body = (
        sender.to_bytes(4, "big")
        + media.to_bytes(4, "big")
        + base.to_bytes(2, "big")
        + len(arrivals_us).to_bytes(2, "big")
        + (reference % 2**24).to_bytes(3, "big")
        + bytes([feedback_count])
        + chunks
        + deltas
    )
    body += bytes(-len(body) % 4)
    return bytes([0x80 | 15, 205]) + (len(body) // 4).to_bytes(2, "big") + body


def count_transport_feedback(fci: bytes) -> tuple[int, int]:
    """Return (received, lost), or raise RtcpError."""
    if len(fci) < 8:
        raise RtcpError("transport feedback")
    expected = int.from_bytes(fci[2:4], "big")
    symbols: list[int] = []
    rest = fci[8:]
    if expected == 0:
        raise RtcpError("transport feedback")
    while len(symbols) < expected:
        if len(rest) < 2:
            raise RtcpError("transport feedback")
        chunk, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        symbols += _symbols(chunk, expected - len(symbols))
    if 3 in symbols or sum(symbols) > len(rest):
        raise RtcpError("transport feedback")
    return sum(1 for symbol in symbols if symbol), symbols.count(0)


def _symbols(chunk: int, left: int) -> Iterator[int]:
    """The symbols of one chunk; a vector's last ones may be beyond what is ``left`` to report, a run's may not."""
    bits = f"{chunk:016b}"
    if bits[0] == "0":
        run = int(bits[3:], 2)
        if not 0 < run <= left:
            raise RtcpError("transport feedback")
        yield from [int(bits[1:3], 2)] * run
    elif bits[1] == "0":
        yield from [int(bit) for bit in bits[2:]][:left]
    else:
        yield from [int(bits[at : at + 2], 2) for at in range(2, 16, 2)][:left]
