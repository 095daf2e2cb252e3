"""Pages that the server renders: of the test bench, and those between the record system and the meeting.

WCAG 2.1 AA as far as axe can tell, on a phone and on a desk.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import per_test
from tests.browser.logins import KARINS_DESK
from tests.browser.service import Service
from tests.patience import PATIENCE_S

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@per_test(params=[(390, 844), (1280, 800)], ids=["phone", "desk"])
async def page(request: pytest.FixtureRequest, chromium_browser: Browser) -> AsyncIterator[Page]:
    width, height = request.param
    viewport: Any = {"width": width, "height": height}
    context = await chromium_browser.new_context(viewport=viewport, locale="sv-SE", bypass_csp=True)
    context.set_default_timeout(PATIENCE_S * 1000)
    yield await context.new_page()
    await context.close()


async def _is_accessible(page: Page) -> None:
    await page.add_script_tag(path=AXE)
    found = await page.evaluate("rules => axe.run(document, rules)", RULES)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    too_wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide == 0


@pytest.mark.parametrize("audience", ["patient", "staff"])
async def test_the_providers_page(page: Page, service: Service, audience: str) -> None:
    await page.goto(f"{service.site}/login/{audience}")
    await page.locator("button[name=person]").first.wait_for()
    await _is_accessible(page)
    await page.get_by_text("Avbryt").click()
    await page.get_by_text("Inloggningen avbröts").wait_for()
    await page.goto(service.provider)
    await page.get_by_role("heading", name="Utvecklingens inloggningstjänst").wait_for()
    await _is_accessible(page)


async def test_who_is_logged_out_at_the_provider_is_logged_out_here(page: Page, service: Service) -> None:
    await page.goto(f"{service.site}/login/patient")
    await page.get_by_role("button", name="Ivan Provén").click()
    await page.wait_for_url(f"{service.site}/**")
    ask = "fetch('/api/session').then(response => response.status)"
    assert await page.evaluate(ask) == 200
    provider = await page.context.new_page()
    await provider.goto(service.provider)
    card = provider.locator(".card", has_text="Ivan Provén")
    while await card.count():
        await card.first.get_by_role("button", name="Logga ut överallt").click()
        await provider.wait_for_load_state()
    assert await page.evaluate(ask) == 401


async def test_the_record_systems_pages(page: Page, service: Service) -> None:
    await page.goto(service.record_system)
    await _is_accessible(page)
    await page.goto(f"{service.record_system}/desk/{KARINS_DESK}")
    await _is_accessible(page)
    await page.get_by_role("button", name="Visa länken").first.click()
    await page.locator("#link").wait_for()
    await _is_accessible(page)


async def test_the_page_of_a_link_without_a_ticket_and_of_one_that_opens_nothing(page: Page, service: Service) -> None:
    await page.goto(f"{service.site}/portal/enter")
    await page.get_by_text("Länken är inte giltig").wait_for()
    await _is_accessible(page)
    await page.goto(f"{service.site}/portal/enter#ticket={'x' * 43}")
    await page.reload()
    await page.get_by_role("heading", name="Du kom inte in i mötet").wait_for()
    assert "ticket" not in page.url
    await _is_accessible(page)
