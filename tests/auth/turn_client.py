"""A TURN client that asks for what no browser would (RFC 8656): any peer address, any credentials. Blocking, UDP."""

import hashlib
import hmac
import ipaddress
import os
import socket
import struct
from typing import Final, Self

from tests.patience import PATIENCE_S

COOKIE: Final = 0x2112A442
ALLOCATE, CREATE_PERMISSION, CHANNEL_BIND, SEND, DATA = 0x003, 0x008, 0x009, 0x016, 0x017
USERNAME, INTEGRITY, ERROR, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
PEER, DATA_ATTRIBUTE, FAMILY, TRANSPORT, CHANNEL = 0x0012, 0x0013, 0x0017, 0x0019, 0x000C
UDP: Final = 17

Peer = tuple[str, int]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _address(peer: Peer, transaction: bytes) -> bytes:
    """XOR-PEER-ADDRESS; an IPv4-mapped address stays an IPv6 one."""
    packed = ipaddress.ip_address(peer[0]).packed
    mask = struct.pack("!I", COOKIE) + transaction
    masked = bytes(one ^ other for one, other in zip(packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, peer[1] ^ (COOKIE >> 16)) + masked


class TurnClient:
    """One socket; each request returns 0 for success, else the error code of the answer."""

    def __init__(self, server: Peer, username: str, password: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(server)
        self._username = username
        self._password = password
        self._realm = self._nonce = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def allocate(self, *, ipv6: bool = False) -> int:
        """Ask for a relayed address; the first answer to anybody is 401 with what is needed for the second try."""
        extra = _attribute(TRANSPORT, bytes((UDP, 0, 0, 0)))
        extra += _attribute(FAMILY, bytes((2, 0, 0, 0))) if ipv6 else b""
        return self._request(ALLOCATE, extra) if self._nonce else (self._challenge(extra) or self.allocate(ipv6=ipv6))

    def permit(self, peer: Peer) -> int:
        """Ask to exchange datagrams with a peer."""
        transaction = os.urandom(12)
        return self._request(CREATE_PERMISSION, _attribute(PEER, _address(peer, transaction)), transaction)

    def bind(self, peer: Peer) -> int:
        """The same by a channel."""
        transaction = os.urandom(12)
        extra = _attribute(CHANNEL, struct.pack("!HH", 0x4000, 0)) + _attribute(PEER, _address(peer, transaction))
        return self._request(CHANNEL_BIND, extra, transaction)

    def send(self, peer: Peer, data: bytes) -> None:
        """A datagram for a peer, whether it is permitted or not."""
        transaction = os.urandom(12)
        body = _attribute(PEER, _address(peer, transaction)) + _attribute(DATA_ATTRIBUTE, data)
        self._socket.send(self._head(SEND | 0x010, len(body), transaction) + body)

    def receive(self) -> bytes:
        """The content of the next datagram that a peer sent."""
        while True:
            message = self._socket.recv(2048)
            found = _attributes(message)
            if struct.unpack_from("!H", message)[0] == DATA | 0x010:
                return found[DATA_ATTRIBUTE]

    def _challenge(self, extra: bytes) -> int:
        """Take realm and nonce from the refusal of an unauthenticated request; 0 when they came."""
        answer = self._exchange(ALLOCATE, extra, os.urandom(12), signed=False)
        self._realm, self._nonce = answer[REALM], answer[NONCE]
        return 0 if _error(answer) == 401 else _error(answer)

    def _request(self, method: int, extra: bytes, transaction: bytes | None = None) -> int:
        answer = self._exchange(method, extra, transaction or os.urandom(12), signed=True)
        return _error(answer)

    def _exchange(self, method: int, extra: bytes, transaction: bytes, *, signed: bool) -> dict[int, bytes]:
        body = extra
        if signed:
            body += _attribute(USERNAME, self._username.encode()) + _attribute(REALM, self._realm)
            body += _attribute(NONCE, self._nonce)
            text = b":".join((self._username.encode(), self._realm, self._password.encode()))
            key = hashlib.md5(text).digest()  # as RFC 8489 section 9.2.2 has it
            digest = hmac.digest(key, self._head(method, len(body) + 24, transaction) + body, hashlib.sha1)
            body += _attribute(INTEGRITY, digest)
        self._socket.send(self._head(method, len(body), transaction) + body)
        while True:
            message = self._socket.recv(2048)
            if message[8:20] == transaction:
                return _attributes(message)

    def _head(self, kind: int, length: int, transaction: bytes) -> bytes:
        return struct.pack("!HHI", kind, length, COOKIE) + transaction


def _attributes(message: bytes) -> dict[int, bytes]:
    found, offset = {}, 20
    while offset + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, offset)
        found[kind] = message[offset + 4 : offset + 4 + length]
        offset += 4 + length + -length % 4
    return found


def _error(answer: dict[int, bytes]) -> int:
    return answer[ERROR][2] * 100 + answer[ERROR][3] if ERROR in answer else 0
