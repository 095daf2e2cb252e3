"""Where a patient is told, in the browser: a number is confirmed by the code that came there; push can be turned on."""

import re

from tests.browser.conftest import Visitor
from tests.browser.logins import SARA, Inhabitant
from tests.browser.service import Service


async def test_a_number_is_confirmed_by_the_code_that_came_there(service: Service, visitor: Visitor) -> None:
    sara = Inhabitant(service, await visitor("Sara"))
    await sara.log_in(SARA)
    await sara.open("/notices")
    card = sara.page.locator("[data-testid=place-sms]")
    await card.locator("[data-testid=place-change]").click()
    await card.locator("[data-testid=place-input]").fill("070-174 06 05")
    await card.locator("[data-testid=place-next]").click()
    await card.locator("[data-testid=code-input]").wait_for()

    sink = await sara.page.context.new_page()
    newest = sink.locator("article", has_text="SMS till +46701740605").first
    for _ in range(50):  # until the outbox has sent it
        await sink.goto(f"{service.site}/development/notices")
        if await newest.count():
            break
    found = re.search(r"\b\d{6}\b", (await newest.inner_text()).replace("+46701740605", ""))
    assert found, "no code was sent"

    await card.locator("[data-testid=code-input]").fill("000000" if found[0] != "000000" else "111111")
    await card.locator("[data-testid=place-next]").click()
    await card.locator("[data-testid=place-fault]:not([hidden])").wait_for()
    await card.locator("[data-testid=code-input]").fill(found[0])
    await card.locator("[data-testid=place-next]").click()
    await card.get_by_text("070-174 06 05").wait_for()
    await sara.page.reload()
    await sara.page.locator("[data-testid=place-sms]").get_by_text("070-174 06 05").wait_for()


async def test_the_worker_that_shows_notices_is_taken_by_the_browser(service: Service, visitor: Visitor) -> None:
    sara = Inhabitant(service, await visitor("Sara"))
    await sara.open("/notices")
    scope = await sara.page.evaluate(
        "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then((one) => one.scope)"
    )
    assert scope == f"{service.site}/"


async def test_in_development_web_push_is_offered(service: Service, visitor: Visitor) -> None:
    sara = Inhabitant(service, await visitor("Sara"))
    await sara.log_in(SARA)
    await sara.open("/notices")
    await sara.page.locator("[data-testid=place-push]").wait_for()
