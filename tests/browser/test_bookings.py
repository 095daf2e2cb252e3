"""A patient's bookings in the browser: a free time is booked, moved and cancelled, with the companion behind it."""

from auth.development.persons import UNIT_HEALTH_CENTRE
from tests.browser.conftest import Visitor
from tests.browser.logins import SARA, Inhabitant
from tests.browser.service import Service


async def test_a_patient_books_moves_and_cancels(service: Service, visitor: Visitor) -> None:
    sara = Inhabitant(service, await visitor("Sara"))
    await sara.log_in(SARA)
    await sara.click("nav-bookings")
    # What staff have booked for her in the demo is there.
    await sara.page.locator("[data-testid=booking]", has_text="Barnmorskebesök").wait_for()

    await sara.click("new-booking")
    await sara.page.locator(f"[data-unit='{UNIT_HEALTH_CENTRE}']").click()
    await sara.page.locator("[data-testid=time-type]", has_text="Läkarbesök").click()
    await sara.page.locator("[data-testid=day]").last.click()  # late enough to be cancelled
    await sara.click("slot")
    await sara.page.locator("[data-testid=confirm]").wait_for()
    await sara.click("book")
    await sara.page.locator("[data-testid=said]", has_text="är bokad").wait_for()
    mine = sara.page.locator("[data-testid=booking]", has_text="Läkarbesök")
    await mine.wait_for()
    booking_id = await mine.get_attribute("data-booking-id")

    await mine.locator("[data-testid=move]").click()
    await sara.page.locator("[data-testid=day]").last.click()
    await sara.page.locator("[data-testid=slot]").nth(2).click()
    await sara.click("confirm-move")
    await sara.page.locator("[data-testid=said]", has_text="flyttat").wait_for()

    answer = await sara.page.request.get(f"{service.site}/api/care/bookings/{booking_id}/calendar")
    assert answer.ok
    assert "METHOD:REQUEST" in await answer.text()

    await sara.page.locator(f"[data-booking-id='{booking_id}'] [data-testid=cancel]").click()
    await sara.click("confirm-cancel")
    await sara.page.locator("[data-testid=said]", has_text="är avbokad").wait_for()
    await sara.page.reload()
    await sara.click("show-past")
    await sara.page.locator(f"[data-booking-id='{booking_id}'][data-state=cancelled]").wait_for()
    assert await mine.locator("[data-testid=cancel]").count() == 0
