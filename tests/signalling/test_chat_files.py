"""An interpreter in a meeting's chat sees no files: not live, not later, not by searching."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from signalling import chat_files
from signalling.chat_packets import event_frame
from signalling.front import Front
from tests.signalling.conftest import NOW, Client, MakeClient
from tests.signalling.test_chat_events import ROOM, hello, open_chat, send

NAME = "19900101-2385 provsvar.txt"
TEXT = b"Values"


async def file_of(front: Front, person: str) -> str:
    async def body() -> AsyncIterator[bytes]:
        yield TEXT

    attachments = front.cases.attachments
    address = await attachments.reserve(ROOM, person, size_bytes=len(TEXT), now_s=NOW)
    claim = attachments.signer.check(address.address, purpose="upload", now_s=NOW)
    return str((await attachments.receive(claim, body(), name=NAME, stated_type="", now_s=NOW))["attachment_id"])


async def send_file(client: Client, attachment_id: str, text: str, client_id: str) -> Any:
    values = {"conversation_id": ROOM, "client_id": client_id, "text": text, "attachments": [attachment_id]}
    return await client.ask("chat_send", values)


@pytest.mark.attack
async def test_an_interpreter_gets_every_message_and_no_file(front: Front, make_client: MakeClient) -> None:
    anna, bo, tolk = [await make_client() for _ in range(3)]
    await hello(anna)
    await hello(bo, "bo", role="guest", admitted=True)
    await hello(tolk, "tolk", role="interpreter", admitted=True)
    for client in (anna, bo, tolk):
        assert (await open_chat(client))["live"]
    sent = [
        await send(anna, "hej", "c1"),
        await send_file(anna, await file_of(front, "anna"), "se hur", "c2"),
        await send_file(anna, await file_of(front, "anna"), "", "c3"),
        await send(anna, "hej då", "c4"),
    ]
    assert [reply["seq"] for reply in sent] == [1, 2, 3, 4]
    for client in (bo, tolk):
        events = [await client.wait_for("chat_event", number) for number in range(1, 5)]
        assert [event["body"]["text"] for event in events] == ["hej", "se hur", "", "hej då"]
        assert ("provsvar" in str(events)) is (client is bo)
    assert [event["seq"] for event in tolk.named("chat_event")] == [1, 2, 3, 4]

    resumed = await open_chat(tolk)
    page = await tolk.ask("chat_history", {"conversation_id": ROOM, "before": 99})
    for answer in (resumed, page):
        assert [event["seq"] for event in answer["events"]] == [1, 2, 3, 4]
        assert "provsvar" not in str(answer)
    assert "provsvar" in str(await open_chat(bo))

    async def found(client: Client, query: str) -> list[int]:
        answer = await client.ask("chat_search", {"conversation_id": ROOM, "query": query})
        return [event["seq"] for event in answer["events"]]

    assert await found(bo, "provsvar") == [3, 2]
    assert await found(tolk, "provsvar") == []
    assert await found(tolk, "se hur") == [2]


def test_other_events_are_one_frame_for_all() -> None:
    message = {"conversation_id": ROOM, "body": {"text": "hej"}}
    with_file = {"conversation_id": ROOM, "body": {"text": "hej", "attachments": [{"name": NAME}]}}
    in_a_case = with_file | {"conversation_id": "case-1"}
    for payload in (message, in_a_case):
        assert chat_files.frames("chat_event", payload) == event_frame("chat_event", payload)
    assert chat_files.frames("chat_presence", {"people": []}) == event_frame("chat_presence", {"people": []})
    two = chat_files.frames("chat_event", with_file)
    assert two == chat_files.TwoFrames(event_frame("chat_event", with_file), event_frame("chat_event", message))
