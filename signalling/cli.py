"""The command line: ``alltid-oppet serve``."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from auth.tokens import TokenKeyError
from signalling import logs
from signalling.serve import ServeError, run
from signalling.settings import FrontSettings, ServeSettings
from signalling.valkey import SocketPathTooLongError


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the status is 0, or 2 when the service could not be started."""
    parser = argparse.ArgumentParser(prog="alltid-oppet", description="Digital care meetings.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="start everything on this machine (settings: docs/settings.md)")
    parser.parse_args(arguments)
    settings, front = ServeSettings(), FrontSettings()
    logs.configure(front.log_level, settings.log_format, "serve")
    try:
        asyncio.run(run(settings, front, _say))
    except (ServeError, SocketPathTooLongError, TokenKeyError) as error:
        sys.stderr.write(f"alltid-oppet: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
