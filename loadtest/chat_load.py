"""Load on a chat server: sockets in conversations, messages as fast as they are acknowledged or at a given rate.

The sockets are opened by ``ChatLink`` and then handed to ``ChatBank``, which costs a fraction of what the server does.
"""

import asyncio
import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from loadtest.chat_client import ChatLink, masked_frame
from loadtest.chatbank import ChatBank

TEXT_BYTES: Final = 100
"""Of a message's text, its time stamp included."""
CONNECTING_AT_ONCE: Final = 50
STAMP_DIGITS: Final = 16
NUMBER_DIGITS: Final = 20
"""As in ``loadtest/chatbank.pyx``."""
_MARK: Final = "stamp="


@dataclass(frozen=True)
class ChatCell:
    """One row of the measurement."""

    name: str
    conversations: int
    readers: int
    """Sockets that read each conversation."""
    senders: int
    """Of all the readers these send, spread over the conversations; each has one message on its way."""
    fronts: int = 1
    """The readers of each conversation are spread over so many."""

    @property
    def sockets(self) -> int:
        return self.conversations * self.readers


@dataclass
class Times:
    """What one phase saw; times in seconds."""

    seconds: float = 0.0
    """From the first message until everything that was sent had been acknowledged and had arrived."""
    sent: int = 0
    delivered: int = 0
    acknowledgements: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0

    @classmethod
    def joined(cls, phases: Iterable["Times"]) -> "Times":
        """Several phases as one."""
        whole = cls()
        for phase in phases:
            whole.seconds += phase.seconds
            whole.sent += phase.sent
            whole.delivered += phase.delivered
            whole.acknowledgements += phase.acknowledgements
            whole.deliveries += phase.deliveries
        return whole


def percentile_ms(values: list[float], share: float) -> float:
    """The nearest rank: the least value that so large a share is not above, in milliseconds; 0 of nothing."""
    ordered = sorted(values)
    return 1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class ChatLoad:
    """All sockets of a cell."""

    def __init__(self, ports: Sequence[int], cell: ChatCell, tokens: Mapping[int, str]) -> None:
        """``ports``: of the servers over which each conversation's readers are spread."""
        self.cell = cell
        self._ports = ports
        self._tokens = tokens
        self._readers: list[dict[int, ChatLink]] = [{} for _ in range(cell.conversations)]
        self._prefix = random.SystemRandom().randrange(10**9)
        self._senders: list[tuple[ChatLink, str]] = []
        self._bank: ChatBank | None = None

    async def connect(self) -> float:
        """Open every socket and its conversation; how long that took, in seconds."""
        begin = time.monotonic()
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(conversation: int, reader: int) -> None:
            async with gate:
                link = await ChatLink.connect("127.0.0.1", self._ports[reader % len(self._ports)], _ignore)
                await link.ask("chat_hello", {"protocol": 1, "token": self._tokens[conversation]}, 60)
                name = f"meeting-bench{conversation}"
                positions = [{"conversation_id": name, "last_seq": None}]
                await link.ask("chat_resume", {"positions": positions}, 60)
                self._readers[conversation][reader] = link

        numbers = range(self.cell.conversations), range(self.cell.readers)
        await asyncio.gather(*itertools.starmap(one, itertools.product(*numbers)))
        for number in range(self.cell.senders):
            turn, conversation = divmod(number, self.cell.conversations)
            link = self._readers[conversation][(conversation + turn) % self.cell.readers]  # of each server as many
            self._senders.append((link, f"meeting-bench{conversation}"))
        return time.monotonic() - begin

    @property
    def received_bytes(self) -> int:
        """By all sockets in all phases, acknowledgements included."""
        return self._bank.received_bytes if self._bank else 0

    def close(self) -> None:
        """Cut them all."""
        for link in self._links():
            link.cut()

    def closed_loop(self, seconds: float) -> Times:
        """Each sender sends the next message when the last one was acknowledged. Nothing else runs meanwhile."""
        return self._phase(lambda bank: bank.closed_loop(seconds))

    def at_rate(self, per_s: float, seconds: float) -> Times:
        """Messages at a rate, whatever becomes of them; the times count from when each was due."""
        return self._phase(lambda bank: bank.at_rate(per_s, seconds))

    def _phase(self, run: Callable[[ChatBank], tuple[float, int, int, list[float], list[float]]]) -> Times:
        links = self._links()
        for link in links:
            link.pause()
        try:
            return Times(*run(self._bank or self._open_bank(links)))
        finally:
            for link in links:
                link.resume()

    def _links(self) -> list[ChatLink]:
        """Those of a conversation together, as the bank wants them."""
        return list(itertools.chain.from_iterable(readers.values() for readers in self._readers))

    def _open_bank(self, links: list[ChatLink]) -> ChatBank:
        places = {link: place for place, link in enumerate(links)}
        senders = [(places[link], *self._frame(conversation)) for link, conversation in self._senders]
        every = max(1, self.cell.readers // 20)
        self._bank = ChatBank([link.handle() for link in links], senders, self.cell.readers, every)
        return self._bank

    def _frame(self, conversation: str) -> tuple[bytes, int, int, int]:
        """A message as the bank sends it again and again, and where its stamp, client id and packet id stand."""
        text = f"{_MARK}{'0' * STAMP_DIGITS}".ljust(TEXT_BYTES, "x")
        payload = {"conversation_id": conversation, "client_id": f"{self._prefix}-{'0' * NUMBER_DIGITS}", "text": text}
        packet: bytes = msgpack.packb({"type": 2, "data": ["chat_send", payload], "nsp": "/", "id": 2**32 - 1})
        frame = masked_frame(packet)
        mark = frame.index(_MARK.encode()) + len(_MARK)
        return frame, mark, frame.index(f"{self._prefix}-".encode()) + len(str(self._prefix)) + 1, len(frame) - 4


def _ignore(_event: str, _payload: Any) -> None:
    pass
