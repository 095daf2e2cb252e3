"""Messages in the browser: the chat of a meeting between a patient and staff, also when the network breaks."""

import io
from typing import Any

from PIL import Image

from tests.browser.conftest import Visitor
from tests.browser.people import Person
from tests.browser.polling import until
from tests.browser.service import Room

UNSENT = "!!document.querySelector('[data-testid=message][data-status=waiting]')"
TEXTS = "[...document.querySelectorAll('[data-testid=message-text]')].map((text) => text.textContent)"


class Writer:
    """Somebody with the chat of a meeting open. ``page`` is playwright's."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page: Any = person.page

    async def write(self, text: str) -> None:
        """Writes a message and sends it with Return."""
        field = self.page.locator("[data-testid=chat-text]")
        await field.fill(text)
        await field.press("Enter")

    async def reads(self, texts: list[str]) -> None:
        """Waits until exactly these messages are there, in this order."""

        async def there() -> bool:
            return bool(await self.page.evaluate(TEXTS) == texts)

        await until(there, f"{self.person.name} reads {texts}")

    async def has_sent_all(self) -> None:
        """Waits until no message waits for the server."""

        async def sent() -> bool:
            return not await self.page.evaluate(
                "!!document.querySelector('[data-testid=message][data-status=waiting]')"
            )

        await until(sent, f"{self.person.name} has nothing unsent")


async def open_chat(person: Person) -> Writer:
    """Opens the chat of the meeting that somebody is in."""
    writer = Writer(person)
    await writer.page.locator("[data-testid=toggle-chat]").click()
    await writer.page.locator("[data-testid=chat][data-status=live]").wait_for()
    return writer


async def test_a_patient_writes_and_staff_answer(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    karin = await visitor("Karin", room.link("Karin"))
    patient = await open_chat(anna)
    await patient.write("Hej, hör du mig?")
    unread = Writer(karin).page.locator("[data-testid=chat-unread]")
    await unread.wait_for()
    assert (await unread.inner_text()).endswith("1")
    clinician = await open_chat(karin)
    await clinician.reads(["Hej, hör du mig?"])
    assert await unread.count() == 0, "what is on the screen is read"
    await clinician.write("Ja, <b>bra</b>! Och du?")
    for writer in (patient, clinician):
        await writer.reads(["Hej, hör du mig?", "Ja, <b>bra</b>! Och du?"])


async def test_a_reconnect_keeps_every_message_once(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    karin = await visitor("Karin", room.link("Karin"))
    patient, clinician = await open_chat(anna), await open_chat(karin)
    texts = []
    for number in range(6):
        texts.append(f"meddelande {number}")
        await patient.write(texts[-1])
        # Right behind the sending: some acknowledgements are lost with the socket.
        if number % 2 == 0:
            await anna.page.evaluate("window.__probe.loseSocket()")
    await patient.has_sent_all()
    await patient.reads(texts)
    await clinician.reads(texts)
    await anna.page.reload()
    await until(anna.is_in, "Anna is back in the room after a reload")
    await (await open_chat(anna)).reads(texts)


async def test_a_picture_reaches_the_others(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    karin = await visitor("Karin", room.link("Karin"))
    patient, clinician = await open_chat(anna), await open_chat(karin)
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "PNG")
    file = {"name": "utslag å.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    await patient.page.locator("[data-testid=chat-file]").set_input_files(file)
    await patient.page.get_by_text("klar att skicka").wait_for()
    await patient.write("Så här ser det ut")
    for writer in (patient, clinician):
        await writer.reads(["Så här ser det ut"])
        shown = writer.page.locator("[data-testid=message] img")
        await shown.wait_for()
        assert await shown.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 64
    async with clinician.page.expect_download() as saving:
        await clinician.page.locator("[data-testid=save-file]").click()
    assert (await saving.value).suggested_filename == "utslag å.png"


async def test_what_is_not_sent_is_there_when_the_panel_opens_again(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    patient = await open_chat(anna)
    await patient.page.locator("[data-testid=chat-text]").fill("Halv")
    await patient.page.keyboard.press("Escape")
    await patient.page.locator("[data-testid=chat-panel]").wait_for(state="detached")
    patient = await open_chat(anna)
    assert await patient.page.locator("[data-testid=chat-text]").input_value() == "Halv"


async def test_real_time_text_is_read_as_it_is_written(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    karin = await visitor("Karin", room.link("Karin"))
    patient, clinician = await open_chat(anna), await open_chat(karin)
    await patient.page.locator("[data-testid=live-text]").check()
    field = patient.page.locator("[data-testid=chat-text]")
    await field.press_sequentially("Jag skriver")
    draft = clinician.page.locator("[data-testid=draft-text]")

    async def reads_along() -> bool:
        return bool(await draft.count() and await draft.inner_text() == "Jag skriver")

    await until(reads_along, "Karin reads what Anna has not sent")
    await field.press("Enter")
    await clinician.reads(["Jag skriver"])
    await patient.reads(["Jag skriver"])
    assert await draft.count() == 0


async def test_a_host_turns_the_participants_chat_off_and_on(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    karin = await visitor("Karin", room.link("Karin", role="host"))
    patient, clinician = await open_chat(anna), await open_chat(karin)
    switch = clinician.page.get_by_role("switch", name="Deltagarna kan skriva")
    await patient.page.locator("[data-testid=chat-text]").fill("Jag undrar")
    assert await patient.page.locator("[data-testid=participants-chat]").count() == 0
    await switch.uncheck()
    await patient.page.locator("[data-testid=chat-closed]").wait_for()
    assert await patient.page.locator("[data-testid=chat-text]").count() == 0
    await clinician.write("Nu läser ni bara")
    await patient.reads(["Nu läser ni bara"])
    await switch.check()
    field = patient.page.locator("[data-testid=chat-text]")
    await field.wait_for()
    assert await field.input_value() == "Jag undrar"
    await field.press("Enter")
    await clinician.reads(["Nu läser ni bara", "Jag undrar"])
