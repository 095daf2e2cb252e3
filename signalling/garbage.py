"""When the front looks for reference cycles. The interpreter's own choice is a pause of seconds in the midst of a rush.

With 5,000 sockets a front holds about a million objects. CPython looks through all of them each time a quarter more has
been made (generation 2 of ``gc``), and nothing else runs meanwhile: 0.6 s on an idle core. Here it does so only when
the front has little to do, or when so much has been made that memory is worth the pause. What dies young (generations 0
and 1: a millisecond or two) is looked for as ever, and most objects need no collector at all: reference counts free
them. What is there after the start is never looked at again.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram

YOUNG_OBJECTS: Final = 5_000
"""More containers made than freed since the last look: generation 0 is looked through."""
MIDDLE_AGED: Final = 10
"""So many looks at generation 0 for one at generation 1."""
NEVER: Final = 1_000_000_000
OBJECTS_PER_STEP: Final = YOUNG_OBJECTS * (MIDDLE_AGED + 1)
"""Made for each look at generation 1, which is how growth is counted: ``gc.get_count()[2]`` costs nothing to ask."""
DUE_STEPS: Final = 4
"""A full collection is worth while: about 220,000 objects, those of 1,300 sockets, have been made."""
OVERDUE_STEPS: Final = 60
"""It cannot wait for quiet: 3.3 million, of which what sockets leave behind in cycles is half at most: some 300 MB."""
QUIET_SHARE: Final = 0.1
"""Of a core that a front uses which has little to do."""
LOOK_S: Final = 2.0


class GarbageMetrics:
    """How long the front stood still."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pauses = Histogram(
            "ao_front_gc_pause_seconds",
            "Time that the front stood still to look for reference cycles, in seconds, by generation: 0 and 1 are what "
            "was made lately, 2 is everything but what was there after the start.",
            ["generation"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=registry,
        )
        self.objects = Counter(
            "ao_front_gc_objects", "Objects in reference cycles that were freed, by generation.", ["generation"],
            registry=registry,
        )  # fmt: skip


def is_due(steps: int, busy_share: float) -> bool:
    """Whether to look through everything now. ``steps``: looks at generation 1 since; ``busy_share``: of a core."""
    return steps >= OVERDUE_STEPS or (steps >= DUE_STEPS and busy_share < QUIET_SHARE)


class Garbage:
    """The collector of this process, from ``start`` to ``stop``. One for each process."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        monotonic: Callable[[], float] = time.perf_counter,
        process_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._metrics = GarbageMetrics(registry)
        self._monotonic = monotonic
        self._process_time = process_time
        self._began = 0.0
        self._thresholds = gc.get_threshold()
        self._looked = (0.0, 0.0)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """After everything is set up: what is there now stays."""
        gc.collect()
        gc.freeze()
        self._thresholds = gc.get_threshold()
        gc.set_threshold(YOUNG_OBJECTS, MIDDLE_AGED, NEVER)
        gc.callbacks.append(self._note)
        self._looked = (self._monotonic(), self._process_time())
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """As it was before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(self._note)
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def look(self) -> bool:
        """Collect if it is due; whether it was."""
        (then, used_then), (now, used) = self._looked, (self._monotonic(), self._process_time())
        busy_share = (used - used_then) / (now - then) if now > then else 1.0
        due = is_due(gc.get_count()[2], busy_share)
        if due:
            gc.collect()
        self._looked = (self._monotonic(), self._process_time())
        return due

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def _note(self, phase: str, info: Mapping[str, Any]) -> None:
        if phase == "start":
            self._began = self._monotonic()
            return
        generation = str(info["generation"])
        self._metrics.pauses.labels(generation).observe(self._monotonic() - self._began)
        if info["collected"]:
            self._metrics.objects.labels(generation).inc(info["collected"])
