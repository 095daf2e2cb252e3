"""The public search is answered from memory, and always says what is stored."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI

from companion.database import Database
from companion.search_cache import SearchCache
from companion.store.reserve import sweep
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.people import ANNA, BO, UNIT, patient
from tests.companion.world import ADMIN, TIME_TYPE, World

Change = Callable[[], Awaitable[None]]
QUERIES = ("", f"unit={UNIT}", "limit=7", "first=2027-03-08&last=2027-03-08", "purpose=dose_2")


@pytest.fixture
def cache(app: FastAPI, world: World) -> SearchCache:
    """Answers that are kept for longer than any test lasts."""
    kept = SearchCache(3600, world.services.database.slot_news)
    app.state.search_cache = kept
    return kept


async def answers(world: World) -> list[Any]:
    """What is answered to all queries."""
    return [(await world.api.get(f"/slots?{query}")).json() for query in QUERIES]


async def shows_each(app: FastAPI, cache: SearchCache, world: World, *changes: Change) -> None:
    """After each change the answers are others than before, and what a search without memory finds."""
    shown = await answers(world)
    for change in changes:
        await change()
        before, shown = shown, await answers(world)
        assert shown != before, change.__name__
        app.state.search_cache = SearchCache(0, world.services.database.slot_news)
        assert shown == await answers(world), change.__name__
        app.state.search_cache = cache


async def test_what_patients_do_shows_at_once(app: FastAPI, cache: SearchCache, world: World) -> None:
    api, first, second = world.api, world.slots[0]["slot_id"], world.slots[1]["slot_id"]
    made: dict[str, Any] = {}

    async def book() -> None:
        made["booking"] = await api.made("/bookings", patient(), {"slot_id": first})

    async def rebook() -> None:
        await api.made(f"/bookings/{made['booking']['booking_id']}/rebook", patient(), {"slot_id": second})

    async def cancel() -> None:
        await api.made(f"/bookings/{made['booking']['booking_id']}/cancel", patient(), {})

    async def hold() -> None:
        made["hold"] = await api.made("/holds", patient(), {"slot_id": first})

    async def let_go() -> None:
        assert (await api.ask("DELETE", f"/holds/{made['hold']['hold_id']}", patient())).status_code == 204

    async def let_expire() -> None:
        api.clock.advance(seconds=600)
        async with world.services.database.transaction(api.clock()) as transaction:
            assert await sweep(transaction) == 1

    await shows_each(app, cache, world, book, rebook, cancel, hold, let_go, hold, let_expire)


async def test_what_planners_do_shows_at_once(app: FastAPI, cache: SearchCache, world: World) -> None:
    api, made = world.api, dict[str, Any]()
    time_type = f"/units/{UNIT}/time-types/{world.time_type_id}"

    async def close() -> None:
        period = {"starts_at": "2027-03-08T00:00:00Z", "ends_at": "2027-03-08T08:00:00Z", "reason": "illness"}
        made["closure"] = await api.made(f"/schedules/{world.schedule_id}/closures", ADMIN, period)

    async def reopen() -> None:
        assert (await api.ask("DELETE", f"/closures/{made['closure']['closure_id']}", ADMIN)).status_code == 204

    async def hide() -> None:
        assert (await api.ask("PUT", time_type, ADMIN, TIME_TYPE | {"audience": "invited"})).status_code == 200

    async def show() -> None:
        assert (await api.ask("PUT", time_type, ADMIN, TIME_TYPE)).status_code == 200

    async def make_slots() -> None:
        days = {"first": "2027-03-15", "last": "2027-03-16"}
        assert (await api.made(f"/schedules/{world.schedule_id}/slots", ADMIN, days)) == {"count": 8}

    await shows_each(app, cache, world, close, reopen, hide, show, make_slots)


async def test_what_does_not_change_is_not_asked_again(cache: SearchCache, world: World) -> None:
    shown = await answers(world)
    kept = dict(cache._answers)
    await world.api.get("/bookings", patient())
    refused = await world.api.post("/bookings", patient(BO), {"hold_id": "ho-" + "a" * 26})
    assert refused.status_code == 409
    assert await answers(world) == shown
    assert dict(cache._answers) == kept


async def test_what_another_process_changes_shows_when_the_answers_time_is_over(
    app: FastAPI, world: World, database_url: str
) -> None:
    app.state.search_cache = SearchCache(2, world.services.database.slot_news)
    assert len(await world.free()) == 20
    other, mine = Database(database_url, AUDIT_KEYS), world.services.database
    try:
        object.__setattr__(world.services, "database", other)
        await world.api.made("/bookings", patient(ANNA), {"slot_id": world.slots[0]["slot_id"]})
    finally:
        object.__setattr__(world.services, "database", mine)
        await other.close()
    assert len(await world.free()) == 20
    world.api.clock.advance(seconds=2)
    assert len(await world.free()) == 19


async def test_an_answer_that_is_known_already_is_not_sent_again(cache: SearchCache, world: World) -> None:
    first = await world.api.get("/slots?limit=3")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=3600"
    for path in ("/slots?limit=3", "/slots?purpose=ordinary&limit=3"):  # kept as it came; and asked anew
        again = await world.api.get(path, If_None_Match=tag)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["x-content-type-options"] == "nosniff"
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    changed = await world.api.get("/slots?limit=3", If_None_Match=tag)
    assert (changed.status_code, len(changed.json())) == (200, 3)
    assert changed.headers["etag"] != tag
    assert changed.headers.get_list("x-request-id") == [changed.headers["x-request-id"]]
