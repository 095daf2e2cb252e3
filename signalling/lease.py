"""Whose turn it is: one front at a time does what has to be done once."""

from redis.asyncio import Redis


async def holds_lease(redis: "Redis", key: str, holder: str, lease_ms: int) -> bool:
    """Take the lease if nobody has it, or go on holding it: it ends ``lease_ms`` after the holder's last call.

    In a seldom race two hold it: what is done under it must bear being done twice.
    """
    if await redis.set(key, holder, nx=True, px=lease_ms):
        return True
    if await redis.get(key) != holder.encode():
        return False
    await redis.pexpire(key, lease_ms)
    return True
