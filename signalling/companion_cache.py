"""Answers of the companion that are kept for a while. No I/O: time is an argument.

An answer is *fresh* for a short time and given without asking. Later it is *stale*: given only when the companion
cannot be asked, for a time that whoever asks decides on. A refusal is never kept, and takes away what stood there:
who may no longer see something does not see it because of a fault later on.

The key holds all of the principal, so that no answer reaches anybody but the one it was made for.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from auth.principal import Principal

MAX_ENTRIES: Final = 10_000


@dataclass(frozen=True)
class Freshness:
    """How long an answer counts, in seconds."""

    fresh_s: float
    stale_s: float
    """From its arrival on; beyond it the answer is not given even in need."""


@dataclass(frozen=True)
class Key:
    """For whom, and what. ``repr`` shows nothing of it."""

    who: str
    target: str

    def __repr__(self) -> str:
        return "Key()"


@dataclass(frozen=True)
class Cached:
    """An answer and its age."""

    body: Any
    age_s: float


class AnswerCache:
    """Bounded; the answers that were not asked for the longest go first."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[Key, tuple[float, Any]] = OrderedDict()
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def epoch(self) -> int:
        """Grows whenever something is forgotten on purpose. What was asked for in an earlier one is not kept."""
        return self._epoch

    def get(self, key: Key, max_age_s: float, now: float) -> Cached | None:
        """The answer, when it is younger than that."""
        entry = self._entries.get(key)
        if entry is None or now - entry[0] >= max_age_s:
            return None
        self._entries.move_to_end(key)
        return Cached(entry[1], now - entry[0])

    def put(self, key: Key, body: Any, now: float, *, epoch: int) -> None:
        """Keep an answer that was asked for in ``epoch``."""
        if epoch != self._epoch:
            return
        self._entries[key] = (now, body)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def drop(self, key: Key) -> None:
        """It is no longer right."""
        self._entries.pop(key, None)

    def forget(self, path_prefix: str) -> int:
        """Something below ``path_prefix`` has changed: nobody gets the old answer. Returns how many there were."""
        gone = [key for key in self._entries if key.target.startswith(path_prefix)]
        for key in gone:
            del self._entries[key]
        self._epoch += 1
        return len(gone)


def owner(principal: Principal | None) -> str:
    """Whose answers they are: a digest of all that the companion decides on; empty for what is public."""
    if principal is None:
        return ""
    commission = principal.commission
    parts = (
        principal.kind,
        *sorted(principal.roles),
        "|",
        principal.actor,
        principal.subject,
        *sorted(principal.proxy_scopes),
        "|",
        None
        if commission is None
        else (
            commission.commission_hsa_id,
            commission.unit_hsa_id,
            commission.provider_hsa_id,
            sorted(commission.roles),
        ),
        principal.meeting_id,
        principal.acr,
        principal.grant_id,
        *sorted(principal.service_scopes),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()
