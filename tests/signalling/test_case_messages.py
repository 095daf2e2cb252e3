"""A case end to end: patient and unit over sockets, files over HTTP, the workflow behind both."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from auth import audit_store
from chat.notices import Contact
from signalling.front import Front
from tests.chat.test_pictures import with_exif
from tests.signalling import test_case_api, test_logs
from tests.signalling.browsing import Browser, patient, staff
from tests.signalling.conftest import Client
from tests.signalling.test_attachment_api import fetch, refused, upload
from tests.signalling.test_case_api import ANNA, EVA, OTHER_UNIT, Log, opened

configured = test_logs.configured
front, log_in, anna, karin = test_case_api.front, test_case_api.log_in, test_case_api.anna, test_case_api.karin


class Talker:
    """A logged-in person's socket."""

    def __init__(self) -> None:
        self.client = Client()

    async def enter(self, browser: Browser) -> "Talker":
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        headers = {"Cookie": cookie, "Origin": browser.url}
        await self.client.socket.connect(browser.url, transports=["websocket"], headers=headers)
        reply = await self.client.ask("chat_hello", {"protocol": 1})
        assert reply["ok"], reply
        return self

    async def open(self, conversation_id: str) -> dict[str, Any]:
        return await self.client.ask("chat_open", {"conversation_id": conversation_id, "last_seq": 0})

    async def say(self, conversation_id: str, client_id: str, text: str = "", attachments: Any = ()) -> dict[str, Any]:
        values = {"conversation_id": conversation_id, "client_id": client_id, "text": text}
        return await self.client.ask("chat_send", values | {"attachments": list(attachments)})

    async def message(self, count: int = 1) -> dict[str, Any]:
        """The ``count``-th message that the socket was told of."""
        number = 0
        while True:
            number += 1
            event = await self.client.wait_for("chat_event", number)
            if event["kind"] == "message":
                count -= 1
                if count == 0:
                    return dict(event)


@pytest.fixture
async def talkers() -> AsyncIterator[list[Talker]]:
    talkers: list[Talker] = []
    yield talkers
    for talker in talkers:
        await talker.client.close()


async def enter(talkers: list[Talker], browser: Browser) -> Talker:
    talkers.append(Talker())
    return await talkers[-1].enter(browser)


async def test_a_photo_and_its_answer(anna: Browser, karin: Browser, talkers: list[Talker], tmp_path: Path) -> None:
    case = await opened(anna)
    case_id, path = case["case_id"], f"/api/cases/{case['case_id']}"
    patient_end, unit_end = await enter(talkers, anna), await enter(talkers, karin)
    for end in (patient_end, unit_end):
        assert (await end.open(case_id))["live"]
    view = await upload(anna, path, with_exif(), "arm.jpg")
    sent = await patient_end.say(case_id, "m1", "Look at this", [view["attachment_id"]])
    assert sent["ok"], sent
    told = await unit_end.message()
    assert told["body"]["attachments"] == [view]
    status, data, _ = await fetch(karin, path, told["body"]["attachments"][0]["attachment_id"])
    assert (status, len(data)) == (200, view["size_bytes"])
    refused = await unit_end.say(case_id, "a1", "That is harmless")
    assert refused["error"]["code"] == "not_assigned"
    await karin.send("POST", f"{path}/assign", {})
    assert (await unit_end.say(case_id, "a1", "That is harmless"))["ok"]
    assert (await patient_end.message(2))["body"]["text"] == "That is harmless"
    assert (await anna.send("GET", path))[1]["state"] == "awaiting_patient"
    await karin.send("POST", f"{path}/close", {})
    assert [path.name for path in (tmp_path / "archive" / "files").rglob("att-*")] == [view["attachment_id"]]
    late = await patient_end.say(case_id, "m2", "Thank you")
    assert late["error"]["code"] in ("conversation_closed", "case_closed")
    await anna.send("POST", f"{path}/reopen", {})
    assert (await patient_end.say(case_id, "m2", "Thank you"))["ok"]
    assert (await anna.send("GET", path))[1]["state"] == "reopened"


@pytest.mark.attack
async def test_the_audit_log_says_who_read_what_from_where_and_who_was_refused(
    redis_client: Redis, anna: Browser, karin: Browser, log_in: Log, talkers: list[Talker]
) -> None:
    case_id = (await opened(anna))["case_id"]
    stranger = await enter(talkers, await log_in(patient(EVA)))
    unit_end = await enter(talkers, karin)
    before = [linked async for linked in audit_store.entries(redis_client)]
    assert (await unit_end.open(case_id))["live"]
    for reply in (await stranger.open(case_id), await stranger.say(case_id, "m1", "Hello")):
        assert reply["error"]["code"] == "unknown_conversation"
    await stranger.client.ask("chat_type", {"conversation_id": case_id, "typing": True})
    after = [json.loads(linked.body) async for linked in audit_store.entries(redis_client)][len(before) :]
    told = [(body["actor"], body["action"], body["patient"], body["outcome"], body["address"]) for body in after]
    assert told == [
        ("SE5555555555-K1", "case_read", ANNA, "allowed", "127.0.0.1"),
        (EVA, "case_read", ANNA, "refused", "127.0.0.1"),
        (EVA, "case_write", ANNA, "refused", "127.0.0.1"),
    ]


@pytest.mark.attack
async def test_a_patients_socket_never_gets_a_note(
    front: Front, anna: Browser, karin: Browser, log_in: Log, talkers: list[Talker]
) -> None:
    case = await opened(anna)
    notes_id = f"notes-{case['case_id'].removeprefix('case-')}"
    patient_end, unit_end = await enter(talkers, anna), await enter(talkers, karin)
    stranger = await enter(talkers, await log_in(staff(unit=OTHER_UNIT)))
    await patient_end.open(case["case_id"])
    for end in (patient_end, stranger):
        assert (await end.open(notes_id))["error"]["code"] == "unknown_conversation"
        assert (await end.say(notes_id, "x", "let me in"))["error"]["code"] == "unknown_conversation"
    assert (await unit_end.open(notes_id))["live"]
    body = {"text": "Sounds worried", "client_id": "n1"}
    assert (await karin.send("POST", f"/api/cases/{case['case_id']}/notes", body))[0] == 201
    assert (await unit_end.message())["body"]["text"] == "Sounds worried"
    assert (await unit_end.say(notes_id, "n2", "and over the socket"))["ok"]
    await unit_end.message(2)
    await patient_end.say(case["case_id"], "m1", "Hello?")  # whatever had come would have come before this
    assert (await patient_end.message())["body"]["text"] == "Hello?"
    assert "worried" not in str(patient_end.client.events)
    assert "socket" not in str([payload for name, payload in patient_end.client.events if name == "chat_event"])


@pytest.mark.attack
async def test_files_of_others_and_of_elsewhere_cannot_be_sent(
    anna: Browser, log_in: Log, talkers: list[Talker]
) -> None:
    case, other = await opened(anna), await opened(anna, client_id="c2")
    eva = await log_in(patient(EVA))
    evas = await opened(eva)
    mine = await upload(anna, f"/api/cases/{other['case_id']}")
    hers = await upload(eva, f"/api/cases/{evas['case_id']}")
    end = await enter(talkers, anna)
    for attachment_id in (mine["attachment_id"], hers["attachment_id"], "att-0"):
        reply = await end.say(case["case_id"], "m1", "x", [attachment_id])
        assert reply["error"]["code"] == "unknown_attachment"
    assert (await end.say(evas["case_id"], "m1", "x"))["error"]["code"] == "unknown_conversation"


@pytest.mark.attack
async def test_a_withdrawn_message_takes_its_files_along(anna: Browser, karin: Browser, talkers: list[Talker]) -> None:
    case = await opened(anna)
    case_id, path = case["case_id"], f"/api/cases/{case['case_id']}"
    end = await enter(talkers, anna)
    view = await upload(anna, path)
    sent = await end.say(case_id, "m1", "", [view["attachment_id"]])
    assert (await fetch(karin, path, view["attachment_id"]))[0] == 200
    values = {"conversation_id": case_id, "client_id": "w1", "target": sent["seq"]}
    assert (await end.client.ask("chat_withdraw", values))["ok"]
    assert (await fetch(karin, path, view["attachment_id"]))[0] == 404
    again = await end.say(case_id, "m2", "", [view["attachment_id"]])
    assert again["error"]["code"] == "unknown_attachment"


@pytest.mark.attack
@pytest.mark.usefixtures("configured")
async def test_a_case_leaves_no_personal_data_in_logs_and_metrics(
    capsys: pytest.CaptureFixture[str], front: Front, anna: Browser, karin: Browser, talkers: list[Talker]
) -> None:
    await front.notices.contacts.put(ANNA, Contact(phone="+46701740605", email="anna@example.com"))
    case = await opened(anna, subject="Secret subject")
    path = f"/api/cases/{case['case_id']}"
    end = await enter(talkers, anna)
    view = await upload(anna, path, with_exif(), "Secret picture.jpg")
    await end.say(case["case_id"], "m1", "Secret text", [view["attachment_id"]])
    await karin.send("POST", f"{path}/notes", {"text": "Secret note", "client_id": "n1"})
    await karin.send("POST", f"{path}/assign", {"assignee": "SE5555555555-K9"})
    await anna.send("POST", f"{path}/close", {})
    await refused(anna, path, b"<script>Secret script</script>")
    await karin.send("POST", f"{path}/assign", {})
    await karin.send("POST", f"{path}/close", {})
    await front.notices.delivery.step()
    await front.cases.service.repair()
    _, metrics, _ = await anna.ask("GET", "/metrics")
    written = capsys.readouterr()
    for text in (written.err, written.out, metrics):
        for personal in (
            "Secret",
            "Anna",
            "Karin",
            ANNA,
            "SE5555555555-K",
            "46701740605",
            "anna@example",
            case["case_id"],
        ):
            assert personal not in text
    assert 'http_refusals_total{cause="dangerous_content"}' in metrics
    assert 'ao_front_notices_total{channel="sms"' in metrics


async def test_the_screens_of_a_unit_hear_that_a_case_has_changed(
    anna: Browser, karin: Browser, log_in: Log, talkers: list[Talker]
) -> None:
    elsewhere = await log_in(staff(unit=OTHER_UNIT))
    ends = [await enter(talkers, browser) for browser in (karin, elsewhere)]
    channels = [(await end.client.ask("chat_hello", {"protocol": 1}))["channel"] for end in ends]
    for end, channel in zip(ends, channels, strict=True):
        assert (await end.open(channel))["live"]
    case = await opened(anna)
    heard = await ends[0].client.wait_for("chat_case")
    assert heard == {"conversation_id": channels[0], "case_id": case["case_id"]}
    patient_end = await enter(talkers, anna)
    assert (await patient_end.say(case["case_id"], "m1", "Hello"))["ok"]
    await ends[0].client.wait_for("chat_case", 2)
    assert (await patient_end.open(channels[0]))["error"]["code"] == "unknown_conversation"
    await karin.send("POST", f"/api/cases/{case['case_id']}/return", {"unit_hsa_id": OTHER_UNIT})
    moved = await ends[1].client.wait_for("chat_case")
    assert moved == {"conversation_id": channels[1], "case_id": case["case_id"]}
    await ends[0].client.wait_for("chat_case", 3)
