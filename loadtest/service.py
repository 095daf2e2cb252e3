"""The service under test as processes of its own, started the way an operator starts it: ``alltid-oppet serve``."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from auth.tokens import TokenKeys
from loadtest.processes import pin
from loadtest.rooms import RoomService, service_token

START_S = 30.0


@dataclass(frozen=True)
class Service:
    """A running service with one media worker."""

    url: str
    worker_pid: int
    front_pid: int
    rooms: RoomService


@asynccontextmanager
async def running_service(*, worker_cpu: int | None, other_cpu: int | None) -> AsyncIterator[Service]:
    """Embedded Valkey, front and one worker; the worker pinned to one core, the rest to the other."""
    keys = TokenKeys.generate_text()
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="loadtest-") as directory:
        environment = os.environ | {
            "ALLTID_TOKEN_KEYS": keys,
            "ALLTID_DATA_DIR": directory,
            "ALLTID_HTTP_PORT": str(port),
            "ALLTID_HTTPS": "false",
            "ALLTID_DEMO": "false",
            "ALLTID_WORKERS": "1",
            "ALLTID_MEDIA_ADDRESSES": "127.0.0.1",
            "ALLTID_LOG_LEVEL": "warning",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "signalling.cli", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _answers(url, process)
            worker, front = _child(process.pid, "sfu.worker"), _child(process.pid, "signalling.front")
            pin(worker_cpu, worker)
            for pid in (process.pid, *(pid for pid in _descendants(process.pid) if pid != worker)):
                pin(other_cpu, pid)
            yield Service(url, worker, front, RoomService(url, service_token(keys)))
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the front says that it is healthy, worker included."""
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"{url}/healthz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the service ended with status {process.returncode}")


def _descendants(pid: int) -> list[int]:
    """All processes below this one (proc(5), task/<tid>/children)."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _child(pid: int, module: str) -> int:
    """The descendant that runs this module."""
    for child in _descendants(pid):
        if module in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return child
    raise RuntimeError(f"no process runs {module}")
