"""The meetings that are planned, in Redis: when, where, for whom. A meeting's id is also its room's.

=============================  =======================================================================================
``ao:meeting:<meeting_id>``    the meeting, MessagePack; gone ``KEPT_S`` after its end
``ao:meetings-of:<who>``       sorted set by start: the meetings of a patient, a staff member or a unit
=============================  =======================================================================================

A booking in the companion service makes meetings through ``POST /api/meetings``; this is what the real-time side needs
to know of them, and no more: no reason, no record, no identity number.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

import msgpack
from redis.asyncio import Redis

from auth.permissions import Resource
from auth.principal import Principal

MeetingKind = Literal["one_to_one", "multi_party", "group"]
KINDS: Final[tuple[MeetingKind, ...]] = get_args(MeetingKind)

KEPT_S: Final = 24 * 3600
"""After its end a meeting can be looked at for so long; the companion keeps the visit."""
LISTED_BEFORE_S: Final = 12 * 3600
LISTED_MAX: Final = 200
"""Meetings of one list, the nearest first to come."""


@dataclass(frozen=True)
class Meeting:
    """A planned meeting. ``repr`` shows no personal data."""

    meeting_id: str
    title: str
    kind: MeetingKind
    provider_hsa_id: str
    unit_hsa_id: str
    unit_name: str
    starts_at: int
    """Seconds since the epoch."""
    ends_at: int
    patient: str | None = None
    """Person id of the patient whose visit it is."""
    host_ids: frozenset[str] = frozenset()
    """HSA-ids of the staff who hold it; all staff of the unit may."""
    member_ids: frozenset[str] = frozenset()
    """Person ids and HSA-ids of others who take part."""
    phone: str | None = None
    """The number to call when video does not work out."""
    max_participants: int | None = None

    def __repr__(self) -> str:
        return f"Meeting(meeting_id={self.meeting_id!r}, kind={self.kind!r})"

    def resource(self) -> Resource:
        """The meeting for the table of permissions."""
        return Resource(
            provider_hsa_id=self.provider_hsa_id,
            unit_hsa_id=self.unit_hsa_id,
            patient_person_id=self.patient,
            meeting_id=self.meeting_id,
            host_ids=self.host_ids,
            member_ids=self.member_ids,
        )

    def owners(self) -> set[str]:
        """In whose lists it stands."""
        people = {*self.host_ids, *self.member_ids} | ({self.patient} if self.patient else set())
        return people | {unit_key(self.provider_hsa_id, self.unit_hsa_id)}


def unit_key(provider_hsa_id: str, unit_hsa_id: str) -> str:
    """The name of a unit's list: a unit counts only together with its care provider."""
    return f"unit:{provider_hsa_id}:{unit_hsa_id}"


def lists_of(principal: Principal) -> list[str]:
    """Which lists a principal may see: those of the patient concerned, or the own one and that of the chosen unit."""
    if principal.kind == "patient":
        return [principal.subject] if principal.subject else []
    if principal.kind == "staff" and principal.provider_hsa_id and principal.unit_hsa_id:
        return [principal.actor, unit_key(principal.provider_hsa_id, principal.unit_hsa_id)]
    return []


class Meetings:
    """Reads and writes the keys above. Each write touches one key at a time: any Redis does, clustered too."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def put(self, meeting: Meeting, now: float) -> bool:
        """Write a meeting; True when it is new."""
        before = await self.get(meeting.meeting_id)
        expiry_s = max(1, meeting.ends_at + KEPT_S - int(now))
        packed: bytes = msgpack.packb({name: _plain(value) for name, value in asdict(meeting).items()})
        await self._redis.set(_key(meeting.meeting_id), packed, ex=expiry_s)
        for owner in meeting.owners():
            await self._redis.zadd(_list_key(owner), {meeting.meeting_id: meeting.starts_at})
            await self._redis.zremrangebyscore(_list_key(owner), "-inf", int(now) - 2 * KEPT_S)
            await self._redis.expire(_list_key(owner), expiry_s, gt=True)
            await self._redis.expire(_list_key(owner), expiry_s, nx=True)
        for owner in before.owners() - meeting.owners() if before is not None else ():
            await self._redis.zrem(_list_key(owner), meeting.meeting_id)
        return before is None

    async def get(self, meeting_id: str) -> Meeting | None:
        """A meeting, or None when there is none of that id."""
        return _unpack(await self._redis.get(_key(meeting_id)))

    async def listed(self, owners: Iterable[str], now: float) -> list[Meeting]:
        """The meetings of any of ``owners`` that are not long over, by start."""
        found: dict[str, None] = {}
        for owner in owners:
            ids = await self._redis.zrangebyscore(
                _list_key(owner), int(now) - LISTED_BEFORE_S, "+inf", start=0, num=LISTED_MAX
            )
            found |= dict.fromkeys(_text(meeting_id) for meeting_id in ids)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for meeting_id in found:
                pipeline.get(_key(meeting_id))
            packed = await pipeline.execute() if found else []
        there = [meeting for meeting in map(_unpack, packed) if meeting is not None]
        return sorted(there, key=lambda meeting: (meeting.starts_at, meeting.meeting_id))[:LISTED_MAX]

    async def delete(self, meeting: Meeting) -> None:
        """Forget a meeting."""
        await self._redis.delete(_key(meeting.meeting_id))
        for owner in meeting.owners():
            await self._redis.zrem(_list_key(owner), meeting.meeting_id)


def _key(meeting_id: str) -> str:
    return f"ao:meeting:{meeting_id}"


def _list_key(owner: str) -> str:
    return f"ao:meetings-of:{owner}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value, "utf-8")


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _unpack(packed: Any) -> Meeting | None:
    if not isinstance(packed, bytes):
        return None
    document = msgpack.unpackb(packed)
    known = {field.name for field in fields(Meeting)}
    values = {name: value for name, value in document.items() if name in known}
    sets = {name: frozenset(document.get(name, ())) for name in ("host_ids", "member_ids")}
    return Meeting(**values | sets)
