"""Child processes that are kept running: started, restarted with a growing pause, and stopped together."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 10.0
HEALTHY_AFTER_S: Final = 20.0
"""A child that lived this long has recovered: its next restart is quick again."""
STARTS_BEFORE_READY: Final = 3
"""A child that dies this often before it was ever ready will not get better by itself."""
_PR_SET_PDEATHSIG: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """A child does not start; the message says which one."""


@dataclass
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_timeout_s: float = 8.0
    restarts: int = 0
    ready: bool = False
    process: asyncio.subprocess.Process | None = None
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it died ``STARTS_BEFORE_READY`` times without having been ready."""


class Supervisor:
    """Runs children in the order in which they were added, and stops them in the reverse order."""

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.children: list[Child] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._sleep = sleep

    def start(self, child: Child) -> None:
        """Start a child and keep it running."""
        self.children.append(child)
        self._tasks[child.name] = asyncio.create_task(self._keep_running(child))

    async def wait_ready(self, child: Child, probe: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
        """Wait until ``probe()`` (awaitable, True when ready) says so; ``StartError`` when the child gives up."""
        deadline = time.monotonic() + timeout_s
        while not await probe():
            if child.failed.is_set() or time.monotonic() > deadline:
                raise StartError(f"{child.name} does not start")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.failed.wait(), 0.05)
        child.ready = True

    async def stop(self) -> None:
        """Stop every child with SIGTERM, the last one first; one that does not obey is killed."""
        self._stopping.set()
        for child in reversed(self.children):
            task = self._tasks[child.name]
            if child.process is None or child.process.returncode is not None:
                task.cancel()
            else:
                _signal(child.process, signal.SIGTERM)
            _, late = await asyncio.wait([task], timeout=child.stop_timeout_s)
            if late:
                _log.warning("child_killed", child=child.name)
                if child.process is not None:
                    _signal(child.process, signal.SIGKILL)
                await asyncio.wait([task])

    async def _keep_running(self, child: Child) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                env={**os.environ, **child.environment},
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl+C reaches the supervisor alone, which stops all in order
                preexec_fn=_die_with_parent,
            )
            code = await child.process.wait()
            if self._stopping.is_set():
                return
            child.restarts += 1
            _log.error("child_ended", child=child.name, code=code, restarts=child.restarts)
            if not child.ready and child.restarts >= STARTS_BEFORE_READY:
                child.failed.set()
                return
            if time.monotonic() - started > HEALTHY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _die_with_parent() -> None:
    """In the child: a supervisor that is killed leaves no orphans (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
