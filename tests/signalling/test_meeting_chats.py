"""The chat of a meeting ends with it: at every front, for every socket, whatever the token still says."""

import asyncio
import secrets
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.keys import Keys
from sfu.bus import RpcError
from signalling.front import Front
from tests.patience import PATIENCE_S
from tests.signalling.browsing import PROVIDER, UNIT, staff
from tests.signalling.conftest import KEYS, NOW, Client, MakeClient, MakeFront, meeting_token, service_headers
from tests.signalling.fake_worker import FakeWorker
from tests.signalling.meeting_people import MakeBrowser, meeting, service
from tests.signalling.meeting_people import make_browser as make_browser
from tests.signalling.test_chat_events import code, hello, open_chat, send

DAY_S = 24 * 3600


async def state_of(front: Front, conversation_id: str) -> str | None:
    found = await front.chat.store.conversation(conversation_id)
    return found.state if found is not None else None


@pytest.mark.attack
async def test_who_only_reads_the_chat_is_out_when_a_host_ends_the_meeting_for_all(
    make_browser: MakeBrowser, make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    await front.meetings.put(meeting(), NOW)
    host = await make_browser(staff())
    _, body = await host.send("POST", "/api/meetings/m1/token", {})
    other_front = await make_front()
    here, there, elsewhere = await make_client(), await make_client(other_front), await make_client()
    for client in (here, there):
        assert (await client.ask("chat_hello", {"protocol": 1, "token": body["token"]}))["meeting"] == "meeting-m1"
        assert (await open_chat(client, conversation_id="meeting-m1"))["live"]
    await hello(elsewhere, "bo")
    assert (await send(here, "hej", "c1", "meeting-m1"))["ok"]
    assert (await host.send("DELETE", "/api/meetings/m1"))[0] == 204
    for client in (here, there):
        assert (await client.wait_for("chat_ended"))["conversation_id"] == "meeting-m1"
        assert code(await send(client, "kvar", "c2", "meeting-m1")) == "not_logged_in"
    for client in (here, there):
        await asyncio.wait_for(client.gone.wait(), PATIENCE_S)
    assert await state_of(front, "meeting-m1") == "closed"
    again = await make_client(other_front)
    assert code(await again.ask("chat_hello", {"protocol": 1, "token": body["token"]})) == "unknown_room"
    assert (await send(elsewhere, "hej", "c1"))["ok"]  # nobody else's meeting


@pytest.mark.attack
async def test_a_room_that_a_service_closes_takes_its_chat_along_and_a_new_one_has_a_chat_again(
    http: Any, make_client: MakeClient, front: Front
) -> None:
    anna = await make_client()
    await hello(anna)
    await open_chat(anna)
    await send(anna, "hej", "c1")
    assert (await http.delete("/api/rooms/room", headers=service_headers())).status == 204
    assert (await anna.wait_for("chat_ended"))["conversation_id"] == "meeting-room"
    assert await state_of(front, "meeting-room") == "closed"
    assert (await http.delete("/api/rooms/room", headers=service_headers())).status == 404
    made = await http.post("/api/rooms", json={"room_id": "room", "name": "Igen"}, headers=service_headers())
    assert made.status == 201
    again = await make_client()
    await hello(again)
    assert (await send(again, "hej igen", "c2"))["seq"] == 2


@pytest.mark.attack
async def test_the_chat_ends_even_when_the_media_worker_does_not_answer(
    front: Front, worker: FakeWorker, make_client: MakeClient
) -> None:
    bo, anna = await make_client(), await make_client()
    await bo.join("bo")
    await hello(anna)
    await open_chat(anna)
    worker.refuse["close_room"] = "internal"
    with pytest.raises(RpcError):
        await front.closer.close_room("room")
    await anna.wait_for("chat_ended")
    assert await state_of(front, "meeting-room") == "closed"


async def test_a_meeting_that_moves_lets_its_readers_go_and_keeps_its_chat(
    front: Front, make_client: MakeClient
) -> None:
    anna = await make_client()
    await hello(anna)
    await open_chat(anna)
    assert await front.closer.empty("room", "moved")
    await anna.wait_for("chat_ended")
    assert await state_of(front, "meeting-room") == "open"


@pytest.mark.attack
async def test_nobody_opens_a_chat_that_was_closed_before_anybody_wrote(front: Front, make_client: MakeClient) -> None:
    await front.closer.empty("never-used", "cancelled")
    assert await state_of(front, "meeting-never-used") == "closed"


@pytest.mark.attack
async def test_a_token_that_has_ended_or_whose_room_is_gone_ends_its_socket(
    make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    now = [NOW]
    later = await make_front(clock=lambda: now[0])
    anna, bo, eva = await make_client(later), await make_client(later), await make_client(later)
    await front.registry.create_room("gone", "Gone", 12)
    await hello(anna, lifetime_s=300)
    await hello(bo, "bo", lifetime_s=900)
    await hello(eva, "eva", room_id="gone", lifetime_s=900)
    await later.chat.events.check_logins()
    assert len(later.chat.events) == 3
    await front.registry.delete_room("gone")
    await later.chat.events.check_logins()
    await asyncio.wait_for(eva.gone.wait(), PATIENCE_S)
    now[0] += 331
    await later.chat.events.check_logins()
    await asyncio.wait_for(anna.gone.wait(), PATIENCE_S)
    assert (await send(bo, "hej", "c1"))["ok"]


async def test_a_renewed_token_is_shown_on_the_same_socket_which_reads_on(
    make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    now = [NOW]
    later = await make_front(clock=lambda: now[0])
    anna = await make_client(later)
    await hello(anna, lifetime_s=300)
    await open_chat(anna)
    now[0] += 200
    token = meeting_token("anna", now=now[0], lifetime_s=300)
    assert KEYS.check_meeting(token, now=now[0])
    assert (await anna.ask("chat_hello", {"protocol": 1, "token": token}))["meeting"] == "meeting-room"
    now[0] += 200
    await later.chat.events.check_logins()
    assert (await send(anna, "hej", "c1"))["ok"]
    assert (await anna.wait_for("chat_event"))["seq"] == 1


@pytest.mark.attack
async def test_where_participants_may_not_chat_they_read_and_only_hosts_write(
    make_browser: MakeBrowser, make_client: MakeClient, front: Front
) -> None:
    group = meeting(kind="group", participants_chat=False, starts_at=int(NOW) + 60)
    await front.meetings.put(group, NOW)
    host = await make_browser(staff())
    _, body = await host.send("POST", "/api/meetings/m1/token", {})
    anna, karin = await make_client(), await make_client()
    await anna.ask("chat_hello", {"protocol": 1, "token": meeting_token("anna", "m1")})
    await karin.ask("chat_hello", {"protocol": 1, "token": body["token"]})
    assert (await open_chat(anna, conversation_id="meeting-m1"))["state"] == "closed"
    assert (await open_chat(karin, conversation_id="meeting-m1"))["state"] == "open"
    assert (await send(karin, "Välkomna", "k1", "meeting-m1"))["ok"]
    assert (await anna.wait_for("chat_event"))["body"] == {"text": "Välkomna"}
    refused = [code(await send(anna, "hej", f"a{number}", "meeting-m1")) for number in range(2)]
    assert refused == ["conversation_closed"] * 2
    assert code(await anna.ask("chat_type", {"conversation_id": "meeting-m1", "typing": True})) == "conversation_closed"
    headers = {"Authorization": f"Bearer {meeting_token('anna', 'm1')}"}
    status, answer, _ = await host.ask("POST", "/api/meeting-files", json={"size_bytes": 5}, headers=headers)
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    chats = front.closer._chats
    await chats.rule("m1", is_hosts_only=False)
    assert (await anna.wait_for("chat_changed"))["state"] == "open"
    assert (await send(anna, "hej", "a3", "meeting-m1"))["ok"]


@pytest.mark.attack
async def test_a_host_switches_the_participants_chat_and_everybody_is_told_at_once(
    make_browser: MakeBrowser, make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    await front.meetings.put(meeting(starts_at=int(NOW) + 60), NOW)
    _, body = await (await make_browser(staff())).send("POST", "/api/meetings/m1/token", {})
    anna, karin = await make_client(await make_front()), await make_client()
    await anna.ask("chat_hello", {"protocol": 1, "token": meeting_token("anna", "m1")})
    await karin.ask("chat_hello", {"protocol": 1, "token": body["token"]})
    opened = await open_chat(anna, conversation_id="meeting-m1")
    assert (opened["state"], opened["hosts_only"]) == ("open", False)
    await open_chat(karin, conversation_id="meeting-m1")
    assert (await send(anna, "hej", "a1", "meeting-m1"))["ok"]  # what may be written is known now, at her front
    rule = {"conversation_id": "meeting-m1", "hosts_only": True}
    assert code(await anna.ask("chat_rule", rule)) == "forbidden"
    for role in ("guest", "interpreter"):
        other = await make_client()
        await other.ask("chat_hello", {"protocol": 1, "token": meeting_token("g", "m1", role=role)})
        assert code(await other.ask("chat_rule", rule)) == "forbidden", role
    elsewhere = await make_client()
    await elsewhere.ask("chat_hello", {"protocol": 1, "token": meeting_token("bo", "room", role="host")})
    assert code(await elsewhere.ask("chat_rule", rule)) == "unknown_conversation"

    assert (await karin.ask("chat_rule", rule))["ok"]
    told = [await client.wait_for("chat_changed") for client in (anna, karin)]
    assert [(one["state"], one["hosts_only"]) for one in told] == [("closed", True), ("open", True)]
    assert code(await send(anna, "hej", "a2", "meeting-m1")) == "conversation_closed"
    assert (await send(karin, "hej", "k1", "meeting-m1"))["ok"]

    assert (await karin.ask("chat_rule", rule | {"hosts_only": False}))["ok"]
    again = await anna.wait_for("chat_changed", 2)
    assert (again["state"], again["hosts_only"]) == ("open", False)
    assert (await send(anna, "hej", "a3", "meeting-m1"))["ok"]


async def test_a_host_who_switched_the_chat_off_finds_it_off_when_the_room_was_lost(
    front: Front, make_client: MakeClient
) -> None:
    karin = await make_client()
    await hello(karin, "karin", role="host")
    chats = front.closer._chats
    assert (await karin.ask("chat_rule", {"conversation_id": "meeting-room", "hosts_only": True}))["ok"]
    await chats.open("room")
    assert (await open_chat(karin))["hosts_only"]
    await chats.close("room")
    await chats.open("room")  # another meeting in the same room: as it was planned
    assert not (await open_chat(karin))["hosts_only"]


async def test_what_a_host_said_of_the_chat_holds_through_lost_rooms_at_every_front_until_the_meeting_ends(
    make_browser: MakeBrowser, make_front: MakeFront, make_client: MakeClient, front: Front
) -> None:
    other, host = await make_front(), await make_browser(staff())
    starts_at = int(NOW) + 5 * DAY_S
    plan = {"title": "Smärtskola", "kind": "group", "starts_at": starts_at, "ends_at": starts_at + 3600}
    _, planned = await host.send("POST", "/api/meetings", plan | {"participants_chat": False})
    meeting_id, chat = planned["meeting_id"], f"meeting-{planned['meeting_id']}"

    async def enter(at: Front) -> Client:
        """The host comes, by a room that is made if need be."""
        _, body = await (await make_browser(staff(), at)).send("POST", f"/api/meetings/{meeting_id}/token", {})
        karin = await make_client(at)
        assert (await karin.ask("chat_hello", {"protocol": 1, "token": body["token"]}))["meeting"] == chat
        return karin

    async def is_off(at: Front) -> bool:
        anna = await make_client(at)
        await anna.ask("chat_hello", {"protocol": 1, "token": meeting_token("anna", meeting_id)})
        at.chat.service.forget_standing(chat)  # it may be a second old where nobody reads the chat
        sent = await send(anna, "hej", secrets.token_hex(4), chat)
        return not sent["ok"] and code(sent) == "conversation_closed"

    karin = await enter(other)
    assert await is_off(front)
    assert (await karin.ask("chat_rule", {"conversation_id": chat, "hosts_only": False}))["ok"]
    assert not await is_off(other)
    await front.registry.delete_room(meeting_id)
    await enter(front)
    assert not await is_off(other)
    await front.registry.delete_room(meeting_id)
    for day in range(1, 5):  # nobody comes
        await other.cases.expiry.sweep(NOW + day * DAY_S)
    karin = await enter(other)
    assert not await is_off(front)
    await front.registry.delete_room(meeting_id)
    later = await make_front(clock=lambda: NOW + 6 * DAY_S)
    await later.cases.expiry.sweep(NOW + 6 * DAY_S)
    assert await state_of(front, chat) == "closed"
    await later.cases.expiry.sweep(NOW + 8 * DAY_S)
    assert await state_of(front, chat) is None


async def test_only_a_plan_that_says_something_else_undoes_what_a_host_said_of_the_chat(
    make_browser: MakeBrowser, make_client: MakeClient, front: Front
) -> None:
    plans = await make_browser()
    plan = {"meeting_id": "m2", "title": "Smärtskola", "kind": "group", "participants_chat": False}
    plan |= {"unit_hsa_id": UNIT, "provider_hsa_id": PROVIDER}

    async def put(starts_at: float, **changes: Any) -> bool:
        times = {"starts_at": int(starts_at), "ends_at": int(starts_at) + 3600}
        assert (await plans.send("POST", "/api/meetings", plan | times | changes, **service("meetings:write")))[0] < 300
        found = await front.chat.store.conversation("meeting-m2")
        return found is not None and found.is_hosts_only

    assert await put(NOW + 600)
    _, body = await (await make_browser(staff())).send("POST", "/api/meetings/m2/token", {})
    karin = await make_client()
    await karin.ask("chat_hello", {"protocol": 1, "token": body["token"]})
    assert (await karin.ask("chat_rule", {"conversation_id": "meeting-m2", "hosts_only": False}))["ok"]
    assert not await put(NOW + 900)
    assert not await put(NOW + 900, participants_chat=True)
    assert await put(NOW + 900)
    assert await state_of(front, "meeting-m2") == "open"


@pytest.mark.attack
async def test_a_switch_does_not_open_a_chat_that_ends_at_the_same_time(front: Front, make_client: MakeClient) -> None:
    karin = await make_client()
    await hello(karin, "karin", role="host")
    await front.closer._chats.close("room")
    await front.chat.store.rule("meeting-room", is_hosts_only=True)
    assert await state_of(front, "meeting-room") == "closed"


async def test_a_switch_while_somebody_opens_the_chat_reaches_them_after_the_answer(
    front: Front, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await make_client()
    await hello(anna)
    store = front.chat.store
    read_after = store.read_after

    async def read(*arguments: Any, **named: Any) -> Any:
        await store.rule("meeting-room", is_hosts_only=True)  # she is not attached yet
        async with asyncio.timeout(PATIENCE_S):
            while "meeting-room" not in front.chat.fanout._shown:  # the news of it has come, and found no readers
                await asyncio.sleep(0.001)
        return await read_after(*arguments, **named)

    monkeypatch.setattr(store, "read_after", read)
    opened = await open_chat(anna)
    assert (opened["state"], opened["hosts_only"], opened["live"]) == ("open", False, True)
    changed = await anna.wait_for("chat_changed")
    assert (changed["state"], changed["hosts_only"]) == ("closed", True)


@pytest.mark.parametrize("by", ["a lost connection", "the next look"])
async def test_what_a_front_was_not_told_of_it_tells_its_readers_later(
    by: str, front: Front, make_client: MakeClient, redis_client: Redis
) -> None:
    anna, bo = await make_client(), await make_client()
    for client, name in ((anna, "anna"), (bo, "bo")):
        await hello(client, name)
        await open_chat(client)
    await redis_client.hset(Keys("meeting-room").meta, "is_hosts_only", "1")  # and nobody says so
    if by == "the next look":
        await front.chat.events.check_logins()
    else:
        await redis_client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    for client in (anna, bo):
        changed = await client.wait_for("chat_changed")
        assert (changed["state"], changed["hosts_only"]) == ("closed", True)
    await front.chat.events.check_logins()
    assert code(await send(anna, "hej", "c1")) == "conversation_closed"
    assert [len(client.named("chat_changed")) for client in (anna, bo)] == [1, 1]
