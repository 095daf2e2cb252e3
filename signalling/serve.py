"""Everything on one machine: ``alltid-oppet serve`` starts Valkey, media workers and a front, and keeps them up.

The children are the same programs that run one by one on many machines; this only starts them with settings that
fit each other, restarts what dies, and stops all at SIGTERM or SIGINT.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from redis.exceptions import RedisError

from auth.tokens import TokenKeys
from sfu.bus import connect
from sfu.registry import Registry
from signalling import valkey
from signalling.certificates import ensure_certificate, lan_addresses
from signalling.demo import DemoPerson, create_demo
from signalling.settings import FrontSettings, ServeSettings

_log = structlog.get_logger(__name__)

START_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.1
FIRST_RESTART_S: Final = 0.5
LONGEST_RESTART_S: Final = 10.0
STEADY_S: Final = 30.0
"""A child that ran this long starts at once when it dies; one that dies at its start waits longer each time."""


class ServeError(Exception):
    """The service cannot be started; the text says what to do."""


@dataclass(slots=True)
class Child:
    """One process of the service and what starts it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    stopping: bool = field(default=False)

    async def keep_up(self) -> None:
        """Run until ``stop``; start again what ends by itself."""
        pause_s = FIRST_RESTART_S
        while True:
            started = time.monotonic()
            self.starts += 1
            # A group of its own: Ctrl-C in the terminal reaches only the supervisor, which stops all in order.
            self.process = await asyncio.create_subprocess_exec(
                *self.command, env=dict(self.environment), stdout=sys.stderr, start_new_session=True
            )
            status = await self.process.wait()
            if self.stopping:
                return
            pause_s = FIRST_RESTART_S if time.monotonic() - started > STEADY_S else min(2 * pause_s, LONGEST_RESTART_S)
            _log.warning("process_ended", child=self.name, status=status, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def stop(self, timeout_s: float) -> None:
        """SIGTERM, then SIGKILL to what is left after ``timeout_s``."""
        self.stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def data_directory(settings: ServeSettings) -> Path:
    """Make the data directory, readable to its owner only."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.data_dir.resolve()


def token_keys_text(directory: Path, front: FrontSettings) -> str:
    """The token keys of the environment, or those kept in the data directory, made at the first start."""
    if front.token_keys is not None:
        return front.token_keys.get_secret_value()
    path = front.token_keys_file or directory / "token-keys"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(TokenKeys.generate_text() + "\n")
    return path.read_text(encoding="ascii")


class Service:
    """All processes of one machine: ``start`` to ``stop``."""

    def __init__(self, settings: ServeSettings, front: FrontSettings, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self.directory = data_directory(settings)
        self.keys_text = token_keys_text(self.directory, front)
        self.redis_url = settings.redis_url or valkey.url(self.directory)
        self.worker_count = settings.workers or os.cpu_count() or 1
        self.links: list[tuple[DemoPerson, str]] = []
        self.urls: tuple[str, ...] = ()
        lan = lan_addresses()
        common = {**environment, "ALLTID_REDIS_URL": self.redis_url, "ALLTID_LOG_FORMAT": settings.log_format}
        self.children: list[Child] = []
        if not settings.redis_url:
            self.children.append(Child("valkey", valkey.command(self.directory), {**environment}))
        for index in range(self.worker_count):
            own = {
                **common,
                "ALLTID_WORKER_ID": f"{os.uname().nodename}-{index}",
                "ALLTID_MEDIA_ADDRESSES": settings.media_addresses or ",".join((*lan, "127.0.0.1")),
                "ALLTID_MEDIA_PORT": _port(environment, index),
            }
            own.pop("ALLTID_TOKEN_KEYS", None)  # media workers have no use for them
            if settings.pin_workers:
                own["ALLTID_MEDIA_CPU"] = str(index % (os.cpu_count() or 1))
            self.children.append(Child(f"worker-{index}", _module("sfu.worker"), own))
        own = {**common, "ALLTID_TOKEN_KEYS": self.keys_text.strip(), "ALLTID_FRONT_ID": f"{os.uname().nodename}-front"}
        if settings.https and front.certificate_file is None:
            certificate, key = ensure_certificate(self.directory, lan, datetime.now(UTC))
            own |= {"ALLTID_CERTIFICATE_FILE": str(certificate), "ALLTID_CERTIFICATE_KEY_FILE": str(key)}
        self.children.append(Child("front", _module("signalling.front"), own))
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every process and wait until the service is useful; ServeError when it does not become so."""
        self._tasks = [asyncio.create_task(child.keep_up()) for child in self.children]
        redis = connect(self.redis_url)
        try:
            registry = Registry(redis)
            async with asyncio.timeout(START_TIMEOUT_S):
                self.urls = await self._ready(registry)
            if self.settings.demo:
                self.links = await create_demo(registry, TokenKeys.parse(self.keys_text), time.time())
        except TimeoutError:
            raise ServeError("the service was not ready in time; the lines above say why") from None
        finally:
            await redis.aclose()

    async def _ready(self, registry: Registry) -> tuple[str, ...]:
        """Wait for all workers and the front; return the front's URLs."""
        front_id = self.children[-1].environment["ALLTID_FRONT_ID"]
        since = time.time()
        while True:
            with suppress(RedisError, OSError):
                workers, fronts = await registry.live("worker"), await registry.live("front")
                fresh = [one for one in workers.values() if one.started_at >= since - 1]
                if len(fresh) >= self.worker_count and front_id in fronts and fronts[front_id].started_at >= since - 1:
                    return fronts[front_id].addresses
            if any(child.starts > 3 for child in self.children):
                name = next(child.name for child in self.children if child.starts > 3)
                raise ServeError(f"{name} does not start; the lines above say why (is its port in use?)")
            await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Stop the front first, so that its people are told, then the workers, then Valkey."""
        for child in self.children:
            child.stopping = True
        for child in reversed(self.children):
            await child.stop(self.settings.stop_timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _port(environment: Mapping[str, str], index: int) -> str:
    """The first worker has the given port, the next ones those behind it; 0 stays 0."""
    first = int(environment.get("ALLTID_MEDIA_PORT") or 0)
    return str(first + index if first else 0)


def welcome(service: Service) -> str:
    """What a person who started the service wants to know."""
    urls = [url.replace("0.0.0.0", host) for url in service.urls for host in _hosts(url)]
    lines = ["", "Alltid öppet is running.", "", "Addresses:", *(f"  {url}" for url in urls)]
    if service.links:
        base = urls[0]
        lines += ["", "Demo meeting - open each link in a browser window of its own:"]
        for person, path in service.links:
            lines += [f"  {person.display_name}:", f"    {base}{path}"]
    others = [url for url in urls if url.startswith("https://") and "127.0.0.1" not in url]
    if others:
        lines += [
            "",
            f"From another machine on this network: the same links with {others[0]} in front.",
            "(The certificate is self-signed: the browser warns once.)",
        ]
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])


def _hosts(url: str) -> tuple[str, ...]:
    return (*lan_addresses(), "127.0.0.1") if "0.0.0.0" in url else ("",)


async def run(settings: ServeSettings, front: FrontSettings, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` gets the welcome."""
    service = Service(settings, front, os.environ)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    stop_waiter = asyncio.create_task(stopping.wait())
    starter = asyncio.create_task(service.start())
    try:
        await asyncio.wait({starter, stop_waiter}, return_when=asyncio.FIRST_COMPLETED)
        if starter.done():
            await starter
            say(welcome(service))
            await stop_waiter
    finally:
        starter.cancel()
        stop_waiter.cancel()
        await asyncio.gather(starter, stop_waiter, return_exceptions=True)
        await service.stop()
