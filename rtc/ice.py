"""ICE-lite (RFC 8445 section 2.5): one component, always controlled, answers checks and follows the nominations.

A lite agent sends no checks of its own. What it knows of the peer it knows from requests whose MESSAGE-INTEGRITY holds;
anything else is dropped without an answer and changes nothing, so that a stranger can neither end a call nor move it.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rtc import stun
from rtc.stun import Address

CONSENT_EXPIRY_US: Final = 30_000_000
"""RFC 7675 section 5.1: consent ends 30 s after the last valid check."""
MAX_VALIDATED_ADDRESSES: Final = 8
"""A phone with Wi-Fi, mobile and VPN in IPv4 and IPv6 has six; the bound keeps one peer from filling a table."""
_UFRAG_RANDOM_BYTES: Final = 6
"""48 bits: RFC 8445 section 5.3 asks for 24, and a worker finds its peer by this alone."""
_PASSWORD_RANDOM_BYTES: Final = 24
"""192 bits: RFC 8445 section 5.3 asks for 128."""
_BINDING: Final = 0x001


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """``ice-ufrag`` and ``ice-pwd`` of one side (RFC 8839 section 5.4)."""

    username_fragment: str
    password: str = field(repr=False)

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> IceCredentials:
        """New credentials from a source of secure randomness; base64's alphabet is just the ice-char of the grammar."""
        fragment = base64.b64encode(random_bytes(_UFRAG_RANDOM_BYTES)).decode()
        password = base64.b64encode(random_bytes(_PASSWORD_RANDOM_BYTES)).decode()
        return cls(fragment, password)


@dataclass(frozen=True, slots=True)
class IceOutcome:
    """What one datagram led to."""

    response: bytes | None = None
    """To be sent back to the address the request came from."""
    validated: Address | None = None
    """An address that proved, with this datagram, to be the peer's."""
    selected: Address | None = None
    """The address to send media to from now on, when it changed."""
    removed: tuple[Address, ...] = ()
    """Addresses that are no longer validated: the oldest beyond the bound, and those silent for 30 s."""
    dropped: str | None = None
    """Why the datagram was refused, in snake_case, for a counter."""


@dataclass(frozen=True, slots=True)
class _Generation:
    """The credentials between two ICE restarts."""

    local: IceCredentials
    remote: IceCredentials

    @property
    def username(self) -> str:
        return f"{self.local.username_fragment}:{self.remote.username_fragment}"

    @property
    def key(self) -> bytes:
        return self.local.password.encode()


class IceLite:
    """One peer's ICE state. Time is an argument; nothing here sends."""

    def __init__(self, local: IceCredentials, remote: IceCredentials, now_us: int) -> None:
        self._current = _Generation(local, remote)
        self._restarting: _Generation | None = None
        self._checked_us: OrderedDict[Address, int] = OrderedDict()
        """Validated addresses and the time of their last valid check, longest silent first."""
        self._consent_us = now_us
        self.selected: Address | None = None

    @property
    def validated(self) -> frozenset[Address]:
        """Addresses from which a valid check has come."""
        return frozenset(self._checked_us)

    def usernames(self) -> tuple[str, ...]:
        """Own ufrags that checks may carry now: two while an ICE restart is under way."""
        fragments = [self._current.local.username_fragment]
        if self._restarting is not None:
            fragments.append(self._restarting.local.username_fragment)
        return tuple(fragments)

    def restart(self, local: IceCredentials, remote: IceCredentials, now_us: int) -> None:
        """Begin an ICE restart (RFC 8445 section 9).

        The old credentials, addresses and selection stay in use until the first valid check with the new ones, so that
        media keeps flowing; a second restart before that replaces the first. Consent is counted from here anew, since
        the client may have been away.
        """
        self._restarting = _Generation(local, remote)
        self._consent_us = max(self._consent_us, now_us)

    def is_expired(self, now_us: int) -> bool:
        """No valid check for 30 s: the right to send to the peer has ended (RFC 7675 section 5.1)."""
        return now_us - self._consent_us >= CONSENT_EXPIRY_US

    def handle_request(self, data: bytes, address: Address, now_us: int) -> IceOutcome:
        """Handle a STUN datagram that came from ``address``."""
        try:
            message = stun.parse(data)
        except stun.StunError as error:
            return IceOutcome(dropped=f"stun_{error.code}")
        if message.method != _BINDING or message.message_class != stun.MessageClass.REQUEST:
            return IceOutcome(dropped="stun_not_a_binding_request")
        if not message.has_fingerprint:
            return IceOutcome(dropped="stun_fingerprint_missing")
        generation = self._generation(message.username)
        if generation is None:
            return IceOutcome(dropped="stun_username_wrong")
        if not stun.verify_integrity(data, message, generation.key):
            return IceOutcome(dropped="stun_integrity_wrong")
        return self._handle_authentic(message, generation, address, now_us)

    def _handle_authentic(
        self, message: stun.StunMessage, generation: _Generation, address: Address, now_us: int
    ) -> IceOutcome:
        """The peer itself has sent this: mistakes are answered now."""
        key, transaction_id = generation.key, message.transaction_id
        unknown = message.unknown_attributes
        if unknown:
            response = stun.binding_error(transaction_id, 420, key, unknown)
            return IceOutcome(response=response, dropped="stun_unknown_attribute")
        if message.ice_controlled is not None:
            # RFC 8445 section 6.1.1: beside a lite agent the full one controls, whatever the tie-breakers say.
            return IceOutcome(response=stun.binding_error(transaction_id, 487, key), dropped="stun_role_conflict")
        if message.priority is None:
            return IceOutcome(response=stun.binding_error(transaction_id, 400, key), dropped="stun_priority_missing")
        if generation is self._restarting:
            self._current, self._restarting = generation, None
        self._consent_us = now_us
        is_new = address not in self._checked_us
        self._checked_us[address] = now_us
        self._checked_us.move_to_end(address)
        is_switch = message.use_candidate and address != self.selected
        if is_switch:
            self.selected = address
        return IceOutcome(
            response=stun.binding_success(transaction_id, address, key),
            validated=address if is_new else None,
            selected=address if is_switch else None,
            removed=self._forget_old(now_us),
        )

    def _generation(self, username: str | None) -> _Generation | None:
        for generation in (self._restarting, self._current):
            if generation is not None and generation.username == username:
                return generation
        return None

    def _forget_old(self, now_us: int) -> tuple[Address, ...]:
        """Forget addresses that have been silent for 30 s or are too many, never the selected one."""
        removed: list[Address] = []
        for address, checked_us in list(self._checked_us.items()):
            too_many = len(self._checked_us) > MAX_VALIDATED_ADDRESSES
            if not too_many and now_us - checked_us < CONSENT_EXPIRY_US:
                break
            if address != self.selected:
                del self._checked_us[address]
                removed.append(address)
        return tuple(removed)
