"""What one front knows of one conversation: the pure core of the fan-out. No I/O, no clock.

News arrive as they happen, but may be lost with the connection that brings them. Since events are numbered without a
hole, a feed always knows what it lacks: it asks for it (``read_after``), and meanwhile holds back what comes too early.
So its readers get every event once and in order, or are told that the store itself has lost some (``reset_to``).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat.channels import RECENT_EVENTS, FeedHead
from chat.events import Event, masked, unpack

MAX_EARLY: Final = 1000
"""Held back while what lies before them is read; more are read again later."""


@dataclass(frozen=True)
class Step:
    """What is to be done after something happened."""

    deliver: tuple[Event, ...] = ()
    """To every reader, in this order."""
    read_after: int | None = None
    """Events after this number are to be read; their page goes to ``on_page``."""
    reset_to: int | None = None
    """The store lost events (a restored backup, a promoted replica): its last number now. Readers must start anew."""


class Feed(FeedHead):
    """One conversation at one front. Begins with ``start``.

    ``head``: readers that are attached have everything up to here. ``is_synced``: whether news are complete from there
    on. ``early``: events that are held back. ``packed``: messages that came after ``_recent``: number, time, packed;
    unpacked when somebody asks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._has_dropped = False
        self._recent: deque[Event] = deque(maxlen=RECENT_EVENTS)

    def start(self, newest: Sequence[Event], last_seq: int) -> Step:
        """The first page (the newest events), read after the subscription to news was confirmed."""
        self.head = last_seq
        self._recent.extend(event for event in newest if event.seq <= last_seq)
        self.is_synced = True
        return self._drain()

    def on_event(self, event: Event) -> Step:
        """News of an event."""
        self._unpack()
        if event.seq <= self.head and self.is_synced:
            return Step()
        if self.is_synced and event.seq == self.head + 1:
            return self._advance([event])
        if len(self.early) < MAX_EARLY:
            self.early[event.seq] = event
        else:
            self._has_dropped = True
        if not self.is_synced:
            return Step()
        self.is_synced = False
        return Step(read_after=self.head)

    def on_lost(self) -> None:
        """News may have been missed: nothing is delivered before a page has been read."""
        self.is_synced = False

    def on_page(self, after: int, events: Sequence[Event], last_seq: int) -> Step:
        """The events after a number, as many as a page holds, and the number of the last one in the store."""
        self._unpack()
        if after > self.head:  # asked for before readers were reset
            self.is_synced = False
            return Step(read_after=self.head)
        if last_seq < after:
            self.head = last_seq
            self.early.clear()
            self._recent.clear()
            # News that came since the page was read had numbers that we seemed to have.
            self.is_synced = False
            return Step(reset_to=last_seq, read_after=last_seq)
        if last_seq < self.head:  # an old page, overtaken by another
            return Step(read_after=None if self.is_synced else self.head)
        new = [event for event in events if event.seq > self.head]
        step = self._advance(new)
        if self.head < last_seq:
            if new or after < self.head:
                self.is_synced = False
                return Step(step.deliver, read_after=self.head)
            # Between head and the last there is nothing: those events were trimmed.
            self.head = last_seq
            self._recent.clear()
        self.is_synced = True
        rest = self._drain()
        return Step(step.deliver + rest.deliver, read_after=rest.read_after)

    def since(self, after: int) -> tuple[Event, ...] | None:
        """The events after a number up to ``head``; None when they are not all at hand."""
        if after >= self.head:
            return ()
        self._unpack()
        if not self._recent or self._recent[0].seq > after + 1:
            return None
        return tuple(event for event in self._recent if event.seq > after)

    def _unpack(self) -> None:
        for seq, at_ms, packed in self.packed:
            self._recent.append(unpack(seq, at_ms, packed))
        self.packed.clear()

    def _advance(self, events: Sequence[Event]) -> Step:
        delivered: list[Event] = []
        for event in events:
            if event.seq != self.head + 1 and (self._recent or delivered):
                self._recent.clear()  # a hole of trimmed events: what is kept must have none
            self.head = event.seq
            self.early.pop(event.seq, None)
            if event.kind == "withdrawal":
                shown = masked(self._recent, frozenset((event.target,)))
                self._recent = deque(shown, maxlen=RECENT_EVENTS)
            self._recent.append(event)
            delivered.append(event)
        return Step(tuple(delivered))

    def _drain(self) -> Step:
        """Deliver what came early and fits now; ask for what still lies before the rest."""
        ready: list[Event] = []
        for seq in [seq for seq in self.early if seq <= self.head]:
            del self.early[seq]
        while (event := self.early.pop(self.head + 1, None)) is not None:
            ready += self._advance([event]).deliver
        if self.early or self._has_dropped:
            self._has_dropped = False
            self.is_synced = False
            return Step(tuple(ready), read_after=self.head)
        return Step(tuple(ready))
