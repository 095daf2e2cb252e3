"""``alltid-oppet audit verify``: is the audit log whole? Says where it is broken, and how; reads no entry aloud."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from auth.audit import AuditKeyError, AuditKeys, SignedHead, Verification
from auth.audit_store import stored_head, verify_stored
from sfu.bus import connect
from signalling.keys import load_audit_keys
from signalling.settings import FrontSettings

CAUSES = {
    "malformed": "is no entry of an audit log",
    "missing": "is missing",
    "out_of_place": "is followed by an entry that belongs elsewhere",
    "unknown_key": "was made with a key that is not among the given ones",
    "changed": "or its link to the one before was changed",
    "truncated": "is missing: a signed head tells that it and perhaps more were there",
    "head_forged": "is named by a signed head whose signature is wrong",
    "head_missing": "is the last one, but the signed head of the log is missing or unreadable",
}


def verify(redis_url: str, keys: AuditKeys, head_file: Path | None) -> int:
    """Check the log; 0 when it is whole, 1 when it is not, 2 when it cannot be checked.

    ``head_file`` holds signed heads, one per line, from earlier checks or from the lines ``audit_head`` of the
    front's log. The log must contain them all. When it is whole, its present head is added.
    """
    try:
        known = _read_heads(head_file)
        result, head = asyncio.run(_check(redis_url, keys, known))
    except (RedisError, OSError, ValueError) as error:
        sys.stderr.write(f"alltid-oppet: the audit log cannot be checked: {type(error).__name__}\n")
        return 2
    if result.fault is not None:
        text = CAUSES[result.fault.cause]
        sys.stderr.write(f"The audit log is broken: entry {result.fault.number} {text} ({result.fault.cause}).\n")
        sys.stderr.write(f"It is whole up to entry {result.head.number}.\n")
        return 1
    sys.stdout.write(f"The audit log is whole: {result.head.number} entries.\n")
    if head_file is not None and head is not None and head.to_text() not in {one.to_text() for one in known}:
        with head_file.open("a", encoding="ascii") as file:
            file.write(f"{head.to_text()}\n")
    return 0


async def _check(
    redis_url: str, keys: AuditKeys, known: Sequence[SignedHead]
) -> tuple[Verification, SignedHead | None]:
    redis = connect(redis_url)
    try:
        head = await stored_head(redis)
        return await verify_stored(redis, keys, known=known), head
    finally:
        await redis.aclose()


def _read_heads(path: Path | None) -> list[SignedHead]:
    if path is None or not path.exists():
        return []
    lines = path.read_text(encoding="ascii").splitlines()
    return [SignedHead.parse(line) for line in lines if line.strip()]


def command(settings: FrontSettings, head_file: Path | None) -> int:
    """The command with the front's settings."""
    try:
        keys = load_audit_keys(settings)
        if keys is None:
            raise AuditKeyError("set ALLTID_AUDIT_KEY or ALLTID_AUDIT_KEY_FILE")
    except AuditKeyError as error:
        sys.stderr.write(f"alltid-oppet: {error}\n")
        return 2
    return verify(settings.redis_url, keys, head_file)
