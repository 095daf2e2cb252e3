"""The cases of a fault run: their people are logged in, and the record of each case is read in the end."""

import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from auth.permissions import LOA3
from auth.principal import Commission
from auth.session_store import SessionStore
from auth.sessions import Limits, Session
from chat.archive import DirectoryArchive
from chat.case_service import REPAIR_AFTER_S, CaseService
from chat.case_store import UNFINISHED, CaseStore
from chat.case_telling import NoNotices
from chat.cases import Case
from chat.committer import Committer
from chat.service import ChatService
from chat.store import ChatStore
from chat.unit_settings import UnitStore
from tests.chat.test_unit_settings import PROVIDER, SETTINGS, UNIT


@dataclass(frozen=True)
class Person:
    """Somebody who writes in a case."""

    name: str
    cookie: str
    """The session's secret."""


@dataclass(frozen=True)
class CaseOfRun:
    """A case that somebody has taken."""

    case_id: str
    patient: Person
    nurse: Person


class Cases:
    """The cases of one data server; another front, which makes them and finishes what others left."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._committer = Committer(redis)
        chat = ChatService(ChatStore(redis, self._committer), clock=time.time, monotonic=time.monotonic)
        self._store = CaseStore(redis)
        self._service = CaseService(
            self._store,
            UnitStore(redis),
            chat,
            cast(DirectoryArchive, None),  # nothing is closed
            NoNotices(),
            clock=lambda: time.time() + REPAIR_AFTER_S + 1,
        )

    async def make(self, count: int) -> list[CaseOfRun]:
        """New cases, each with a patient and a nurse of its own."""
        await self._committer.start()
        await UnitStore(self._redis).put(SETTINGS)
        made = []
        for number in range(count):
            patient, nurse = session(f"p-patient{number}"), session(f"SE2321000131-P{number}", is_staff=True)
            await self._service.meet(PROVIDER, UNIT, nurse.actor, nurse.display_name)
            case = await self._service.open(
                patient.principal(),
                provider_hsa_id=PROVIDER,
                unit_hsa_id=UNIT,
                patient=patient.actor,
                patient_name=patient.display_name,
                subject="Fault run",
                client_id=f"case{number}",
            )
            await self._service.assign(case.case_id, nurse.actor)
            people = [Person(f"c{number}-{one.kind}", await self._log_in(one)) for one in (patient, nurse)]
            made.append(CaseOfRun(case.case_id, *people))
        return made

    async def finish(self) -> int:
        """Repair what fronts that died have left; how many cases are still unfinished."""
        await self._service.repair()
        return int(await self._redis.zcard(UNFINISHED))

    async def record(self, case_id: str) -> Case:
        """What the case's record says."""
        case = await self._store.get(case_id)
        assert case is not None
        return case

    async def stop(self) -> None:
        """Give the connections back."""
        await self._committer.stop()
        await cast(Awaitable[Any], self._redis.aclose())

    async def _log_in(self, session: Session) -> str:
        async def revoke(_grant_id: str, _reason: str) -> None:
            return None

        return await SessionStore(self._redis, Limits(24 * 3600, 24 * 3600), revoke).start(session)


def session(actor: str, *, is_staff: bool = False) -> Session:
    """A login of somebody invented."""
    commission = Commission(f"{UNIT}C", UNIT, PROVIDER, "Unit", frozenset({"staff"})) if is_staff else None
    now = int(time.time())
    return Session(
        kind="staff" if is_staff else "patient",
        actor=actor,
        display_name=actor,
        acr=LOA3,
        authenticated_at=now,
        created_at=now,
        seen_at=now,
        grant_id=f"s-{secrets.token_hex(8)}",
        commissions=(commission,) if commission else (),
        commission=commission,
    )
