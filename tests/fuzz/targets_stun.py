"""Any bytes parse as a STUN message, or raise StunError, never any other error."""

from __future__ import annotations

import contextlib

from rtc import stun

_KEY = b"password-of-24-characters"
_TRANSACTION_ID = bytes(range(12))


def fuzz_stun(data: bytes) -> None:
    """Parse, and read everything there is to read."""
    stun.peek_username(data)
    with contextlib.suppress(stun.StunError):
        message = stun.parse(data)
        stun.verify_integrity(data, message, _KEY)
        for name in ("username", "priority", "ice_controlling", "ice_controlled", "xor_mapped_address", "error_code"):
            getattr(message, name)
        if len(message.unknown_attributes) > stun.MAX_ATTRIBUTES:
            raise AssertionError("more attributes than allowed")


def seeds() -> list[bytes]:
    """One message of each kind."""
    return [
        stun.binding_request(
            _TRANSACTION_ID, username="server:client", key=_KEY, priority=1, ice_controlling=7, use_candidate=True
        ),
        stun.binding_success(_TRANSACTION_ID, ("192.0.2.1", 50000), _KEY),
        stun.binding_success(_TRANSACTION_ID, ("2001:db8::1", 50000), _KEY),
        stun.binding_error(_TRANSACTION_ID, 420, _KEY, [0x7001]),
    ]
