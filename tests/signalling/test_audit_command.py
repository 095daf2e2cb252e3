"""``alltid-oppet audit verify`` on a real Valkey."""

import asyncio
from pathlib import Path

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from auth.audit import AuditKeys
from auth.audit_store import HEAD_KEY, STREAM_KEY, AuditLog
from sfu.bus import connect
from signalling.cli import main
from tests.auth.test_audit import entry

KEY = AuditKeys.generate_text()


@pytest.fixture
def store(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> blocking_redis.Redis:
    """A log of six entries, and the environment that the command reads."""

    async def write() -> None:
        redis: Redis = connect(redis_url)
        log = AuditLog(redis, AuditKeys.parse(KEY), clock=lambda: 0.0)
        for number in range(6):
            await log.record(entry(number))
        await redis.aclose()

    asyncio.run(write())
    (tmp_path / "audit-key").write_text(KEY)
    monkeypatch.setenv("ALLTID_REDIS_URL", redis_url)
    monkeypatch.setenv("ALLTID_AUDIT_KEY_FILE", str(tmp_path / "audit-key"))
    return blocking_redis.Redis.from_url(redis_url)


def check(*arguments: str) -> int:
    return main(["audit", "verify", *arguments])


def test_a_whole_log_is_told_with_its_length(store: blocking_redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == 0
    assert capsys.readouterr().out == "The audit log is whole: 6 entries.\n"
    store.close()


@pytest.mark.attack
def test_a_tampered_log_fails_and_says_where(store: blocking_redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    store.xdel(STREAM_KEY, "3-0")
    assert check() == 1
    told = capsys.readouterr().err
    assert "entry 3 is missing (missing)" in told
    assert "whole up to entry 2" in told
    store.delete(STREAM_KEY)
    assert check() == 1
    assert "entry 1 is missing: a signed head tells" in capsys.readouterr().err
    store.close()


@pytest.mark.attack
def test_heads_of_earlier_checks_find_a_log_that_was_thrown_away(
    store: blocking_redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = tmp_path / "heads"
    assert check("--heads", str(heads)) == 0
    assert check("--heads", str(heads)) == 0
    assert len(heads.read_text().splitlines()) == 1, "the same head is kept once"
    store.delete(STREAM_KEY, HEAD_KEY)
    assert check() == 0, "nothing here tells that there was a log"
    assert check("--heads", str(heads)) == 1
    assert "(truncated)" in capsys.readouterr().err
    assert len(heads.read_text().splitlines()) == 1
    store.close()


def test_what_cannot_be_checked_is_neither_whole_nor_broken(
    store: blocking_redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = tmp_path / "heads"
    heads.write_text("nonsense\n")
    assert check("--heads", str(heads)) == 2
    assert check("--redis-url", f"unix://{tmp_path}/nobody") == 2
    monkeypatch.setenv("ALLTID_AUDIT_KEY_FILE", str(tmp_path / "none"))
    assert check() == 2
    monkeypatch.setenv("ALLTID_AUDIT_KEY", "a:short")
    assert check() == 2
    assert capsys.readouterr().out == ""
    monkeypatch.delenv("ALLTID_AUDIT_KEY")
    monkeypatch.delenv("ALLTID_AUDIT_KEY_FILE")
    monkeypatch.setenv("ALLTID_DATA_DIR", str(tmp_path))
    assert check() == 0, "the key of the data directory"
    store.close()
