"""The cells of the benchmark and what is measured in each: the bare loop's variants and the server, in turns."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.measure import Sample

VARIANTS = ("bare", "bare+segments", "bare+padding", "server")
"""``bare+segments`` sends trains with UDP_SEGMENT; ``bare+padding`` also makes a frame's packets equally long."""


@dataclass(frozen=True)
class Cell:
    """One publisher, ``subscribers`` receivers, frames of ``packets_per_frame``; ``flat_out`` looks for the limit."""

    subscribers: int
    packets_per_frame: int
    flat_out: bool = False

    @property
    def name(self) -> str:
        """As ``--cells`` takes it."""
        return f"{self.subscribers}x{self.packets_per_frame}" + ("-flat" if self.flat_out else "")

    @property
    def goal(self) -> float:
        """The highest ratio to the best bare loop that we want (issue 2)."""
        if self.flat_out:
            return 1.2
        return 1.3 if self.packets_per_frame >= 10 else 1.5


ALL_CELLS = (
    *(Cell(subscribers, packets) for subscribers in (10, 50, 200) for packets in (3, 10)),
    *(Cell(subscribers, 10, flat_out=True) for subscribers in (10, 50, 200)),
)
QUICK_CELLS = (Cell(50, 10), Cell(50, 10, flat_out=True))


@dataclass
class JoinCost:
    """What joins cost the worker."""

    joined: int
    cpu_s: float
    bytes_per_subscriber: float
    total_s: list[float]
    profile: str


@dataclass
class CellResult:
    """Samples of one cell by variant, one per repeat."""

    cell: Cell
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    joins: list[JoinCost] = field(default_factory=list)
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    """Profile by variant: share of CPU time by group."""

    def add(self, variant: str, sample: Sample | None) -> None:
        """One more repeat."""
        if sample is not None:
            self.samples.setdefault(variant, []).append(sample)

    def cost_us(self, variant: str) -> float | None:
        """Median CPU microseconds per forwarded packet."""
        samples = self.samples.get(variant)
        return statistics.median(sample.cpu_us_per_packet for sample in samples) if samples else None

    @property
    def best_bare_us(self) -> float | None:
        """Of the cheapest bare variant."""
        costs = [cost for name in VARIANTS if name != "server" and (cost := self.cost_us(name)) is not None]
        return min(costs, default=None)

    def ratio(self, variant: str) -> float | None:
        """Cost relative to the best bare variant."""
        cost, best = self.cost_us(variant), self.best_bare_us
        return cost / best if cost is not None and best else None

    def latency_us(self, variant: str, fraction: float) -> float:
        """Median over repeats of a latency quantile of the video."""
        return statistics.median(sample.latency_us(fraction) for sample in self.samples[variant])


def choose(names: Sequence[str], *, quick: bool) -> tuple[Cell, ...]:
    """The cells of these names (``50x10``, ``200x3``, ``50x10-flat``), or the default set."""
    if not names:
        return QUICK_CELLS if quick else ALL_CELLS
    by_name = {cell.name: cell for cell in ALL_CELLS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(f"no cell {', '.join(unknown)}; there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in names)
