"""The audit log's entries and their chain: who did what to whose data, when and from where. Pure functions.

Each entry is linked to the one before it: ``hash = HMAC-SHA256(key, previous hash || number || body)``, where ``body``
is the entry as canonical JSON with the id of the key. So an entry that is changed, removed, inserted or moved breaks
the chain at a known place, and nobody without the key can mend it. That the end was cut off cannot be seen in the chain
itself: a signed head (``SignedHead``), kept apart from the log, tells how far it went.

``auth/audit_store.py`` keeps the chain in Redis; ``alltid-oppet audit verify`` checks it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from auth.permissions import NOTHING, Decision, Resource
from auth.principal import Principal

MIN_KEY_BYTES: Final = 32
MAX_FIELD_CHARACTERS: Final = 256
"""Longer values are cut: an entry stays small whatever a request carried."""
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")

Outcome = Literal["allowed", "refused", "failed"]


class AuditKeyError(ValueError):
    """Keys that cannot be used; the message never contains key material."""


class AuditKeys:
    """The chain's keys by key id: the first one links, every one verifies, so that keys can be changed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise AuditKeyError("no audit key")
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise AuditKeyError("an audit key's id has 1 to 32 letters, digits, '.', '_' or '-'")
            if len(key) < MIN_KEY_BYTES:
                raise AuditKeyError(f"audit key {key_id} is shorter than {MIN_KEY_BYTES} bytes")
        self._keys = dict(keys)
        self.current_id = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> "AuditKeys":
        """Read ``kid:base64`` items separated by commas, blanks or line ends; the first one links."""
        keys: dict[str, bytes] = {}
        for item in re.split(r"[,\s]+", text.strip()):
            key_id, separator, encoded = item.partition(":")
            if not separator or key_id in keys:
                raise AuditKeyError("audit keys are written kid:base64, each kid once")
            try:
                keys[key_id] = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise AuditKeyError(f"audit key number {len(keys) + 1} is not base64") from None
        return cls(keys)

    @staticmethod
    def generate_text() -> str:
        """A new random key in the form that ``parse`` reads."""
        return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(MIN_KEY_BYTES)).decode()}"

    def get(self, key_id: str) -> bytes | None:
        """The key with that id."""
        return self._keys.get(key_id)

    @property
    def current(self) -> bytes:
        """The key that links new entries."""
        return self._keys[self.current_id]

    def __repr__(self) -> str:
        return f"AuditKeys({', '.join(self._keys)})"


@dataclass(frozen=True)
class AuditEntry:
    """One use of patient data. Ids only: no names, no identity numbers. ``repr`` shows none of them."""

    at_ms: int
    """Milliseconds since the epoch."""
    actor: str
    """Who acted: person id, HSA-id, link id or service name."""
    on_behalf_of: str | None
    """Person id of whom a proxy acted for."""
    commission: str | None
    unit: str | None
    provider: str | None
    """HSA-ids of the commission that a staff member acted with, its unit and its care provider."""
    patient: str | None
    """Person id of the patient whose data it was; None when a list or several people are concerned."""
    action: str
    """An ``Action`` of the permissions."""
    outcome: Outcome
    resource: str | None
    """Which one: ``meeting:<id>``, ``link:<id>``..."""
    address: str | None
    """The network address it came from."""
    request_id: str
    """Ties it to the lines of the application's log."""

    def __repr__(self) -> str:
        return f"AuditEntry(action={self.action!r}, outcome={self.outcome!r})"


def entry_of(
    principal: Principal,
    action: str,
    decision: Decision,
    resource: Resource = NOTHING,
    *,
    at_ms: int,
    request_id: str,
    address: str | None = None,
    what: str | None = None,
) -> AuditEntry:
    """The entry of a decision. ``what`` names the thing; left out, it is the resource's meeting, if it has one."""
    commission = principal.commission
    named = what if what is not None else f"meeting:{resource.meeting_id}" if resource.meeting_id else None
    return AuditEntry(
        at_ms=at_ms,
        actor=principal.actor[:MAX_FIELD_CHARACTERS],
        on_behalf_of=principal.subject if principal.is_proxy else None,
        commission=commission.commission_hsa_id if commission else None,
        unit=commission.unit_hsa_id if commission else None,
        provider=commission.provider_hsa_id if commission else None,
        patient=resource.patient_person_id,
        action=str(action),
        outcome="allowed" if decision.allowed else "refused",
        resource=named[:MAX_FIELD_CHARACTERS] if named else None,
        address=address[:MAX_FIELD_CHARACTERS] if address else None,
        request_id=request_id[:MAX_FIELD_CHARACTERS],
    )


# --- the chain ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """The end of a chain: the number of its last entry (0: none yet) and that entry's hash."""

    number: int
    hash: bytes


GENESIS: Final = Head(0, bytes(hashlib.sha256().digest_size))
"""What the first entry is linked to."""


@dataclass(frozen=True)
class LinkedEntry:
    """An entry in its place: what is stored."""

    number: int
    body: bytes
    """Canonical JSON (sorted keys, no blanks, ASCII) of the entry, with ``key``: the id of the key that linked it."""
    hash: bytes

    @property
    def head(self) -> Head:
        """The chain's end when this is its last entry."""
        return Head(self.number, self.hash)


def encode(entry: AuditEntry, keys: AuditKeys) -> bytes:
    """The body of an entry. It does not depend on the place in the chain, so it is made once."""
    return json.dumps({**vars(entry), "key": keys.current_id}, sort_keys=True, separators=(",", ":")).encode("ascii")


def link(previous: Head, entry: AuditEntry, keys: AuditKeys) -> LinkedEntry:
    """The entry as the one after ``previous``."""
    return link_body(previous, encode(entry, keys), keys)


def link_body(previous: Head, body: bytes, keys: AuditKeys) -> LinkedEntry:
    """What ``encode`` made, as the entry after ``previous``."""
    number = previous.number + 1
    return LinkedEntry(number, body, _hash(keys.current, previous.hash, number, body))


def _hash(key: bytes, previous: bytes, number: int, body: bytes) -> bytes:
    return hmac.digest(key, previous + number.to_bytes(8, "big") + body, hashlib.sha256)


@dataclass(frozen=True)
class SignedHead:
    """A head with a signature of its own, so that none can be made from what stands in the log."""

    head: Head
    key_id: str
    signature: bytes

    def is_authentic(self, keys: AuditKeys) -> bool:
        """Whether one of ``keys`` signed it."""
        key = keys.get(self.key_id)
        return key is not None and hmac.compare_digest(self.signature, _head_signature(key, self.head))

    def to_text(self) -> str:
        """One line: number, hash, key id, signature."""
        return f"{self.head.number} {self.head.hash.hex()} {self.key_id} {self.signature.hex()}"

    @classmethod
    def parse(cls, text: str) -> "SignedHead":
        """Read what ``to_text`` wrote; ``ValueError`` when it is nothing of the kind."""
        match = re.fullmatch(r"([0-9]{1,18}) ([0-9a-f]{64}) ([A-Za-z0-9._-]{1,32}) ([0-9a-f]{64})", text.strip())
        if match is None:
            raise ValueError("not a signed head")
        number, digest, key_id, signature = match.groups()
        return cls(Head(int(number), bytes.fromhex(digest)), key_id, bytes.fromhex(signature))


def sign_head(head: Head, keys: AuditKeys) -> SignedHead:
    """The head, signed with the current key."""
    return SignedHead(head, keys.current_id, _head_signature(keys.current, head))


def sign_begin(head: Head, keys: AuditKeys) -> SignedHead:
    """Where a log begins whose older part is kept elsewhere: the last entry that was taken out. What is signed says so:
    no head that was written down earlier can be given out for it, to hide what came before.
    """
    return SignedHead(head, keys.current_id, _head_signature(keys.current, head, _BEGIN))


def is_begin(signed: SignedHead, keys: AuditKeys) -> bool:
    """Whether one of ``keys`` signed it as the place where a log begins."""
    key = keys.get(signed.key_id)
    return key is not None and hmac.compare_digest(signed.signature, _head_signature(key, signed.head, _BEGIN))


_BEGIN: Final = b"audit begin"


def _head_signature(key: bytes, head: Head, purpose: bytes = b"audit head") -> bytes:
    return hmac.digest(key, purpose + b" %d " % head.number + head.hash, hashlib.sha256)


# --- verification ------------------------------------------------------------------------------------------------

FaultCause = Literal[
    "malformed", "missing", "out_of_place", "unknown_key", "changed", "truncated", "head_forged", "head_missing"
]
"""``missing``: a number was skipped (removed). ``out_of_place``: a number came again or too early (inserted, moved).
``changed``: content or link differ. ``truncated``: a signed head tells of entries that are not there."""


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong: the number at which it shows, and the cause."""

    number: int
    cause: FaultCause


@dataclass(frozen=True)
class Verification:
    """What a check found. Whole when ``fault`` is None."""

    head: Head
    """How far the chain is whole."""
    fault: Fault | None


class Verifier:
    """Checks a chain entry by entry, so that a log of any length can be read in parts."""

    def __init__(self, keys: AuditKeys, *, after: Head = GENESIS, known: Iterable[SignedHead] = ()) -> None:
        """``after``: where the part that is read begins. ``known``: signed heads that the log must contain."""
        self._keys = keys
        self._head = after
        self._fault: Fault | None = None
        self._expected: dict[int, bytes] = {}
        for signed in known:
            if not signed.is_authentic(keys):
                self._fail(signed.head.number, "head_forged")
            elif self._expected.setdefault(signed.head.number, signed.head.hash) != signed.head.hash:
                self._fail(signed.head.number, "changed")
        self._check_expected()

    @property
    def head(self) -> Head:
        """How far the chain is whole."""
        return self._head

    def feed(self, entry: LinkedEntry) -> bool:
        """Check the next entry. False from the first fault on."""
        if self._fault is None:
            number = self._head.number + 1
            cause = self._cause(entry, number)
            if cause is not None:
                self._fail(number, cause)
            else:
                self._head = entry.head
                self._check_expected()
        return self._fault is None

    def finish(self) -> Verification:
        """The result, when all entries were fed."""
        furthest = max(self._expected, default=0)
        if self._fault is None and furthest > self._head.number:
            self._fail(self._head.number + 1, "truncated")
        return Verification(self._head, self._fault)

    def _cause(self, entry: LinkedEntry, number: int) -> FaultCause | None:
        try:
            fields = json.loads(entry.body)
        except (ValueError, RecursionError):
            return "malformed"
        if not isinstance(fields, dict):
            return "malformed"
        if entry.number != number:
            return "missing" if entry.number > number else "out_of_place"
        key = self._keys.get(str(fields.get("key")))
        if key is None:
            return "unknown_key"
        if not hmac.compare_digest(_hash(key, self._head.hash, number, entry.body), entry.hash):
            return "changed"
        return None

    def _check_expected(self) -> None:
        expected = self._expected.get(self._head.number)
        if expected is not None and not hmac.compare_digest(expected, self._head.hash):
            self._fail(self._head.number, "changed")

    def _fail(self, number: int, cause: FaultCause) -> None:
        if self._fault is None:
            self._fault = Fault(number, cause)


def verify(
    entries: Iterable[LinkedEntry], keys: AuditKeys, *, after: Head = GENESIS, known: Iterable[SignedHead] = ()
) -> Verification:
    """Check a whole chain, and that it contains the signed heads in ``known``."""
    verifier = Verifier(keys, after=after, known=known)
    for entry in entries:
        if not verifier.feed(entry):
            break
    return verifier.finish()


def read_body(body: bytes) -> dict[str, Any]:
    """The fields of a stored entry; ``ValueError`` when it is none."""
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("not an audit entry")
    return fields
