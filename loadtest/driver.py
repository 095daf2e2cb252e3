"""The peer bank on an event loop: media stays in compiled code, STUN and DTLS reach their peer's handler."""

import asyncio
from collections.abc import Callable

from loadtest.peerbank import PeerBank


class BankDriver:
    """Polls a bank whenever it is readable, and hands out the datagrams that are not media."""

    def __init__(self, bank: PeerBank) -> None:
        self.bank = bank
        self.handlers: dict[int, Callable[[bytes], None]] = {}

    def start(self) -> None:
        """Begin to poll on the running loop."""
        asyncio.get_running_loop().add_reader(self.bank.fileno(), self._poll)

    def stop(self) -> None:
        """Poll no more."""
        asyncio.get_running_loop().remove_reader(self.bank.fileno())

    def _poll(self) -> None:
        for number, datagram in self.bank.poll():
            handler = self.handlers.get(number)
            if handler is not None:
                handler(datagram)
