import gc
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from signalling.garbage import (
    DUE_STEPS,
    OBJECTS_PER_STEP,
    OVERDUE_STEPS,
    QUIET_SHARE,
    Garbage,
    is_due,
)


class _Clocks:
    """Time that goes by, and time that was worked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.used = 0.0

    def pass_(self, seconds: float, used: float) -> None:
        self.now += seconds
        self.used += used


class _Knot:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def clocks() -> _Clocks:
    return _Clocks()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def garbage(clocks: _Clocks, registry: CollectorRegistry) -> AsyncIterator[Garbage]:
    started = Garbage(registry, monotonic=lambda: clocks.now, process_time=lambda: clocks.used)
    started.start()
    yield started
    await started.stop()


def _looks(registry: CollectorRegistry, generation: str) -> float:
    return registry.get_sample_value("ao_front_gc_pause_seconds_count", {"generation": generation}) or 0.0


def test_a_full_collection_waits_for_quiet_and_then_for_nothing() -> None:
    assert not is_due(DUE_STEPS - 1, 0.0)
    assert is_due(DUE_STEPS, QUIET_SHARE / 2)
    assert not is_due(DUE_STEPS, QUIET_SHARE)
    assert not is_due(OVERDUE_STEPS - 1, 1.0)
    assert is_due(OVERDUE_STEPS, 1.0)


async def test_growth_alone_makes_the_front_look_at_what_is_young(
    garbage: Garbage, registry: CollectorRegistry
) -> None:
    kept = [[number] for number in range((DUE_STEPS + 1) * OBJECTS_PER_STEP)]

    assert _looks(registry, "0") > 10 * _looks(registry, "1") > 0
    assert _looks(registry, "2") == 0
    assert len(kept) == (DUE_STEPS + 1) * OBJECTS_PER_STEP


async def test_old_cycles_are_freed_once_there_is_little_to_do(
    garbage: Garbage, clocks: _Clocks, registry: CollectorRegistry
) -> None:
    knots = [_Knot() for _ in range((DUE_STEPS + 1) * OBJECTS_PER_STEP)]
    knots.clear()

    clocks.pass_(2.0, used=1.5)
    assert not garbage.look()
    clocks.pass_(2.0, used=0.01)
    assert garbage.look()

    assert _looks(registry, "2") == 1
    freed = registry.get_sample_value("ao_front_gc_objects_total", {"generation": "2"}) or 0.0
    assert freed >= (DUE_STEPS - 1) * OBJECTS_PER_STEP
    clocks.pass_(2.0, used=0.01)
    assert not garbage.look()


async def test_what_was_there_at_the_start_is_not_looked_at(garbage: Garbage) -> None:
    assert gc.get_freeze_count() > 10_000


async def test_the_end_leaves_the_interpreter_as_it_was() -> None:
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    started = Garbage(CollectorRegistry())

    started.start()
    assert gc.get_threshold() != before
    await started.stop()

    assert gc.get_threshold() == before
    assert gc.callbacks == callbacks
    assert gc.get_freeze_count() == 0
