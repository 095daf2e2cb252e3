"""The machine's own addresses, for what clients are told: media candidates, links, certificate names."""

import contextlib
import fcntl
import ipaddress
import socket
import struct
from typing import Final

_SIOCGIFADDR: Final = 0x8915
"""ioctl: the IPv4 address of an interface (netdevice(7))."""
_MAX_ADDRESSES: Final = 8
"""More interfaces than this are virtual ones; each would be a candidate that every client tries."""


def local_ipv4_addresses() -> tuple[str, ...]:
    """IPv4 addresses of the interfaces, without loopback; the one of the default route first."""
    found = [address for address in (_address_of(name) for _, name in socket.if_nameindex()) if address]
    usable = [address for address in found if not ipaddress.ip_address(address).is_loopback]
    first = _default_route_address()
    return tuple(sorted(dict.fromkeys(usable), key=lambda address: address != first))[:_MAX_ADDRESSES]


def _address_of(interface: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            request = struct.pack("256s", interface.encode()[:15])
            return socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)[20:24])
        except OSError:  # no IPv4 address
            return None


def _default_route_address() -> str | None:
    """The address this machine would send from; nothing is sent (the target is a documentation address)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def usable_port(wanted: int) -> int:
    """``wanted`` if it is free, else any (0: any)."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on this machine")
