"""A UDP relay between a browser and a media worker, whose side towards the worker can move to a new port.

To the worker that is what a change from one network to another looks like: the same peer from a new address.
"""

import asyncio
from typing import Self

Address = tuple[str, int]


class _Side(asyncio.DatagramProtocol):
    """One socket; hands what it receives to a function of the relay."""

    def __init__(self, relay: "UdpRelay", towards_worker: bool) -> None:
        self._relay = relay
        self._towards_worker = towards_worker

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._relay.received(data, addr, from_worker=self._towards_worker)


class UdpRelay:
    """``async with UdpRelay(worker) as relay``; the browser is told ``relay.port`` instead of the worker's."""

    def __init__(self, worker: Address) -> None:
        self._worker = worker
        self._browser: Address | None = None
        self.is_open = True
        self.dropped = 0

    async def __aenter__(self) -> Self:
        """Opens both sides."""
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(lambda: _Side(self, False), local_addr=("127.0.0.1", 0))
        await self.move()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes both sides."""
        self._near.close()
        self._far.close()

    async def move(self) -> None:
        """From now on the worker sees this peer at a new port."""
        loop = asyncio.get_running_loop()
        old = getattr(self, "_far", None)
        self._far, _ = await loop.create_datagram_endpoint(lambda: _Side(self, True), local_addr=("127.0.0.1", 0))
        if old:
            old.close()

    @property
    def port(self) -> int:
        """Where the browser sends to."""
        return int(self._near.get_extra_info("sockname")[1])

    def received(self, data: bytes, address: Address, *, from_worker: bool) -> None:
        """Passes one datagram on to the other side, or drops it while the relay is not open."""
        if not self.is_open:
            self.dropped += 1
        elif not from_worker:
            self._browser = address
            self._far.sendto(data, self._worker)
        elif self._browser:
            self._near.sendto(data, self._browser)
