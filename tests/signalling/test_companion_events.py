"""Events of the companion at the front: each acts once, those that nobody knows are taken, the rest comes again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from companion.event_kinds import EVENT_KINDS
from signalling.companion_event_keys import LEASE_S, EventKeys
from signalling.companion_event_kinds import IGNORED
from signalling.companion_events import CompanionEvent
from signalling.front import Front
from tests.patience import PATIENCE_S
from tests.signalling.browsing import Browser, acting, browser_of, patient, staff
from tests.signalling.conftest import NOW, MakeFront
from tests.signalling.meeting_people import MakeBrowser, error, service

pytestmark = pytest.mark.usefixtures("worker")
ME, CHILD = "p-" + "a" * 26, "p-" + "e" * 26


class FakeCompanion:
    """Answers what the test says, and remembers who asked for what."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.is_broken = False
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.startswith("/front-audit/"):  # the audit log goes its own way beside
            return web.json_response({}, status=503)
        self.asked.append(request.path)
        if self.is_broken:
            return web.json_response({}, status=500)
        if request.path not in self.answers:
            return web.json_response({"code": "not_found"}, status=404)
        return web.json_response(self.answers[request.path])


@pytest.fixture
async def companion() -> AsyncIterator[FakeCompanion]:
    fake = FakeCompanion()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server()
    fake.url = str(server.make_url("")).rstrip("/")
    yield fake
    await server.close()


@pytest.fixture
async def front(make_front: MakeFront, companion: Any) -> Front:
    return await make_front(companion_url=companion.url)


def event(kind: str = "thing.happened", key: str = "k1", **payload: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "created_at": "2027-01-15T08:00:00+00:00", "payload": payload}


async def tell(browser: Browser, body: Any, scope: str = "companion:events") -> tuple[int, Any]:
    status, answer, _ = await browser.ask("POST", "/api/companion/events", json=body, headers=service(scope))
    return status, answer


class Journal:
    """A handler that remembers what it was given, and fails as often as it is told."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.failures = 0
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.has_begun = asyncio.Event()

    async def __call__(self, told: CompanionEvent) -> None:
        self.keys.append(told.key)
        self.has_begun.set()
        await self.may_go.wait()
        if self.failures:
            self.failures -= 1
            raise OSError


async def test_an_event_acts_once_at_all_fronts_together(
    make_browser: MakeBrowser, make_front: MakeFront, front: Front
) -> None:
    other, journal = await make_front(), Journal()
    for one in (front, other):
        one.companion.events.on("thing.happened", journal)
    here, there = await make_browser(), await make_browser(at=other)
    assert await tell(here, event()) == (200, {"result": "done"})
    assert await tell(here, event()) == (200, {"result": "repeated"})
    assert await tell(there, event()) == (200, {"result": "repeated"})
    assert await tell(there, event(key="k2")) == (200, {"result": "done"})
    assert journal.keys == ["k1", "k2"]


async def test_what_is_being_acted_on_elsewhere_comes_again_later(make_browser: MakeBrowser, front: Front) -> None:
    journal = Journal()
    journal.may_go.clear()
    front.companion.events.on("thing.happened", journal)
    first, second = await make_browser(), await make_browser()
    acting_on_it = asyncio.create_task(tell(first, event()))
    await asyncio.wait_for(journal.has_begun.wait(), PATIENCE_S)
    assert (await tell(second, event()))[0] == 409
    journal.may_go.set()
    assert (await acting_on_it)[0] == 200
    assert await tell(second, event()) == (200, {"result": "repeated"})
    assert journal.keys == ["k1"]


async def test_what_failed_is_acted_on_when_it_comes_again(make_browser: MakeBrowser, front: Front) -> None:
    journal, browser = Journal(), await make_browser()
    journal.failures = 1
    front.companion.events.on("thing.happened", journal)
    assert (await tell(browser, event()))[0] == 503
    assert await tell(browser, event()) == (200, {"result": "done"})
    assert journal.keys == ["k1", "k1"]


async def test_a_front_that_died_in_the_middle_holds_nothing_up_for_long(redis_client: Any) -> None:
    keys = EventKeys(redis_client)
    assert await keys.claim("k") == "new"
    assert await keys.claim("k") == "busy"
    (key,) = [name async for name in redis_client.scan_iter("ao:companion-event:*")]
    assert 0 < await redis_client.ttl(key) <= LEASE_S
    await redis_client.delete(key)  # the lease is over
    assert await keys.claim("k") == "new"
    await keys.done("k")
    assert await keys.claim("k") == "done"


async def test_unknown_kinds_are_taken_and_counted(make_browser: MakeBrowser, front: Front) -> None:
    browser = await make_browser()
    assert await tell(browser, event("weather.changed")) == (200, {"result": "unknown"})
    assert 'ao_companion_events_total{kind="other",result="unknown"} 1.0' in (await browser.ask("GET", "/metrics"))[1]


async def test_a_payload_that_lacks_something_is_not_delivered_for_ever(
    make_browser: MakeBrowser, companion: FakeCompanion
) -> None:
    browser = await make_browser()
    for number, payload in enumerate(({}, {"person": 7}, {"person": ""})):
        body = event("proxies.changed", f"k{number}", **payload)
        assert await tell(browser, body) == (200, {"result": "malformed"})
    assert companion.asked == []


@pytest.mark.attack
@pytest.mark.parametrize(
    "change", [{"key": ""}, {"key": "k" * 129}, {"kind": "x y"}, {"payload": []}, {"more": 1}, {"kind": 3}]
)
async def test_what_is_no_event_is_refused(make_browser: MakeBrowser, change: dict[str, Any]) -> None:
    status, body = await tell(await make_browser(), event() | change)
    assert (status, error(body)) == (400, "invalid_request")


@pytest.mark.attack
async def test_only_the_companion_tells(make_browser: MakeBrowser, front: Front) -> None:
    journal = Journal()
    front.companion.events.on("thing.happened", journal)
    assert (await tell(await make_browser(), event(), "meetings:write"))[0] == 403
    for session in (patient(), staff("region_admin")):
        assert (await (await make_browser(session)).send("POST", "/api/companion/events", event()))[0] == 403
    assert journal.keys == []


# --- proxies ---------------------------------------------------------------------------------------------------------


def relations(*scopes: str, kind: str = "grant") -> dict[str, Any]:
    return {
        "relations": [
            {
                "subject": CHILD, "name": "Bo Testsson", "kind": kind, "scopes": list(scopes),
                "valid_until": int(NOW) + 5000, "birth_date": None if kind == "grant" else "2020-01-01",
            }
        ]
    }  # fmt: skip


async def test_who_may_act_for_whom_follows_the_companion(
    make_browser: MakeBrowser, front: Front, companion: FakeCompanion
) -> None:
    teller = await make_browser()
    companion.answers[f"/persons/{ME}/proxies"] = relations("book", "meetings")
    assert await tell(teller, event("proxies.changed", "k1", person=ME)) == (200, {"result": "done"})
    relation = await front.identity.proxies.relation(ME, CHILD, NOW)
    assert relation is not None
    assert relation.scopes == {"book", "meetings"}
    session = patient(ME, acting_for=acting(CHILD, "book", "meetings"))
    browser = await browser_of(front, session)
    companion.answers[f"/persons/{ME}/proxies"] = {"relations": []}
    assert await tell(teller, event("proxies.changed", "k2", person=ME)) == (200, {"result": "done"})
    assert await front.identity.proxies.relation(ME, CHILD, NOW) is None
    assert (await browser.ask("GET", "/api/session"))[0] == 401  # whoever acted for them is out at once
    await browser.close()


async def test_a_companion_that_is_away_loses_no_change_of_proxies(
    make_browser: MakeBrowser, front: Front, companion: FakeCompanion
) -> None:
    browser = await make_browser()
    companion.answers[f"/persons/{ME}/proxies"] = relations("book")
    companion.is_broken = True
    body = event("proxies.changed", person=ME)
    assert (await tell(browser, body))[0] == 503
    companion.is_broken = False
    assert await tell(browser, body) == (200, {"result": "done"})
    assert await front.identity.proxies.relation(ME, CHILD, NOW) is not None


async def test_without_a_companion_the_front_works_and_takes_events(
    make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    alone = await make_front()
    assert alone.companion.client is None
    assert await tell(await make_browser(at=alone), event("proxies.changed", person=ME)) == (200, {"result": "unknown"})


async def test_what_redis_has_lost_of_proxies_is_asked_for_again(
    front: Front, companion: FakeCompanion, redis_client: Redis
) -> None:
    proxies = front.identity.proxies
    companion.is_broken = True
    assert await proxies.relations(ME, NOW) == ()  # nobody acts on what is not known
    companion.is_broken = False
    companion.answers[f"/persons/{ME}/proxies"] = relations("book", "messages", "meetings", kind="guardian")
    companion.answers[f"/persons/{CHILD}/guardians"] = {"guardians": [ME]}
    for _ in range(2):
        assert await proxies.guardians_of(CHILD, "book", NOW) == (ME,)
        assert await proxies.relation(ME, CHILD, NOW) is not None
        assert [one.subject_person_id for one in await proxies.relations(ME, NOW)] == [CHILD]
        await redis_client.flushdb()
    companion.asked.clear()
    stranger = "p-" + "x" * 26
    companion.answers[f"/persons/{stranger}/proxies"] = {"relations": []}
    for _ in range(3):
        assert await proxies.relation(stranger, CHILD, NOW) is None
    assert companion.asked == [f"/persons/{stranger}/proxies"]


# --- every kind ------------------------------------------------------------------------------------------------------


def test_every_kind_that_the_companion_writes_is_handled_or_ignored_on_purpose(front: Front) -> None:
    handled = set(front.companion.events.handlers)
    assert handled & set(IGNORED) == set()
    assert handled | set(IGNORED) == set(EVENT_KINDS)
    assert all(len(why) > 20 for why in IGNORED.values())


async def test_what_is_ignored_and_what_is_unknown_is_counted_and_not_logged(
    make_browser: MakeBrowser, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = await make_browser()
    capsys.readouterr()
    assert await tell(browser, event("custody.asked", "k1")) == (200, {"result": "done"})
    assert await tell(browser, event("weather.changed", "k2")) == (200, {"result": "unknown"})
    assert "companion_event" not in capsys.readouterr().out
    metrics = (await browser.ask("GET", "/metrics"))[1]
    assert 'ao_companion_events_total{kind="custody.asked",result="ignored"} 1.0' in metrics
    assert 'ao_companion_events_total{kind="other",result="unknown"} 1.0' in metrics
