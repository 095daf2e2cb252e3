"""An event to every live process of ours: fronts and media workers."""

from collections.abc import Mapping
from typing import Any

from sfu.bus import Bus
from sfu.registry import Registry


class Broadcaster:
    """Tells everybody who is announced in the registry, this process included."""

    def __init__(self, bus: Bus, registry: Registry) -> None:
        self._bus = bus
        self._registry = registry

    async def __call__(self, event: str, data: Mapping[str, Any]) -> None:
        """Put the event into each inbox; returns once queued."""
        workers, fronts = await self._registry.live("worker"), await self._registry.live("front")
        for process_id in {*workers, *fronts, self._bus.process_id}:
            await self._bus.emit(process_id, event, data)

    async def to_fronts(self, event: str, data: Mapping[str, Any]) -> None:
        """The same to fronts alone, this one included."""
        for front_id in {*await self._registry.live("front"), self._bus.process_id}:
            await self._bus.emit(front_id, event, data)
