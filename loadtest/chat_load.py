"""Load on a chat server: sockets in conversations, messages as fast as they are acknowledged or at a given rate."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loadtest.chat_client import ChatLink, ChatLinkError

TEXT_BYTES: Final = 100
"""Of a message's text, its time stamp included."""
CONNECTING_AT_ONCE: Final = 50
_MARK: Final = b"stamp="
_STAMP_DIGITS: Final = 16
_EVENT_HEAD: Final = b"\xa4type\x02"
"""How a Socket.IO event begins in MessagePack, after the map's head."""


@dataclass(frozen=True)
class ChatCell:
    """One row of the measurement."""

    name: str
    conversations: int
    readers: int
    """Sockets that read each conversation."""
    senders: int
    """Of all the readers these send, spread over the conversations; each has one message on its way."""

    @property
    def sockets(self) -> int:
        return self.conversations * self.readers


@dataclass
class Times:
    """What one phase saw; times in seconds."""

    seconds: float = 0.0
    sent: int = 0
    delivered: int = 0
    acknowledgements: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)

    def percentile_ms(self, values: list[float], share: float) -> float:
        """In milliseconds; 0 when there is nothing."""
        ordered = sorted(values)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Reader(ChatLink):
    """Looks no further into an event than its time stamp: thousands of them are to cost little."""

    times: Times
    every = 1
    """Of so many deliveries one's time is kept."""

    def _frame(self, opcode: int, payload: bytes) -> None:
        at = payload.find(_MARK) if opcode == 2 and payload[1:7] == _EVENT_HEAD else -1
        if at < 0:
            super()._frame(opcode, payload)
            return
        at += len(_MARK)
        times = self.times
        times.delivered += 1
        if times.delivered % self.every == 0:
            stamp = int(payload[at : at + _STAMP_DIGITS])
            times.deliveries.append((time.monotonic_ns() // 1000 - stamp) / 1e6)


class ChatLoad:
    """All sockets of a cell."""

    def __init__(self, port: int, cell: ChatCell, tokens: Mapping[int, str]) -> None:
        self.cell = cell
        self._port = port
        self._tokens = tokens
        self._readers: list[list[_Reader]] = [[] for _ in range(cell.conversations)]
        self._numbers = itertools.count(1)
        self._prefix = random.SystemRandom().randrange(10**9)
        self._senders: list[tuple[_Reader, str]] = []

    async def connect(self) -> float:
        """Open every socket and its conversation; how long that took, in seconds."""
        begin = time.monotonic()
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(conversation: int) -> None:
            async with gate:
                link = await _Reader.connect("127.0.0.1", self._port, _ignore)
                assert isinstance(link, _Reader)
                link.times = Times()
                link.every = max(1, self.cell.readers // 20)
                await link.ask("chat_hello", {"protocol": 1, "token": self._tokens[conversation]}, 60)
                name = f"meeting-bench{conversation}"
                positions = [{"conversation_id": name, "last_seq": None}]
                await link.ask("chat_resume", {"positions": positions}, 60)
                self._readers[conversation].append(link)

        await asyncio.gather(
            *(one(conversation) for conversation in range(self.cell.conversations) for _ in range(self.cell.readers))
        )
        for number in range(self.cell.senders):
            conversation = number % self.cell.conversations
            readers = self._readers[conversation]
            link = readers[number // self.cell.conversations % len(readers)]
            self._senders.append((link, f"meeting-bench{conversation}"))
        return time.monotonic() - begin

    def close(self) -> None:
        """Cut them all."""
        for link in itertools.chain(*self._readers):
            link.cut()

    async def closed_loop(self, seconds: float) -> Times:
        """Each sender sends the next message when the last one was acknowledged."""
        times = self._begin()
        until = time.monotonic() + seconds

        async def send(link: _Reader, conversation: str) -> None:
            while time.monotonic() < until:
                await self._send(link, conversation, times)

        begin = time.monotonic()
        await asyncio.gather(*(send(*sender) for sender in self._senders))
        times.seconds = time.monotonic() - begin
        await self._all_delivered(times)
        return times

    async def at_rate(self, per_s: float, seconds: float) -> Times:
        """Messages at a rate, whatever becomes of them; the times count from when each was due."""
        times = self._begin()
        tasks: list[asyncio.Task[None]] = []
        begin = time.monotonic()
        for number in range(int(per_s * seconds)):
            due = begin + number / per_s
            if (wait_s := due - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            link, conversation = self._senders[number % len(self._senders)]
            tasks.append(asyncio.create_task(self._send(link, conversation, times, due)))
        await asyncio.gather(*tasks)
        times.seconds = time.monotonic() - begin
        await self._all_delivered(times)
        return times

    def _begin(self) -> Times:
        times = Times()
        for link in itertools.chain(*self._readers):
            link.times = times
        return times

    async def _send(self, link: _Reader, conversation: str, times: Times, due: float | None = None) -> None:
        began = time.monotonic() if due is None else due
        text = f"{_MARK.decode()}{int(began * 1e6):0{_STAMP_DIGITS}d}".ljust(TEXT_BYTES, "x")
        client_id = f"{self._prefix}-{next(self._numbers)}"
        reply = await link.send("chat_send", {"conversation_id": conversation, "client_id": client_id, "text": text})
        if not reply["ok"]:
            raise ChatLinkError(str(reply["error"]["code"]))
        times.sent += 1
        times.acknowledgements.append(time.monotonic() - began)

    async def _all_delivered(self, times: Times) -> None:
        """Every reader gets every message, or the measurement is worth nothing."""
        async with asyncio.timeout(60):
            while times.delivered < times.sent * self.cell.readers:  # noqa: ASYNC110 (the readers only count)
                await asyncio.sleep(0.01)


def _ignore(_event: str, _payload: Any) -> None:
    pass
