"""Somebody whose identity is protected is marked in the unit's list from the first moment, whoever began the case."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from auth.proxies import guardian
from chat.opening_hours import OpeningHours
from chat.unit_settings import UnitSettings
from companion.models.people import Person
from signalling.companion_answers import CompanionUnavailableError
from signalling.companion_protection import LOGINS, PENDING
from signalling.front import Front
from tests.companion.people import ANNA, CHILD, PROVIDER, UNIT
from tests.patience import PATIENCE_S
from tests.signalling.browsing import Browser, acting, patient, staff
from tests.signalling.conftest import MakeFront
from tests.signalling.meeting_people import MakeBrowser
from tests.signalling.meeting_people import make_browser as make_browser
from tests.signalling.real_companion import TODAY, RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
HOURS = OpeningHours((((480, 1020),),) * 5 + ((),) * 2)


@pytest.fixture
async def front(
    make_front: MakeFront, real_companion: RealCompanion, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Front:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    front = await make_front(companion_url=real_companion.url)
    await front.cases.units.put(UnitSettings(PROVIDER, UNIT, "Kronans vårdcentral", HOURS, 8 * 3600))
    return front


@pytest.fixture
async def karin(front: Front, make_browser: MakeBrowser) -> Browser:
    return await make_browser(staff(unit=UNIT, provider=PROVIDER))


async def protect(companion: RealCompanion, person: str, kind: str = "is_secret") -> None:
    async with companion.services.database.transaction(companion.clock()) as transaction:
        setattr(await transaction.session.get_one(Person, person), kind, True)


async def open_case(browser: Browser, **changes: Any) -> str:
    body = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "subject": "Provsvar", "client_id": "c1"} | changes
    status, case = await browser.send("POST", "/api/cases", body)
    assert status == 200, case
    return str(case["case_id"])


async def is_marked(karin: Browser, case_id: str) -> bool:
    """In the list and at the desk alike; who is marked is not named in the list."""
    (listed,) = (one for one in (await karin.send("GET", "/api/cases"))[1]["cases"] if one["case_id"] == case_id)
    _, one = await karin.send("GET", f"/api/cases/{case_id}")
    assert listed["is_protected"] == one["is_protected"] == (listed["patient_name"] is None)
    return bool(listed["is_protected"])


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["is_secret", "is_protected_registration"])
async def test_staff_begin_a_case_with_somebody_protected_who_never_logged_in(
    front: Front, real_companion: RealCompanion, karin: Browser, kind: str
) -> None:
    await protect(real_companion, CHILD, kind)
    assert await is_marked(karin, await open_case(karin, patient=CHILD))
    assert not await is_marked(karin, await open_case(karin, patient=ANNA, client_id="c2"))
    assert await front._redis.keys(f"*contact*{ANNA}*") == []  # of who is not protected nothing is kept
    assert not await front._redis.exists(PENDING)


@pytest.mark.attack
async def test_a_guardian_begins_one_for_a_child_who_never_logged_in(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, karin: Browser
) -> None:
    await protect(real_companion, CHILD)
    born = TODAY.replace(year=TODAY.year - 6)
    await front.identity.proxies.replace(ANNA, [guardian(CHILD, "Alva Testsson", birth_date=born)], 0)
    anna = await make_browser(patient(ANNA, acting_for=acting(CHILD)))
    assert await is_marked(karin, await open_case(anna))


@pytest.mark.attack
async def test_while_the_companion_is_away_who_is_not_known_counts_as_protected_until_it_says_otherwise(
    front: Front, real_companion: RealCompanion, karin: Browser
) -> None:
    await real_companion.stop()
    case_id = await open_case(karin, patient=CHILD)
    assert await is_marked(karin, case_id)
    await front.notices.contacts.protect(CHILD, is_protected=False)  # as somebody of whom more is known
    assert not await is_marked(karin, await open_case(karin, patient=CHILD, client_id="c2"))
    await front.notices.contacts.protect(CHILD, is_protected=True)

    await real_companion.start()
    assert front.companion.reports is not None
    async with asyncio.timeout(PATIENCE_S):
        while await front._redis.exists(PENDING):
            with suppress(CompanionUnavailableError):
                await front.companion.reports.deliver()
            await asyncio.sleep(0.05)
    assert not await is_marked(karin, case_id)


@pytest.mark.attack
async def test_somebody_whose_first_login_the_companion_has_not_heard_of_counts_as_protected(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, karin: Browser
) -> None:
    await real_companion.stop()
    anna = await make_browser(patient(ANNA))
    assert not await is_marked(karin, await open_case(anna))
    await front._redis.sadd(LOGINS, ANNA)
    assert await is_marked(karin, await open_case(anna, client_id="c2"))


async def test_somebody_of_whom_no_register_has_told_has_no_mark(front: Front, karin: Browser) -> None:
    assert not await is_marked(karin, await open_case(karin, patient="p-" + "z" * 26))
    assert not await front._redis.exists(PENDING)
