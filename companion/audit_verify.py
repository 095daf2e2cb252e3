"""``python -m companion.audit_verify``: are the audit logs in the companion's database whole?

Both chains are checked: the companion's own, and the front's as far as it was taken over. 0 when they are whole, 1 when
one is not, 2 when they cannot be checked. ``--heads FILE`` keeps the companion's signed heads, one per check, and wants
all earlier ones to be in the log: against somebody who puts an old database in the place of the new one.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from auth.audit import AuditKeys, SignedHead, Verification
from auth.audit_report import add_head, read_heads, report
from companion.database import Database
from companion.models.audit import FrontAuditRow
from companion.settings import CompanionSettings, secret_text
from companion.store.audit import stored_head, verify_stored

OWN_NAME, FRONT_NAME = "companion's audit log", "front's audit log in the companion"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m companion.audit_verify", description="Check the audit logs.")
    parser.add_argument("--heads", type=Path, help="a file of signed heads from earlier checks; the new one is added")
    options = parser.parse_args(arguments)
    settings = CompanionSettings()
    try:
        keys = AuditKeys.parse(secret_text(settings.audit_key, settings.audit_key_file, "audit_key"))
        known = read_heads(options.heads)
        own, front, head = asyncio.run(_check(settings.companion_database_url, keys, known))
    except (SQLAlchemyError, ValueError, OSError) as error:
        sys.stderr.write(f"The companion's audit log cannot be checked: {type(error).__name__}\n")
        return 2
    code = max(report(own, OWN_NAME), report(front, FRONT_NAME))
    if code == 0:
        add_head(options.heads, head, known)
    return code


async def _check(
    url: str, keys: AuditKeys, known: Sequence[SignedHead]
) -> tuple[Verification, Verification, SignedHead | None]:
    database = Database(url, keys)
    try:
        async with database.reading(datetime.now(UTC)) as transaction:
            session = transaction.session
            head = await stored_head(session)
            own = await verify_stored(session, keys, known=known)
            return own, await verify_stored(session, keys, of=FrontAuditRow), head
    finally:
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
