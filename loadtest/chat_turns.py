"""Those that are compared in a cell run in turns, so that what else the machine does meets all of them alike."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtest.chat_load import Times
from loadtest.chat_servers import RunningStore
from loadtest.processes import core_busy_s, cpu_time

TURNS: Final = 3
WARM_UP_S: Final = 0.4
"""Of each before the first turn."""
_PAUSE_S: Final = 0.05
"""Between two runs: idle sockets answer the pings that came meanwhile."""


@dataclass
class Contender:
    """One of them, and what its turns saw."""

    run: Callable[[float], Times]
    servers: Sequence[int] = ()
    """Processes between clients and store."""
    store: RunningStore | None = None
    cpus: Sequence[int] = ()
    """The servers' cores."""
    turns: list[Times] = field(default_factory=list)
    half: Times | None = None
    """At half of the rate that the turns gave."""
    wire_bytes: float = 0.0
    """That the clients received for each delivery, acknowledgements included."""
    _used_s: dict[str, float] = field(default_factory=dict)
    _busy_s: float = 0.0
    _wall_s: float = 0.0
    _file_bytes: int = 0

    @property
    def whole(self) -> Times:
        return Times.joined(self.turns)

    @property
    def costs_us(self) -> Mapping[str, float]:
        """CPU time per message of server, store and clients; what the kernel does for each included."""
        sent = max(1, self.whole.sent)
        return {role: 1e6 * used_s / sent for role, used_s in self._used_s.items()}

    @property
    def core_share(self) -> float:
        """Of the servers' cores, whoever used them."""
        return self._busy_s / self._wall_s / len(self.cpus) if self.cpus and self._wall_s else 0.0

    @property
    def file_bytes(self) -> float:
        """Of the append-only file, for each message."""
        return self._file_bytes / max(1, self.whole.sent)

    def turn(self, seconds: float) -> None:
        """Run once more."""
        files = self.store.file_bytes() if self.store else 0
        busy, begin, used = self._busy(), time.monotonic(), self._used()
        self.turns.append(self.run(seconds))
        for role, used_s in self._used().items():
            self._used_s[role] = self._used_s.get(role, 0.0) + used_s - used[role]
        self._busy_s += self._busy() - busy
        self._wall_s += time.monotonic() - begin
        self._file_bytes += self.store.file_bytes() - files if self.store else 0

    def ratios(self, other: "Contender") -> list[float]:
        """Of the other's rate: of each turn, beside the other's of the same time; the least first."""
        pairs = zip(self.turns, other.turns, strict=True)
        return sorted(ours.per_s / theirs.per_s for ours, theirs in pairs)

    def ratio(self, other: "Contender") -> float:
        """The median of the turns."""
        return statistics.median(self.ratios(other))

    def _used(self) -> dict[str, float]:
        pids = {"server": self.servers, "store": [self.store.pid] if self.store else [], "clients": [os.getpid()]}
        return {role: sum(cpu_time(pid).total_s for pid in those) for role, those in pids.items() if those}

    def _busy(self) -> float:
        return sum(core_busy_s(cpu) for cpu in self.cpus if cpu < (os.cpu_count() or 1))


async def take_turns(contenders: Sequence[Contender], seconds: float) -> None:
    """Each runs so long altogether; every other turn goes the other way round, so that drift cancels."""
    for contender in contenders:
        contender.run(WARM_UP_S)
        await asyncio.sleep(_PAUSE_S)
    for turn in range(TURNS):
        for contender in contenders if turn % 2 == 0 else reversed(contenders):
            contender.turn(seconds / TURNS)
            await asyncio.sleep(_PAUSE_S)
