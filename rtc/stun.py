"""STUN messages: parse, check and write the Binding method as ICE uses it (RFC 8489, RFC 8445 section 7.1).

:func:`parse` either returns a :class:`StunMessage` whose known attributes all have the right length and content, or
raises :class:`StunError`. It never raises anything else, whatever the bytes; ``tests/fuzz/targets_stun.py`` holds it.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha1
from typing import Final

Address = tuple[str, int]
"""IP address in text form and UDP port."""

MAGIC_COOKIE: Final = 0x2112A442
"""RFC 8489 section 5."""
HEADER_BYTES: Final = 20
TRANSACTION_ID_BYTES: Final = 12
FINGERPRINT_XOR: Final = 0x5354554E
"""RFC 8489 section 14.7: keeps the CRC apart from one that the payload itself may carry."""
MAX_MESSAGE_BYTES: Final = 1500
"""More than one Ethernet frame is no connectivity check: browsers send about 100 bytes."""
MAX_ATTRIBUTES: Final = 32
"""A connectivity check has about eight; the bound keeps a hostile datagram from costing more than a good one."""
MAX_USERNAME_BYTES: Final = 513
"""RFC 8445 section 5.3: two fragments of at most 256 bytes and a colon."""

INTEGRITY_BYTES: Final = 20
_ATTRIBUTE_HEADER_BYTES: Final = 4
_COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")
_BINDING: Final = 0x001
_IPV4: Final = 1
_IPV6: Final = 2


class MessageClass(IntEnum):
    """The two class bits of the message type (RFC 8489 section 5)."""

    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


class Attribute(IntEnum):
    """Attribute types this project reads or writes (IANA "STUN Attributes")."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


_KNOWN_REQUIRED: Final = frozenset(int(attribute) for attribute in Attribute if attribute < 0x8000)
_EXACT_BYTES: Final[dict[int, int]] = {
    Attribute.MESSAGE_INTEGRITY: INTEGRITY_BYTES,
    Attribute.PRIORITY: 4,
    Attribute.USE_CANDIDATE: 0,
    Attribute.FINGERPRINT: 4,
    Attribute.ICE_CONTROLLED: 8,
    Attribute.ICE_CONTROLLING: 8,
}

ERROR_REASONS: Final[dict[int, str]] = {
    400: "Bad Request",
    401: "Unauthenticated",
    420: "Unknown Attribute",
    487: "Role Conflict",
}


class StunError(ValueError):
    """The bytes are no acceptable STUN message; ``code`` says why, in snake_case, for a counter."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A well-formed message. Attributes after MESSAGE-INTEGRITY are left out (RFC 8489 section 14.5)."""

    message_class: MessageClass
    method: int
    transaction_id: bytes
    attributes: tuple[tuple[int, bytes], ...]
    """Type and value (unpadded) in the order of the message."""
    integrity_offset: int | None
    """Where MESSAGE-INTEGRITY begins, in bytes from the start of the message."""
    has_fingerprint: bool
    """Carries a FINGERPRINT, which :func:`parse` has then found right."""

    def attribute(self, kind: int) -> bytes | None:
        """The first attribute of this type: later duplicates are ignored (RFC 8489 section 14)."""
        for attribute, value in self.attributes:
            if attribute == kind:
                return value
        return None

    @property
    def username(self) -> str | None:
        """USERNAME as text."""
        value = self.attribute(Attribute.USERNAME)
        return None if value is None else value.decode()

    @property
    def priority(self) -> int | None:
        """PRIORITY of a peer-reflexive candidate (RFC 8445 section 7.1.1)."""
        return self._integer(Attribute.PRIORITY)

    @property
    def use_candidate(self) -> bool:
        """The controlling side nominates this pair (RFC 8445 section 7.1.2)."""
        return self.attribute(Attribute.USE_CANDIDATE) is not None

    @property
    def ice_controlling(self) -> int | None:
        """Tie-breaker of a sender that takes the controlling role (RFC 8445 section 7.1.3)."""
        return self._integer(Attribute.ICE_CONTROLLING)

    @property
    def ice_controlled(self) -> int | None:
        """Tie-breaker of a sender that takes the controlled role (RFC 8445 section 7.1.3)."""
        return self._integer(Attribute.ICE_CONTROLLED)

    @property
    def xor_mapped_address(self) -> Address | None:
        """The address the answering side saw (RFC 8489 section 14.2)."""
        value = self.attribute(Attribute.XOR_MAPPED_ADDRESS)
        return None if value is None else _read_xor_address(value, self.transaction_id)

    @property
    def error_code(self) -> int | None:
        """ERROR-CODE's number, 300 to 699 (RFC 8489 section 14.8)."""
        value = self.attribute(Attribute.ERROR_CODE)
        return None if value is None else value[2] * 100 + value[3]

    @property
    def unknown_attributes(self) -> tuple[int, ...]:
        """Types of comprehension-required attributes (below 0x8000) that this project does not know, each once."""
        unknown = [kind for kind, _ in self.attributes if kind < 0x8000 and kind not in _KNOWN_REQUIRED]
        return tuple(dict.fromkeys(unknown))

    def _integer(self, kind: int) -> int | None:
        value = self.attribute(kind)
        return None if value is None else int.from_bytes(value, "big")


def parse(data: bytes) -> StunMessage:
    """Read one datagram that is exactly one STUN message; raise :class:`StunError` when it is not."""
    body_bytes = _check_header(data)
    message_type = int.from_bytes(data[:2], "big")
    transaction_id = data[8:HEADER_BYTES]
    attributes: list[tuple[int, bytes]] = []
    integrity_offset: int | None = None
    has_fingerprint = False
    position, end = HEADER_BYTES, HEADER_BYTES + body_bytes
    while position < end:
        kind, size = struct.unpack_from("!HH", data, position)  # end - position is a positive multiple of four
        start = position + _ATTRIBUTE_HEADER_BYTES
        following = start + size + (-size % 4)
        if following > end:
            raise StunError("attribute_overrun")
        value = data[start : start + size]
        _check_attribute(kind, value, transaction_id)
        if kind == Attribute.FINGERPRINT:
            if following != end:
                raise StunError("fingerprint_not_last")
            if int.from_bytes(value, "big") != _fingerprint(data[:position]):
                raise StunError("fingerprint_wrong")
            has_fingerprint = True
        elif integrity_offset is None:
            if kind == Attribute.MESSAGE_INTEGRITY:
                integrity_offset = position
            elif len(attributes) >= MAX_ATTRIBUTES:
                raise StunError("too_many_attributes")
            attributes.append((kind, value))
        position = following
    return StunMessage(
        message_class=MessageClass((message_type >> 7 & 2) | (message_type >> 4 & 1)),
        method=(message_type & 0x000F) | (message_type >> 1 & 0x0070) | (message_type >> 2 & 0x0F80),
        transaction_id=transaction_id,
        attributes=tuple(attributes),
        integrity_offset=integrity_offset,
        has_fingerprint=has_fingerprint,
    )


def verify_integrity(data: bytes, message: StunMessage, key: bytes) -> bool:
    """Whether MESSAGE-INTEGRITY of ``message``, parsed from ``data``, was made with ``key`` (RFC 8489 section 14.5).

    With short-term credentials, as in ICE, the key is the password's UTF-8 bytes (RFC 8489 section 9.1.1).
    """
    offset = message.integrity_offset
    if offset is None:
        return False
    value = data[offset + _ATTRIBUTE_HEADER_BYTES : offset + _ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES]
    return hmac.compare_digest(value, _integrity(data[:offset], key))


def peek_username(data: bytes) -> str | None:
    """The receiver's ufrag (USERNAME up to its colon) of a Binding request, before any check that costs an HMAC.

    For finding the peer that a datagram from an unknown address is meant for. None when there is none to be had.
    """
    try:
        message = parse(data)
    except StunError:
        return None
    if message.method != _BINDING or message.message_class != MessageClass.REQUEST:
        return None
    username = message.username
    if username is None or ":" not in username:
        return None
    return username.partition(":")[0]


def binding_request(
    transaction_id: bytes,
    *,
    username: str,
    key: bytes,
    priority: int,
    ice_controlling: int | None = None,
    ice_controlled: int | None = None,
    use_candidate: bool = False,
    extra: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """A connectivity check (RFC 8445 section 7.2.4): ``username`` is "receiver's ufrag:own ufrag".

    ``key`` is the receiver's password in bytes; ``extra`` are further attributes, written before MESSAGE-INTEGRITY.
    """
    attributes: list[tuple[int, bytes]] = [
        (Attribute.USERNAME, username.encode()),
        (Attribute.PRIORITY, priority.to_bytes(4, "big")),
    ]
    if ice_controlling is not None:
        attributes.append((Attribute.ICE_CONTROLLING, ice_controlling.to_bytes(8, "big")))
    if ice_controlled is not None:
        attributes.append((Attribute.ICE_CONTROLLED, ice_controlled.to_bytes(8, "big")))
    if use_candidate:
        attributes.append((Attribute.USE_CANDIDATE, b""))
    return _write(MessageClass.REQUEST, transaction_id, [*attributes, *extra], key)


def binding_success(transaction_id: bytes, address: Address, key: bytes) -> bytes:
    """The answer to a valid check: the sender's ``address`` as seen here (RFC 8445 section 7.3.1.2)."""
    mapped = _write_xor_address(address, transaction_id)
    return _write(MessageClass.SUCCESS, transaction_id, [(Attribute.XOR_MAPPED_ADDRESS, mapped)], key)


def binding_error(transaction_id: bytes, code: int, key: bytes, unknown_attributes: Sequence[int] = ()) -> bytes:
    """An error answer; ``unknown_attributes`` are listed in it, as 420 demands (RFC 8489 section 6.3.1)."""
    reason = ERROR_REASONS.get(code, "").encode()
    attributes: list[tuple[int, bytes]] = [(Attribute.ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + reason)]
    if unknown_attributes:
        listed = struct.pack(f"!{len(unknown_attributes)}H", *unknown_attributes)
        attributes.append((Attribute.UNKNOWN_ATTRIBUTES, listed))
    return _write(MessageClass.ERROR, transaction_id, attributes, key)


def _check_header(data: bytes) -> int:
    """Bytes of attributes that follow a right header (RFC 8489 section 5)."""
    if len(data) < HEADER_BYTES:
        raise StunError("too_short")
    if len(data) > MAX_MESSAGE_BYTES:
        raise StunError("too_long")
    if data[0] & 0xC0:
        raise StunError("not_stun")
    if data[4:8] != _COOKIE_BYTES:
        raise StunError("magic_cookie_wrong")
    body_bytes = int.from_bytes(data[2:4], "big")
    if body_bytes % 4 or body_bytes != len(data) - HEADER_BYTES:
        raise StunError("length_wrong")
    return body_bytes


def _check_attribute(kind: int, value: bytes, transaction_id: bytes) -> None:
    """Raise when a known attribute does not hold what its definition says."""
    exact_bytes = _EXACT_BYTES.get(kind)
    if exact_bytes is not None:
        if len(value) != exact_bytes:
            raise StunError("attribute_length_wrong")
    elif kind == Attribute.USERNAME:
        if len(value) > MAX_USERNAME_BYTES:
            raise StunError("username_too_long")
        try:
            value.decode()
        except UnicodeDecodeError:
            raise StunError("username_not_utf8") from None
    elif kind == Attribute.XOR_MAPPED_ADDRESS:
        _read_xor_address(value, transaction_id)
    elif kind == Attribute.ERROR_CODE:
        if len(value) < 4 or not 3 <= value[2] <= 6 or value[3] > 99:
            raise StunError("error_code_wrong")
    elif kind == Attribute.UNKNOWN_ATTRIBUTES and len(value) % 2:
        raise StunError("attribute_length_wrong")


def _write(
    message_class: MessageClass, transaction_id: bytes, attributes: Sequence[tuple[int, bytes]], key: bytes
) -> bytes:
    """A Binding message with MESSAGE-INTEGRITY and FINGERPRINT behind the given attributes."""
    if len(transaction_id) != TRANSACTION_ID_BYTES:
        raise ValueError("a transaction id has 12 bytes")
    message_type = _BINDING | (message_class & 2) << 7 | (message_class & 1) << 4
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    message = struct.pack("!HH", message_type, len(body)) + _COOKIE_BYTES + transaction_id + body
    integrity = _integrity(message, key)
    message = _with_length(message, len(body) + 24) + struct.pack("!HH", Attribute.MESSAGE_INTEGRITY, 20) + integrity
    message = _with_length(message, len(body) + 32)
    return message + struct.pack("!HHI", Attribute.FINGERPRINT, 4, _fingerprint(message))


def _with_length(message: bytes, body_bytes: int) -> bytes:
    return message[:2] + body_bytes.to_bytes(2, "big") + message[4:]


def _integrity(covered: bytes, key: bytes) -> bytes:
    """HMAC-SHA1 over the bytes before the attribute, with a length that ends behind it (RFC 8489 section 14.5)."""
    body_bytes = len(covered) - HEADER_BYTES + _ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES
    return hmac.digest(key, _with_length(covered, body_bytes), sha1)


def _fingerprint(covered: bytes) -> int:
    """CRC-32 over the bytes before the attribute, whose length field already counts it (RFC 8489 section 14.7)."""
    return zlib.crc32(covered) ^ FINGERPRINT_XOR


def _read_xor_address(value: bytes, transaction_id: bytes) -> Address:
    if len(value) < 4 or len(value) != {_IPV4: 8, _IPV6: 20}.get(value[1]):
        raise StunError("address_wrong")
    port = int.from_bytes(value[2:4], "big") ^ (MAGIC_COOKIE >> 16)
    mask = (_COOKIE_BYTES + transaction_id)[: len(value) - 4]
    packed = bytes(byte ^ key for byte, key in zip(value[4:], mask, strict=True))
    return str(ipaddress.ip_address(packed)), port


def _write_xor_address(address: Address, transaction_id: bytes) -> bytes:
    host, port = address
    packed = ipaddress.ip_address(host).packed
    mask = (_COOKIE_BYTES + transaction_id)[: len(packed)]
    family = _IPV4 if len(packed) == 4 else _IPV6
    masked = bytes(byte ^ key for byte, key in zip(packed, mask, strict=True))
    return struct.pack("!BBH", 0, family, port ^ (MAGIC_COOKIE >> 16)) + masked
