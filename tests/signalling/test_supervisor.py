"""Children that are kept running, and children that cannot be."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signalling.supervisor import Child, StartError, Supervisor
from tests.patience import PATIENCE_S

WAIT = [sys.executable, "-c", "import signal; signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys; signal.signal(15, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch(); signal.pause()",
]


class Pauses:
    """Stands in for sleep, and remembers how long it was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def supervisor(pauses: Pauses) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(sleep=pauses)
    yield supervisor
    await supervisor.stop()


async def running(child: Child) -> asyncio.subprocess.Process:
    async with asyncio.timeout(PATIENCE_S):
        while child.process is None or child.process.returncode is not None:
            await asyncio.sleep(0.005)
    return child.process


async def test_a_crashed_child_is_started_again(supervisor: Supervisor, pauses: Pauses) -> None:
    child = Child("one", WAIT, stop_timeout_s=5)
    child.ready = True
    supervisor.start(child)
    for number in range(1, 3):
        process = await running(child)
        process.kill()
        await process.wait()
        async with asyncio.timeout(PATIENCE_S):
            while child.restarts < number:
                await asyncio.sleep(0.005)
    await running(child)
    assert pauses.asked == [0.25, 0.5]


async def test_a_child_that_dies_before_it_was_ready_fails_the_start(supervisor: Supervisor) -> None:
    child = Child("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor.start(child)

    async def never() -> bool:
        return False

    with pytest.raises(StartError, match="broken does not start"):
        await supervisor.wait_ready(child, never)
    assert child.restarts == 3


async def test_a_child_that_is_never_ready_fails_the_start(supervisor: Supervisor) -> None:
    child = Child("slow", WAIT, stop_timeout_s=5)
    supervisor.start(child)

    async def never() -> bool:
        return False

    with pytest.raises(StartError):
        await supervisor.wait_ready(child, never, timeout_s=0.01)


async def test_children_stop_in_reverse_order_and_a_stubborn_one_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor()
    ready = tmp_path / "ready"
    stubborn = Child("stubborn", [*STUBBORN, str(ready)], stop_timeout_s=0.2)
    polite = Child("polite", WAIT, stop_timeout_s=10)
    supervisor.start(stubborn)
    supervisor.start(polite)

    async def is_ready() -> bool:
        return ready.exists()

    await supervisor.wait_ready(stubborn, is_ready)
    polite_process, stubborn_process = await running(polite), await running(stubborn)
    await supervisor.stop()
    assert polite_process.returncode == -signal.SIGTERM
    assert stubborn_process.returncode == -signal.SIGKILL
