"""Pages ask the companion through the front: who they are is the front's to say, what they may is the companion's."""

import io
import sqlite3
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pypdf import PdfReader
from yarl import URL

from auth.permissions import LOA2
from auth.proxies import ProxyRelation
from companion import page_routes
from signalling.care_api import MAX_BODY_BYTES
from signalling.care_table import CARE_BODIES, CARE_ROUTES
from signalling.front import Front
from signalling.guard import spec_of
from tests.companion.people import ANNA, CHILD, FOREIGN_UNIT, OTHER_PROVIDER, PROVIDER, UNIT
from tests.companion.people import patient as companion_patient
from tests.companion.test_attached_pdf import pdf
from tests.signalling.browsing import acting, patient, staff
from tests.signalling.conftest import NOW, MakeFront
from tests.signalling.meeting_people import MakeBrowser, error
from tests.signalling.real_companion import RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
BO = "p-" + "b" * 26
PROBLEM = "application/problem+json"


@pytest.fixture
async def front(make_front: MakeFront, real_companion: RealCompanion) -> Front:
    return await make_front(companion_url=real_companion.url)


def planner() -> Any:
    return staff(unit=UNIT, provider=PROVIDER)


async def test_a_patient_finds_books_moves_and_cancels(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    await real_companion.slots()
    browser = await make_browser(patient(ANNA))
    _, free, _ = await browser.ask("GET", f"/api/care/slots?unit={UNIT}&first=2027-01-15&last=2027-01-15")
    booking: Any
    status, booking = await browser.send("POST", "/api/care/bookings", {"slot_id": free[2]["slot_id"]})
    assert (status, booking["patient_person_id"]) == (201, ANNA)
    path = f"/api/care/bookings/{booking['booking_id']}"
    assert (await browser.ask("GET", "/api/care/bookings"))[1]["bookings"] == [booking]
    unit = await make_browser(planner())
    moved = {"slot_id": free[3]["slot_id"]}
    assert (await unit.send("POST", f"{path}/rebook", moved))[1]["sequence"] == 1
    assert (await unit.send("POST", f"{path}/cancel", {"reason": "unit_illness"}))[1]["state"] == "cancelled"


async def test_the_same_key_books_once(front: Front, real_companion: RealCompanion, make_browser: MakeBrowser) -> None:
    slots = await real_companion.slots()
    browser = await make_browser(patient(ANNA))
    body, key = {"slot_id": slots[2]["slot_id"]}, {"Idempotency-Key": "page-1-booking"}
    first = await browser.send("POST", "/api/care/bookings", body, **key)
    assert first[0] == 201
    assert await browser.send("POST", "/api/care/bookings", body, **key) == first
    other = {"slot_id": slots[3]["slot_id"]}
    assert (await browser.send("POST", "/api/care/bookings", other, **key))[0] in (409, 422)
    assert (await browser.send("POST", "/api/care/bookings", body, **{"Idempotency-Key": "x y"}))[0] == 400


async def test_refusals_are_the_companions_own_in_the_readers_language(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    slots = await real_companion.slots()
    await real_companion.book(slots[2])
    browser = await make_browser(patient(BO))
    headers = {"X-CSRF-Token": browser.csrf, "Origin": browser.url}
    for language, title in (("sv", "Tiden"), ("en", "time")):
        status, text, response = await browser.ask(
            "POST", "/api/care/bookings", json={"slot_id": slots[2]["slot_id"]},
            headers=headers | {"Accept-Language": language},
        )  # fmt: skip
        assert (status, response.content_type, response.headers["Content-Language"]) == (409, PROBLEM, language)
        assert '"code":"slot_taken"' in text
        assert title in text
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_calendar_is_a_download(front: Front, real_companion: RealCompanion, make_browser: MakeBrowser) -> None:
    booking = await real_companion.book((await real_companion.slots())[2])
    browser = await make_browser(patient(ANNA))
    status, text, response = await browser.ask("GET", f"/api/care/bookings/{booking['booking_id']}/calendar")
    assert (status, response.content_type) == (200, "text/calendar")
    assert response.headers["Content-Disposition"] == 'attachment; filename="kalender.ics"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "BEGIN:VCALENDAR" in text
    _, feed = await browser.send("POST", "/api/care/calendar-feed", {})
    program = await make_browser()
    status, text, _ = await program.ask("GET", f"/api/care{feed['path']}")
    assert (status, "BEGIN:VEVENT" in text) == (200, True)
    assert (await program.ask("GET", "/api/care/calendar/" + "a" * 43))[0] == 404


async def test_free_slots_need_no_login_and_are_remembered_for_a_moment(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    await real_companion.slots()
    browser = await make_browser()
    path = f"/api/care/slots?unit={UNIT}&first=2027-01-15&last=2027-01-15"
    status, free, response = await browser.ask("GET", path)
    assert (status, len(free)) == (200, 5)
    assert response.headers["Cache-Control"] == "public, max-age=2"
    await real_companion.stop()
    assert (await browser.ask("GET", path))[1] == free  # also while the companion is away
    status, body, _ = await browser.ask("GET", "/api/care/units")
    assert (status, error(body)) == (503, "unavailable")
    status, body, _ = await (await make_browser(patient(ANNA))).ask("GET", "/api/care/bookings")
    assert (status, error(body)) == (503, "unavailable")


async def test_where_somebody_asks_from_stands_in_the_companions_audit_log(
    make_front: MakeFront, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    front = await make_front(companion_url=real_companion.url, proxy_hops=1)
    browser = await make_browser(patient(ANNA), front)
    status, _, _ = await browser.ask("GET", "/api/care/bookings", headers={"X-Forwarded-For": "203.0.113.9"})
    assert status == 200
    with sqlite3.connect(real_companion.database) as database:
        (table,) = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'audit_entr%'")]
        assert "203.0.113.9" in str(database.execute(f"SELECT * FROM {table}").fetchall())


# --- who may not -----------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_others_bookings_are_not_there(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await real_companion.book((await real_companion.slots())[2])
    path = f"/api/care/bookings/{booking['booking_id']}"
    for session in (patient(BO), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        browser = await make_browser(session)
        assert (await browser.ask("GET", path))[0] == 404
        assert (await browser.send("POST", f"{path}/cancel", {}))[0] == 404
    for session in (staff("sre", unit=UNIT, provider=PROVIDER), staff("viewer", unit=UNIT, provider=PROVIDER)):
        assert (await (await make_browser(session)).send("POST", f"{path}/cancel", {}))[0] == 403
    undecided = await make_browser(replace(planner(), commission=None))
    assert (await undecided.ask("GET", path))[0] in (403, 404)
    weak = await make_browser(replace(patient(ANNA), acr=LOA2))
    assert error((await weak.ask("GET", path))[1]) == "login_too_weak"
    body = (await real_companion.api.get(f"/bookings/{booking['booking_id']}", companion_patient())).json()
    assert body["state"] == "booked"


@pytest.mark.attack
async def test_a_proxy_books_for_the_other_with_the_scope_and_only_then(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    slots = await real_companion.slots()
    body = {"slot_id": slots[2]["slot_id"]}
    for scopes, expected in ((("messages",), 403), (("book",), 201)):
        relation = ProxyRelation(CHILD, "Bo", "grant", frozenset(scopes), int(NOW) + 900)  # type: ignore[arg-type]
        await front.identity.proxies.replace(ANNA, [relation], NOW)
        browser = await make_browser(patient(ANNA, acting_for=acting(CHILD, *scopes)))
        status, made = await browser.send("POST", "/api/care/bookings", body)
        assert status == expected, made
    assert made["patient_person_id"] == CHILD
    lost = await make_browser(patient(ANNA, acting_for=acting(BO, "book")))  # no such relation
    assert (await lost.send("POST", "/api/care/bookings", {"slot_id": slots[3]["slot_id"]}))[0] == 403


@pytest.mark.attack
async def test_programs_routes_and_other_paths_are_not_reached(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    browser = await make_browser(staff("region_admin", "staff", unit=UNIT, provider=PROVIDER))
    hidden = (
        f"/persons/{ANNA}/proxies", f"/persons/{ANNA}/meetings", "/openapi.json", "/docs", "/healthz", "/fhir/metadata",
        f"/units/..%2Fpersons%2F{ANNA}%2Fproxies", f"/bookings/..%2f..%2fpersons%2f{ANNA}%2fproxies",
        "/bookings/%2e%2e", "/bookings/x%3Fy", "/bookings/x%00", "/units/a%2fb",
    )  # fmt: skip
    for path in hidden:
        status, _, response = await browser.ask("GET", URL(f"{front.http_url}/api/care{path}", encoded=True).relative())
        assert (path, status) == (path, 404)
        assert response.content_type != PROBLEM, path  # it never came as far as the companion
    assert (await browser.send("PUT", "/api/care/persons", {}))[0] == 405  # only pages stand there, to be read


@pytest.mark.attack
async def test_bodies_are_bounded_and_json(front: Front, make_browser: MakeBrowser) -> None:
    browser = await make_browser(patient(ANNA))
    headers = {"X-CSRF-Token": browser.csrf, "Origin": browser.url, "Content-Type": "application/json"}
    large = b'"' + b"x" * MAX_BODY_BYTES + b'"'
    assert (await browser.ask("POST", "/api/care/bookings", data=large, headers=headers))[0] == 413
    form = aiohttp.FormData({"slot_id": io.StringIO("x")})
    del headers["Content-Type"]
    assert (await browser.ask("POST", "/api/care/bookings", data=form, headers=headers))[0] == 415
    headers["Content-Type"] = "application/json"
    status, text, response = await browser.ask("POST", "/api/care/bookings", data=b"{", headers=headers)
    assert (status, response.content_type) == (400, PROBLEM)
    assert "malformed" in text


@pytest.mark.attack
async def test_one_session_does_not_ask_without_end(
    make_front: MakeFront, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    front = await make_front(companion_url=real_companion.url, care_requests_per_minute=2, care_public_per_minute=2)
    browser, other = await make_browser(patient(ANNA), front), await make_browser(patient(BO), front)
    assert [(await browser.ask("GET", "/api/care/bookings"))[0] for _ in range(3)] == [200, 200, 429]
    assert (await other.ask("GET", "/api/care/bookings"))[0] == 200
    assert [(await browser.ask("GET", "/api/care/units"))[0] for _ in range(3)] == [200, 200, 429]


async def test_without_a_companion_it_says_so(make_front: MakeFront, make_browser: MakeBrowser) -> None:
    browser = await make_browser(patient(ANNA), await make_front())
    for path in ("/api/care/bookings", "/api/care/units"):
        status, body, _ = await browser.ask("GET", path)
        assert (status, error(body)) == (503, "unavailable")


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_what_the_companion_has_for_people() -> None:
    assert page_routes.PATH.read_text() == page_routes.module(), "run: make docs"
    paths = {path for _, path, _ in CARE_ROUTES}
    assert not [path for path in paths if path.startswith(("/fhir", "/healthz", "/persons", "/custody", "/meetings"))]
    assert ("POST", "/bookings") in {(method, path) for method, path, _ in CARE_ROUTES}
    assert all(method == "GET" for method, _, action in CARE_ROUTES if action is None)


async def test_every_one_of_them_is_guarded_by_the_companions_own_action(front: Front) -> None:
    actions = {(method, f"/api/care{path}"): action for method, path, action in CARE_ROUTES}
    found = 0
    for route in front.app.router.routes():
        assert route.resource is not None
        spec = spec_of(route.handler)
        key = (route.method, route.resource.canonical)
        if key in actions and actions[key] is not None:
            assert spec is not None
            assert (spec.action, spec.is_decided_elsewhere) == (actions[key], True)
            found += 1
    assert found == sum(action is not None for action in actions.values())


async def test_a_pdf_reaches_the_draft_of_a_summons_and_its_patient(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await real_companion.book((await real_companion.slots(modality="physical"))[2])
    unit, anna = await make_browser(planner()), await make_browser(patient(ANNA))
    asked = {"booking_id": booking["booking_id"], "title": "Kallelse"}
    status, summons = await unit.send("POST", "/api/care/summons/timed", asked)
    assert status == 201, summons
    path = f"/api/care/summons/{summons['summons_id']}"
    content = pdf(pages=3) + b"%" + b"x" * (MAX_BODY_BYTES + 1)  # longer than any JSON may be

    async def put(data: bytes, content_type: str = "application/pdf", at: str = path) -> tuple[int, Any]:
        own = {"Origin": unit.url, "X-CSRF-Token": unit.csrf, "Content-Type": content_type}
        url = URL(f"{at}/attachments").with_query(name="Inför besöket")
        return (await unit.ask("POST", url, data=io.BytesIO(data), headers=own))[:2]

    status, attached = await put(content)
    assert (status, attached["name"]) == (201, "Inför besöket")
    for data, kind, refusal in (
        (content, "application/json", 415),
        (b"x" * (1024 * 1024 + 1), "application/pdf", 413),
        (b"no pdf at all", "application/pdf", 422),
    ):
        assert (await put(data, kind))[0] == refusal
    assert (await unit.send("POST", f"{path}/send", {}))[0] == 200
    status, listed, _ = await anna.ask("GET", f"{path}/attachments")
    assert (status, [one["attachment_id"] for one in listed]) == (200, [attached["attachment_id"]])
    own = {"Cookie": "; ".join(f"{name}={value}" for name, value in anna.cookies.items())}
    async with anna.http.get(f"{path}/attachments/{attached['attachment_id']}", headers=own) as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert len(PdfReader(io.BytesIO(await answer.read())).pages) == 3
    stranger = await make_browser(patient(BO))
    assert (await stranger.ask("GET", f"{path}/attachments"))[0] == 404


def test_bodies_that_are_no_json_are_those_that_the_companion_takes() -> None:
    assert {(*place, *kind) for place, kind in CARE_BODIES.items()} == set(page_routes.body_types())
    assert CARE_BODIES["POST", "/summons/{summons_id}/attachments"] == ("application/pdf", 1024 * 1024)
    assert set(CARE_BODIES) <= {(method, path) for method, path, _ in CARE_ROUTES}
