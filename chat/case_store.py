"""Cases in Redis: one record each, changed only by who has seen its last version, and the lists that lead to them.

A list may lead to a case that is no longer in it (a front died in between), never the other way round: a case enters a
new list before it changes and leaves the old one afterwards, and every reader of a list looks at the record too.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import astuple, fields, replace
from typing import Any, Final, cast

import msgpack
from redis.asyncio import Redis
from redis.exceptions import LockError

from chat.cases import Case, CaseError, CaseState
from chat.scripts import Script

SAVE: Final = Script.load("case_save")
TOLD: Final = Script.load("case_told")
FORGET_STAFF_S: Final = 365 * 24 * 3600
ATTEMPTS: Final = 8
"""So many others may change a case between our look and our write, one after the other."""
PAGE: Final = 200
"""Cases of one page of a list."""
UNFINISHED: Final = "ao:cases:unfinished"
"""Sorted set: cases whose conversations, archive or notices may not have followed yet -> since when."""
STUCK: Final = "ao:cases:stuck"
"""Sorted set: those of the unfinished ones that could not be followed -> since when."""
TRIES: Final = "ao:cases:tries"
"""Hash: how often each of them has failed."""
FIRST_PAUSE_S: Final = 15
LONGEST_PAUSE_S: Final = 3600
WRITING: Final = "ao:cases:writing"
"""Sorted set: case and author of messages that the case may not have followed yet -> since when."""
TO_TELL: Final = "ao:cases:to-tell"
"""Sorted set: cases whose patient is there and may read by themselves -> when to look whether they have."""
OPENING_S: Final = 5.0
"""How long somebody may take to open a case before the next one of the same patient's goes on."""
TO_TRIM: Final = "ao:cases:to-trim"
"""Sorted set: closed cases -> when nobody may reopen them any more."""


class CaseStore:
    """All cases of one Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._save = redis.register_script(SAVE.text)
        self._told = redis.register_script(TOLD.text)

    async def create(self, case: Case) -> Case:
        """Keep a new case; the one that is there already when there is one (a request that was repeated)."""
        await self._enter(case)
        if await self._saved(0, case):
            return case
        there = await self.get(case.case_id)
        assert there is not None
        return there

    async def get(self, case_id: str) -> Case | None:
        """A case, or None."""
        packed = await cast(Awaitable[Any], self._redis.hget(_key(case_id), "case"))
        return _unpack(packed) if packed is not None else None

    async def change(
        self, case_id: str, act: Callable[[Case], Case], *, expected_version: int | None = None
    ) -> tuple[Case, Case]:
        """The case before and after an act, which is tried again on what others have made of it meanwhile.

        With ``expected_version`` the act is refused (``changed_meanwhile``) when others have changed it. An act that
        returns the same case changes nothing.
        """
        for _ in range(ATTEMPTS):
            before = await self.get(case_id)
            if before is None:
                raise CaseError("unknown_case")
            if expected_version not in (None, before.version):
                raise CaseError("changed_meanwhile")
            after = act(before)
            if after is before:
                return before, before
            await self._enter(after)
            if await self._saved(before.version, after):
                await self._leave(before, after)
                return before, after
        raise CaseError("changed_meanwhile")

    async def name_patient(self, case_id: str, name: str) -> Case | None:
        """Keep the patient's name with a case that has none yet. Nothing has to follow it, so the version stays.

        Somebody who changes the case at that moment may undo it: the patient's next look makes up for that.
        """
        for _ in range(ATTEMPTS):
            before = await self.get(case_id)
            if before is None or before.patient_name or not name:
                return before
            after = replace(before, patient_name=name)
            if await self._saved(before.version, after):
                return after
        return await self.get(case_id)

    async def writes(self, case_id: str, author: str, now_s: float) -> None:
        """A message is about to be added: who finds this mark later looks whether the case has followed it."""
        await self._redis.zadd(WRITING, {f"{case_id} {author}": now_s})

    async def has_written(self, case_id: str, author: str) -> None:
        """The case has followed it."""
        await self._redis.zrem(WRITING, f"{case_id} {author}")

    async def written(self, before_s: float, limit: int = 100) -> list[tuple[str, str]]:
        """Cases, with authors, to which somebody was about to add a message before an instant, and who must be gone."""
        found = cast(list[bytes], await self._redis.zrangebyscore(WRITING, "-inf", before_s, start=0, num=limit))
        marks = (mark.decode().partition(" ") for mark in found)
        return [(case_id, author) for case_id, _, author in marks]

    @asynccontextmanager
    async def opening(self, patient: str) -> AsyncIterator[None]:
        """Cases of a patient are opened one after the other: how many there are is counted before. ``CaseError``
        (too_many_cases) when too many want to.
        """
        lock = self._redis.lock(
            f"ao:cases:opening:{patient}", timeout=OPENING_S, blocking_timeout=OPENING_S, sleep=0.02
        )
        if not await lock.acquire():
            raise CaseError("too_many_cases")
        try:
            yield
        finally:
            with suppress(LockError):  # it took so long that the next one has gone on
                await lock.release()

    async def finished(self, case: Case) -> None:
        """Everything has followed this version of the case."""
        current = await self.get(case.case_id)
        if current is not None and current.version == case.version:
            await self.drop_unfinished(case.case_id)

    async def put_off(self, case_id: str, now_s: float, *, after_s: int) -> None:
        """It could not be followed: others come first, and it is tried again after a pause that doubles.

        ``after_s``: how old what is unfinished has to be for ``unfinished``'s caller. The next change of the case ends
        the pause.
        """
        tries = int(await cast(Awaitable[Any], self._redis.hincrby(TRIES, case_id, 1)))
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(tries - 1, 20))
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zadd(UNFINISHED, {case_id: now_s - after_s + pause_s}, xx=True)
            pipeline.zadd(STUCK, {case_id: now_s}, nx=True)
            await pipeline.execute()

    async def stuck(self) -> tuple[int, float | None]:
        """How many cases could not be followed, and since when the first one (seconds since the epoch)."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(STUCK)
            pipeline.zrange(STUCK, 0, 0, withscores=True)
            count, first = await pipeline.execute()
        return int(count), float(first[0][1]) if first else None

    async def unfinished(self, before_s: float, limit: int = 100) -> list[str]:
        """Cases that have waited for their conversations since before an instant."""
        found = cast(list[bytes], await self._redis.zrangebyscore(UNFINISHED, "-inf", before_s, start=0, num=limit))
        return [case_id.decode() for case_id in found]

    async def is_unfinished(self, case_id: str) -> bool:
        """Whether something may still have to follow a change of the case."""
        return await self._redis.zscore(UNFINISHED, case_id) is not None

    async def told_through(self, case_id: str) -> int:
        """Number of the unit's message that the patient was told of last; 0: none."""
        return int(await cast(Awaitable[Any], self._redis.hget(_key(case_id), "told")) or 0)

    async def tell_through(self, case_id: str, seq: int) -> None:
        """They were told of this one. The case's record does not change."""
        await self._redis.hset(_key(case_id), "told", seq)

    async def tell_later(self, case_id: str, at_s: float) -> None:
        """Look then whether the patient has to be told; a later message begins the wait anew."""
        await self._redis.zadd(TO_TELL, {case_id: at_s})

    async def due_to_tell(self, now_s: float, limit: int = 100) -> list[str]:
        """Where it is time to look."""
        found = cast(list[bytes], await self._redis.zrangebyscore(TO_TELL, "-inf", now_s, start=0, num=limit))
        return [case_id.decode() for case_id in found]

    async def has_told(self, case_id: str, now_s: float) -> None:
        """That is done, unless there was a later message meanwhile."""
        await cast(Any, self._told(keys=(TO_TELL,), args=(case_id, now_s)))

    async def drop_unfinished(self, case_id: str) -> None:
        """Nothing has to follow any more, or there is no such case: its front died before it was kept."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zrem(UNFINISHED, case_id)
            pipeline.zrem(STUCK, case_id)
            pipeline.hdel(TRIES, case_id)
            await pipeline.execute()

    async def trim_at(self, case: Case, at_s: int | None) -> None:
        """From then on the messages need only be in the archive; None: the case is open."""
        if at_s is None:
            await self._redis.zrem(TO_TRIM, case.case_id)
        else:
            await self._redis.zadd(TO_TRIM, {case.case_id: at_s})

    async def due_to_trim(self, now_s: float, limit: int = 100) -> list[str]:
        """Closed cases that nobody may reopen any more."""
        found = cast(list[bytes], await self._redis.zrangebyscore(TO_TRIM, "-inf", now_s - 1, start=0, num=limit))
        return [case_id.decode() for case_id in found]

    async def forget_later(self, case_id: str, at_s: int) -> None:
        """It could not be done now."""
        await self._redis.zadd(TO_TRIM, {case_id: at_s}, xx=True)

    async def trimmed(self, case_id: str) -> None:
        """That is done."""
        await self._redis.zrem(TO_TRIM, case_id)

    async def forget_patient(self, patient: str) -> int:
        """Nothing is kept of somebody any more: forget that there were cases, those whose words only the archive had.
        How many those were.
        """
        found = cast(list[bytes], await self._redis.zrange(patient_key(patient), 0, -1))
        erased = [case for case in await self._many(found) if case.is_erased]
        for case in erased:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.zrem(_list_of(case), case.case_id)
                pipeline.delete(_key(case.case_id))
                pipeline.zrem(patient_key(patient), case.case_id)
                await pipeline.execute()
        return len(erased)

    # --- lists -------------------------------------------------------------------------------------------------

    async def of_unit(
        self, provider_hsa_id: str, unit_hsa_id: str, *, is_closed: bool, offset: int = 0, limit: int = PAGE
    ) -> list[Case]:
        """A page of a unit's open cases, the longest waiting first; or of its closed ones, the newest first."""
        key = unit_key(provider_hsa_id, unit_hsa_id, is_closed=is_closed)
        found = cast(list[bytes], await self._redis.zrange(key, offset, offset + limit - 1, desc=is_closed))
        return [
            case
            for case in await self._many(found)
            if case.unit_hsa_id == unit_hsa_id and (case.state is CaseState.CLOSED) is is_closed
        ]

    async def of_patient(self, patient: str, *, offset: int = 0, limit: int = PAGE) -> list[Case]:
        """A page of a patient's cases at all units, the newest first."""
        found = cast(list[bytes], await self._redis.zrange(patient_key(patient), offset, offset + limit - 1, desc=True))
        return [case for case in await self._many(found) if case.patient == patient]

    async def has_more(self, key: str, offset: int) -> bool:
        """Is there a page of a list (``unit_key``, ``patient_key``) from this offset on?"""
        return bool(await self._redis.zcard(key) > offset)

    async def _many(self, case_ids: Sequence[bytes]) -> list[Case]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for case_id in case_ids:
                pipeline.hget(_key(case_id.decode()), "case")
            found = await pipeline.execute()
        return [_unpack(packed) for packed in found if packed is not None]

    # --- colleagues --------------------------------------------------------------------------------------------

    async def meet(self, provider_hsa_id: str, unit_hsa_id: str, staff: str, name: str, *, now_s: float) -> None:
        """Remember that somebody works at a unit: they have opened its list of cases. Who has not been there for a
        year is forgotten.
        """
        names, seen = _staff_keys(provider_hsa_id, unit_hsa_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(names, staff, name)
            pipeline.zadd(seen, {staff: now_s})
            pipeline.zrangebyscore(seen, "-inf", now_s - FORGET_STAFF_S)
            *_, gone = await pipeline.execute()
        if gone:
            await self._redis.hdel(names, *gone)
            await self._redis.zrem(seen, *gone)

    async def names(self, provider_hsa_id: str, unit_hsa_id: str) -> dict[str, str]:
        """HSA-id -> name of all who are remembered, also of those who may still have a case from before."""
        names, _ = _staff_keys(provider_hsa_id, unit_hsa_id)
        found = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(names))
        return {staff.decode(): name.decode() for staff, name in found.items()}

    async def colleagues(self, provider_hsa_id: str, unit_hsa_id: str, *, since_s: float) -> dict[str, str]:
        """HSA-id -> name of those who have been there since an instant: to them a case can be given."""
        names, seen = _staff_keys(provider_hsa_id, unit_hsa_id)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(names)
            pipeline.zrangebyscore(seen, since_s, "+inf")
            found, present = await pipeline.execute()
        return {staff.decode(): found[staff].decode() for staff in present if staff in found}

    # --- inside ------------------------------------------------------------------------------------------------

    async def _saved(self, expected_version: int, case: Case) -> bool:
        arguments = (expected_version, _pack(case), case.version)
        return bool(await cast(Any, self._save(keys=(_key(case.case_id),), args=arguments)))

    async def _enter(self, case: Case) -> None:
        """Put it into every list that leads to it."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zadd(UNFINISHED, {case.case_id: case.changed_at_s})
            pipeline.zadd(patient_key(case.patient), {case.case_id: case.opened_at_s})
            pipeline.zadd(_list_of(case), {case.case_id: case.changed_at_s})
            await pipeline.execute()

    async def _leave(self, before: Case, after: Case) -> None:
        if _list_of(before) != _list_of(after):
            await self._redis.zrem(_list_of(before), after.case_id)


def _staff_keys(provider_hsa_id: str, unit_hsa_id: str) -> tuple[str, str]:
    """Hash of names; sorted set of when each was there last."""
    unit = f"{provider_hsa_id}/{unit_hsa_id}"
    return f"ao:unit-staff:{unit}", f"ao:unit-staff-seen:{unit}"


def unit_key(provider_hsa_id: str, unit_hsa_id: str, *, is_closed: bool) -> str:
    """Sorted set of a unit's cases -> when each changed last."""
    return f"ao:cases:{'closed' if is_closed else 'open'}:{provider_hsa_id}/{unit_hsa_id}"


def patient_key(patient: str) -> str:
    """Sorted set of a patient's cases -> when each was opened."""
    return f"ao:cases:patient:{patient}"


def _list_of(case: Case) -> str:
    return unit_key(case.provider_hsa_id, case.unit_hsa_id, is_closed=case.state is CaseState.CLOSED)


def _key(case_id: str) -> str:
    return f"ao:case:{case_id}"


def _pack(case: Case) -> bytes:
    return msgpack.packb([str(value) if isinstance(value, CaseState) else value for value in astuple(case)])  # type: ignore[no-any-return]


def _unpack(packed: bytes) -> Case:
    values = dict(zip((item.name for item in fields(Case)), msgpack.unpackb(packed), strict=False))
    return Case(**values | {"state": CaseState(values["state"])})
