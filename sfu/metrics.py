"""What a media worker counts, for Prometheus: read from the walk when asked, never counted per packet in Python.

No label carries a person, a room or an address. docs/metrics.md shows all.
"""

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfu.engine import Engine

_COUNTERS = {
    "batches": "Batches of datagrams that were received and forwarded.",
    "received_datagrams": "Datagrams that came in.",
    "forwarded_packets": "RTP packets sent to subscribers, without retransmissions.",
    "retransmitted_packets": "RTP packets sent again because a subscriber asked (RFC 4588).",
    "sent_packets": "RTP and RTCP packets handed to the kernel.",
    "sent_messages": "Messages they were handed over in: trains of packets where the kernel takes them.",
    "send_full": "Packets dropped because the socket's buffer stayed full.",
    "send_failed": "Packets that the kernel refused to send.",
}
_GAUGES = {
    "peers": "Transports (one for each participant's connection).",
    "sources": "RTP streams that participants send.",
    "consumers": "Slots of all participants.",
    "addresses": "Addresses that ICE has validated.",
}


class WorkerCollector(Collector):
    """Reads one engine's counters at each scrape."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the worker."""
        walk = self._engine.local.walk
        for name, value in walk.counters().items():
            yield CounterMetricFamily(f"ao_worker_{name}", _COUNTERS[name], value=value)
        for name, value in walk.sizes().items():
            yield GaugeMetricFamily(f"ao_worker_{name}", _GAUGES[name], value=value)
        yield GaugeMetricFamily("ao_worker_rooms", "Rooms that live on this worker.", value=len(self._engine.rooms))
        drops = CounterMetricFamily("ao_worker_drops", "Datagrams and packets that were not used.", labels=["cause"])
        for cause, value in {**walk.drop_counts(), **self._engine.drops}.items():
            drops.add_metric([cause], value)
        yield drops


def worker_registry(engine: Engine) -> CollectorRegistry:
    """Return a registry with the worker's metrics."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(engine))
    return registry


async def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> web.AppRunner:
    """Serve ``/metrics`` (``port`` 0 takes any); the caller cleans the runner up."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
