"""Ways into a meeting: by e-ID, by a click in the record system, by a guest's link; and out of it by logging out."""

from collections.abc import Awaitable, Callable

import pytest

from tests.browser.conftest import Visitor, per_test
from tests.browser.logins import (
    KARIN,
    MARIA,
    PER,
    SARA,
    VISIT,
    VISIT_OF_BENGT,
    Inhabitant,
    make_guest_link,
    open_from_record_system,
)
from tests.browser.polling import until
from tests.browser.service import Service

Somebody = Callable[[str], Awaitable[Inhabitant]]


@per_test()
async def somebody(service: Service, visitor: Visitor) -> Somebody:
    """Opens a browser for somebody, in which nobody is logged in."""

    async def arrive(name: str) -> Inhabitant:
        return Inhabitant(service, await visitor(name))

    return arrive


async def test_a_patient_logs_in_and_comes_to_the_waiting_room(somebody: Somebody) -> None:
    maria = await somebody("Maria")
    await maria.log_in(MARIA)
    await maria.shows("Hej Maria!")
    await maria.page.locator(f"[data-meeting-id={VISIT}] a").click()
    await maria.shows("Du visas i mötet som")
    await maria.wait_outside()
    await maria.shows("Läkarbesök")
    state = await maria.person.state()
    assert state["connections"] == 0, "nothing is sent or received before admission"
    assert await maria.page.locator("[data-testid=tile], [data-testid=person]").count() == 0
    await maria.page.reload()
    await maria.is_at("waiting")
    await maria.click("leave")
    await maria.is_at("ended")


async def test_a_clinician_is_in_the_meeting_by_one_click_in_the_record_system(somebody: Somebody) -> None:
    karin = await somebody("Karin")
    await open_from_record_system(karin)
    await karin.is_in()
    assert karin.page.url == f"{karin.service.site}/meeting/{VISIT}"


async def test_a_clinician_comes_by_smart_app_launch_too(somebody: Somebody) -> None:
    karin = await somebody("Karin")
    await open_from_record_system(karin, button="launch")
    await karin.is_in()


@pytest.mark.attack
async def test_a_portal_link_works_once(somebody: Somebody) -> None:
    karin, thief = await somebody("Karin"), await somebody("Thief")
    await open_from_record_system(karin, button="show")
    link = await karin.page.locator("#link").get_attribute("href")
    await karin.page.goto(link)
    await karin.is_in()
    await thief.page.goto(link)
    await thief.shows("Länken har redan använts")
    await thief.open("/portal")
    await thief.page.locator("[data-testid=login-staff]").wait_for()


async def test_a_guest_waits_is_admitted_and_seen_and_the_link_is_used_up(somebody: Somebody) -> None:
    karin, bo, thief = [await somebody(name) for name in ("Karin", "Bo", "Thief")]
    await open_from_record_system(karin)
    await karin.is_in()
    link = await make_guest_link(karin)
    await karin.open(f"/meeting/{VISIT}")
    await karin.is_in()

    await bo.page.goto(link)
    await bo.page.locator("[data-testid=guest-name]").fill("Bo Berg")
    await bo.click("guest-continue")
    await bo.wait_outside()
    await karin.shows("Bo Berg väntar på att släppas in")

    await thief.page.goto(link)
    await thief.page.locator("[data-testid=guest-name]").fill("Bo Berg")
    await thief.click("guest-continue")
    await thief.shows("Länken har redan använts")

    await karin.click("admit")
    await bo.is_in()
    await karin.person.sees_and_hears(1)
    await bo.person.sees_and_hears(1)

    await bo.page.reload()
    await bo.is_in()
    await karin.person.sees_and_hears(1)

    await karin.click("toggle-people")
    await karin.click("remove")
    await karin.click("confirm-remove")
    await bo.is_at("ended")
    assert (await bo.person.meeting())["endCode"] == "removed"
    await karin.person.sees_tiles(1)
    await bo.page.reload()
    await bo.shows("Den som leder mötet har avslutat ditt deltagande.")


async def test_who_is_turned_away_is_told_and_cannot_come_back(somebody: Somebody) -> None:
    karin, maria = await somebody("Karin"), await somebody("Maria")
    await maria.log_in(MARIA)
    await maria.open(f"/meeting/{VISIT}")
    await maria.wait_outside()
    await open_from_record_system(karin)
    await karin.shows("Maria Ekdal väntar på att släppas in")
    await karin.click("deny")
    await karin.click("confirm-deny")
    await maria.is_at("ended")
    assert (await maria.person.meeting())["endCode"] == "denied"
    await maria.page.reload()
    await maria.shows("Den som leder mötet har avslutat ditt deltagande.")


async def test_logging_out_in_another_tab_ends_the_meeting(somebody: Somebody) -> None:
    karin, maria = await somebody("Karin"), await somebody("Maria")
    await open_from_record_system(karin)
    await karin.is_in()
    await maria.log_in(MARIA)
    await maria.open(f"/meeting/{VISIT}")
    await maria.wait_outside()
    await karin.click("admit")
    await maria.is_in()
    await karin.person.sees_and_hears(1)

    tab = await maria.page.context.new_page()
    await tab.goto(f"{maria.service.site}/")
    await tab.locator("[data-testid=session-menu]").click()
    await tab.locator("[data-testid=logout]").click()
    await tab.get_by_text("Du är utloggad").wait_for()

    await maria.is_at("ended")
    assert (await maria.person.meeting())["endCode"] == "revoked"
    await karin.person.sees_tiles(1)
    await maria.click("home")
    await maria.page.locator("[data-testid=login-patient]").wait_for()


async def test_a_meeting_outlives_its_tokens(visitor: Visitor) -> None:
    async with Service(ALLTID_MEETING_TOKEN_LIFETIME_S="6") as service:
        karin = Inhabitant(service, await visitor("Karin"))
        renewals, tokens = [], []

        def sent(payload: str | bytes) -> None:
            if isinstance(payload, bytes) and b"renew" in payload:
                renewals.append(payload)

        karin.page.on("websocket", lambda socket: socket.on("framesent", sent))
        karin.page.on("request", lambda request: tokens.append(1) if request.url.endswith("/token") else None)
        await open_from_record_system(karin)
        await karin.is_in()

        async def has_renewed_twice() -> bool:
            return len(renewals) >= 2

        await until(has_renewed_twice, "the token is renewed over the socket")
        connections = (await karin.person.state())["connections"]
        await service.kill_worker()

        async def is_back() -> bool:
            return (await karin.person.state())["connections"] > connections and await karin.person.is_connected()

        await until(is_back, "Karin joins anew with the renewed token")
        assert len(tokens) == 1


async def test_a_proxy_waits_for_another_with_a_banner_on_every_screen(somebody: Somebody) -> None:
    maria = await somebody("Maria")
    await maria.log_in(MARIA)
    await maria.page.get_by_role("button", name="Alva Ekdal").wait_for()
    await maria.page.get_by_role("button", name="Bengt Sandvall").click()
    await maria.page.locator("[data-testid=proxy-banner]").wait_for()
    await maria.shows("Möten för Bengt Sandvall")
    await maria.page.locator(f"[data-meeting-id={VISIT_OF_BENGT}] a").click()
    await maria.shows("Du är ombud för Bengt Sandvall")
    await maria.wait_outside()
    await maria.shows("Du är ombud för Bengt Sandvall")
    await maria.open("/")
    await maria.click("proxy-end")
    await maria.shows("Hej Maria!")


@pytest.mark.attack
@pytest.mark.parametrize(("who", "audience"), [(SARA, "patient"), (PER, "staff")])
async def test_somebody_elses_meeting_is_not_there(somebody: Somebody, who: str, audience: str) -> None:
    stranger = await somebody("Stranger")
    await stranger.log_in(who, audience=audience)
    await stranger.open(f"/meeting/{VISIT}")
    await stranger.shows("Du kom inte in i mötet")
    assert await stranger.page.locator("[data-testid=meeting]").count() == 0


async def test_staff_log_in_choose_a_commission_and_see_the_units_meetings(somebody: Somebody) -> None:
    karin = await somebody("Karin")
    await karin.log_in(KARIN, audience="staff")
    await karin.shows("Välj uppdrag")
    await karin.page.get_by_role("button", name="Björkens vårdcentral").click()
    await karin.page.locator(f"[data-meeting-id={VISIT}]").wait_for()
    assert await karin.page.locator("[data-meeting-id=demo-sara]").count() == 0, "another unit's meeting"
    await karin.click("session-menu")
    await karin.click("logout")
    await karin.shows("Du är utloggad")
