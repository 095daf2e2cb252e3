"""``python -m companion provider add HSA-ID NAME``: care providers (vårdgivare), which no route makes.

A care provider is somebody's whole organisation, and its data are nobody else's: so it is made by whoever runs the
service, on the machine that it runs on. Its units and administrators come over HTTP then.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from auth.audit import AuditKeys
from auth.hsa import HsaIdError, parse
from companion.database import Database
from companion.migrate import migrate
from companion.models.organisation import AdministrationEntry, CareProvider
from companion.services import new_id
from companion.settings import CompanionSettings

ACTOR = "operator"
MAX_NAME_CHARACTERS = 128


def main(arguments: Sequence[str]) -> int:
    """The command line; 2 for what cannot be, or a database that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m companion provider", description="Care providers.")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="a new care provider, or another name for one")
    add.add_argument("hsa_id", help="its HSA-id: SE2321000131-...")
    add.add_argument("name", help="its name")
    commands.add_parser("list", help="all care providers")
    options = parser.parse_args(arguments)
    settings = CompanionSettings()
    try:
        if settings.companion_migrate:
            migrate(settings.companion_database_url)
        if options.command == "list":
            return asyncio.run(_list(settings.companion_database_url))
        return asyncio.run(_add(settings.companion_database_url, parse(options.hsa_id), _name(options.name)))
    except HsaIdError:
        sys.stderr.write("That is no HSA-id.\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
    except (SQLAlchemyError, OSError) as error:
        sys.stderr.write(f"The companion's database cannot be used: {type(error).__name__}\n")
    return 2


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise ValueError(f"A name has 1 to {MAX_NAME_CHARACTERS} characters.")
    return name


def _database(url: str) -> Database:
    """No patient's data are touched, so nothing is linked to the audit log: a key for that is not needed."""
    return Database(url, AuditKeys.parse(AuditKeys.generate_text()))


async def _add(url: str, hsa_id: str, name: str) -> int:
    database = _database(url)
    try:
        async with database.transaction(datetime.now(UTC)) as transaction:
            known = await transaction.session.get(CareProvider, hsa_id)
            if known is None:
                transaction.session.add(CareProvider(hsa_id=hsa_id, name=name))
            else:
                known.name = name
            what = "care provider added" if known is None else "care provider renamed"
            entry = AdministrationEntry(
                entry_id=new_id("ad"), at=transaction.now, actor=ACTOR, unit_hsa_id=hsa_id, what=what,
                change={"name": name},
            )  # fmt: skip
            transaction.session.add(entry)
    finally:
        await database.close()
    sys.stdout.write(f"{what}: {hsa_id} {name}\n")
    return 0


async def _list(url: str) -> int:
    database = _database(url)
    try:
        async with database.reading(datetime.now(UTC)) as transaction:
            rows = (await transaction.session.scalars(select(CareProvider).order_by(CareProvider.hsa_id))).all()
    finally:
        await database.close()
    sys.stdout.writelines(f"{row.hsa_id} {row.name}\n" for row in rows)
    return 0
