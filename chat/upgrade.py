"""Conversations as an earlier version stored them become what the scripts read now.

Layout 1 numbered events by the first half of a stream's ids (``log``), kept draft ids in a sorted set (``ids``), and
the last number in the meta hash. In layout 2 the store counts by itself (``events``: 0-1, 0-2...), and draft ids are a
set (``drafts``). Each step may be repeated, and several fronts may do it at the same time; fronts of the earlier
version must have stopped.
"""

import re
from contextlib import suppress
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from chat.events import unpack
from chat.keys import Keys

LAYOUT: Final = b"2"
_LAYOUT_KEY: Final = "ao:chat:layout"
_OLD_META: Final = re.compile(r"ao:chat:\{(.+)\}:meta")
_AT_ONCE: Final = 500
_COUNT_ON: Final = """
if type(redis.pcall('XADD', KEYS[1], ARGV[1], 't', 0)) == 'string' then redis.call('XDEL', KEYS[1], ARGV[1]) end
"""
"""Numbers go on where everything was trimmed; where the last event is there, this changes nothing."""

_log = structlog.get_logger(__name__)


async def upgrade(redis: "Redis") -> int:
    """Bring every conversation to this layout; how many that were."""
    if await redis.get(_LAYOUT_KEY) == LAYOUT:
        return 0
    count = 0
    async for name in redis.scan_iter(match="ao:chat:{*}:meta", count=1000):
        found = _OLD_META.fullmatch(name.decode())
        if found is not None and await _upgrade_one(redis, found[1]):
            count += 1
    await redis.set(_LAYOUT_KEY, LAYOUT)
    if count:
        _log.info("chat_layout_upgraded", conversations=count)
    return count


async def _upgrade_one(redis: "Redis", conversation_id: str) -> bool:
    keys = Keys(conversation_id)
    old_log, old_ids = f"ao:chat:{{{conversation_id}}}:log", f"ao:chat:{{{conversation_id}}}:ids"
    last: Any = await redis.hget(keys.meta, "last")
    if last is None:
        return False
    position = "-"
    while True:
        entries: Any = await redis.xrange(old_log, min=position, count=_AT_ONCE)
        if not entries:
            break
        async with redis.pipeline(transaction=False) as pipeline:
            for name, fields in entries:
                pipeline.xadd(keys.log, fields, id=f"0-{int(name.partition(b'-')[0])}")
                with suppress(ValueError):  # no event of ours: it has no draft
                    event = unpack(0, 0, fields[b"e"])
                    pipeline.sadd(keys.ids, event.author.encode() + b"\0" + event.client_id.encode())
            for result in await pipeline.execute(raise_on_error=False):
                if isinstance(result, Exception) and "equal or smaller" not in str(result):  # another front did it
                    raise result
        position = "(" + entries[-1][0].decode()
    await redis.eval(_COUNT_ON, 1, keys.log, f"0-{int(last)}")
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hdel(keys.meta, "last")
        pipeline.delete(old_log, old_ids)
        await pipeline.execute()
    return True
