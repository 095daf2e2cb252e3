"""A case in the browser: a patient writes, staff answer, the network breaks, the case is closed and opened again."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import Visitor
from tests.browser.logins import KARIN, MARIA, SARA, Inhabitant
from tests.browser.polling import until
from tests.browser.service import Service

CENTRE = "Björkens vårdcentral"
TEXTS = (
    "[...document.querySelectorAll('[data-testid=chat] [data-testid=message-text]')].map((text) => text.textContent)"
)


class Line:
    """The network between one browser's sockets and the service, which can be cut."""

    def __init__(self) -> None:
        self._is_cut = False
        self._sockets: list[Any] = []

    async def lay(self, page: Any) -> None:
        """From the next page on, its sockets go through here."""
        await page.context.route_web_socket("**/socket.io/**", self._opened)

    async def _opened(self, socket: Any) -> None:
        if self._is_cut:
            await socket.close()
            return
        socket.connect_to_server()
        self._sockets.append(socket)

    async def cut(self) -> None:
        """Nothing gets through, and no new socket either."""
        self._is_cut = True
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()

    def mend(self) -> None:
        """New sockets get through."""
        self._is_cut = False


async def write(somebody: Inhabitant, text: str) -> None:
    """Writes in the conversation with the other side, and sends it by the keyboard."""
    field = somebody.page.locator("[data-testid=chat] [data-testid=chat-text]")
    await field.fill(text)
    await field.press("Control+Enter")


async def reads(somebody: Inhabitant, texts: list[str]) -> None:
    """Waits until exactly these messages are on the screen, in this order."""

    async def there() -> bool:
        return bool(await somebody.page.evaluate(TEXTS) == texts)

    await until(there, f"{somebody.person.name} reads {texts}")


async def last_status(somebody: Inhabitant, status: str) -> None:
    """Waits until the last message of one's own has come so far: waiting, sent, delivered, read."""
    last = somebody.page.locator("[data-testid=chat] [data-testid=message][data-own=true]").last

    async def there() -> bool:
        return bool(await last.get_attribute("data-status") == status)

    await until(there, f"{somebody.person.name}'s last message is {status}")


async def staff_at(service: Service, visitor: Visitor) -> Inhabitant:
    """Karin at the health centre's inbox."""
    karin = Inhabitant(service, await visitor("Karin"))
    await karin.log_in(KARIN, audience="staff")
    await karin.page.get_by_role("button", name=CENTRE).click()
    await karin.click("nav-inbox")
    await karin.page.locator("[data-testid=inbox][data-loaded=here]").wait_for()
    return karin


async def test_the_way_of_a_case(service: Service, visitor: Visitor) -> None:
    karin = await staff_at(service, visitor)
    maria, line = Inhabitant(service, await visitor("Maria")), Line()
    await line.lay(maria.page)
    await maria.log_in(MARIA)
    await maria.click("nav-cases")

    # A new case with a picture; what the unit promises stands before the button.
    await maria.click("new-case")
    await maria.page.locator("[data-testid=unit]", has_text=CENTRE).click()
    board = await maria.page.locator("[data-testid=board]").inner_text()
    assert "Öppettider: måndag–fredag 08:00–17:00" in board
    assert "Du får svar senast" in board
    assert "112" in board
    await maria.page.locator("[data-testid=subject]").fill("Utslag på armen")
    await maria.page.locator("[data-testid=text]").fill("Så här ser det ut sedan i går.")
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "PNG")
    file = {"name": "arm.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    await maria.page.locator("[data-testid=file]").set_input_files(file)
    await maria.click("send-case")
    await reads(maria, ["Så här ser det ut sedan i går."])
    case_id = maria.page.url.rpartition("/")[2]

    # Staff see it come without a reload, look at it, take it, write a note beside it.
    row = karin.page.locator(f"[data-testid=case][data-case-id='{case_id}'][data-unread=true]")
    await row.wait_for()
    assert "Maria Ekdal" in await row.inner_text()
    await row.focus()
    await row.press("Enter")
    shown = karin.page.locator("[data-testid=chat] [data-testid=message] img")
    await shown.wait_for()
    assert await shown.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 64
    await last_status(maria, "read")
    assert await karin.page.locator("[data-testid=chat] [data-testid=chat-text]").count() == 0
    await karin.click("take")
    await karin.page.locator("[data-testid=desk][data-state=assigned]").wait_for()
    note = karin.page.locator("[data-testid=notes] [data-testid=chat-text]")
    await note.fill("Ser ut som kontakteksem.")
    await note.press("Control+Enter")
    await karin.page.locator("[data-testid=notes] [data-testid=message][data-status=sent]").wait_for()

    # The answer reaches the patient's open page, and staff see that it was read.
    await maria.page.locator("[data-testid=case-room][data-state=assigned]").wait_for()
    await write(karin, "Hej Maria! Prova en mild salva.")
    await reads(maria, ["Så här ser det ut sedan i går.", "Hej Maria! Prova en mild salva."])
    await last_status(karin, "read")
    await maria.page.locator("[data-testid=case-room][data-state=awaiting_patient]").wait_for()
    assert "kontakteksem" not in await maria.page.content()

    # Without a network what is written waits, survives a reload, and is sent once.
    await line.cut()
    await write(maria, "Tack! Vilken salva?")
    await last_status(maria, "waiting")
    await maria.page.reload()
    await maria.page.locator("[data-testid=message][data-status=waiting]").wait_for()
    line.mend()
    texts = ["Så här ser det ut sedan i går.", "Hej Maria! Prova en mild salva.", "Tack! Vilken salva?"]
    for somebody in (maria, karin):
        await reads(somebody, texts)
    await last_status(maria, "read")

    # Closed by staff, opened again by the patient.
    await karin.page.locator("[data-testid=desk][data-state=awaiting_staff]").wait_for()
    await karin.click("close-case")
    await karin.click("confirm-close")
    await maria.page.locator("[data-testid=case-closed]").wait_for()
    assert await maria.page.locator("[data-testid=chat-text]").count() == 0
    await karin.page.locator("[data-testid=desk][data-state=closed]").wait_for()
    await maria.click("reopen")
    await maria.page.locator("[data-testid=case-room][data-state=reopened]").wait_for()
    await karin.page.locator("[data-testid=desk][data-state=reopened]").wait_for()
    await write(maria, "Den hjälpte inte.")
    await reads(karin, [*texts, "Den hjälpte inte."])


@pytest.mark.attack
async def test_a_deep_link_opens_the_case_after_login_and_only_for_its_patient(
    service: Service, visitor: Visitor
) -> None:
    maria, sara = [Inhabitant(service, await visitor(name)) for name in ("Maria", "Sara")]
    await maria.log_in(MARIA)
    await maria.open("/cases/new")
    await maria.page.locator("[data-testid=unit]", has_text=CENTRE).click()
    await maria.page.locator("[data-testid=subject]").fill("Intyg")
    await maria.page.locator("[data-testid=text]").fill("Jag behöver ett intyg.")
    await maria.click("send-case")
    await reads(maria, ["Jag behöver ett intyg."])
    path = maria.page.url.removeprefix(service.site)
    await maria.page.context.clear_cookies()
    await maria.open(path)
    await maria.click("login-patient")
    await maria.choose(MARIA)
    await reads(maria, ["Jag behöver ett intyg."])
    assert maria.page.url == f"{service.site}{path}"

    await sara.open(path)
    await sara.click("login-patient")
    await sara.choose(SARA)
    await sara.page.locator("[data-testid=notice][data-code=not_found]").wait_for()
    assert "intyg" not in (await sara.page.content()).lower()
