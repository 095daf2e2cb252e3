"""Bringing a database's tables up to date (Alembic). ``python -m companion.migrate`` does only that.

``python -m companion.migrate --new 0007 "what it is about"`` writes a new migration: the difference between what the
migrations make and what the models say. Read it before you commit it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from companion.settings import CompanionSettings

_SCRIPTS = Path(__file__).parent / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration for a database."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Upgrade to the newest version. Takes no running event loop: it starts one of its own."""
    command.upgrade(configuration(url), "heads")


def write_migration(revision: str, message: str) -> None:
    """A new file in companion/migrations/versions, to be read and formatted."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/scratch.db"
        migrate(url)
        command.revision(configuration(url), message=message, rev_id=revision, autogenerate=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m companion.migrate", description="Bring the tables up to date.")
    parser.add_argument("--new", nargs=2, metavar=("REVISION", "MESSAGE"), help="write a new migration instead")
    options = parser.parse_args()
    if options.new:
        write_migration(*options.new)
    else:
        migrate(CompanionSettings().companion_database_url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
