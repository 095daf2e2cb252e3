"""Conversations on a real Valkey and on Debian's Redis 7.0."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import Appended, EventKind
from chat.keys import Keys
from chat.store import ChatStore, Receipt
from tests.chat.stores import CHANNEL, draft


async def refused(work: object) -> str:
    with pytest.raises(ChatError) as caught:
        await work  # type: ignore[misc]
    return str(caught.value.code)


async def test_appends_of_many_at_once_are_numbered_without_a_hole(store: ChatStore) -> None:
    appended = await asyncio.gather(*(store.append(draft(f"c{number}")) for number in range(100)))
    assert sorted(each.seq for each in appended) == list(range(1, 101))
    page = await store.read_after(CHANNEL, 0, 200)
    assert [event.seq for event in page.events] == list(range(1, 101))
    assert {event.client_id: event.seq for event in page.events} == {
        f"c{number}": each.seq for number, each in enumerate(appended)
    }


async def test_a_repeated_draft_is_the_first_one_also_beside_it_in_one_batch(store: ChatStore) -> None:
    first, second, other = await asyncio.gather(
        store.append(draft("c1")), store.append(draft("c1", "changed")), store.append(draft("c1", author="bo"))
    )
    assert (first.seq, first.is_repeat) == (1, False)
    assert second == Appended(1, first.at_ms, is_repeat=True)
    assert (other.seq, other.is_repeat) == (2, False)
    assert [event.body["text"] for event in (await store.read_after(CHANNEL, 0, 9)).events] == ["hej", "hej"]


async def test_pages_in_both_directions(store: ChatStore) -> None:
    for number in range(1, 8):
        await store.append(draft(f"c{number}", f"nr {number}"))
    after = await store.read_after(CHANNEL, 2, 3)
    before = await store.read_before(CHANNEL, 6, 3)
    assert [event.body["text"] for event in after.events] == ["nr 3", "nr 4", "nr 5"]
    assert [event.body["text"] for event in before.events] == ["nr 3", "nr 4", "nr 5"]
    assert after.last_seq == 7
    many = await store.read_many({CHANNEL: 5, "staff-none": 0}, 10)
    page = many[CHANNEL]
    assert page is not None
    assert [event.seq for event in page.events] == [6, 7]
    assert many["staff-none"] is None


async def test_only_the_author_edits_and_withdraws_in_time_and_once(store: ChatStore, redis: Redis) -> None:
    await store.append(draft("c1"))
    assert await refused(store.append(draft("c2", kind="edit", target=1, author="bo"))) == "not_author"
    assert await refused(store.append(draft("c3", kind="edit", target=9))) == "unknown_message"
    assert (await store.append(draft("c4", "ny", kind="edit", target=1))).seq == 2
    assert await refused(store.append(draft("c5", kind="edit", target=2))) == "unknown_message"
    await redis.xadd(Keys(CHANNEL).log, {"t": 1, "a": "anna", "k": "message", "e": "x"}, id="0-3")
    assert await refused(store.append(draft("c6", kind="edit", target=3, window_ms=1000))) == "edit_too_late"
    await redis.xdel(Keys(CHANNEL).log, "0-3")
    assert (await store.append(draft("c7", kind="withdrawal", target=1))).seq == 4
    assert await refused(store.append(draft("c8", kind="withdrawal", target=1))) == "message_withdrawn"
    shown = (await store.read_after(CHANNEL, 0, 9)).events
    assert [(event.body, event.is_withdrawn) for event in shown[:2]] == [({}, True), ({}, True)]
    kept = (await store.read_after(CHANNEL, 0, 9, mask=False)).events
    assert [event.body["text"] for event in kept[:2]] == ["hej", "ny"]


async def test_closed_missing_and_full_conversations_refuse(store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await refused(store.append(draft("c1", conversation_id="staff-none"))) == "unknown_conversation"
    monkeypatch.setattr("chat.committer.MAX_EVENTS", 1)
    await store.append(draft("c1"))
    assert await refused(store.append(draft("c2"))) == "conversation_full"
    found = await store.conversation(CHANNEL)
    assert found is not None
    await store.update(replace(found, state="closed"))
    assert await refused(store.append(draft("c3"))) == "conversation_closed"
    assert (await store.append(draft("c1"))).is_repeat, "an acknowledgement that was lost is still given"
    assert (await store.append(draft("s1", kind="system", author=""))).seq == 2


async def test_standing_data_is_stored_once_and_changed_as_told(store: ChatStore) -> None:
    case = Conversation(
        "case-1", "provider", "unit", "p-anna", None, frozenset({"h"}), frozenset({"a", "b"}), "Ont i halsen"
    )
    assert await store.create(case)
    assert not await store.create(replace(case, title="Annat"))
    assert await store.conversation("case-1") == case
    assert await store.conversations(["case-1", "case-2"]) == [case, None]
    await store.update(replace(case, title="Nytt", member_ids=frozenset()))
    assert await store.conversation("case-1") == replace(case, title="Nytt", member_ids=frozenset())
    assert await refused(store.update(Conversation("case-2"))) == "unknown_conversation"
    await store.erase("case-1")
    assert await store.conversation("case-1") is None


async def test_receipts_move_forward_only_and_not_beyond_the_end(store: ChatStore) -> None:
    for number in range(3):
        await store.append(draft(f"c{number}"))
    assert await store.move_receipt(CHANNEL, "bo", Receipt(2, 1), tell=False) == Receipt(2, 1)
    assert await store.move_receipt(CHANNEL, "bo", Receipt(1, 0), tell=False) == Receipt(2, 1)
    assert await store.move_receipt(CHANNEL, "bo", Receipt(1, 99), tell=True) == Receipt(3, 3)
    assert await store.receipts(CHANNEL) == {"bo": Receipt(3, 3)}
    assert await refused(store.move_receipt("staff-none", "bo", Receipt(1, 1), tell=True)) == "unknown_conversation"


async def test_only_archived_events_are_trimmed_and_numbers_go_on(store: ChatStore) -> None:
    for number in range(1, 6):
        await store.append(draft(f"c{number}"))
    await store.append(draft("w", kind="withdrawal", target=1))
    assert await store.trim(CHANNEL, 5) == 0
    await store.mark_archived(CHANNEL, 4, "somewhere")
    assert await store.trim(CHANNEL, 6) == 4
    page = await store.read_after(CHANNEL, 0, 9)
    assert ([event.seq for event in page.events], page.trimmed_through, page.last_seq) == ([5, 6], 4, 6)
    assert (await store.append(draft("c7"))).seq == 7
    assert (await store.append(draft("c5"))).is_repeat


async def test_what_is_trimmed_makes_room_and_may_be_more_than_one_call_takes(
    store: ChatStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_EVENTS", 2500)
    await asyncio.gather(*(store.append(draft(f"c{number}")) for number in range(1, 2501)))
    assert await refused(store.append(draft("c2501"))) == "conversation_full"
    assert await store.forget(CHANNEL, 2300) == 2300
    page = await store.read_after(CHANNEL, 0, 2)
    assert ([event.seq for event in page.events], page.last_seq) == ([2301, 2302], 2500)
    assert (await store.append(draft("c2501"))).seq == 2501
    assert (await store.append(draft("c2301"))).seq == 2301
    assert (await store.append(draft("c2300"))).seq == 2502, "what was forgotten is not known any more"
    assert await store.forget(CHANNEL, 9999) == 2502
    assert (await store.read_after(CHANNEL, 0, 2)).last_seq == 2502
    assert (await store.append(draft("c9"))).seq == 2503


@pytest.mark.parametrize("kind", ["message", "system"])
async def test_repeats_among_what_is_new_have_their_numbers(store: ChatStore, kind: EventKind) -> None:
    await store.append(draft("a", kind=kind))
    names = ("a", "b", "b", "a", "c", "b", "c")
    appended = await asyncio.gather(*(store.append(draft(name, kind=kind)) for name in names))
    assert [each.seq for each in appended] == [1, 2, 2, 1, 3, 2, 3]
    assert [each.is_repeat for each in appended] == [True, False, True, True, False, True, True]


@pytest.mark.parametrize("kind", ["message", "system"])
async def test_a_repeat_from_long_ago_is_known_without_its_number(store: ChatStore, kind: EventKind) -> None:
    await asyncio.gather(*(store.append(draft(f"c{number}", kind=kind)) for number in range(1, 1101)))
    recent, old = await store.append(draft("c101", kind=kind)), await store.append(draft("c100", kind=kind))
    assert (recent.seq, recent.is_repeat) == (101, True)
    assert recent.at_ms
    assert (old.seq, old.at_ms, old.is_repeat) == (0, 0, True)
    assert (await store.read_after(CHANNEL, 0, 1)).last_seq == 1100


async def test_all_keys_of_a_conversation_are_in_one_slot_of_a_cluster(store: ChatStore, redis: Redis) -> None:
    keys = Keys(CHANNEL)
    assert all(f"{{{CHANNEL}}}" in key for key in (*keys.all(), keys.channel))
    await store.append(draft("c1"))
    stored = {key.decode() for key in await redis.keys("ao:chat:*")}
    assert stored <= set(keys.all())


async def test_a_repeat_is_looked_for_among_so_many_bytes_that_it_holds_up_nobody(store: ChatStore) -> None:
    """Somebody who repeated what lies behind a thousand of the longest messages held up the store for 20 ms each."""
    await store.append(draft("first"))
    for number in range(2):
        await asyncio.gather(*(store.append(draft(f"c{number}-{each}", "å" * 8000)) for each in range(50)))
    first, near, last = [await store.append(draft(name)) for name in ("first", "c1-40", "c1-49")]
    assert [(each.seq, each.is_repeat) for each in (first, near, last)] == [(0, True), (92, True), (101, True)]
