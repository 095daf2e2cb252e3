"""What the companion may tell of proxies. The end of a session that used a lost right: test_session_api.py."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from auth.principal import PROXY_SCOPES
from signalling.front import Front
from tests.signalling.browsing import Browser, browser_of
from tests.signalling.conftest import KEYS, NOW

PARENT, CHILD = "p-" + "a" * 26, "p-" + "b" * 26
RELATION: dict[str, Any] = {
    "subject": CHILD,
    "name": "Alva",
    "kind": "grant",
    "scopes": ["meetings"],
    "valid_until": int(NOW) + 100,
}


@pytest.fixture
async def caller(front: Front) -> AsyncIterator[Browser]:
    browser = await browser_of(front)
    yield browser
    await browser.close()


async def put(caller: Browser, body: Any, person: str = PARENT, scope: str = "proxies:write") -> tuple[int, Any]:
    token = KEYS.sign_service(service="companion", scopes=frozenset({scope}), now=NOW, lifetime_s=60)
    headers = {"Authorization": f"Bearer {token}"}
    status, answer, _ = await caller.ask("PUT", f"/api/proxies/{person}", json=body, headers=headers)
    return status, answer


async def test_relations_are_kept_and_audited(caller: Browser, front: Front) -> None:
    assert (await put(caller, {"relations": [RELATION]}))[0] == 204
    (kept,) = await front.identity.proxies.relations(PARENT, NOW)
    assert (kept.subject_person_id, kept.scopes) == (CHILD, {"meetings"})
    entry = (await front._redis.xrange("ao:audit"))[-1][1][b"b"].decode()
    assert '"action":"proxy_write"' in entry
    assert f'"patient":"{PARENT}"' in entry
    assert (await put(caller, {"relations": []}))[0] == 204
    assert await front.identity.proxies.relations(PARENT, NOW) == ()


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": PARENT}, "subject"),
        ({"subject": "199001012385"}, "subject"),
        ({"scopes": []}, "relations"),
        ({"scopes": ["everything"]}, "relations"),
        ({"kind": "friend"}, "relations"),
        ({"name": ""}, "relations"),
        ({"valid_until": -1}, "valid_until"),
        ({"valid_until": None}, "valid_until"),
        ({"birth_date": "2020-06-06"}, "birth_date"),
        ({"kind": "guardian"}, "birth_date"),
        ({"kind": "guardian", "birth_date": "2020-02-30"}, "birth_date"),
        ({"kind": "guardian", "birth_date": "6 June"}, "relations"),
        ({"kind": "guardian", "birth_date": "2020-06-06"}, "scopes"),
        ({"admin": True}, "relations"),
    ],
)
async def test_a_relation_that_cannot_be_is_refused(
    caller: Browser, front: Front, changes: dict[str, Any], field: str
) -> None:
    status, body = await put(caller, {"relations": [RELATION | changes]})
    assert (status, body["error"]) == (400, {"code": "invalid_request", "field": field})
    assert await front.identity.proxies.relations(PARENT, NOW) == ()


@pytest.mark.attack
async def test_only_a_service_with_the_scope_may_tell(caller: Browser) -> None:
    assert (await put(caller, {"relations": []}, scope="rooms:write"))[0] == 403
    assert (await caller.ask("PUT", f"/api/proxies/{PARENT}", json={"relations": []}))[0] == 401


@pytest.mark.attack
@pytest.mark.parametrize("until", [None, 2**40, int(NOW) + 100])
async def test_a_guardian_ends_at_the_13th_birthday_whatever_the_service_says(
    caller: Browser, front: Front, until: int | None
) -> None:
    told = RELATION | {"kind": "guardian", "birth_date": "2020-06-06", "scopes": sorted(PROXY_SCOPES)}
    assert (await put(caller, {"relations": [told | {"valid_until": until}]}))[0] == 204
    (kept,) = await front.identity.proxies.relations(PARENT, NOW)
    birthday = int(datetime.fromisoformat("2033-06-06T00:00+02:00").timestamp())
    assert kept.valid_until == min(until or birthday, birthday)
    assert kept.scopes == PROXY_SCOPES
    assert await front.identity.proxies.relations(PARENT, birthday) == ()
