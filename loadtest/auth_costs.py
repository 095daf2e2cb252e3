"""What single steps of a login or a request cost in this process: tokens, permissions, sessions, the audit log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from auth.audit import AuditEntry, AuditKeys, entry_of
from auth.audit_store import AuditLog
from auth.permissions import LOA3, Action, Resource, decide
from auth.principal import Principal
from auth.session_store import SessionStore
from auth.sessions import Limits, Session
from auth.tokens import TokenKeys
from loadtest.httpload import quantile

PERSON = "p-" + "a" * 26
_BATCH = 50
"""Pure steps are timed in batches of this many, so that the clock itself does not count."""


@dataclass(frozen=True)
class Cost:
    """How long one step takes, in seconds."""

    what: str
    typical_s: float
    late_s: float
    """The 99th percentile."""
    per_s: float
    """How many of them one core (or, where it waits for the store, so many tasks) does per second."""


def patient_session(now: float) -> Session:
    """A session of somebody who is logged in."""
    instant = int(now)
    return Session(
        kind="patient",
        actor=PERSON,
        display_name="Bench Person",
        acr=LOA3,
        authenticated_at=instant,
        created_at=instant,
        seen_at=instant,
        grant_id="s-bench",
    )


async def _never_revoked(_grant_id: str, _reason: str) -> None:
    """Nobody ends sessions here."""


async def start_session(redis: "Redis", now: float) -> str:
    """A session in the store; its cookie's value."""
    return await _store(redis).start(patient_session(now))


def _store(redis: "Redis") -> SessionStore:
    return SessionStore(redis, Limits(idle_s=1800, absolute_s=43_200), _never_revoked)


def pure_costs(keys_text: str, now: float, seconds: float) -> list[Cost]:
    """Steps without any store, for so many seconds each."""
    keys = TokenKeys.parse(keys_text)
    meeting = keys.sign_meeting(
        identity=PERSON, display_name="Bench Person", room_id="bench", role="participant", now=now, lifetime_s=300
    )
    service = keys.sign_service(service="bench", scopes=frozenset({"rooms:write"}), now=now, lifetime_s=300)
    principal = patient_session(now).principal()
    own = Resource(patient_person_id=PERSON, meeting_id="bench")
    return [
        _time("check a meeting token", lambda: keys.check_meeting(meeting, now=now), seconds),
        _time("check a service token", lambda: keys.check_service(service, now=now, scope="rooms:write"), seconds),
        _time("decide a permission", lambda: decide(principal, Action.MEETING_JOIN, own), seconds),
    ]


def _time(what: str, step: Callable[[], object], seconds: float) -> Cost:
    samples = []
    start = now = time.perf_counter()
    while now < start + seconds:
        for _ in range(_BATCH):
            step()
        after = time.perf_counter()
        samples.append((after - now) / _BATCH)
        now = after
    samples.sort()
    return Cost(what, quantile(samples, 0.5), quantile(samples, 0.99), len(samples) * _BATCH / (now - start))


async def store_costs(redis: "Redis", audit_keys: AuditKeys, now: float, seconds: float) -> list[Cost]:
    """Steps that ask the store: one after the other, and many at once where many share a round trip."""
    sessions = _store(redis)
    secret = await sessions.start(patient_session(now))
    own = Resource(patient_person_id=PERSON, meeting_id="bench")

    async def look_up_and_decide() -> None:
        session = await sessions.find(secret, now)
        if session is None or not decide(session.principal(), Action.MEETING_JOIN, own):
            raise RuntimeError("the session is not there")

    log = AuditLog(redis, audit_keys)
    entry = _entry(patient_session(now).principal(), own, now)

    async def record() -> None:
        await log.record(entry)

    costs = [
        await _time_tasks("find a session and decide", look_up_and_decide, seconds, tasks=1),
        await _time_tasks("write an audit entry", record, seconds, tasks=1),
        await _time_tasks("write an audit entry, 100 at once", record, seconds, tasks=100),
    ]
    await log.close()
    return costs


def _entry(principal: Principal, resource: Resource, now: float) -> AuditEntry:
    decision = decide(principal, Action.MEETING_JOIN, resource)
    return entry_of(
        principal,
        Action.MEETING_JOIN,
        decision,
        resource,
        at_ms=int(now * 1000),
        request_id="bench",
        address="192.0.2.1",
    )


async def _time_tasks(what: str, step: Callable[[], Awaitable[None]], seconds: float, *, tasks: int) -> Cost:
    await step()
    samples: list[float] = []
    start = time.perf_counter()

    async def repeat() -> None:
        before = time.perf_counter()
        while before < start + seconds:
            await step()
            after = time.perf_counter()
            samples.append(after - before)
            before = after

    await asyncio.gather(*(repeat() for _ in range(tasks)))
    elapsed = time.perf_counter() - start
    samples.sort()
    return Cost(what, quantile(samples, 0.5), quantile(samples, 0.99), len(samples) / elapsed)
