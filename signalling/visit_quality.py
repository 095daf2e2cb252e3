"""Records of visits on their way to the companion: in order, at least once, whatever dies in between.

Media workers write them into a stream in Redis (``sfu/stay_store.py``). Here they are handed over and deleted once the
companion has them; it keeps each stay once. So nothing is remembered at a front: one that is killed, or a companion
that was away, costs nothing but time. One front of all hands over at a time, by a lease; of a worker that died every
front moves what it left into the stream.

=============================  =======================================================================================
``ao:visit-quality-front``     the front that hands over; gone half a minute after its last sign of life
=============================  =======================================================================================

What the companion cannot make anything of (a room that was no meeting, a record of another version) is dropped and
counted: it would hold up everything behind it. A refusal of the front itself is not: keys that do not fit are mended
by people, and then all is still there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, get_args

import msgpack
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sfu.registry import Registry
from sfu.stay_store import FIELD, STREAM, take_over
from signalling.companion_answers import CompanionRefusedError
from signalling.companion_client import CompanionClient
from signalling.hand_over import IDLE_S, HandOver
from signalling.meetings import Meetings

SCOPE: Final = "quality:write"
LEASE_KEY: Final = "ao:visit-quality-front"
BATCH: Final = 50
"""The companion takes so many of one meeting at once."""

Result = Literal["taken", "no_meeting", "malformed", "refused", "unavailable"]

_log = structlog.get_logger(__name__)


class VisitQualityMetrics:
    """What is counted, in the front's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.records = Counter(
            "ao_front_visit_records",
            "Records of visits for the companion, by result: taken, no_meeting and malformed (dropped), refused (the "
            "front itself: look at once) and unavailable (tried again).",
            ["result"],
            registry=registry,
        )
        for result in get_args(Result):
            self.records.labels(result)
        self.waiting = Gauge(
            "ao_front_visit_records_waiting", "Records of visits that the companion does not have.", registry=registry
        )


class VisitQualityForwarder(HandOver):
    """One per front; ``run`` in the background."""

    def __init__(
        self,
        client: CompanionClient,
        redis: "Redis",
        registry: Registry,
        meetings: Meetings,
        front_id: str,
        metrics: VisitQualityMetrics | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._metrics = metrics or VisitQualityMetrics()
        super().__init__(
            redis,
            front_id,
            name="visit_records",
            lease_key=LEASE_KEY,
            scope=SCOPE,
            results=self._metrics.records,
            sleep=sleep,
        )
        self._client, self._registry, self._meetings = client, registry, meetings

    async def worker_lost(self, worker_id: str) -> None:
        """A media worker is dead, or another has taken its name: its people were cut off."""
        try:
            successor = (await self._registry.live("worker")).get(worker_id)
            moved = await take_over(self._redis, worker_id, living="" if successor is None else successor.incarnation)
        except (RedisError, OSError) as error:  # the worker looks for what it left when it starts again
            _log.warning("stays_of_a_dead_worker_unreadable", error=type(error).__name__)
            return
        if moved:
            _log.warning("stays_of_a_dead_worker", stays=moved)

    async def _hand_over(self) -> float:
        entries: Any = await self._redis.xrange(STREAM, count=BATCH)
        if not entries:
            self._metrics.waiting.set(0)
            return IDLE_S
        by_meeting: dict[str, list[tuple[bytes, dict[str, Any]]]] = {}
        for entry_id, fields in entries:
            record = _read(fields)
            if record is None:
                await self._done([entry_id], "malformed")
            else:
                by_meeting.setdefault(record.pop("meeting_id"), []).append((entry_id, record))
        for meeting_id, found in by_meeting.items():
            await self._tell(meeting_id, found)
        self._metrics.waiting.set(await self._redis.xlen(STREAM))
        return 0.0

    async def _tell(self, meeting_id: str, found: list[tuple[bytes, dict[str, Any]]]) -> None:
        body: dict[str, Any] = {"stays": [record for _, record in found]}
        meeting = await self._meetings.last_known(meeting_id)
        if meeting is not None and meeting.provider_hsa_id and meeting.unit_hsa_id:
            body["place"] = {
                "provider_hsa_id": meeting.provider_hsa_id,
                "unit_hsa_id": meeting.unit_hsa_id,
                "patient_person_id": meeting.patient,
            }
        result: Result = "taken"
        try:
            key = f"visit-{found[0][0].decode()}-{found[-1][0].decode()}"  # says that it may be asked twice
            path = f"/visits/{meeting_id}/quality"
            await self._client.send("POST", path, self._principal, body=body, idempotency_key=key)
        except CompanionRefusedError as error:
            if error.status == 404:
                result = "no_meeting"
            elif error.status == 422 and len(found) > 1:  # one of them: the others are not to suffer
                for one in found:
                    await self._tell(meeting_id, [one])
                return
            elif error.status == 422:
                result = "malformed"
                _log.error("visit_record_malformed", code=error.code, field=error.problem.get("field"))
            else:
                raise
        await self._done([entry_id for entry_id, _ in found], result)

    async def _done(self, entry_ids: list[bytes], result: Result) -> None:
        self._metrics.records.labels(result).inc(len(entry_ids))
        await self._redis.xdel(STREAM, *entry_ids)


def _read(fields: dict[bytes, bytes]) -> dict[str, Any] | None:
    try:
        record = msgpack.unpackb(fields[FIELD.encode()])
    except (KeyError, ValueError, msgpack.exceptions.UnpackException):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("meeting_id"), str) else None
