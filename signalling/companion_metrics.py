"""What a front counts of its requests to the companion, for Prometheus. No label carries a person or an address."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

RESULTS: Final = ("ok", "refused", "timeout", "connection", "server_error", "malformed")


class CompanionMetrics:
    """The companion client's metrics, in the front's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.attempts = Histogram(
            "ao_companion_attempt_seconds",
            "Time that attempts to ask the companion took, in seconds, by result: ok, refused (4xx), timeout, "
            "connection, server_error, malformed.",
            ["result"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=registry,
        )
        self.answers = Counter(
            "ao_companion_answers",
            "What whoever asked was given: fetched, fresh (from memory), "
            "stale (kept from before a fault), refused, unavailable.",
            ["source"],
            registry=registry,
        )
        self.retries = Counter("ao_companion_retries", "Attempts after the first one.", registry=registry)
        self.turned_away = Counter(
            "ao_companion_turned_away", "Requests that the open circuit kept from the companion.", registry=registry
        )
        self.is_open = Gauge("ao_companion_circuit_open", "1 while the circuit is open or on trial.", registry=registry)
