"""``alltid-oppet serve``: everything on one machine, in as many processes as it has cores and three more.

In development mode, the default, it starts a test bench too: an identity provider and a record system with invented
persons (``signalling/development.py``).

The same programs run one by one on many machines: ``python -m sfu.worker``, ``python -m signalling.front`` and
``python -m companion``, with ``ALLTID_REDIS_URL`` and ``ALLTID_COMPANION_URL``. Here a supervisor starts them, waits
until each is ready, restarts what crashes, and stops all of them together.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from auth.tokens import TokenKeys
from chat.web_push import generate_private_key_text
from sfu.bus import connect
from sfu.registry import Kind, Registry
from signalling import valkey
from signalling.addresses import local_ipv4_addresses
from signalling.certificates import ensure_certificate, write_private
from signalling.demo import DemoLink, create_demo
from signalling.development import TestBench, answers, is_wanted
from signalling.front import load_keys
from signalling.keys import load_pseudonyms
from signalling.serve_companion import READY_TIMEOUT_S, CompanionChild, front_address
from signalling.serve_companion import is_wanted as companion_is_wanted
from signalling.settings import FrontSettings, ServeSettings
from signalling.supervisor import Child, StartError, Supervisor

_log = structlog.get_logger(__name__)
_REPOSITORY = Path(__file__).resolve().parent.parent
_KEYS = (
    ("ALLTID_TOKEN_KEYS", "token-keys", TokenKeys.generate_text),
    ("ALLTID_AUDIT_KEY", "audit-key", AuditKeys.generate_text),
    ("ALLTID_PSEUDONYM_KEY", "pseudonym-key", Pseudonyms.generate_text),
)
"""Variable, file in the data directory, and what makes a new one."""
_DEVELOPMENT_KEYS = (("ALLTID_VAPID_KEY", "vapid-key", generate_private_key_text),)
"""The same in development mode only: browsers hold on to the key that they asked to be told with, so in production it
is somebody's to choose and to keep.
"""
_DEVELOPMENT_VAPID_SUBJECT = "mailto:development@alltid.example"


class DataDirectoryInUseError(Exception):
    """Another ``serve`` uses this data directory."""


class Serve:
    """The processes of one machine."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.supervisor = Supervisor()
        self.directory = settings.data_dir.resolve()
        self.addresses = local_ipv4_addresses()
        self.front_urls: tuple[str, ...] = ()
        self.demo_links: list[DemoLink] = []
        self.bench: TestBench | None = None
        self.companion: CompanionChild | None = None
        self._run_id = secrets.token_hex(3)

    async def start(self) -> None:
        """Start everything; returns when all of it is ready. ``StartError`` when something is not."""
        settings = self.settings
        redis_url = settings.redis_url or await self._start_valkey()
        redis = connect(redis_url)
        try:
            registry = Registry(redis)
            environment = {"ALLTID_REDIS_URL": redis_url, "ALLTID_LOG_FORMAT": settings.log_format}
            environment |= self._key_environment()
            has_demo = is_wanted(settings.mode, demo=settings.demo)
            if has_demo:
                self.bench = await self._start_bench()
                environment |= self.bench.front_environment(os.environ)
            port, front_url = front_address(FrontSettings())
            environment["ALLTID_HTTP_PORT"] = str(port)
            companion = self._start_companion(environment, front_url, has_demo=has_demo)
            workers = [self._worker(index, environment) for index in range(settings.workers or os.cpu_count() or 1)]
            front = self._front(environment)
            for child in (*workers, front):
                self.supervisor.start(child)
            for child in workers:
                await self._wait_announced(registry, "worker", child)
            await self._wait_announced(registry, "front", front)
            if companion is not None and self.companion is not None:
                await self.supervisor.wait_ready(companion, self.companion.is_ready, READY_TIMEOUT_S)
            self.front_urls = (await registry.live("front"))[front.name].addresses
            if has_demo:
                keys = load_keys(FrontSettings())
                self.demo_links = await create_demo(registry, keys, time.time())
            if self.bench is not None:
                await self._fill_bench(self.bench, redis)
        finally:
            await redis.aclose()

    async def stop(self) -> None:
        """Stop everything: the front first (its sockets' participants are detached), the data store last."""
        await self.supervisor.stop()

    def summary(self) -> str:
        """What to tell the person who started it."""
        https = next((url for url in self.front_urls if url.startswith("https://")), "")
        here = self._here()
        lines = ["", "alltid-oppet is running.", f"  on this machine:     {here}"]
        there = f"https://{self.addresses[0]}:{https.rpartition(':')[2]}" if https and self.addresses else ""
        if there:
            lines.append(f"  on this network:     {there}")
            lines.append("                       (self-signed certificate: the browser asks once whether to go on)")
        elif https:
            lines.append("  on this network:     no: this machine has no network address")
        else:
            lines.append("  on this network:     no: HTTPS is off, and browsers give no camera to plain HTTP")
        if not self.web_root().is_dir():
            lines.append("  The web client is not built: run `make web`.")
        for link in self.demo_links:
            lines += ["", f"  {link.display_name} ({link.role}):", f"  {here}{link.path}"]
        if self.bench is not None:
            lines += self.bench.summary(here)
        if self.companion is not None and self.settings.mode == "development":
            lines += ["", f"  Bookings and records, for programmers: {self.companion.url}/docs"]
        if self.demo_links and there:
            link = self.demo_links[-1]
            lines += ["", f"  {link.display_name} on another machine instead:", f"  {there}{link.path}"]
        return "\n".join([*lines, ""])

    def web_root(self) -> Path:
        """Where the built web client is."""
        return Path(os.environ.get("ALLTID_WEB_ROOT", _REPOSITORY / "web" / "dist"))

    # --- the children ------------------------------------------------------------------------------------------

    async def _start_valkey(self) -> str:
        directory = self.directory / "valkey"
        directory.mkdir(mode=0o700, exist_ok=True)
        child = Child("valkey", valkey.command(directory), stop_timeout_s=self.settings.stop_timeout_s)
        self.supervisor.start(child)
        url = valkey.url(directory)
        redis = connect(url)
        try:
            await self.supervisor.wait_ready(child, lambda: _answers(redis))
        finally:
            await redis.aclose()
        return url

    def _start_companion(self, environment: dict[str, str], front_url: str, *, has_demo: bool) -> Child | None:
        """Before the front, so that it stops after it; nobody waits for it yet. The front is told where it is."""
        if not companion_is_wanted(os.environ, companion=self.settings.companion):
            return None
        self.companion = CompanionChild(self.directory, os.environ)
        told = environment | (self.bench.companion_environment(os.environ) if self.bench is not None else {})
        child = self.companion.child(told, front_url, self.settings.stop_timeout_s, has_demo=has_demo)
        self.supervisor.start(child)
        environment["ALLTID_COMPANION_URL"] = self.companion.url
        return child

    async def _start_bench(self) -> TestBench:
        """The identity provider first: the front asks it about itself."""
        settings = self.settings
        bench = TestBench(
            settings.provider_port, settings.record_system_port, settings.log_format, settings.stop_timeout_s
        )
        provider = bench.provider(os.environ.get("ALLTID_DEVELOPMENT_REDIRECT_ORIGINS", ""))
        self.supervisor.start(provider)
        await self.supervisor.wait_ready(provider, lambda: answers(bench.provider_url))
        return bench

    async def _fill_bench(self, bench: TestBench, redis: Redis) -> None:
        """The record system last: it needs to know where the front is."""
        pseudonyms = load_pseudonyms(FrontSettings())
        if pseudonyms is not None:
            await bench.seed(redis, pseudonyms, time.time())
        origins = os.environ.get("ALLTID_DEVELOPMENT_REDIRECT_ORIGINS", "")
        record_system = bench.record_system(self._here(), origins)
        self.supervisor.start(record_system)
        await self.supervisor.wait_ready(record_system, lambda: answers(bench.record_system_url))

    def _here(self) -> str:
        """The front's address for browsers on this machine."""
        http = next((url for url in self.front_urls if url.startswith("http://")), "")
        return f"http://localhost:{http.rpartition(':')[2]}"

    def _worker(self, index: int, environment: dict[str, str]) -> Child:
        name = f"worker-{self._run_id}-{index}"
        addresses = self.settings.media_addresses or ",".join(self.addresses) or "127.0.0.1"
        own = {"ALLTID_WORKER_ID": name, "ALLTID_MEDIA_ADDRESSES": addresses}
        for variable in ("ALLTID_MEDIA_PORT", "ALLTID_WORKER_METRICS_PORT"):
            first = os.environ.get(variable, "")
            if first.isdigit() and int(first) > 0:  # one port for each worker, counted up from the given one
                own[variable] = str(int(first) + index)
        if self.settings.pin_workers:
            cores = sorted(os.sched_getaffinity(0))
            own["ALLTID_MEDIA_CPU"] = str(cores[index % len(cores)])
        return self._child(name, "sfu.worker", environment | own)

    def _front(self, environment: dict[str, str]) -> Child:
        name = f"front-{self._run_id}"
        own = {"ALLTID_FRONT_ID": name, "ALLTID_WEB_ROOT": str(self.web_root())}
        for variable, folder in (("ALLTID_ATTACHMENTS_DIR", "attachments"), ("ALLTID_CHAT_ARCHIVE_DIR", "archive")):
            if variable not in os.environ:
                own[variable] = str(self.directory / folder)
        if self.settings.https and "ALLTID_CERTIFICATE_FILE" not in os.environ:
            files = ensure_certificate(self.directory, self.addresses, datetime.now(UTC))
            own |= {
                "ALLTID_CERTIFICATE_FILE": str(files.certificate),
                "ALLTID_CERTIFICATE_KEY_FILE": str(files.key),
            }
        return self._child(name, "signalling.front", environment | own)

    def _child(self, name: str, module: str, environment: dict[str, str]) -> Child:
        command = [sys.executable, "-m", module]
        return Child(name, command, environment, stop_timeout_s=self.settings.stop_timeout_s)

    async def _wait_announced(self, registry: Registry, kind: Kind, child: Child) -> None:
        async def is_live() -> bool:
            try:
                return child.name in await registry.live(kind)
            except (RedisError, OSError):
                return False

        await self.supervisor.wait_ready(child, is_live)

    def _key_environment(self) -> dict[str, str]:
        """The secret keys: from the environment, or made at the first start and kept in the data directory."""
        files = {}
        is_development = self.settings.mode == "development"
        for variable, name, generate in (*_KEYS, *(_DEVELOPMENT_KEYS if is_development else ())):
            if variable in os.environ or f"{variable}_FILE" in os.environ:
                continue
            path = self.directory / name
            if not path.exists():
                write_private(path, f"{generate()}\n".encode())
            os.environ[f"{variable}_FILE"] = str(path)
            files[f"{variable}_FILE"] = str(path)
        if is_development:
            files["ALLTID_VAPID_SUBJECT"] = os.environ.get("ALLTID_VAPID_SUBJECT") or _DEVELOPMENT_VAPID_SUBJECT
        return files


async def _answers(redis: Redis) -> bool:
    try:
        await redis.ping()
    except (RedisError, OSError):
        return False
    return True


@contextlib.contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Make the data directory (this user's only) and hold it alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryInUseError(str(directory)) from None
        yield


async def run(settings: ServeSettings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    serve = Serve(settings)
    starting = asyncio.create_task(serve.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            sys.stdout.write(serve.summary())
            sys.stdout.flush()
            await stopping
        return 0
    except StartError as error:
        _log.error("start_failed", reason=str(error))
        return 1
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.wait([starting, stopping])
        await serve.stop()
