"""Whose turn it is: one at a time, for as long as it says so."""

from redis.asyncio import Redis

from signalling.lease import holds_lease


async def test_one_holds_it_and_keeps_it_until_it_ends(redis_client: Redis) -> None:
    assert await holds_lease(redis_client, "ao:test-lease", "a", 30_000)
    assert not await holds_lease(redis_client, "ao:test-lease", "b", 30_000)
    await redis_client.pexpire("ao:test-lease", 1_000)
    assert await holds_lease(redis_client, "ao:test-lease", "a", 30_000)
    assert await redis_client.pttl("ao:test-lease") > 1_000  # held on
    await redis_client.delete("ao:test-lease")
    assert await holds_lease(redis_client, "ao:test-lease", "b", 30_000)
    assert not await holds_lease(redis_client, "ao:test-lease", "a", 30_000)
