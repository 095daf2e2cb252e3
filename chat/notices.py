"""Notices (*aviseringar*): that a message waits, told outside the service. What they are, and how they fare.

A notice names a person, not an address: the address is looked up when it is sent, so that somebody who has changed
their number, or whose identity is protected since, is not told at the old place.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Literal, get_args

import msgpack

from chat.notice_templates import Language

Channel = Literal["sms", "email", "push"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
LIFETIME_S: Final = 24 * 3600
"""News of a message that is a day old is no news."""


class NoticeState(StrEnum):
    """How a notice fares."""

    QUEUED = "queued"
    SENDING = "sending"
    """A front has taken it on; nobody else sends it."""
    SENT = "sent"
    """The gateway, mail server or push service has it."""
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    """There is no such number, mailbox or subscription."""
    FAILED = "failed"


_S = NoticeState
TRANSITIONS: Final[Mapping[NoticeState, frozenset[NoticeState]]] = {
    _S.QUEUED: frozenset({_S.SENDING}),
    _S.SENDING: frozenset({_S.QUEUED, _S.SENT, _S.BOUNCED, _S.FAILED}),
    _S.SENT: frozenset({_S.DELIVERED, _S.BOUNCED, _S.FAILED}),
    _S.DELIVERED: frozenset(),
    _S.BOUNCED: frozenset(),
    _S.FAILED: frozenset(),
}
"""State -> what it may become. ``notice_settle.lua`` and ``notice_report.lua`` hold it; a test compares."""


@dataclass(frozen=True)
class Notice:
    """One notice by one channel. ``repr`` shows nobody and no text."""

    notice_id: str
    key: str = field(repr=False)
    """Idempotency key: of all notices with the same one, the first is sent."""
    channel: Channel
    person: str = field(repr=False)
    """Person id."""
    template_id: str
    parameters: Mapping[str, str] = field(repr=False)
    created_at_s: int
    expires_at_s: int
    then: tuple[Channel, ...] = ()
    """Channels to try, in this order, when this one leads nowhere."""
    to: str = field(default="", repr=False)
    """Only for a code that shows whose a place is: that place. Otherwise it stands in the contact."""


@dataclass(frozen=True)
class Contact:
    """Where somebody can be told. ``repr`` shows none of it."""

    phone: str = field(default="", repr=False)
    """E.164, confirmed."""
    email: str = field(default="", repr=False)
    language: Language = "sv"
    is_protected: bool = False
    """Protected identity: no notice names a unit, which would say whereabouts."""
    subscriptions: tuple[str, ...] = field(default=(), repr=False)
    """Web push subscriptions, as the browsers gave them (JSON)."""


def ways_of(contact: Contact) -> list[tuple[Channel, ...]]:
    """By which channels to tell somebody: each entry is one notice, with what to try when it leads nowhere."""
    ways: list[tuple[Channel, ...]] = []
    if contact.subscriptions:
        ways.append(("push",))
    written: list[Channel] = [channel for channel, place in (("sms", contact.phone), ("email", contact.email)) if place]  # type: ignore[misc]
    if written:
        ways.append(tuple(written))
    return ways


def pack(notice: Notice) -> bytes:
    """As it is kept."""
    return msgpack.packb([dict(value) if isinstance(value, Mapping) else value for value in astuple(notice)])  # type: ignore[no-any-return]


def unpack(packed: bytes) -> Notice:
    """The opposite of ``pack``."""
    values: dict[str, Any] = dict(zip((item.name for item in fields(Notice)), msgpack.unpackb(packed), strict=True))
    return Notice(**values | {"then": tuple(values["then"])})
