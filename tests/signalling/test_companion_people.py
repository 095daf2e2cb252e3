"""Of whom the companion keeps nothing any more the front keeps nothing either."""

import pytest
from redis.asyncio import Redis

from chat.cases import Case, CaseState
from chat.notices import Contact
from signalling.front import Front
from tests.chat.test_contacts import subscription
from tests.signalling import test_companion_events
from tests.signalling.meeting_people import MakeBrowser
from tests.signalling.meeting_people import make_browser as make_browser
from tests.signalling.test_companion_events import ME, FakeCompanion, event, tell

companion, front = test_companion_events.companion, test_companion_events.front
pytestmark = pytest.mark.usefixtures("worker")
CONTACT = Contact(phone="+46701740605", email="me@example.com")


def case(number: int, *, is_erased: bool, state: CaseState = CaseState.CLOSED) -> Case:
    return Case(f"case-{number}", "SE-p", "SE-u", ME, "", "", 1, state, is_erased=is_erased)


async def test_contacts_and_traces_of_cases_go_with_the_person(
    front: Front, make_browser: MakeBrowser, redis_client: Redis
) -> None:
    contacts, cases = front.notices.contacts, front.cases.service.cases
    await contacts.put(ME, CONTACT)
    await contacts.subscribe(ME, subscription(1))
    for one in (case(1, is_erased=True), case(2, is_erased=False), case(3, is_erased=False, state=CaseState.NEW)):
        await cases.create(one)
    browser = await make_browser()
    assert await tell(browser, event("person.erased", patient=ME)) == (200, {"result": "done"})
    assert await contacts.get(ME) == Contact()
    assert not await redis_client.keys(f"*contact*{ME}*")
    assert [one.case_id for one in await cases.of_patient(ME)] == ["case-3", "case-2"]  # what is still to be archived
    assert [one.case_id for one in await cases.of_unit("SE-p", "SE-u", is_closed=True)] == ["case-2"]
    assert not await redis_client.exists("ao:case:case-1")
    assert await tell(browser, event("person.erased", "k2")) == (200, {"result": "malformed"})


async def test_who_has_logged_in_again_keeps_their_number(
    front: Front, companion: FakeCompanion, make_browser: MakeBrowser
) -> None:
    await front.notices.contacts.put(ME, CONTACT)
    browser = await make_browser()
    companion.is_broken = True
    assert (await tell(browser, event("person.erased", patient=ME)))[0] == 503
    companion.is_broken = False
    companion.answers[f"/persons/{ME}/protection"] = {"is_protected": False}
    assert await tell(browser, event("person.erased", patient=ME)) == (200, {"result": "done"})
    assert await front.notices.contacts.get(ME) == CONTACT
