"""The meetings that are planned, in Redis: when, where, for whom. A meeting's id is also its room's.

=============================  =======================================================================================
``ao:meeting:<meeting_id>``    the meeting, MessagePack; gone ``KEPT_S`` after its end
``ao:meetings-of:<who>``       sorted set by start: the meetings of a patient, a staff member or a unit
=============================  =======================================================================================

A video booking in the companion makes a meeting of the same id as the booking's (``signalling/companion_meetings.py``);
record systems make some by ``POST /api/meetings``, staff too. This is what the real-time side needs to know of them,
and no more: no reason, no record, no identity number.

What was closed leaves its mark in the meeting's place for a while: news of an older state of the booking, which comes
late or was asked for earlier, does not open it again. News of a booking is newer by its sequence number.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, cast, get_args

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
_CLOSED: Final = "is_closed"
_PUT_NEWER: Final = """
local packed = redis.call('GET', KEYS[1])
if packed then
  local before = cmsgpack.unpack(packed)
  local sequence = type(before.sequence) == 'number' and before.sequence or -1
  if sequence > tonumber(ARGV[2]) then return 0 end
  if before.is_closed and (ARGV[4] == '0' or sequence == tonumber(ARGV[2])) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""
"""Write a meeting unless what is there is of a later state of the booking, or was closed in this one."""


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
    sequence: int | None = None
    """Of the booking behind it: grows with each change. None: there is no booking."""
    interpreter_language: str | None = None
    """The language for which an interpreter is to come (ISO 639)."""
    participants_chat: bool = True
    """Whether those who do not hold it may write in its chat."""
    is_protected: bool = False
    """The patient's identity is protected: nobody inside is shown the name."""

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
        await self._redis.set(_key(meeting.meeting_id), _pack(meeting), ex=_expiry_s(meeting, now))
        await self._enlist(meeting, before, now)
        return before is None

    async def put_newer(self, meeting: Meeting, now: float, *, reopens: bool) -> bool:
        """Write a booking's meeting unless what is there is newer; ``reopens``: also where one was closed before."""
        before = await self.get(meeting.meeting_id)
        if not await self._write_newer(meeting, now, reopens=reopens):
            return False
        await self._enlist(meeting, before, now)
        return True

    async def close(self, meeting: Meeting, now: float) -> bool:
        """Put the mark of what is closed in its place, unless what is there is newer."""
        if not await self._write_newer(meeting, now, reopens=True, is_closed=True):
            return False
        for owner in meeting.owners():
            await self._redis.zrem(_list_key(owner), meeting.meeting_id)
        return True

    async def get(self, meeting_id: str) -> Meeting | None:
        """A meeting, or None when there is none of that id."""
        return _unpack(await self._redis.get(_key(meeting_id)))

    async def last_known(self, meeting_id: str) -> Meeting | None:
        """A meeting as it was last, also when it was closed since."""
        return _unpack(await self._redis.get(_key(meeting_id)), even_closed=True)

    async def is_closed(self, meeting_id: str) -> bool:
        """Whether there was one that has been closed."""
        packed: Any = await self._redis.get(_key(meeting_id))
        return isinstance(packed, bytes) and bool(msgpack.unpackb(packed).get(_CLOSED))

    async def is_ahead(self, meeting_id: str, at: float) -> bool:
        """Whether there is one that ends after an instant (seconds since the epoch)."""
        meeting = await self.get(meeting_id)
        return meeting is not None and meeting.ends_at > at

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

    async def _write_newer(self, meeting: Meeting, now: float, *, reopens: bool, is_closed: bool = False) -> bool:
        sequence = -1 if meeting.sequence is None else meeting.sequence
        arguments = (_pack(meeting, is_closed=is_closed), sequence, _expiry_s(meeting, now), int(reopens))
        key = _key(meeting.meeting_id)
        return bool(cast(Any, await self._redis.eval(_PUT_NEWER, 1, key, *arguments)))

    async def _enlist(self, meeting: Meeting, before: Meeting | None, now: float) -> None:
        expiry_s = _expiry_s(meeting, now)
        for owner in meeting.owners():
            await self._redis.zadd(_list_key(owner), {meeting.meeting_id: meeting.starts_at})
            await self._redis.zremrangebyscore(_list_key(owner), "-inf", int(now) - 2 * KEPT_S)
            await self._redis.expire(_list_key(owner), expiry_s, gt=True)
            await self._redis.expire(_list_key(owner), expiry_s, nx=True)
        for owner in before.owners() - meeting.owners() if before is not None else ():
            await self._redis.zrem(_list_key(owner), meeting.meeting_id)


def _key(meeting_id: str) -> str:
    return f"ao:meeting:{meeting_id}"


def _list_key(owner: str) -> str:
    return f"ao:meetings-of:{owner}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value, "utf-8")


def _expiry_s(meeting: Meeting, now: float) -> int:
    return max(1, meeting.ends_at + KEPT_S - int(now))


def _pack(meeting: Meeting, *, is_closed: bool = False) -> bytes:
    document = {name: _plain(value) for name, value in asdict(meeting).items()}
    return bytes(msgpack.packb(document | {_CLOSED: True} if is_closed else document))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _unpack(packed: Any, *, even_closed: bool = False) -> Meeting | None:
    if not isinstance(packed, bytes):
        return None
    document = msgpack.unpackb(packed)
    if document.get(_CLOSED) and not even_closed:
        return None
    known = {field.name for field in fields(Meeting)}
    values = {name: value for name, value in document.items() if name in known}
    sets = {name: frozenset(document.get(name, ())) for name in ("host_ids", "member_ids")}
    return Meeting(**values | sets)
