"""A front starts on no store that may lose what it acknowledged, unless somebody said so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from auth.tokens import TokenKeys
from sfu.bus import connect
from signalling.chat_durability import DurabilityWatch, StoreNotDurableError, check_durable, eviction_policy
from signalling.chat_metrics import ChatMetrics
from signalling.chat_settings import ChatSettings
from signalling.metrics import FrontMetrics
from tests.chat.servers import Store


@pytest.mark.parametrize("fsync", ["everysec", "no"])
async def test_production_refuses_a_store_that_syncs_now_and_then(tmp_path: Path, fsync: str) -> None:
    store = Store("valkey", tmp_path, fsync=fsync, unix=True)
    store.start()
    redis = connect(store.url)
    try:
        with pytest.raises(StoreNotDurableError, match=fsync):
            await check_durable(redis, ChatSettings(), "production")
        await check_durable(redis, ChatSettings(), "development")
        await check_durable(redis, ChatSettings(allow_loss=True), "production")
        await check_durable(redis, ChatSettings(wait_aof_ms=500), "production")
        await redis.config_set("appendfsync", "always")
        await check_durable(redis, ChatSettings(), "production")
    finally:
        await redis.aclose()
        store.kill()


def test_the_process_says_why_it_does_not_start(tmp_path: Path) -> None:
    store = Store("valkey", tmp_path, fsync="everysec", unix=True)
    store.start()
    environment = os.environ | {
        "ALLTID_REDIS_URL": store.url,
        "ALLTID_TOKEN_KEYS": TokenKeys.generate_text(),
        "ALLTID_HTTP_PORT": "0",
        "ALLTID_MODE": "production",
        "ALLTID_CHAT_ALLOW_LOSS": "false",
    }
    try:
        command = [sys.executable, "-m", "signalling.front"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    finally:
        store.kill()
    assert ended.returncode == 2
    assert "chat_store_not_durable" in ended.stdout + ended.stderr


async def test_what_becomes_worse_while_it_runs_is_told_once(
    redis_client: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = ChatMetrics(FrontMetrics().registry)
    watch = DurabilityWatch(redis_client, ChatSettings(), metrics)
    before = await eviction_policy(redis_client)
    try:
        await redis_client.config_set("maxmemory-policy", "allkeys-lru")
        await watch.look()
        await watch.look()
        said = capsys.readouterr().out
        assert said.count("chat_store_evicts") == 1
        assert metrics.evicts._value.get() == 1
        await redis_client.config_set("maxmemory-policy", "noeviction")
        await watch.look()
        assert "chat_store_evicts" not in capsys.readouterr().out
        assert metrics.evicts._value.get() == 0
    finally:
        await redis_client.config_set("maxmemory-policy", before)
