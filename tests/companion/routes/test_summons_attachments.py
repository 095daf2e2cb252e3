"""Attachments of a summons: put to the draft, read by the patient, printed behind the letter."""

import io
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

from auth.principal import Principal
from auth.principal_tokens import sign_principal
from companion.rules.summons import MAX_ATTACHMENTS
from companion.services import Services
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    TOKEN_KEYS,
    UNIT,
    Api,
    patient,
    staff,
)
from tests.companion.routes.test_summons import SCHEDULER, reach
from tests.companion.test_attached_pdf import pdf
from tests.companion.world import World, build


async def draft(api: Api, world: World, person_id: str = ANNA, slot: int = 0) -> str:
    """A summons to a booking, not sent yet; its path."""
    wish = {"slot_id": world.slots[slot]["slot_id"], "patient_person_id": person_id}
    booking = await api.made("/bookings", SCHEDULER, wish)
    made = await api.made("/summons/timed", SCHEDULER, {"booking_id": booking["booking_id"], "title": "Kallelse"})
    return f"/summons/{made['summons_id']}"


async def put(
    api: Api, path: str, content: bytes, who: Principal = SCHEDULER, name: str = "Inför besöket"
) -> httpx2.Response:
    token = sign_principal(TOKEN_KEYS, who, now=api.clock.now.timestamp())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/pdf"}
    return await api.http.post(f"{path}/attachments", params={"name": name}, content=content, headers=headers)


async def test_the_patient_reads_what_the_unit_has_attached(api: Api, services: Services) -> None:
    world = await build(api, services)
    await reach(api, ANNA)
    path = await draft(api, world)
    made = await put(api, path, pdf(2, hostile=True))
    assert made.status_code == 201
    assert (await api.get(f"{path}/attachments", patient())).status_code == 404  # a draft is not there
    await api.made(f"{path}/send", SCHEDULER)
    listed: list[dict[str, Any]] = (await api.get(f"{path}/attachments", patient())).json()
    assert [one["name"] for one in listed] == ["Inför besöket"]
    read = await api.get(f"{path}/attachments/{listed[0]['attachment_id']}", patient())
    assert len(PdfReader(io.BytesIO(read.content)).pages) == 2
    assert b"app.alert" not in read.content
    assert read.headers["content-type"] == "application/pdf"
    assert read.headers["content-disposition"].startswith("attachment")
    assert read.headers["x-content-type-options"] == "nosniff"


async def test_only_a_draft_changes(api: Api, services: Services) -> None:
    world = await build(api, services)
    await reach(api, ANNA)
    path = await draft(api, world)
    first = (await put(api, path, pdf())).json()
    second = (await put(api, path, pdf())).json()
    assert (await api.ask("DELETE", f"{path}/attachments/{first['attachment_id']}", SCHEDULER)).status_code == 204
    await api.made(f"{path}/send", SCHEDULER)
    assert (await put(api, path, pdf())).json()["code"] == "summons_state"
    gone = await api.ask("DELETE", f"{path}/attachments/{second['attachment_id']}", SCHEDULER)
    assert gone.json()["code"] == "summons_state"
    assert len((await api.get(f"{path}/attachments", SCHEDULER)).json()) == 1


async def test_they_are_printed_behind_the_letter(api: Api, services: Services) -> None:
    world = await build(api, services)  # nobody has an account: letters at once
    first, second = await draft(api, world), await draft(api, world, BO, slot=1)
    await put(api, second, pdf(2))
    await put(api, second, pdf(3))
    for path in (first, second):
        await api.made(f"{path}/send", SCHEDULER)
    batch = await api.made(f"/units/{UNIT}/letter-batches", SCHEDULER)
    printed = await api.get(f"/letter-batches/{batch['batch_id']}/pdf", SCHEDULER)
    assert len(PdfReader(io.BytesIO(printed.content)).pages) == 1 + 1 + 2 + 3


@pytest.mark.attack
async def test_what_is_refused_and_why(api: Api, services: Services) -> None:
    world = await build(api, services)
    path = await draft(api, world)
    assert (await put(api, path, b"<html><script>")).json()["code"] == "attachment_invalid"
    assert (await put(api, path, b"%PDF-" + b"x" * (1 << 20))).json()["code"] == "too_large"
    assert (await put(api, path, pdf(), name="")).json()["field"] == "name"
    for _ in range(MAX_ATTACHMENTS):
        assert (await put(api, path, pdf())).status_code == 201
    assert (await put(api, path, pdf())).json()["code"] == "too_many_attachments"


@pytest.mark.attack
async def test_nobody_elses_attachments(api: Api, services: Services) -> None:
    world = await build(api, services)
    await reach(api, ANNA)
    path, other = await draft(api, world), await draft(api, world, slot=2)
    one = f"{path}/attachments/{(await put(api, path, pdf())).json()['attachment_id']}"
    for who in (staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await put(api, path, pdf(), who)).status_code == 404
        assert (await api.ask("DELETE", one, who)).status_code == 404
        assert (await api.get(one, who)).status_code == 404
    await api.made(f"{path}/send", SCHEDULER)
    assert (await api.get(one, patient(BO))).status_code == 404
    assert (await put(api, path, pdf(), patient())).status_code == 403
    through_another = one.replace(path, other)
    assert (await api.get(through_another, SCHEDULER)).status_code == 404  # of another summons
