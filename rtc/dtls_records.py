"""DTLS records before OpenSSL sees them: cut apart, checked, and packed into datagrams (RFC 6347 section 4).

Until a handshake is done its records are neither encrypted nor authenticated, and one malformed message makes OpenSSL
give the handshake up. So whatever can be known to be wrong from the outside is dropped here, counted by cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAX_DATAGRAM_BYTES: Final = 1200
"""What fits every path that WebRTC meets: 1,280 bytes of the smallest IPv6 link less headers and TURN framing."""
RECORD_HEADER_BYTES: Final = 13
HANDSHAKE_HEADER_BYTES: Final = 12
MAX_HANDSHAKE_MESSAGE_BYTES: Final = 16_384
"""A ClientHello with a post-quantum key share has 1.5 kB, a certificate chain of RSA keys 6 kB."""
MAX_HANDSHAKE_SEQUENCE: Final = 15
"""A DTLS 1.2 handshake with client certificate counts to 6 at either side; OpenSSL queues messages ahead of turn."""

_VERSION_MAJOR: Final = 254
_CLIENT_HELLO_RANDOM: Final = slice(2, 34)


class ContentType(IntEnum):
    """Record types (RFC 6347 section 4.1)."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


CLIENT_HELLO: Final = 1
_KNOWN_HANDSHAKE_TYPES: Final = frozenset((0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 22))
"""HelloRequest to Finished, NewSessionTicket and CertificateStatus (RFC 5246 section 7.4, RFC 5077, RFC 6066)."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A handshake message or a piece of one (RFC 6347 section 4.2.3). Lengths and offsets in bytes."""

    kind: int
    message_bytes: int
    sequence: int
    offset: int
    body: bytes

    @property
    def is_last(self) -> bool:
        """Reaches to the end of its message."""
        return self.offset + len(self.body) == self.message_bytes

    @property
    def client_random(self) -> bytes | None:
        """The random of a ClientHello, if this is its beginning: the name of one attempt of a client."""
        if self.kind != CLIENT_HELLO or self.offset != 0 or len(self.body) < _CLIENT_HELLO_RANDOM.stop:
            return None
        return self.body[_CLIENT_HELLO_RANDOM]


@dataclass(frozen=True, slots=True)
class Record:
    """One record with its header."""

    content_type: int
    epoch: int
    data: bytes
    fragments: tuple[Fragment, ...] = ()
    """What an unencrypted handshake record holds."""


def read_records(datagram: bytes, drops: Counter[str]) -> list[Record]:
    """The acceptable records of a datagram; the others are counted in ``drops``."""
    records: list[Record] = []
    position = 0
    while position < len(datagram):
        header = datagram[position : position + RECORD_HEADER_BYTES]
        end = position + RECORD_HEADER_BYTES + int.from_bytes(header[11:13], "big")
        if len(header) < RECORD_HEADER_BYTES or end > len(datagram):
            drops["dtls_record_truncated"] += 1
            break
        record = _read_record(datagram[position:end], drops)
        if record is not None:
            records.append(record)
        position = end
    return records


def is_unencrypted(record: bytes) -> bool:
    """Epoch 0: from before the first ChangeCipherSpec."""
    return record[3:5] == b"\0\0"


def with_sequence_number(record: bytes, number: int) -> bytes:
    """The record under another sequence number (48 bits)."""
    return record[:5] + number.to_bytes(6, "big") + record[11:]


def pack_datagrams(data: bytes) -> list[bytes]:
    """Cut OpenSSL's output, records without gaps, into datagrams of at most 1,200 bytes without cutting a record."""
    datagrams: list[bytes] = []
    start = position = 0
    while position < len(data):
        end = position + RECORD_HEADER_BYTES + int.from_bytes(data[position + 11 : position + 13], "big")
        if end - start > MAX_DATAGRAM_BYTES and position > start:
            datagrams.append(data[start:position])
            start = position
        position = end
    if start < len(data):
        datagrams.append(data[start:])
    return datagrams


def _read_record(data: bytes, drops: Counter[str]) -> Record | None:
    content_type, epoch = data[0], int.from_bytes(data[3:5], "big")
    if data[1] != _VERSION_MAJOR or not ContentType.CHANGE_CIPHER_SPEC <= content_type <= ContentType.APPLICATION_DATA:
        drops["dtls_record_unknown"] += 1
        return None
    body = data[RECORD_HEADER_BYTES:]
    if epoch > 0:
        return Record(content_type, epoch, data)
    if content_type == ContentType.ALERT:
        # Anybody can write it. A peer that has really given up falls silent, and then a timer ends the attempt.
        drops["dtls_alert_unauthenticated"] += 1
        return None
    if content_type == ContentType.APPLICATION_DATA or (
        content_type == ContentType.CHANGE_CIPHER_SPEC and body != b"\x01"
    ):
        drops["dtls_record_unexpected"] += 1
        return None
    if content_type == ContentType.CHANGE_CIPHER_SPEC:
        return Record(content_type, epoch, data)
    fragments = tuple(_read_fragments(body))
    if not fragments or None in fragments:
        drops["dtls_fragment_malformed"] += 1
        return None
    return Record(content_type, epoch, data, tuple(fragment for fragment in fragments if fragment is not None))


def _read_fragments(body: bytes) -> Iterator[Fragment | None]:
    """The fragments of an unencrypted handshake record; None stands for a malformed one and ends the row."""
    position = 0
    while position < len(body):
        header = body[position : position + HANDSHAKE_HEADER_BYTES]
        if len(header) < HANDSHAKE_HEADER_BYTES:
            yield None
            return
        message_bytes, offset = int.from_bytes(header[1:4], "big"), int.from_bytes(header[6:9], "big")
        sequence, size = int.from_bytes(header[4:6], "big"), int.from_bytes(header[9:12], "big")
        start = position + HANDSHAKE_HEADER_BYTES
        if (
            header[0] not in _KNOWN_HANDSHAKE_TYPES
            or message_bytes > MAX_HANDSHAKE_MESSAGE_BYTES
            or sequence > MAX_HANDSHAKE_SEQUENCE
            or offset + size > message_bytes
            or (size == 0 and message_bytes > 0)
            or start + size > len(body)
        ):
            yield None
            return
        yield Fragment(header[0], message_bytes, sequence, offset, body[start : start + size])
        position = start + size
