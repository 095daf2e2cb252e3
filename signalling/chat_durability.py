"""Whether what is acknowledged is kept: asked of the store before a front starts, and again while it runs."""

from contextlib import suppress
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.committer import durability
from signalling.chat_metrics import ChatMetrics
from signalling.chat_settings import ChatSettings

ASK_AGAIN_S: Final = 60.0
"""A store can be set otherwise, or be another one after a failover."""
UNSAFE: Final = frozenset({"everysec", "no", "off"})

_log = structlog.get_logger(__name__)


class StoreNotDurableError(Exception):
    """The store may lose what it has acknowledged, and nobody said that this is meant."""

    def __init__(self, mode: str) -> None:
        super().__init__(
            f"the store's append-only file is synced {mode!r}: set appendfsync always, or ALLTID_CHAT_WAIT_AOF_MS, "
            "or ALLTID_CHAT_ALLOW_LOSS"
        )
        self.mode = mode


async def check_durable(redis: "Redis", settings: ChatSettings, mode: str) -> None:
    """``StoreNotDurableError`` in production when acknowledged messages may be lost. What cannot be asked passes."""
    if mode == "production" and not settings.wait_aof_ms and not settings.allow_loss:
        sync = await durability(redis)
        if sync in UNSAFE:
            raise StoreNotDurableError(sync)


async def eviction_policy(redis: "Redis") -> str:
    """What the store does when its memory is full; ``noeviction`` is the only one that loses nothing; ``?``."""
    with suppress(RedisError):
        settings: Any = await redis.config_get("maxmemory-policy")
        for value in settings.values():
            return value.decode() if isinstance(value, bytes) else str(value)
    return "?"


class DurabilityWatch:
    """Looks at the store now and then, shows what it finds, and warns when that has become worse."""

    def __init__(self, redis: "Redis", settings: ChatSettings, metrics: ChatMetrics) -> None:
        self._redis = redis
        self._settings = settings
        self._metrics = metrics
        self._warned: tuple[str, str] = ("", "")

    async def look(self) -> None:
        """Ask, show, and warn once of each new state. A store that does not answer is asked next time."""
        mode, policy = await durability(self._redis), await eviction_policy(self._redis)
        self._metrics.show_sync(mode)
        self._metrics.evicts.set(policy not in ("noeviction", "?"))
        if (mode, policy) == self._warned:
            return
        self._warned = (mode, policy)
        if mode != "always" and not self._settings.wait_aof_ms:
            _log.warning("chat_store_not_durable", mode=mode)
        if policy not in ("noeviction", "?"):
            _log.warning("chat_store_evicts", policy=policy)
