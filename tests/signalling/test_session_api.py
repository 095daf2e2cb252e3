"""The session over HTTP: what it shows, rotation, proxies, limits, and the end of one's other sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from auth.proxies import ProxyRelation
from auth.sessions import Session
from signalling.front import Front
from tests.signalling.browsing import SESSION, Browser, acting, browser_of, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeClient, MakeFront, meeting_token

MakeBrowser = Callable[..., Awaitable[Browser]]
CHILD = "p-" + "b" * 26
OTHER = "p-" + "c" * 26


@pytest.fixture
async def make_browser(front: Front) -> AsyncIterator[MakeBrowser]:
    browsers: list[Browser] = []

    async def make(session: Session | None = None, at: Front | None = None) -> Browser:
        browsers.append(await browser_of(at or front, session))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


async def let_act(front: Front, actor: str, *relations: ProxyRelation) -> None:
    await front.identity.proxies.replace(actor, relations, NOW)


def guardian(until: float = NOW + 10_000) -> ProxyRelation:
    return ProxyRelation(CHILD, "Alva", "guardian", frozenset({"book", "messages", "meetings"}), int(until))


def service(*scopes: str) -> dict[str, str]:
    token = KEYS.sign_service(service="companion", scopes=frozenset(scopes), now=NOW, lifetime_s=60)
    return {"Authorization": f"Bearer {token}"}


async def test_nobody_is_shown_without_a_session(make_browser: MakeBrowser) -> None:
    browser = await make_browser()
    status, body, response = await browser.ask("GET", "/api/session")
    assert (status, body) == (401, {"error": {"code": "not_logged_in"}})
    assert response.headers["Cache-Control"] == "no-store"


async def test_staff_see_their_commission(make_browser: MakeBrowser) -> None:
    browser = await make_browser(staff("staff", "unit_admin"))
    _, body, _ = await browser.ask("GET", "/api/session")
    assert body["kind"] == "staff"
    assert body["roles"] == ["staff", "unit_admin"]
    assert body["commission"] == body["commissions"][0]
    assert body["commission"]["unit_hsa_id"] == "SE5555555555-U1"
    assert (body["proxies"], body["acting_for"]) == ([], None)
    assert body["csrf_token"] == browser.csrf


@pytest.mark.attack
async def test_a_choice_of_commission_makes_a_new_secret_and_the_old_one_is_worthless(
    make_browser: MakeBrowser,
) -> None:
    session = staff()
    browser = await make_browser(replace(session, commission=None))
    before = browser.cookies[SESSION]
    status, body = await browser.send(
        "POST", "/api/session/commission", {"commission_hsa_id": session.commissions[0].commission_hsa_id}
    )
    assert status == 200
    assert body["csrf_token"] == browser.csrf
    assert browser.cookies[SESSION] != before
    assert browser.set_cookies[SESSION]["httponly"]
    browser.cookies[SESSION] = before
    assert (await browser.ask("GET", "/api/session"))[0] == 401


@pytest.mark.attack
async def test_a_commission_that_is_not_theirs_cannot_be_chosen(make_browser: MakeBrowser) -> None:
    browser = await make_browser(staff())
    status, body = await browser.send("POST", "/api/session/commission", {"commission_hsa_id": "SE5555555555-X"})
    assert (status, body["error"]) == (404, {"code": "not_found", "field": "commission_hsa_id"})


@pytest.mark.attack
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"commission_hsa_id": 5},
        {"commission_hsa_id": ""},
        {"commission_hsa_id": "x", "roles": ["region_admin"]},
    ],
)
async def test_a_choice_takes_nothing_else(make_browser: MakeBrowser, body: dict[str, object]) -> None:
    browser = await make_browser(staff())
    assert (await browser.send("POST", "/api/session/commission", body))[0] == 400


async def test_acting_for_somebody_is_visible_and_audited(make_browser: MakeBrowser, front: Front) -> None:
    parent = patient()
    await let_act(front, parent.actor, guardian())
    browser = await make_browser(parent)
    _, body, _ = await browser.ask("GET", "/api/session")
    assert [(one["name"], one["kind"]) for one in body["proxies"]] == [("Alva", "guardian")]
    before = browser.cookies[SESSION]
    status, body = await browser.send("POST", "/api/session/proxy", {"subject": CHILD})
    assert (status, body["roles"]) == (200, ["proxy"])
    assert body["acting_for"] == {"subject": CHILD, "name": "Alva", "scopes": ["book", "meetings", "messages"]}
    assert body["display_name"] == "Anna Testsson"
    assert browser.cookies[SESSION] != before
    entry = (await front._redis.xrange("ao:audit"))[-1][1][b"b"].decode()
    assert f'"actor":"{parent.actor}"' in entry
    assert f'"patient":"{CHILD}"' in entry
    assert '"action":"session_act_as"' in entry
    status, body = await browser.send("POST", "/api/session/proxy", {"subject": None})
    assert (status, body["roles"], body["acting_for"]) == (200, ["patient"], None)


@pytest.mark.attack
async def test_nobody_acts_for_a_stranger(make_browser: MakeBrowser, front: Front) -> None:
    parent = patient()
    await let_act(front, parent.actor, guardian())
    browser = await make_browser(parent)
    for subject in (OTHER, parent.actor, "x"):
        status, _ = await browser.send("POST", "/api/session/proxy", {"subject": subject})
        assert status == 404
    member_of_staff = await make_browser(staff())
    assert (await member_of_staff.send("POST", "/api/session/proxy", {"subject": CHILD}))[0] == 403


@pytest.mark.attack
async def test_the_right_to_act_ends_at_its_instant_in_the_middle_of_a_session(
    make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    """The child's 13th birthday."""
    now = NOW
    front = await make_front(clock=lambda: now)
    parent = patient()
    await let_act(front, parent.actor, guardian(until=NOW + 100))
    browser = await make_browser(replace(parent, acting_for=acting(CHILD)), at=front)
    _, body, _ = await browser.ask("GET", "/api/session")
    assert body["acting_for"]["scopes"] == ["book", "meetings", "messages"]
    now += 100
    _, body, _ = await browser.ask("GET", "/api/session")
    assert (body["acting_for"]["scopes"], body["proxies"]) == ([], [])
    assert (await browser.send("POST", "/api/session/proxy", {"subject": CHILD}))[0] == 404
    assert (await browser.send("POST", "/api/session/proxy", {"subject": None}))[0] == 200


async def test_a_lost_right_ends_the_session_that_uses_it_and_its_meeting(
    make_browser: MakeBrowser, front: Front, make_client: MakeClient
) -> None:
    """Custody is lost, or the patient takes the grant back."""
    parent = patient()
    await let_act(front, parent.actor, guardian())
    using, idle = replace(parent, acting_for=acting(CHILD)), replace(patient(), grant_id="s-idle")
    browser, other = await make_browser(using), await make_browser(idle)
    client = await make_client()
    await client.join(token=meeting_token(parent.actor, subject=CHILD, grant_id=using.grant_id))
    caller = await make_browser()
    status, _, _ = await caller.ask(
        "PUT", f"/api/proxies/{parent.actor}", json={"relations": []}, headers=service("proxies:write")
    )
    assert status == 204
    assert (await client.wait_for("closed"))["code"] == "revoked"
    assert (await browser.ask("GET", "/api/session"))[0] == 401
    status, body, _ = await other.ask("GET", "/api/session")
    assert (status, body["proxies"]) == (200, [])


async def test_an_idle_session_ends_and_one_in_use_ends_after_twelve_hours(
    make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    now = NOW
    front = await make_front(clock=lambda: now)
    browser = await make_browser(patient(), at=front)
    now += 1799
    _, body, _ = await browser.ask("GET", "/api/session")
    assert body["expires_at"] == now + 1800
    now += 1800
    assert (await browser.ask("GET", "/api/session"))[0] == 401
    now = NOW
    busy = await make_browser(patient(), at=front)
    while now < NOW + 43200:
        assert (await busy.ask("GET", "/api/session"))[0] == 200
        now += 1440
    assert (await busy.ask("GET", "/api/session"))[0] == 401
    reasons = {reason: front.metrics.registry.get_sample_value("ao_front_sessions_ended_total", {"reason": reason})
               for reason in ("idle", "absolute")}  # fmt: skip
    assert reasons == {"idle": 1, "absolute": 1}


async def test_what_a_page_asks_by_itself_does_not_keep_a_session_alive(
    make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    now = NOW
    front = await make_front(clock=lambda: now)
    browser = await make_browser(staff(), at=front)
    for age in (600, 1200, 1799):
        now = NOW + age
        status, _, _ = await browser.ask("GET", "/api/meetings", headers={"X-Background": "1"})
        assert status == 200
    now = NOW + 1800
    assert (await browser.ask("GET", "/api/meetings", headers={"X-Background": "1"}))[0] == 401


async def test_one_sees_and_ends_ones_other_sessions(make_browser: MakeBrowser, front: Front) -> None:
    here, there, elsewhere = [await make_browser(patient(created_at=int(NOW) - age)) for age in (0, 10, 20)]
    stranger = patient(OTHER)
    foreign = await make_browser(stranger)
    _, body, _ = await here.ask("GET", "/api/sessions")
    assert [one["is_this"] for one in body["sessions"]] == [True, False, False]
    second = body["sessions"][1]["grant_id"]
    assert (await here.send("DELETE", f"/api/sessions/{second}"))[0] == 204
    assert (await there.ask("GET", "/api/session"))[0] == 401
    assert (await here.send("DELETE", f"/api/sessions/{stranger.grant_id}"))[0] == 404
    assert (await here.send("DELETE", "/api/sessions/s-unknown"))[0] == 404
    assert (await here.send("DELETE", "/api/sessions/others"))[0] == 204
    assert (await elsewhere.ask("GET", "/api/session"))[0] == 401
    for browser in (here, foreign):
        assert (await browser.ask("GET", "/api/session"))[0] == 200


async def test_a_session_that_ends_during_a_change_is_not_brought_back(make_browser: MakeBrowser, front: Front) -> None:
    session = staff()
    browser = await make_browser(session)
    find = front.identity.sessions.find

    async def find_and_end(secret: str, now: float, **options: bool) -> Session | None:
        found = await find(secret, now, **options)
        await front.identity.sessions.end_grant(session.grant_id, "backchannel")
        return found

    front.identity.sessions.find = find_and_end  # type: ignore[method-assign]
    status, body = await browser.send(
        "POST", "/api/session/commission", {"commission_hsa_id": session.commissions[0].commission_hsa_id}
    )
    assert (status, body["error"]["code"]) == (401, "not_logged_in")
