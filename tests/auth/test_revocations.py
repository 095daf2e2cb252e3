"""Withdrawn grants: remembered first, then told."""

from collections.abc import Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.revocations import EXPIRY_S, REVOKE_EVENT, Revocations


async def test_a_grant_is_remembered_before_anybody_is_told(redis_client: Redis) -> None:
    told: list[tuple[str, dict[str, Any], bool]] = []

    async def broadcast(event: str, data: Mapping[str, Any]) -> None:
        told.append((event, dict(data), await revocations.is_revoked(data["grant_id"])))

    revocations = Revocations(redis_client, broadcast)
    assert not await revocations.is_revoked("g1")
    await revocations.revoke("g1", "logout")
    assert told == [(REVOKE_EVENT, {"grant_id": "g1"}, True)]
    assert not await revocations.is_revoked("g")
    (key,) = await redis_client.keys("*")
    assert 0 < await redis_client.ttl(key) <= EXPIRY_S


async def test_a_grant_that_cannot_be_remembered_is_told_to_nobody(redis_client: Redis) -> None:
    async def broadcast(_event: str, _data: Mapping[str, Any]) -> None:
        pytest.fail("told although it was not remembered")

    class Broken:
        async def set(self, *_: object, **__: object) -> None:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await Revocations(Broken(), broadcast).revoke("g1", "logout")  # type: ignore[arg-type]
