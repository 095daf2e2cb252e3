"""What is known of a conversation for a moment."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

from auth.permissions import LOA3
from auth.principal import Principal
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.service import ChatService
from chat.standing import Standing
from tests.chat.test_fanout import STAFF

OWN = Conversation("staff-a", provider_hsa_id="provider", unit_hsa_id="unit")


def test_rights_are_those_of_the_table_each_time_somebody_asks() -> None:
    standing = Standing(OWN, 4.0, 5.0)
    assert [(standing.may_read(STAFF), standing.may_write(STAFF)) for _ in range(2)] == [(True, True)] * 2
    elsewhere = Standing(Conversation("staff-a", provider_hsa_id="other", unit_hsa_id="unit"), 4.0, 5.0)
    assert (elsewhere.may_read(STAFF), elsewhere.may_write(STAFF)) == (False, False)


def test_it_stands_until_a_time_or_until_something_changed() -> None:
    standing = Standing(OWN, 4.0, 5.0)
    assert (standing.renew_at, standing.until) == (4.0, 5.0)
    standing.end()
    assert (standing.renew_at, standing.until, standing.renew()) == (0.0, 0.0, False)


def test_it_is_read_again_once() -> None:
    standing = Standing(OWN, 4.0, 5.0)
    assert [standing.renew() for _ in range(3)] == [True, False, False]
    assert standing.until == 5.0


def test_who_reads_may_not_write_where_only_hosts_do() -> None:
    anna = Principal("guest", frozenset({"guest"}), "p-anna", None, "Anna", frozenset(), None, "m", LOA3, 0, "grant")
    standing = Standing(Conversation("meeting-m", meeting_id="m", is_hosts_only=True), 4.0, 5.0)
    assert (standing.may_read(anna), standing.may_write(anna)) == (True, False)


async def test_a_change_ends_also_what_was_kept_before_it_was_renewed() -> None:
    """A socket keeps what it looked up; were only the newest ended, it would write on by the older for a while."""
    room, host = Conversation("meeting-m", meeting_id="m"), replace(STAFF, meeting_id="m")

    async def stored(_conversation_id: str) -> Conversation:
        return room

    service = ChatService(SimpleNamespace(conversation=stored), clock=float, monotonic=float)  # type: ignore[arg-type]
    await service.readable(host, room.conversation_id)
    kept = service.direct(host, room.conversation_id)
    assert kept is not None
    service.renew(room.conversation_id)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    newer = service.direct(host, room.conversation_id)
    assert newer is not None
    assert newer is not kept
    assert newer.until > 0
    service.forget_standing(room.conversation_id)
    assert (kept.until, newer.until) == (0.0, 0.0)


async def test_room_is_made_once_for_all_who_find_a_chat_full_and_again_for_those_who_come_later() -> None:
    made: list[str] = []

    async def make_room(conversation_id: str) -> None:
        made.append(conversation_id)
        await asyncio.sleep(0)
        raise ChatError("chat_unavailable")

    service = ChatService(SimpleNamespace(), clock=float, monotonic=float)  # type: ignore[arg-type]
    assert not service.make_room_soon("meeting-m")
    service.make_room = make_room
    assert [service.make_room_soon(name) for name in ("meeting-m", "meeting-m", "case-c")] == [True, True, False]
    for _ in range(5):
        await asyncio.sleep(0)
    assert made == ["meeting-m"]
    assert service.make_room_soon("meeting-m")
    await asyncio.sleep(0)
    assert made == ["meeting-m"] * 2
    await asyncio.sleep(0)
