"""What goes to no archive does not stay: chats of meetings are erased, staff's channels forget."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.blobs import BlobError
from chat.clamd import NoScanner
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import Appended, Draft
from chat.expiry import DUE, LOOK_AGAIN_S, DueList, Expiry, ExpiryLimits
from chat.keys import Keys
from chat.service import ChatService
from chat.store import ChatStore
from tests.chat.stores import CHANNEL, draft
from tests.chat.test_attachments import TEXT, Setup
from tests.chat.test_case_service import staff
from tests.patience import PATIENCE_S

MEETING = "meeting-m1"
LIMITS = ExpiryLimits(meeting_kept_s=1000, staff_kept_s=5000, max_events=50)


class Killed(BaseException):  # nothing of ours catches it
    """The front died here."""


class World:
    """A meeting's chat with a file, a staff channel, and a sweeper that can be killed before its n-th step."""

    def __init__(self, store: ChatStore, redis: Redis, folder: Path) -> None:
        self.store, self.redis = store, redis
        self.due = DueList(redis)
        self.setup = Setup(redis, folder / "blobs", NoScanner())
        self.rooms = {"m1"}
        self.dies_at = 0

    def expiry(self, **options: Any) -> Expiry:
        world = self

        class Mortal:
            def __init__(self, thing: object) -> None:
                self._thing = thing

            def __getattr__(self, name: str) -> Any:
                found = getattr(self._thing, name)
                return world.step(found) if name in ("erase", "drop", "put", "update", "forget") else found

        async def is_meant(meeting_id: str) -> bool:
            return meeting_id in self.rooms

        attachments = self.setup.attachments
        return Expiry(
            Mortal(self.store),  # type: ignore[arg-type]
            Mortal(self.due),  # type: ignore[arg-type]
            LIMITS,
            is_meant=is_meant,
            erase_files=self.step(attachments.erase_conversation),
            forget_files=self.step(attachments.forget),
            **options,
        )

    def step(self, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def acted(*arguments: object, **named: object) -> Any:
            self.dies_at -= 1
            if self.dies_at == 0:
                raise Killed
            return await act(*arguments, **named)

        return acted

    async def talk(self, conversation_id: str, number: int, attachment_ids: Sequence[str] = ()) -> None:
        attachments = await self.setup.attachments.check_usable(conversation_id, "anna", attachment_ids)
        body: dict[str, Any] = {"text": "hemligt"} | ({"attachments": attachments} if attachments else {})
        await self.store.append(Draft(conversation_id, "message", "anna", "Anna", "guest", f"c{number}", body))

    async def file(self, conversation_id: str) -> str:
        now = self.setup_now
        address = await self.setup.attachments.reserve(conversation_id, "anna", size_bytes=len(TEXT), now_s=now)
        claim = self.setup.attachments.signer.check(address.address, purpose="upload", now_s=now)
        return str((await self.setup.upload(claim=claim, now=now))["attachment_id"])

    setup_now = 1_800_000_000

    async def meeting(self) -> None:
        await self.due.note(MEETING, 0)
        await self.store.create(Conversation(MEETING, meeting_id="m1"))
        await self.talk(MEETING, 1, [await self.file(MEETING)])

    async def is_gone(self, conversation_id: str = MEETING) -> bool:
        keys = [*Keys(conversation_id).all(), f"ao:chat:{{{conversation_id}}}:files"]
        return not await self.redis.exists(*keys) and not self.setup.files()

    async def looked_at(self, conversation_id: str = MEETING) -> float | None:
        found: float | None = await self.redis.zscore(DUE, conversation_id)
        return found


@pytest.fixture
def world(store: ChatStore, redis: Redis, tmp_path: Path) -> World:
    return World(store, redis, tmp_path)


async def now_of(world: World) -> float:
    """The store's clock, which stamps events."""
    seconds, micros = await world.redis.time()
    return float(seconds) + micros / 1e6


async def test_a_meetings_chat_outlives_its_room_by_the_time_that_is_set_and_no_longer(world: World) -> None:
    await world.meeting()
    now, expiry = await now_of(world), world.expiry()
    assert await expiry.sweep(now) == 1
    assert await world.looked_at() == now + LOOK_AGAIN_S
    assert await expiry.sweep(now) == 0
    world.rooms.clear()  # forgotten: nobody closed it
    assert await expiry.sweep(now + 600) == 1
    conversation = await world.store.conversation(MEETING)
    assert conversation is not None
    assert conversation.state == "closed"
    assert await expiry.sweep(now + 600 + 999) == 0
    assert await expiry.sweep(now + 600 + 1000) == 1
    assert await world.is_gone()
    assert await world.looked_at() is None
    assert await expiry.sweep(now + 99_999) == 0


async def test_a_meeting_that_was_closed_and_opened_again_keeps_its_chat(world: World) -> None:
    await world.meeting()
    now = await now_of(world)
    await world.due.put(MEETING, now + 500)
    await world.expiry().sweep(now + 500)
    assert not await world.is_gone()
    assert [event.body["text"] for event in (await world.store.read_after(MEETING, 0, 9)).events] == ["hemligt"]


@pytest.mark.parametrize("dies_at", range(1, 6))
async def test_a_front_that_dies_at_any_step_of_erasing_leaves_nothing_behind_for_ever(
    world: World, dies_at: int
) -> None:
    await world.meeting()
    world.rooms.clear()
    now = await now_of(world)

    async def sweep() -> None:
        for later in (0, 1000, 2000):
            await world.expiry().sweep(now + later)

    world.dies_at = dies_at
    with pytest.raises(Killed):
        await sweep()
    world.dies_at = 0
    await sweep()
    assert await world.is_gone()
    assert await world.looked_at() is None


async def test_a_store_of_files_that_is_away_is_asked_again_and_stops_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.meeting()
    world.rooms.clear()
    await world.due.note(CHANNEL, 1)
    await world.redis.hset(Keys(MEETING).meta, "state", "closed")
    expiry, now = world.expiry(), await now_of(world)

    async def away(_conversation_id: str) -> None:
        raise BlobError("unavailable")

    monkeypatch.setattr(expiry, "_erase_files", away)
    assert await expiry.sweep(now) == 2
    assert not await world.is_gone()
    assert await world.looked_at() == await world.looked_at(CHANNEL) == now + LOOK_AGAIN_S
    assert await world.expiry().sweep(now + LOOK_AGAIN_S) == 2
    assert await world.is_gone()


async def test_a_broken_conversation_stops_no_other(world: World) -> None:
    await world.meeting()
    world.rooms.clear()
    await world.redis.hset(Keys(MEETING).meta, "state", "closed")
    await world.redis.xadd(Keys(CHANNEL).log, {"t": 1, "a": "a", "k": "message", "e": "no event"}, id="0-1")
    await world.due.put(CHANNEL, -1)  # the first to be looked at
    broken: list[Exception] = []
    expiry, now = world.expiry(on_broken=broken.append), await now_of(world)
    assert await expiry.sweep(now) == 2
    assert await world.is_gone()
    assert await world.looked_at(CHANNEL) == now + LOOK_AGAIN_S
    assert [str(error) for error in broken] == ["no event"]


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
async def test_a_staff_channel_forgets_what_is_old_with_its_files_and_keeps_the_rest(
    world: World, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.expiry.MAX_PAGE", 3)
    for number in range(7):
        await world.talk(CHANNEL, number, [await world.file(CHANNEL)] if number == 2 else ())
    await world.due.note(CHANNEL, 0)
    now = await now_of(world)
    await world.expiry().sweep(now)
    assert len((await world.store.read_after(CHANNEL, 0, 99)).events) == 7
    assert len(world.setup.files()) == 1
    world.dies_at = dies_at
    if dies_at:
        with pytest.raises(Killed):
            await world.expiry().sweep(now + 5001)
    await world.expiry().sweep(now + 5001)
    page = await world.store.read_after(CHANNEL, 0, 99)
    assert (page.events, page.last_seq, page.trimmed_through, page.state) == ((), 7, 7, "open")
    assert not world.setup.files()
    assert await world.looked_at(CHANNEL) == now + 5001 + LOOK_AGAIN_S
    appended = await world.store.append(draft("next"))
    assert appended.seq == 8


async def test_of_a_busy_channel_only_the_newest_stay(world: World) -> None:
    for number in range(60):
        await world.talk(CHANNEL, number)
    await world.due.note(CHANNEL, 0)
    await world.expiry().sweep(await now_of(world))
    page = await world.store.read_after(CHANNEL, 0, 99)
    assert [event.seq for event in page.events] == list(range(11, 61))


async def test_a_channel_that_is_full_makes_room_instead_of_ending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_EVENTS", 20)
    chat = ChatService(world.store, clock=lambda: 0.0, monotonic=lambda: 0.0)
    for number in range(20):
        await chat.send(staff(unit="unit", provider="provider"), CHANNEL, f"c{number}", "hej")
    with pytest.raises(ChatError, match="conversation_full"):
        await chat.send(staff(unit="unit", provider="provider"), CHANNEL, "c20", "hej")
    chat.make_room = world.expiry().make_room
    for number in range(20, 50):
        await chat.send(staff(unit="unit", provider="provider"), CHANNEL, f"c{number}", "hej")
    page = await world.store.read_after(CHANNEL, 0, 99)
    assert page.last_seq == 50
    assert len(page.events) <= 20


async def test_many_who_find_a_channel_full_make_room_once_though_the_first_of_them_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_EVENTS", 20)
    chat = ChatService(world.store, clock=lambda: 0.0, monotonic=lambda: 0.0)
    nurse, may_go_on, refused, made = staff(unit="unit", provider="provider"), asyncio.Event(), [], []
    store_append = world.store.append

    async def append(what: Draft) -> Appended:
        try:
            return await store_append(what)
        except ChatError as error:
            refused.append(error.code)
            raise

    async def make_room(conversation_id: str) -> None:
        made.append(conversation_id)
        await may_go_on.wait()
        await world.expiry().make_room(conversation_id)

    for number in range(20):
        await chat.send(nurse, CHANNEL, f"c{number}", "hej")
    monkeypatch.setattr(world.store, "append", append)
    chat.make_room = make_room
    sends = [asyncio.ensure_future(chat.send(nurse, CHANNEL, f"c{number}", "hej")) for number in range(20, 23)]
    async with asyncio.timeout(PATIENCE_S):
        while refused != ["conversation_full"] * 3:
            await asyncio.sleep(0.001)
    sends[0].cancel()
    may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        assert sorted([appended.seq for appended in await asyncio.gather(*sends[1:])]) == [21, 22]
    assert made == [CHANNEL]


async def test_what_was_noted_and_never_made_leaves_the_list(world: World) -> None:
    await world.due.note("staff-never", 0)
    await world.expiry().sweep(1)
    assert await world.looked_at("staff-never") is None
