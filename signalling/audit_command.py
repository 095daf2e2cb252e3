"""``alltid-oppet audit verify``: is the audit log whole? Says where it is broken, and how; reads no entry aloud.

The companion's logs are checked too when its database is on this machine, or named by the environment: by its own
program, ``python -m companion.audit_verify``, since the front's knows no tables.
"""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from redis.exceptions import RedisError

from auth.audit import AuditKeyError, AuditKeys, Head, SignedHead, Verification
from auth.audit_report import add_head, read_heads, report
from auth.audit_store import stored_begin, stored_head, verify_stored
from sfu.bus import connect
from signalling.keys import load_audit_keys
from signalling.settings import FrontSettings


def verify(redis_url: str, keys: AuditKeys, head_file: Path | None) -> int:
    """Check the log; 0 when it is whole, 1 when it is not, 2 when it cannot be checked.

    ``head_file`` holds signed heads, one per line, from earlier checks or from the lines ``audit_head`` of the
    front's log. The log must contain them all. When it is whole, its present head is added.
    """
    try:
        known = read_heads(head_file)
        result, head, begin = asyncio.run(_check(redis_url, keys, known))
    except (RedisError, OSError, ValueError) as error:
        sys.stderr.write(f"alltid-oppet: the audit log cannot be checked: {type(error).__name__}\n")
        return 2
    code = report(result)
    if begin is not None and begin.number:
        sys.stdout.write(f"Entries up to {begin.number} are kept by the companion and no longer here.\n")
    if code == 0:
        add_head(head_file, head, known)
    return code


async def _check(
    redis_url: str, keys: AuditKeys, known: Sequence[SignedHead]
) -> tuple[Verification, SignedHead | None, Head | None]:
    redis = connect(redis_url)
    try:
        head, begin = await stored_head(redis), await stored_begin(redis, keys)
        return await verify_stored(redis, keys, known=known), head, begin
    finally:
        await redis.aclose()


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


def verify_companion(environment: Mapping[str, str], data_dir: Path, head_file: Path | None) -> int:
    """The same for the companion's logs; 0 when there is no companion here."""
    url, file = environment.get("ALLTID_COMPANION_DATABASE_URL", ""), data_dir / "companion" / "companion.db"
    if not url and not file.exists():
        return 0
    own = {"ALLTID_COMPANION_DATABASE_URL": url or f"sqlite:///{file}"}
    if not environment.get("ALLTID_AUDIT_KEY") and not environment.get("ALLTID_AUDIT_KEY_FILE"):
        own["ALLTID_AUDIT_KEY_FILE"] = str(data_dir / "audit-key")
    command = [sys.executable, "-m", "companion.audit_verify"]
    if head_file is not None:
        command += ["--heads", f"{head_file}.companion"]
    sys.stdout.flush()
    return subprocess.run(command, env={**environment, **own}, check=False).returncode  # our own program
