"""What people do before a meeting: log in with the development provider, click in the record system, open a link."""

from typing import Any

from tests.browser.people import Person
from tests.browser.service import Service

MARIA, SARA = "maria", "sara"
"""Persons of the test bench (``auth/development/persons.py``)."""
KARIN, PER = "SE5555555555-K001", "SE5566778899-P004"
KARINS_DESK = "SE5555555555-1001K01"
"""Her commission at the health centre, where Maria's visit is."""
VISIT = "demo-maria"
VISIT_OF_BENGT = "demo-bengt"
"""Maria is his proxy."""


class Inhabitant:
    """Somebody in a browser, with what the pages show by ``data-testid``. ``page`` is playwright's."""

    def __init__(self, service: Service, person: Person) -> None:
        self.service = service
        self.person = person
        self.page: Any = person.page

    async def open(self, path: str) -> None:
        """Opens a page of the service."""
        await self.page.goto(f"{self.service.site}{path}")

    async def click(self, name: str) -> None:
        """Clicks the first thing of that ``data-testid`` once it is there."""
        await self.page.locator(f"[data-testid={name}]").first.click()

    async def choose(self, who: str) -> None:
        """Chooses who to be on the provider's page, and comes back."""
        await self.page.locator(f"button[name=person][value='{who}']").click()
        await self.page.wait_for_url(f"{self.service.site}/**")

    async def log_in(self, who: str, *, audience: str = "patient") -> None:
        """Logs in from the start page (patients) or Vårdportalen (staff)."""
        await self.open("/" if audience == "patient" else "/portal")
        await self.click(f"login-{audience}")
        await self.choose(who)

    async def shows(self, text: str) -> None:
        """Waits until that text is on the page."""
        await self.page.get_by_text(text).first.wait_for()

    async def is_at(self, screen: str) -> None:
        """Waits for a screen of the meeting: prejoin, waiting, room, ended."""
        await self.page.locator(f"[data-testid=meeting][data-screen={screen}]").wait_for()

    async def is_in(self) -> None:
        """Waits until the room is there and connected."""
        await self.page.locator("[data-screen=room][data-state=connected]").wait_for()

    async def wait_outside(self) -> None:
        """From the check before the meeting into the waiting room."""
        await self.page.locator("[data-testid=prejoin] video[data-visible=true]").wait_for()
        await self.click("join")
        await self.is_at("waiting")


async def open_from_record_system(inhabitant: Inhabitant, meeting_id: str = VISIT, *, button: str = "open") -> None:
    """One click in the record system, at Karin's desk."""
    await inhabitant.page.goto(f"{inhabitant.service.record_system}/desk/{KARINS_DESK}")
    form = inhabitant.page.locator(f"form[action$='/{button}']:has(input[value='{meeting_id}'])")
    await form.locator("button").click()


async def make_guest_link(staff: Inhabitant, meeting_id: str = VISIT) -> str:
    """In Vårdportalen: a new guest link to that meeting."""
    await staff.open("/portal")
    await staff.page.locator(f"[data-meeting-id='{meeting_id}'] [data-testid=invite]").click()
    await staff.click("link-create")
    link: str = await staff.page.locator("[data-testid=link-url]").input_value()
    return link
