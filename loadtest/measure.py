"""One measurement of whatever forwards packets: CPU per forwarded packet, loss, latency."""

import asyncio
import time
from dataclasses import dataclass

from loadtest.histogram import LatencyHistogram
from loadtest.peerbank import PeerBank
from loadtest.processes import cpu_time, socket_drops

DRAIN_S = 0.05
"""After the measured time, before loss is counted: what was under way may still arrive."""


@dataclass(frozen=True)
class Sample:
    """What one stretch of time showed."""

    seconds: float
    packets: int
    """Different packets that the subscribers received."""
    offered: int
    """Packets that the publishers sent times their subscribers."""
    cpu_s: float
    system_share: float
    """Part of the CPU time spent in the kernel."""
    lost: int
    """Sequence gaps over all streams, as the subscribers saw them."""
    lost_in_client: int
    """Of those, dropped by the kernel at the client's own sockets: the load generator was too slow."""
    duplicates: int
    video: LatencyHistogram
    audio: LatencyHistogram

    @property
    def cpu_us_per_packet(self) -> float:
        """Server CPU time per packet that a subscriber received."""
        return self.cpu_s * 1e6 / max(self.packets, 1)

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.seconds

    @property
    def is_lossless(self) -> bool:
        """Nothing missing in the streams, and no queue that grows: what was sent in this time arrived in this time.

        The tolerance of 1.5 % is what may be under way at the two ends of a second.
        """
        return self.lost == 0 and self.packets > self.offered * 0.985

    def latency_us(self, fraction: float, *, video: bool = True) -> float:
        """A quantile of the forwarding latency."""
        return (self.video if video else self.audio).quantile_ns(fraction) / 1000


@dataclass(frozen=True)
class Stage:
    """Who takes part in a measurement, as numbers of one bank."""

    bank: PeerBank
    pid: int
    """The forwarding process."""
    senders: tuple[int, ...]
    subscribers: tuple[int, ...]
    fan_out: int
    """Subscribers per sender."""

    def sent(self) -> int:
        """Packets that all senders sent so far."""
        return sum(self.bank.sender(number)["packets"] for number in self.senders)


async def measure(stage: Stage, seconds: float) -> Sample:
    """Let it run for this long and read everything at both ends."""
    bank = stage.bank
    ports = frozenset(bank.address(number)[1] for number in stage.subscribers)
    drops = socket_drops(ports)
    bank.clear()
    sent, cpu, start = stage.sent(), cpu_time(stage.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    used, elapsed = cpu_time(stage.pid).since(cpu), time.perf_counter() - start
    packets, offered = bank.packets, (stage.sent() - sent) * stage.fan_out
    video, audio = bank.latency(video=True), bank.latency(video=False)
    await asyncio.sleep(DRAIN_S)
    streams = [entry for number in stage.subscribers for entry in bank.streams(number)]
    return Sample(
        seconds=elapsed,
        packets=packets,
        offered=offered,
        cpu_s=used.total_s,
        system_share=used.system_s / max(used.system_s + used.user_s, 1e-9),
        lost=sum(entry["lost"] for entry in streams),
        lost_in_client=socket_drops(ports) - drops,
        duplicates=sum(entry["duplicates"] for entry in streams)
        + sum(bank.peer(number)["replayed"] for number in stage.subscribers),
        video=video,
        audio=audio,
    )


async def find_limit(stage: Stage, video_sender: int, *, step_s: float, first_rate: float, steps: int) -> Sample | None:
    """Raise the video's rate until packets are lost; the sample of the highest lossless rate.

    Far below a full core the next rate is guessed from the CPU share, from 85 % on it rises by 6 % a step; after a
    loss the gap to the best rate is halved until it is narrower than 4 %, or ``steps`` are over.
    """
    best: Sample | None = None
    best_rate, rate, ceiling = 0.0, first_rate, float("inf")
    for _ in range(steps):
        stage.bank.set_rate(video_sender, rate)
        await asyncio.sleep(0.3)
        sample = await measure(stage, step_s)
        if sample.is_lossless:
            best, best_rate = sample, rate
            rate *= max(1.06, min(3.0, 0.85 / max(sample.cpu_share, 0.01)))
        else:
            ceiling = rate
            # Whatever queued up must drain, else the next step would begin with this one's packets.
            stage.bank.set_rate(video_sender, first_rate)
            await asyncio.sleep(0.3)
        if rate >= ceiling:
            rate = (best_rate + ceiling) / 2
        if ceiling / max(best_rate, 1e-9) < 1.04:
            break
    return best
