"""The custody register is asked: a guardianship that nobody prepared comes through, one that was lost ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from auth.development.custody_register import PATH, DevelopmentCustodyRegister
from auth.development.persons import Patient, patients
from companion import custody_asking
from companion.custody_asking import ask_due
from companion.custody_register import HttpCustodyRegister, RegisterUnavailableError
from companion.models.audit import AuditRow
from companion.models.outbox import OutboxRow
from companion.models.proxies import Guardianship
from companion.rules.local_time import local_date
from companion.services import Services
from tests.companion.people import START, Api, patient, service
from tests.patience import PATIENCE_S

SECRET = "a secret of the tests"
REGISTER = service("persons:write", name="register")


class Register:
    """Says what the test says, and remembers who was asked about."""

    def __init__(self, **guardians: Sequence[str]) -> None:
        self.guardians = dict(guardians)
        self.asked: list[str] = []
        self.is_away = False

    async def guardians_of(self, child_number: str) -> Sequence[str]:
        if self.is_away:
            raise RegisterUnavailableError("status 503")
        self.asked.append(child_number)
        return self.guardians.get(child_number, ())


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
async def bench() -> AsyncIterator[str]:
    """The test bench's register; its address."""
    app = web.Application()
    DevelopmentCustodyRegister(SECRET, lambda: local_date(START)).add_routes(app)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url(PATH))
    await server.close()


async def population(api: Api) -> tuple[dict[str, Patient], dict[str, str]]:
    """The invented persons in the population register, and their ids, by key."""
    known = {one.key: one for one in patients(local_date(api.clock()))}
    ids: dict[str, str] = {}
    for key, one in known.items():
        body = {
            "number": one.number, "given_name": one.given_name, "family_name": one.family_name,
            "birth_date": one.born.isoformat(), "is_secret": one.protected,
        }  # fmt: skip
        ids[key] = (await api.ask("PUT", "/persons", REGISTER, body)).json()["person_id"]
    return known, ids


async def states(services: Services) -> list[tuple[str, str | None]]:
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(Guardianship).order_by(Guardianship.requested_at))).all()
        return [(row.state, row.end_cause) for row in rows]


async def test_a_guardian_whom_nobody_prepared_comes_through(
    api: Api, services: Services, bench: str, http: httpx2.AsyncClient
) -> None:
    known, ids = await population(api)
    register = HttpCustodyRegister(bench, SECRET, http)
    asked = await api.made("/guardianships", patient(ids["sara"]), {"child_number": known["lo"].number})
    assert asked["state"] == "requested"
    api.clock.advance(seconds=1)
    await api.made("/guardianships", patient(ids["ivan"]), {"child_number": known["lo"].number})
    assert await ask_due(services, register) == 1
    assert await states(services) == [("active", None), ("ended", "refused")]
    told = (await api.get(f"/persons/{ids['sara']}/proxies", service("proxies:read"))).json()["relations"]
    assert [(one["subject"], one["kind"]) for one in told] == [(ids["lo"], "guardian")]
    assert await ask_due(services, register) == 0
    async with services.database.reading(services.clock()) as transaction:
        kinds = (await transaction.session.scalars(select(OutboxRow.kind))).all()
        assert "proxies.changed" in kinds
        read = select(AuditRow.patient).where(AuditRow.actor == "companion")
        assert (await transaction.session.scalars(read)).all() == [ids["lo"]]


async def test_custody_that_is_lost_ends_a_guardianship_a_day_later(api: Api, services: Services) -> None:
    known, ids = await population(api)
    register = Register(**{known["alva"].number: (known["maria"].number, "no number")})
    await api.made("/guardianships", patient(ids["maria"]), {"child_number": known["alva"].number})
    await ask_due(services, register)
    assert await states(services) == [("active", None)]
    register.guardians.clear()
    assert await ask_due(services, register) == 0
    api.clock.advance(hours=24)
    assert await ask_due(services, register) == 1
    assert await states(services) == [("ended", "custody")]
    assert register.asked == [known["alva"].number] * 2


async def test_a_register_that_is_away_decides_nothing(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, ids = await population(api)
    register = Register(**{known["alva"].number: (known["maria"].number,)})
    register.is_away = True
    await api.made("/guardianships", patient(ids["maria"]), {"child_number": known["alva"].number})
    with pytest.raises(RegisterUnavailableError):
        await ask_due(services, register)
    assert await states(services) == [("requested", None)]
    monkeypatch.setattr(custody_asking, "UNAVAILABLE_S", 0.01)
    running = asyncio.create_task(custody_asking.run(services, register))
    await asyncio.sleep(0)
    register.is_away = False
    async with asyncio.timeout(PATIENCE_S):
        while await states(services) != [("active", None)]:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])


# --- the adapter -----------------------------------------------------------------------------------------------------


async def test_the_bench_answers_only_those_who_know_its_secret(bench: str, http: httpx2.AsyncClient) -> None:
    lo = next(one for one in patients(local_date(START)) if one.key == "lo")
    assert len(await HttpCustodyRegister(bench, SECRET, http).guardians_of(lo.number)) == 1
    assert await HttpCustodyRegister(bench, SECRET, http).guardians_of("199001012385") == ()
    for secret in ("", "guessed"):
        with pytest.raises(RegisterUnavailableError, match="status 401"):
            await HttpCustodyRegister(bench, secret, http).guardians_of(lo.number)
    answer = await http.post(bench, content=b"[]", headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 400


@pytest.mark.attack
@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"guardians": null}', b'{"guardians": [5]}', json.dumps({"guardians": ["x"] * 11}).encode()],
)
async def test_what_is_no_answer_changes_nothing(answer: bytes) -> None:
    def respond(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=answer)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(respond)) as http:
        with pytest.raises(RegisterUnavailableError, match="malformed"):
            await HttpCustodyRegister("http://register/", "t", http).guardians_of("201808082380")


async def test_nobodys_number_stands_in_an_error(http: httpx2.AsyncClient) -> None:
    with pytest.raises(RegisterUnavailableError) as caught:
        await HttpCustodyRegister("http://127.0.0.1:1/", "t", http).guardians_of("201808082380")
    assert "2018" not in str(caught.value)
