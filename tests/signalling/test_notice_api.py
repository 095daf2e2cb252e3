"""Notices over HTTP, from the case to the sink's page."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.proxies import ProxyRelation
from chat.notices import Contact
from chat.sender_development import Caught
from signalling.development_notices import sink_page
from signalling.front import Front
from tests.chat.test_web_push import AUTH, OUR_PRIVATE, THEIR_PUBLIC
from tests.patience import PATIENCE_S
from tests.signalling.browsing import Browser, acting, browser_of, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeFront
from tests.signalling.test_case_api import ANNA, CHILD, EVA, opened, unit_settings

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"
SUBSCRIPTION = {"endpoint": ENDPOINT, "keys": {"p256dh": THEIR_PUBLIC, "auth": AUTH}}
NOTICE: dict[str, Any] = {
    "person": ANNA,
    "template": "meeting_reminder",
    "parameters": [{"name": "unit", "value": "Kronan"}, {"name": "when", "value": "2027-01-16 10:30"}],
    "key": "booking/1",
}


@pytest.fixture
async def front(make_front: MakeFront, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Front:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    front = await make_front(mode="development", public_url="https://alltid.example", vapid_key=OUR_PRIVATE)
    await front.cases.units.put(unit_settings())
    await front.notices.contacts.put(ANNA, Contact(phone="+46701740605"))
    return front


@pytest.fixture
async def nobody(front: Front) -> AsyncIterator[Browser]:
    browser = await browser_of(front)
    yield browser
    await browser.close()


async def service(browser: Browser, method: str, path: str, body: Any = None, *scopes: str) -> tuple[int, Any]:
    token = KEYS.sign_service(service="companion", scopes=frozenset(scopes), now=NOW, lifetime_s=60)
    status, answer, _ = await browser.ask(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
    return status, answer


async def sent_page(browser: Browser, text: str) -> str:
    """The sink's page once it shows a text; the front sends by itself."""
    async with asyncio.timeout(PATIENCE_S):
        while text not in (page := str((await browser.ask("GET", "/development/notices"))[1])):
            await asyncio.sleep(0.02)
    return page


async def test_an_answer_and_the_end_of_a_case_are_told_in_neutral_words(front: Front, nobody: Browser) -> None:
    anna, karin = await browser_of(front, patient(ANNA)), await browser_of(front, staff())
    case = await opened(anna, subject="Min diagnos")
    await karin.send("POST", f"/api/cases/{case['case_id']}/assign", {})
    await karin.send("POST", f"/api/cases/{case['case_id']}/close", {})
    page = await sent_page(nobody, "har avslutat ditt ärende")
    assert "Din vårdkontakt har avslutat ditt ärende. Logga in på https://alltid.example/cases/case-" in page
    assert "Kronan" not in page  # the unit has no name for notices
    assert "SMS till +46701740605" in page
    assert "diagnos" not in page
    await anna.close()
    await karin.close()


async def test_another_service_has_somebody_told_once(nobody: Browser) -> None:
    status, first = await service(nobody, "POST", "/api/notices", NOTICE, "notices:write")
    assert (status, len(first["notice_ids"])) == (202, 1)
    assert (await service(nobody, "POST", "/api/notices", NOTICE, "notices:write"))[1] == first
    page = await sent_page(nobody, "du har ett möte med Kronan 2027-01-16 10:30")
    assert page.count("du har ett möte") == 1
    path = f"/api/notices/{first['notice_ids'][0]}"
    status, state = await service(nobody, "GET", path, None, "notices:write")
    assert state == {"channel": "sms", "state": "sent", "attempts": 1, "cause": ""}
    report = {"reference": first["notice_ids"][0], "state": "delivered"}
    assert (await service(nobody, "POST", "/api/notices/reports/sms", report, "notices:report"))[0] == 204
    assert (await service(nobody, "GET", path, None, "notices:write"))[1]["state"] == "delivered"
    assert (await service(nobody, "POST", "/api/notices/reports/sms", report, "notices:report"))[0] == 204
    bounced = report | {"state": "bounced"}
    assert (await service(nobody, "POST", "/api/notices/reports/sms", bounced, "notices:report"))[0] == 404
    assert (await service(nobody, "POST", "/api/notices/reports/pigeon", report, "notices:report"))[0] == 404
    assert (await service(nobody, "GET", "/api/notices/n-none", None, "notices:write"))[0] == 404


async def test_a_reported_bounce_leads_to_the_next_channel(front: Front, nobody: Browser) -> None:
    await front.notices.contacts.put(ANNA, Contact(phone="+46701740605", email="anna@example.com"))
    _, first = await service(nobody, "POST", "/api/notices", NOTICE, "notices:write")
    await sent_page(nobody, "SMS till")
    report = {"reference": first["notice_ids"][0], "state": "bounced"}
    assert (await service(nobody, "POST", "/api/notices/reports/sms", report, "notices:report"))[0] == 204
    await sent_page(nobody, "E-post till anna@example.com")
    # The gateway did not hear our answer: said again it is taken again, and nobody is told twice.
    assert (await service(nobody, "POST", "/api/notices/reports/sms", report, "notices:report"))[0] == 204
    assert str((await nobody.ask("GET", "/development/notices"))[1]).count("E-post till") == 1


async def test_who_could_not_be_told_is_told_of_the_next_message(front: Front, nobody: Browser) -> None:
    await front.notices.contacts.change(ANNA, phone="")
    anna, karin = await browser_of(front, patient(ANNA)), await browser_of(front, staff())
    case_id = (await opened(anna))["case_id"]
    await karin.send("POST", f"/api/cases/{case_id}/assign", {})
    author = staff().principal()
    await front.chat.service.send(author, case_id, "m1", "Hej")
    await front.notices.contacts.change(ANNA, phone="+46701740605")
    await front.chat.service.send(author, case_id, "m2", "Hej igen")
    await sent_page(nobody, "Du har ett nytt meddelande")
    await front.chat.service.send(author, case_id, "m3", "Och igen")
    case = await front.cases.service.get(case_id)
    assert await front.notices.may_know(case, case.last_staff_seq - 1)
    assert not await front.notices.may_know(case, case.last_staff_seq)  # one notice stands for both
    await anna.close()
    await karin.close()


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (
            {
                "parameters": [
                    {"name": "unit", "value": "Kronan"},
                    {"name": "when", "value": "kl 10, ta med provsvaren"},
                ]
            },
            422,
        ),
        ({"parameters": [{"name": "text", "value": "Du har cancer"}]}, 422),
        ({"parameters": []}, 422),
        ({"template": "free_text"}, 400),
        ({"text": "Du har cancer"}, 400),
        ({"person": "199001012385"}, 400),
        ({"key": ""}, 400),
    ],
)
async def test_no_service_can_say_more_than_a_template_does(
    nobody: Browser, changes: dict[str, Any], status: int
) -> None:
    answer = await service(nobody, "POST", "/api/notices", NOTICE | changes, "notices:write")
    assert answer[0] == status
    if status == 422:
        assert answer[1]["error"]["code"] == "notice_refused"


async def test_contacts_are_written_by_who_may(front: Front, nobody: Browser) -> None:
    path = f"/api/contacts/{EVA}"
    body: dict[str, Any] = {"phone": "+46701740606", "language": "en", "is_protected": True}
    assert (await service(nobody, "PUT", path, body, "contacts:write"))[0] == 204
    assert await front.notices.contacts.get(EVA) == Contact("+46701740606", "", "en", True)
    del body["is_protected"]
    assert (await service(nobody, "PUT", path, body, "contacts:write"))[0] == 204
    assert await front.notices.contacts.get(EVA) == Contact("+46701740606", "", "en", True)  # as it is known
    for wrong in ({"phone": "0701740606"}, {"email": "a@b\nBcc: c@d.se"}, {"language": "xx"}):
        assert (await service(nobody, "PUT", path, wrong, "contacts:write"))[0] == 400
    assert (await service(nobody, "PUT", path, body, "notices:write"))[0] == 403
    anna = await browser_of(front, patient(ANNA))
    assert (await anna.send("PUT", f"/api/contacts/{ANNA}", body))[0] == 403
    await anna.close()


async def test_a_patient_is_told_in_their_browser_until_they_say_no(front: Front) -> None:
    anna = await browser_of(front, patient(ANNA))
    assert len((await anna.send("GET", "/api/push-key"))[1]["key"]) == 87
    assert (await anna.send("POST", "/api/push-subscriptions", SUBSCRIPTION))[0] == 204
    [kept] = (await front.notices.contacts.get(ANNA)).subscriptions
    assert json.loads(kept) == SUBSCRIPTION
    assert (await front.notices.contacts.get(EVA)).subscriptions == ()
    assert (await anna.send("DELETE", "/api/push-subscriptions", {"endpoint": ENDPOINT}))[0] == 204
    assert (await anna.send("DELETE", "/api/push-subscriptions", {"endpoint": ENDPOINT}))[0] == 404
    await anna.close()


@pytest.mark.attack
async def test_no_subscription_makes_us_call_anything_but_a_push_service(front: Front) -> None:
    anna, karin = await browser_of(front, patient(ANNA)), await browser_of(front, staff())
    for endpoint in ("http://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://evil.example/", "x"):
        status, _ = await anna.send("POST", "/api/push-subscriptions", SUBSCRIPTION | {"endpoint": endpoint})
        assert status == 400
    broken = SUBSCRIPTION | {"keys": {"p256dh": "AAAA", "auth": AUTH}}
    assert (await anna.send("POST", "/api/push-subscriptions", broken))[0] == 400
    assert (await karin.send("POST", "/api/push-subscriptions", SUBSCRIPTION))[0] == 403
    assert (await front.notices.contacts.get(ANNA)).subscriptions == ()
    await anna.close()
    await karin.close()


@pytest.mark.attack
async def test_there_is_no_sink_in_production_nor_for_other_machines(make_front: MakeFront, nobody: Browser) -> None:
    assert (await nobody.ask("GET", "/development/notices"))[0] == 200
    status, _, _ = await nobody.ask("GET", "/development/notices", headers={"X-Forwarded-For": "192.0.2.1"})
    assert status == 404
    browser = await browser_of(await make_front())
    assert (await browser.ask("GET", "/development/notices"))[0] == 404
    assert (await browser.ask("GET", "/api/push-key"))[1] == {"key": None}
    await browser.close()


@pytest.mark.attack
def test_the_page_shows_text_as_text() -> None:
    response = sink_page(
        [Caught(int(NOW), "email", "<b>@x.se", "<script>", "<img src=x>"), Caught(1, "push", "{}", "a", "b")]
    )
    assert response.text is not None
    assert "<script>" not in response.text
    assert "<img" not in response.text
    assert "Push till webbläsare" in response.text
    empty = sink_page([]).text
    assert empty is not None
    assert "Ingenting har skickats" in empty


async def test_a_patient_confirms_a_number_with_the_code_sent_there(front: Front, nobody: Browser) -> None:
    eva = await browser_of(front, patient(EVA))
    assert (await eva.send("GET", "/api/contact"))[1] == {"phone": "", "email": "", "language": "sv", "browsers": 0}
    assert (await eva.send("POST", "/api/contact/codes", {"channel": "sms", "to": "+46701740607"}))[0] == 202
    page = await sent_page(nobody, "SMS till +46701740607")
    code = page.partition("Din kod är ")[2][:6]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert (await eva.send("POST", "/api/contact/confirm", {"code": wrong}))[0] == 400
    status, contact = await eva.send("POST", "/api/contact/confirm", {"code": code})
    assert (status, contact["phone"]) == (200, "+46701740607")
    assert (await eva.send("POST", "/api/contact/confirm", {"code": code}))[0] == 409
    status, contact = await eva.send("PATCH", "/api/contact", {"language": "en", "forget": "sms"})
    assert contact == {"phone": "", "email": "", "language": "en", "browsers": 0}
    await eva.close()


async def test_the_guardian_of_a_child_is_told(front: Front, nobody: Browser) -> None:
    relation = ProxyRelation(CHILD, "Alva", "guardian", frozenset({"messages"}), int(NOW) + 9999)
    await front.identity.proxies.replace(ANNA, [relation], NOW)
    anna, karin = (
        await browser_of(front, patient(ANNA, acting_for=acting(CHILD, "messages"))),
        await browser_of(front, staff()),
    )
    case = await opened(anna)
    assert (await karin.send("POST", f"/api/cases/{case['case_id']}/close", {}))[0] == 200
    page = await sent_page(nobody, "har avslutat ditt ärende")
    assert page.count("SMS till +46701740605") == 1
    assert "Alva" not in page
    await anna.close()
    await karin.close()


@pytest.mark.parametrize("subject_phone", ["", "+46701740699"])
async def test_the_proxies_of_an_adult_are_told_of_an_answer_when_the_adult_can_be_told_nowhere(
    subject_phone: str, front: Front, nobody: Browser
) -> None:
    relations = {ANNA: frozenset({"messages"}), "p-" + "m" * 26: frozenset({"book"})}
    for number, (proxy, scopes) in enumerate(relations.items()):
        await front.notices.contacts.put(proxy, Contact(phone=f"+4670174060{5 + number}"))
        relation = ProxyRelation(EVA, "Eva", "grant", scopes, int(NOW) + 9999)
        await front.identity.proxies.replace(proxy, [relation], NOW)
    await front.notices.contacts.put(EVA, Contact(phone=subject_phone))
    anna, karin = (
        await browser_of(front, patient(ANNA, acting_for=acting(EVA, "messages"))),
        await browser_of(front, staff()),
    )
    case = await opened(anna)
    assert (await karin.send("POST", f"/api/cases/{case['case_id']}/close", {}))[0] == 200
    page = await sent_page(nobody, "har avslutat ditt ärende")
    told = [number for number in ("+46701740605", "+46701740606", "+46701740699") if f"SMS till {number}" in page]
    assert told == [subject_phone or "+46701740605"]
    assert "Eva" not in page
    await anna.close()
    await karin.close()


async def test_a_store_that_lost_its_data_sends_again_when_it_is_back(
    front: Front, nobody: Browser, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.notice_part.PAUSE_S", 0.01)
    await redis_client.flushall()
    await front.notices.contacts.put(ANNA, Contact(phone="+46701740605"))
    assert (await service(nobody, "POST", "/api/notices", NOTICE, "notices:write"))[0] == 202
    await sent_page(nobody, "du har ett möte med Kronan")


async def test_an_address_that_no_notice_can_name_holds_up_no_case(front: Front) -> None:
    front.notices.notices.address = "https://alltid.example/with/a/path"
    anna, karin = await browser_of(front, patient(ANNA)), await browser_of(front, staff())
    case = await opened(anna)
    status, closed = await karin.send("POST", f"/api/cases/{case['case_id']}/close", {})
    assert (status, closed["state"]) == (200, "closed")
    assert await front.cases.service.cases.unfinished(NOW + 100) == []
    await anna.close()
    await karin.close()


@pytest.mark.attack
async def test_codes_are_few_and_for_patients(front: Front) -> None:
    eva, karin = await browser_of(front, patient(EVA)), await browser_of(front, staff())
    ask = {"channel": "sms", "to": "+46701740607"}
    assert [(await eva.send("POST", "/api/contact/codes", ask))[0] for _ in range(6)] == [202] * 5 + [429]
    assert (await eva.send("POST", "/api/contact/codes", {"channel": "sms", "to": "112"}))[0] == 400
    assert (await karin.send("POST", "/api/contact/codes", ask))[0] == 403
    await eva.close()
    await karin.close()
