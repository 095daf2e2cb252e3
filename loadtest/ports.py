"""Ports for servers that are told theirs: kept, so that nobody else gets them before the server has come or while it
is away.
"""

import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


class HeldPort:
    """A TCP port of 127.0.0.1, until ``release`` or as long as this object lives.

    A socket that is bound and does not listen holds it. Servers ask for ``SO_REUSEADDR`` and may listen there all the
    same; whoever asks for any port, or connects from one, is given another (Linux).
    """

    def __init__(self) -> None:
        held = socket.socket()
        self._end = weakref.finalize(self, held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self.number = int(held.getsockname()[1])

    def release(self) -> None:
        """Others may have it."""
        self._end()


@contextmanager
def held_port() -> Iterator[int]:
    """A port for as long as a server may want it."""
    held = HeldPort()
    try:
        yield held.number
    finally:
        held.release()
