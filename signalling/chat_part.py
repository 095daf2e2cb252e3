"""The front's part for messages: store, fan-out and socket events, put together."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis

from chat.committer import Committer
from chat.expiry import DueList, ExpiryLimits
from chat.fanout import FanOut
from chat.gates import AccessLog
from chat.presence import Presence
from chat.service import ChatService
from chat.store import ChatStore
from chat.upgrade import upgrade
from signalling import chat_files
from signalling.chat_durability import ASK_AGAIN_S, DurabilityWatch, check_durable
from signalling.chat_events import ChatEvents, Door
from signalling.chat_frames import stored_message_frame
from signalling.chat_metrics import ChatMetrics
from signalling.chat_settings import ChatSettings
from signalling.connection import SocketServer
from signalling.metrics import FrontMetrics
from signalling.settings import FrontSettings
from signalling.socket_gate import push_to_all

_log = structlog.get_logger(__name__)

_SHOW_S: Final = 5.0


class ChatPart:
    """Everything of messages at one front. Set ``service.gate`` and ``service.attachments`` before ``start``."""

    def __init__(
        self,
        settings: FrontSettings,
        front_id: str,
        redis: "Redis",
        sockets: SocketServer,
        door: Door,
        access_log: AccessLog,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float] = time.time,
        limits: ChatSettings | None = None,
    ) -> None:
        self.settings = limits or ChatSettings()
        self.metrics = ChatMetrics(metrics.registry)
        self._redis = redis
        self.committer = Committer(
            redis, wait_aof_ms=self.settings.wait_aof_ms, wait_replicas=self.settings.wait_replicas
        )
        self.store = ChatStore(redis, self.committer)
        self.due = DueList(redis)
        self.service = ChatService(
            self.store,
            clock=clock,
            monotonic=time.monotonic,
            access_log=access_log,
            edit_window_ms=self.settings.edit_window_s * 1000,
        )
        self.fanout = FanOut(redis, self.store, chat_files.frames, stored_message_frame, push_to_all)
        self.fanout.on_changed = self.service.forget_standing
        presence = Presence(self.committer, front_id)
        self.events = ChatEvents(
            settings, self.settings, self.service, self.fanout, presence, door, self.due, self.metrics, clock=clock
        )
        sockets.eio.lane = self.events
        self._showing: asyncio.Task[None] | None = None

    def limits(self) -> ExpiryLimits:
        """How long what goes to no archive is kept."""
        settings = self.settings
        return ExpiryLimits(
            settings.meeting_kept_hours * 3600, settings.staff_kept_days * 24 * 3600, settings.max_kept_events
        )

    async def check_durable(self, mode: str) -> None:
        """``StoreNotDurableError`` when messages that are acknowledged may be lost in production."""
        await check_durable(self._redis, self.settings, mode)

    async def start(self) -> None:
        """Begin to write and to listen."""
        await upgrade(self._redis)
        await self.committer.start()
        await self.fanout.start()
        await self.events.start()
        self._showing = asyncio.create_task(self._show())

    async def stop(self) -> None:
        """After the sockets are gone."""
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.wait([self._showing])
        await self.events.stop()
        await self.fanout.stop()
        await self.committer.stop()

    async def _show(self) -> None:
        """Say how durable the store is, warn when acknowledged messages may be lost; show what was counted."""
        watch, look_at = DurabilityWatch(self._redis, self.settings, self.metrics), 0.0
        while True:
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + ASK_AGAIN_S
                with suppress(OSError):
                    await watch.look()
            self.metrics.sockets.set(len(self.events))
            self.metrics.show(Counter(self.committer.counters) + self.fanout.counters + self.fanout.news_counters)
            await asyncio.sleep(_SHOW_S)
