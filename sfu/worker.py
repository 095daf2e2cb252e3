"""A media worker: the shell around the engine. One process, one UDP socket, one event loop, one core.

``python -m sfu.worker`` with the settings of ``sfu/settings.py``. Media flows on while Redis or the fronts are away.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
import uvloop
from aiohttp import web
from redis.exceptions import RedisError

from rtc.dtls_certificate import DtlsCertificate
from rtc.sdp import Address
from sfu import logs
from sfu.bus import Bus, connect
from sfu.engine import TICK_US, Engine
from sfu.metrics import serve_metrics, worker_registry
from sfu.registry import Heartbeat, ProcessRecord, ProcessWatch, Registry
from sfu.settings import WorkerSettings
from sfu.sockets import open_feedback_socket, open_socket
from sfu.stay_store import StayWriter
from sfu.transport import Local
from sfu.walk import Walk

_log = structlog.get_logger(__name__)

QUIET_TICK_US: Final = 200_000
"""The tick comes along with media, and within TICK_US of a request or a lost packet; else it may wait so long.

Each wake-up of an idle process costs a tenth of a millisecond of cold caches."""

NEVER_US: Final = 1 << 62

METHODS = (
    "join",
    "resume",
    "negotiate",
    "set_source",
    "select",
    "wait",
    "stop_waiting",
    "admit",
    "remove",
    "waiting_counts",
    "report",
    "detach",
    "leave",
    "close_room",
    "stats",
)


def monotonic_us() -> int:
    """The worker's only clock."""
    return time.monotonic_ns() // 1000


def epoch_offset_us() -> int:
    """The time of day less the worker's clock: for records, and for nothing that is measured."""
    return time.time_ns() // 1000 - monotonic_us()


class Worker:
    """Socket, timers and bus around an ``Engine``."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.sock = open_socket(settings.media_host, settings.media_port, settings.media_buffer_bytes)
        self.feedback = (
            open_feedback_socket(self.sock, settings.media_buffer_bytes) if settings.media_feedback_socket else None
        )
        self.port: int = self.sock.getsockname()[1]
        self.addresses = tuple(part.strip() for part in settings.media_addresses.split(",") if part.strip())
        self.walk = Walk(
            secret=int.from_bytes(os.urandom(8), "big"),
            fd=self.sock.fileno(),
            segmentation=settings.media_segmentation,
            equalising=settings.media_equalise,
            coalesce_us=settings.media_coalesce_us,
            feedback_fd=self.feedback.fileno() if self.feedback is not None else -1,
        )
        local = Local(
            walk=self.walk,
            certificate=DtlsCertificate.generate(datetime.now(UTC)),
            candidates=tuple((address, self.port) for address in self.addresses),
            random_bytes=os.urandom,
        )
        self.engine = Engine(local, settings.lost_after_ms)
        self._redis = connect(settings.redis_url)
        self._bus = Bus(
            self._redis,
            settings.worker_id,
            handlers={name: self._handler(name) for name in METHODS},
            on_event=self._on_bus_event,
        )
        self._record = ProcessRecord(
            process_id=settings.worker_id,
            incarnation=os.urandom(8).hex(),
            started_at=time.time(),
            addresses=self.addresses,
            port=self.port,
        )
        self._registry = Registry(self._redis)
        self._stays = StayWriter(self._redis, settings.worker_id, self._record.incarnation, self._open_stays)
        self._reviewing: asyncio.Task[None] | None = None
        self._heartbeat = Heartbeat(self._registry, "worker", self._current_record, self._on_revived)
        self._fronts = ProcessWatch(self._registry, "front", self._on_front_lost)
        self._cpu = (time.monotonic(), time.process_time())
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_us = 0
        self.walk.attend = self.on_attention
        self._metrics: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to serve."""
        await self._bus.start()
        await self._stays.start()
        await self._heartbeat.start()
        await self._fronts.start()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock.fileno(), self.walk.wake)
        self._on_timer()
        if self.settings.worker_metrics_port >= 0:
            self._metrics = await serve_metrics(
                worker_registry(self.engine), self.settings.worker_metrics_host, self.settings.worker_metrics_port
            )
        _log.info("worker_ready", worker_id=self.settings.worker_id, port=self.port)

    async def stop(self) -> None:
        """Stop; calls on this worker end and their clients are told by the fronts' watch."""
        if self._metrics is not None:
            await self._metrics.cleanup()
        await self._fronts.stop()
        await self._heartbeat.stop()
        self.engine.stop(monotonic_us())
        self._flush()
        await self._stays.stop()
        await self._bus.stop()
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()
        if self.feedback is not None:
            self.feedback.close()
        await self._redis.aclose()

    def on_attention(self, slow_lane: Sequence[tuple[bytes, Address, int]], now_us: int) -> None:
        """What is left for Python after ``Walk.wake`` has carried the media: rare datagrams, events and the tick."""
        self.engine.on_batch(slow_lane, now_us)
        if now_us >= self.walk.attend_us:
            self.walk.attend_us = now_us + TICK_US
            self.engine.tick(now_us)
        self._flush()
        if self.walk.has_holes:
            self._tick_within(TICK_US, now_us)

    def _on_timer(self) -> None:
        """The tick while no media comes to bring it along."""
        now_us = monotonic_us()
        self._timer_due_us = NEVER_US
        self.on_attention(self.walk.receive_feedback(now_us), now_us)
        self._tick_within(QUIET_TICK_US, now_us)

    def _tick_within(self, delay_us: int, now_us: int) -> None:
        if now_us + delay_us >= self._timer_due_us:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_us = now_us + delay_us
        self._timer = asyncio.get_running_loop().call_later(delay_us / 1e6, self._on_timer)

    def _flush(self) -> None:
        """Send what the engine left: its few datagrams by themselves, its events to the fronts."""
        for data, address in self.engine.datagrams:
            self._send(data, address)
        self.engine.datagrams.clear()
        if self.engine.events:
            for front_id, event in self.engine.events:
                self._bus.emit_soon(front_id, "to_clients", event)
            self.engine.events.clear()
        if self.engine.ended_stays:
            epoch_us = epoch_offset_us()
            for ended in self.engine.ended_stays:
                if not self._stays.put(ended.record(epoch_us)):
                    self.engine.drops["stay_record"] += 1
            self.engine.ended_stays.clear()

    def _open_stays(self) -> list[dict[str, Any]]:
        """What is to be told of those who are here, should this process die."""
        now_us, epoch_us = monotonic_us(), epoch_offset_us()
        return [stay.record("worker_lost", now_us, epoch_us) for stay in self.engine.open_stays()]

    def _send(self, data: bytes, address: Address) -> None:
        try:
            self.sock.sendto(data, address)
        except OSError:
            self.engine.drops["datagram_send_failed"] += 1

    def _handler(self, name: str) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
        method: Callable[[dict[str, Any], int], dict[str, Any]] = getattr(self.engine, name)

        async def handle(params: dict[str, Any]) -> dict[str, Any]:
            now_us = monotonic_us()
            try:
                return method(params, now_us)
            finally:
                self._flush()
                self._tick_within(TICK_US, now_us)

        return handle

    async def _on_bus_event(self, event: str, data: dict[str, Any]) -> None:
        if event == "revoke":
            self.engine.revoke(data["grant_id"], monotonic_us())
            self._flush()

    async def _on_front_lost(self, front_id: str) -> None:
        self.engine.front_lost(front_id, monotonic_us())
        self._flush()

    def _on_revived(self) -> None:
        _log.warning("worker_revived", worker_id=self.settings.worker_id)
        self._reviewing = asyncio.create_task(self._review_rooms())

    async def _review_rooms(self) -> None:
        """After this worker was taken for dead: give up the rooms that have moved, and only those.

        When Redis itself was away nobody moved anything, and every call goes on.
        """
        for room_id in list(self.engine.rooms):
            try:
                room = await self._registry.room(room_id)
            except (RedisError, OSError):
                return
            if room is not None and room.worker_id and room.worker_id != self.settings.worker_id:
                self.engine.abandon(room_id, monotonic_us())
        self._flush()

    def _current_record(self) -> ProcessRecord:
        then, used = self._cpu
        self._cpu = (time.monotonic(), time.process_time())
        elapsed = max(self._cpu[0] - then, 0.001)
        record = self._record
        return ProcessRecord(
            process_id=record.process_id,
            incarnation=record.incarnation,
            started_at=record.started_at,
            addresses=record.addresses,
            port=record.port,
            participants=self.walk.sizes()["peers"],
            cpu_percent=100 * (self._cpu[1] - used) / elapsed,
        )


async def run(settings: WorkerSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    worker = Worker(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await worker.start()
    # What has been made by now stays: each full collection would look through all of it again, and hold up media.
    gc.collect()
    gc.freeze()
    try:
        await stopping.wait()
    finally:
        await worker.stop()


def prefer_huge_pages() -> None:
    """Start this process anew where the C library does not ask for huge pages for its heap (glibc 2.35 and later).

    A packet to a subscriber touches a dozen small pieces of that subscriber's SRTP state, spread over the heap:
    with 4 KiB pages most of them miss the TLB.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "glibc.malloc.hugetlb" not in tunables:
        os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, "glibc.malloc.hugetlb=1")))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (no shell is wanted)


def main() -> None:
    """Start one worker with the settings of the environment."""
    prefer_huge_pages()
    settings = WorkerSettings()
    logs.configure(settings.log_level, settings.log_format, "worker")
    if settings.media_cpu >= 0:
        os.sched_setaffinity(0, {settings.media_cpu})
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
