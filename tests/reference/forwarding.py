"""The slow, obvious twin of one consumer's way through sfu/walk.pyx, sfu/rewrite.pxd and sfu/reception.pxd.

Sources have true (unwrapped) sequence numbers here; only what goes out is cut to its width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REPLAY_WINDOW = 1024
MAX_JUMP = 1000
GUARD_PACKETS = 2048
CLOCK_RATE = 90000


@dataclass(frozen=True)
class Sent:
    """A packet of a publisher: ``index`` is its true sequence number."""

    source: int
    index: int
    timestamp: int
    picture: int
    tl0: int
    keyframe: bool


@dataclass(frozen=True)
class Got:
    """What the subscriber must get."""

    sequence_number: int
    timestamp: int
    picture: int
    tl0: int
    original: Sent


@dataclass
class _Source:
    newest_srtp: int | None = None
    seen_srtp: set[int] = field(default_factory=set)
    newest: int = 0

    def admit(self, index: int) -> bool:
        """SRTP's replay protection."""
        if self.newest_srtp is not None and (index in self.seen_srtp or index <= self.newest_srtp - REPLAY_WINDOW):
            return False
        self.newest_srtp = index if self.newest_srtp is None else max(index, self.newest_srtp)
        self.seen_srtp.add(index)
        return True


class ReferenceConsumer:
    """One slot over any number of sources."""

    def __init__(self) -> None:
        self.shown: int | None = None
        self.waits_for: int | None = None
        self._sources: dict[int, _Source] = {}
        self._rebase = False
        self._first: int | None = None
        self._sequence_offset = self._timestamp_offset = self._picture_offset = self._tl0_offset = 0
        self._last: Got | None = None
        self._last_sequence = 0
        self._last_us = 0

    def select(self, source: int) -> None:
        """Wait for the source's next keyframe."""
        self.waits_for = None if source == self.shown else source

    def handle(self, batch: list[Sent], now_us: int) -> list[Got]:
        """The packets that one batch of received packets makes."""
        fresh: dict[int, list[tuple[Sent, bool]]] = {}
        for packet in batch:
            restart = self._observe(packet)
            if restart is not None:
                fresh.setdefault(packet.source, []).append((packet, restart))
        for source, packets in fresh.items():
            if source == self.waits_for:
                at = next((at for at, (packet, _) in enumerate(packets) if packet.keyframe), None)
                if at is not None:
                    start = packets[at][0].index
                    before = packets[:at]
                    overtaken = any(packet.index > start for packet, _ in before)
                    if overtaken and not any(restart for _, restart in before):
                        packets.insert(0, packets.pop(at))
                    self.shown, self.waits_for = source, None
                    self._rebase, self._first = True, start
        return [
            got
            for packet, restart in fresh.get(-1 if self.shown is None else self.shown, [])
            if (got := self._forward(packet, restart, now_us)) is not None
        ]

    def _observe(self, packet: Sent) -> bool | None:
        """None: not to be forwarded; True: the source's numbers jumped."""
        known = packet.source in self._sources
        source = self._sources.setdefault(packet.source, _Source())
        if not source.admit(packet.index):
            return None
        if not known:
            source.newest = packet.index
            return False
        if abs(packet.index - source.newest) > MAX_JUMP:
            source.newest = packet.index
            return True
        source.newest = max(source.newest, packet.index)
        return False

    def _forward(self, packet: Sent, restart: bool, now_us: int) -> Got | None:
        if restart:
            self._rebase, self._first = True, None
        if self._first is not None:
            if packet.index < self._first:
                return None
            if packet.index - self._first >= GUARD_PACKETS:
                self._first = None
        if self._rebase:
            self._begin(packet, now_us)
        got = Got(
            (packet.index + self._sequence_offset) % 2**16,
            (packet.timestamp + self._timestamp_offset) % 2**32,
            (packet.picture + self._picture_offset) % 2**15,
            (packet.tl0 + self._tl0_offset) % 2**8,
            packet,
        )
        self._last_us = now_us
        if self._last is None or packet.index + self._sequence_offset > self._last_sequence:
            self._last, self._last_sequence = got, packet.index + self._sequence_offset
        return got

    def _begin(self, packet: Sent, now_us: int) -> None:
        """Continue the slot's numbers with this packet."""
        self._sequence_offset = self._last_sequence + 1 - packet.index
        if self._last is None:
            self._timestamp_offset = self._picture_offset = self._tl0_offset = 0
        else:
            step = max(1, (now_us - self._last_us) * CLOCK_RATE // 1_000_000)
            self._timestamp_offset = self._last.timestamp + step - packet.timestamp
            self._picture_offset = self._last.picture + 1 - packet.picture
            self._tl0_offset = self._last.tl0 + 1 - packet.tl0
        if self._first is None:
            self._first = packet.index
        self._rebase = False
