"""Proxies (ombud): who may act for whom, with what, until when.

A guardian (vårdnadshavare) acts for a child under 13, as the custody register says. An adult grants somebody scopes
for a time. Whatever the relation, it ends by itself: ``valid_until`` is an instant, and a guardian's is never later
than the child's 13th birthday at 00:00 in Stockholm.

=====================  =====================================================================================
``ao:proxies:<id>``    hash of the person who acts: person id of the subject -> relation as JSON; gone when the
                       last relation has ended
=====================  =====================================================================================
"""

import json
import math
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from auth.principal import PROXY_SCOPES, ProxyScope
from auth.pseudonyms import is_person_id

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
GUARDIAN_UNTIL_AGE: Final = 13
MAX_RELATIONS: Final = 50
"""People that one person may act for: more than any family."""
MAX_NAME_CHARACTERS: Final = 128

ProxyKind = Literal["guardian", "grant"]
ProxyErrorCode = Literal["subject", "name", "kind", "scopes", "valid_until", "birth_date", "too_many", "twice"]


class ProxyError(ValueError):
    """A relation that cannot be. ``code`` names what is wrong, never its value."""

    def __init__(self, code: ProxyErrorCode) -> None:
        super().__init__(code)
        self.code: ProxyErrorCode = code


@dataclass(frozen=True)
class ProxyRelation:
    """For whom somebody may act. ``repr`` shows no personal data."""

    subject_person_id: str
    subject_name: str
    kind: ProxyKind
    scopes: frozenset[ProxyScope]
    valid_until: int
    """Seconds since the epoch; from this instant on it is over."""

    def __repr__(self) -> str:
        return f"ProxyRelation(kind={self.kind!r}, scopes={sorted(self.scopes)})"


def birthday(birth_date: date, age: int) -> date:
    """The day on which somebody turns ``age``.

    Who is born on 29 February turns older on the 28th in other years: a period of years ends on the last day of the
    month when the month lacks the day (lag 1930:173 om beräkning av lagstadgad tid, 1 §).
    """
    year = birth_date.year + age
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def midnight(day: date) -> int:
    """The instant at which the day begins in Stockholm, in seconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM).astimezone(UTC).timestamp())


def guardianship_ends(birth_date: date) -> int:
    """The beginning of the 13th birthday in Stockholm, in seconds since the epoch."""
    return midnight(birthday(birth_date, GUARDIAN_UNTIL_AGE))


def may_act_for(relation: ProxyRelation, now: float) -> bool:
    """Whether the relation is in force at ``now`` (seconds since the epoch)."""
    return now < relation.valid_until and bool(relation.scopes)


def guardian(
    subject_person_id: str, subject_name: str, *, birth_date: date, valid_until: int | None = None
) -> ProxyRelation:
    """A guardian of a child, with every scope, until the 13th birthday or an earlier ``valid_until``."""
    ends = guardianship_ends(birth_date)
    until = ends if valid_until is None else min(ends, valid_until)
    return _checked(ProxyRelation(subject_person_id, subject_name, "guardian", PROXY_SCOPES, until))


def grant(subject_person_id: str, subject_name: str, *, scopes: Iterable[str], valid_until: int) -> ProxyRelation:
    """What an adult has granted; always for a time."""
    named = frozenset(scopes)
    known: frozenset[ProxyScope] = frozenset(scope for scope in PROXY_SCOPES if scope in named)
    if len(known) != len(named):
        raise ProxyError("scopes")
    return _checked(ProxyRelation(subject_person_id, subject_name, "grant", known, valid_until))


def _checked(relation: ProxyRelation) -> ProxyRelation:
    if not is_person_id(relation.subject_person_id):
        raise ProxyError("subject")
    if not 1 <= len(relation.subject_name) <= MAX_NAME_CHARACTERS:
        raise ProxyError("name")
    if relation.kind not in get_args(ProxyKind):
        raise ProxyError("kind")
    if not relation.scopes:
        raise ProxyError("scopes")
    if not 0 < relation.valid_until < 2**53:
        raise ProxyError("valid_until")
    return relation


# --- where they are kept -----------------------------------------------------------------------------------------


class ProxyDirectory(Protocol):
    """Who knows the relations. To be asked when somebody begins to act, and at each request while they do."""

    async def relations(self, person_id: str, now: float) -> tuple[ProxyRelation, ...]:
        """For whom that person may act now."""
        ...

    async def relation(self, person_id: str, subject_person_id: str, now: float) -> ProxyRelation | None:
        """The relation to that subject, if it is in force."""
        ...

    async def replace(self, person_id: str, relations: Iterable[ProxyRelation], now: float) -> frozenset[str]:
        """Put these in the place of all that were there; returns the subjects whom the person loses or may do less
        for, so that whoever acts for them now can be stopped.
        """
        ...


_GUARDIAN: Final[tuple[ProxyKind, ...]] = ("guardian",)
_ANY: Final[tuple[ProxyKind, ...]] = get_args(ProxyKind)
OnMissing = Callable[[Literal["proxy", "subject"], str], Awaitable[None]]


def _key(person_id: str) -> str:
    return f"ao:proxies:{person_id}"


class RedisProxyDirectory:
    """The directory in Redis, fed by a service that knows the custody register and the grants."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self.on_missing: OnMissing | None = None
        """Is told where nothing is stored at all, and may store it: Redis may have lost what it had."""

    async def relations(self, person_id: str, now: float) -> tuple[ProxyRelation, ...]:
        """See ``ProxyDirectory``. Sorted by name."""
        stored: dict[Any, Any] = await self._redis.hgetall(_key(person_id))
        if not stored and self.on_missing is not None:
            await self.on_missing("proxy", person_id)
            stored = await self._redis.hgetall(_key(person_id))
        found = [_read(field.decode(), text) for field, text in stored.items()]
        return tuple(sorted((one for one in found if may_act_for(one, now)), key=lambda one: one.subject_name))

    async def relation(self, person_id: str, subject_person_id: str, now: float) -> ProxyRelation | None:
        """See ``ProxyDirectory``."""
        text = await self._redis.hget(_key(person_id), subject_person_id)
        if text is None and self.on_missing is not None and not await self._redis.exists(_key(person_id)):
            await self.on_missing("proxy", person_id)
            text = await self._redis.hget(_key(person_id), subject_person_id)
        found = _read(subject_person_id, text) if text is not None else None
        return found if found is not None and may_act_for(found, now) else None

    async def guardians_of(self, subject_person_id: str, scope: ProxyScope, now: float) -> tuple[str, ...]:
        """Person ids of the guardians who may do this for a child now, in a fixed order."""
        return await self.proxies_of(subject_person_id, scope, now, kinds=_GUARDIAN)

    async def proxies_of(
        self,
        subject_person_id: str,
        scope: ProxyScope,
        now: float,
        *,
        kinds: Collection[ProxyKind] = _ANY,
    ) -> tuple[str, ...]:
        """Person ids of those who may do this for somebody now, in a fixed order.

        The set of candidates is a hint, which may name people whose relation is over; each is looked up.
        """
        hint = _hint_key(subject_person_id)
        found: Any = await self._redis.smembers(hint)
        if not found and self.on_missing is not None:
            await self.on_missing("subject", subject_person_id)
            found = await self._redis.smembers(hint)
        proxies = []
        for person_id in sorted(one.decode() for one in found):
            relation = await self.relation(person_id, subject_person_id, now)
            if relation is None:
                await self._redis.srem(hint, person_id)
            elif relation.kind in kinds and scope in relation.scopes:
                proxies.append(person_id)
        return tuple(proxies)

    async def replace(self, person_id: str, relations: Iterable[ProxyRelation], now: float) -> frozenset[str]:
        """See ``ProxyDirectory``. Relations that are over already are left out."""
        new = tuple(_checked(one) for one in relations)
        if len(new) > MAX_RELATIONS:
            raise ProxyError("too_many")
        if len({one.subject_person_id for one in new}) != len(new):
            raise ProxyError("twice")
        if not is_person_id(person_id) or any(one.subject_person_id == person_id for one in new):
            raise ProxyError("subject")
        in_force = {one.subject_person_id: one for one in new if may_act_for(one, now)}
        for one in in_force.values():  # the hint first: whoever may act can be found
            hint, lifetime_s = _hint_key(one.subject_person_id), math.ceil(one.valid_until - now)
            await self._redis.sadd(hint, person_id)
            await self._redis.expire(hint, lifetime_s, nx=True)
            await self._redis.expire(hint, lifetime_s, gt=True)
        key = _key(person_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(key)
            pipeline.delete(key)
            if in_force:
                pipeline.hset(key, mapping={subject: _write(one) for subject, one in in_force.items()})
                pipeline.expire(key, math.ceil(max(one.valid_until for one in in_force.values()) - now))
            before: dict[bytes, bytes] = (await pipeline.execute())[0]
        lost = set()
        for field, text in before.items():
            old = _read(field.decode(), text)
            now_allowed = in_force.get(old.subject_person_id)
            if may_act_for(old, now) and (now_allowed is None or not old.scopes <= now_allowed.scopes):
                lost.add(old.subject_person_id)
        return frozenset(lost)


def _hint_key(subject_person_id: str) -> str:
    """Set of those who may be proxies of somebody."""
    return f"ao:proxy-hint:{subject_person_id}"


def _write(relation: ProxyRelation) -> str:
    return json.dumps(
        {
            "name": relation.subject_name,
            "kind": relation.kind,
            "scopes": sorted(relation.scopes),
            "until": relation.valid_until,
        }
    )


def _read(subject_person_id: str, text: bytes | str) -> ProxyRelation:
    fields = json.loads(text)
    return ProxyRelation(
        subject_person_id=subject_person_id,
        subject_name=fields["name"],
        kind=fields["kind"],
        scopes=frozenset(fields["scopes"]),
        valid_until=fields["until"],
    )
