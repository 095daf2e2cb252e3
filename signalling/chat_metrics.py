"""What a front counts of messages, for Prometheus. No label carries a person or a conversation."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

DURABLE_MODES: Final = ("always", "everysec", "no", "off", "?")


class ChatMetrics:
    """The chat metrics of one front, in the front's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "ao_chat_events", "Chat events by name ('unknown' for all others).", ["event"], registry=registry
        )
        self.errors = Counter(
            "ao_chat_errors", "Chat events that were refused, by event and code.", ["event", "code"], registry=registry
        )
        self.sockets = Gauge("ao_chat_sockets", "Sockets that said chat_hello.", registry=registry)
        self.store_sync = Gauge(
            "ao_chat_store_sync",
            "1 for how the store syncs its append-only file: always, everysec, no, off (there is none), "
            "? (it does not say). Acknowledged messages survive a power failure with always.",
            ["mode"],
            registry=registry,
        )
        self.evicts = Gauge(
            "ao_chat_store_evicts",
            "1 when the store may throw keys away once its memory is full (maxmemory-policy other than noeviction).",
            registry=registry,
        )
        self.counted = Gauge(
            "ao_chat_counted",
            "Since the start, by what: writes, batches, commit_failed, delivered, slow_readers, gaps, resets, "
            "connection_lost...",
            ["what"],
            registry=registry,
        )

    def show(self, counters: Mapping[str, int]) -> None:
        """Take over what the chat's parts have counted."""
        for name, value in counters.items():
            self.counted.labels(name).set(value)

    def show_sync(self, mode: str) -> None:
        """Say how durable the store is."""
        for name in DURABLE_MODES:
            self.store_sync.labels(name).set(name == mode)
