"""Cases with their conversations, over a real Valkey and the real chat service."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.permissions import LOA3
from auth.principal import Commission, Principal
from chat.archive import ArchiveError, Transcript
from chat.case_service import COLLEAGUE_WITHIN_S, REPAIR_AFTER_S, CaseService, case_id_of, view_for
from chat.case_store import LONGEST_PAUSE_S, UNFINISHED, CaseStore
from chat.case_telling import NoNotices
from chat.cases import Case, CaseAct, CaseError, CaseState, apply
from chat.committer import Committer
from chat.errors import ChatError
from chat.events import Event
from chat.service import ChatService
from chat.store import ChatStore
from chat.unit_settings import UnitSettings, UnitStore
from tests.chat.test_cases import DAY, NOW, POLICY
from tests.chat.test_unit_settings import PROVIDER, SETTINGS, UNIT

OTHER_UNIT = "SE2321000131-E000000000002"
NURSE, DOCTOR = "SE2321000131-P000000123457", "SE2321000131-P000000123458"


def patient(actor: str = "p-anna") -> Principal:
    return Principal(
        kind="patient", roles=frozenset({"patient"}), actor=actor, subject=actor, display_name="Anna Andersson",
        proxy_scopes=frozenset(), commission=None, meeting_id=None, acr=LOA3, authenticated_at=NOW, grant_id="grant",
    )  # fmt: skip


def staff(actor: str = NURSE, unit: str = UNIT, provider: str = PROVIDER) -> Principal:
    commission = Commission("SE-c", unit, provider, "Kronan", frozenset({"staff"}))
    return Principal(
        kind="staff", roles=frozenset({"staff"}), actor=actor, subject=None, display_name="Nina Nurse",
        proxy_scopes=frozenset(), commission=commission, meeting_id=None, acr=LOA3, authenticated_at=NOW,
        grant_id="grant",
    )  # fmt: skip


class MemoryArchive:
    def __init__(self) -> None:
        self.transcripts: list[Transcript] = []
        self.is_away = False

    async def store(self, transcript: Transcript) -> str:
        if self.is_away:
            raise ArchiveError("away")
        self.transcripts.append(transcript)
        return f"reference-{len(self.transcripts)}"


class RecordedNotices:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int, str]] = []
        self.is_broken = False
        self.led_nowhere: set[int] = set()

    async def case_changed(self, case: Case, unit: UnitSettings | None, template_id: str) -> None:
        assert unit is not None
        if self.is_broken:
            raise ConnectionError
        self.sent.append((case.case_id, case.version, template_id))

    async def people_told(self, case: Case) -> Collection[str]:
        return {case.patient, "p-guardian"}

    async def may_know(self, case: Case, seq: int) -> bool:
        return seq not in self.led_nowhere


class World:
    def __init__(self, redis: Redis) -> None:
        self.now = float(NOW)
        self.committer = Committer(redis)
        self.store = ChatStore(redis, self.committer)
        self.chat = ChatService(self.store, clock=lambda: self.now, monotonic=lambda: self.ticks())
        self.archive = MemoryArchive()
        self.notices = RecordedNotices()
        self.units = UnitStore(redis)
        self.cases = CaseStore(redis)
        self.service = CaseService(
            self.cases, self.units, self.chat, self.archive, self.notices, clock=lambda: self.now, max_open_of_patient=3
        )
        self.chat.gate = self.service
        self._tick = 0.0

    def ticks(self) -> float:
        self._tick += 10  # nothing that is known of a conversation is young enough to be used again
        return self._tick

    async def open(self, principal: Principal | None = None, **changes: Any) -> Case:
        arguments: dict[str, Any] = {
            "provider_hsa_id": PROVIDER,
            "unit_hsa_id": UNIT,
            "patient": "p-anna",
            "patient_name": "Anna Andersson",
            "subject": "A question",
            "client_id": "c1",
        }
        return await self.service.open(principal or patient(), **(arguments | changes))

    async def events(self, conversation_id: str) -> Sequence[Event]:
        return (await self.store.read_after(conversation_id, 0, 200)).events

    async def states(self, conversation_id: str) -> list[str]:
        return [event.body["state"] for event in await self.events(conversation_id) if event.kind == "system"]

    async def state(self, case: Case) -> CaseState:
        return (await self.service.get(case.case_id)).state


@pytest.fixture
async def world(redis_client: Redis) -> AsyncIterator[World]:
    world = World(redis_client)
    await world.committer.start()
    await world.units.put(SETTINGS)
    await world.units.put(replace(SETTINGS, unit_hsa_id=OTHER_UNIT))
    for colleague in (NURSE, DOCTOR):
        await world.service.meet(PROVIDER, UNIT, colleague, "Name")
    yield world
    await world.committer.stop()


async def test_the_way_of_a_case(world: World) -> None:
    case = await world.open()
    await world.chat.send(patient(), case.case_id, "m1", "Hello")
    assert await world.state(case) is CaseState.NEW
    await world.service.assign(case.case_id, NURSE)
    await world.chat.send(staff(), case.case_id, "m2", "Hello Anna")
    assert await world.state(case) is CaseState.AWAITING_PATIENT
    await world.chat.send(patient(), case.case_id, "m3", "Thank you")
    assert await world.state(case) is CaseState.AWAITING_STAFF
    await world.service.close(case.case_id)
    with pytest.raises(ChatError, match="conversation_closed"):
        await world.chat.send(patient(), case.case_id, "m4", "One more thing")
    await world.service.reopen(case.case_id)
    await world.chat.send(patient(), case.case_id, "m5", "One more thing")
    expected = ["new", "assigned", "awaiting_patient", "awaiting_staff", "closed", "reopened"]
    assert await world.states(case.case_id) == expected
    texts = [event.body["text"] for event in await world.events(case.case_id) if event.kind == "message"]
    assert texts == ["Hello", "Hello Anna", "Thank you", "One more thing"]


async def test_a_message_does_not_drop_what_an_earlier_change_left_to_follow(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)

    def give_back(case: Case) -> Case:
        return apply(case, CaseAct.RETURN, now_s=world.now, policy=POLICY)

    await world.cases.change(case.case_id, give_back)  # and the front that did so died
    await world.chat.send(patient(), case.case_id, "m1", "Hello")
    assert await world.cases.is_unfinished(case.case_id)
    world.now += REPAIR_AFTER_S + 1
    await world.service.repair()
    assert (await world.states(case.case_id))[-1] == "new"


async def test_staff_answer_a_case_that_somebody_has_taken(world: World) -> None:
    case = await world.open()
    with pytest.raises(CaseError, match="not_assigned"):
        await world.chat.send(staff(), case.case_id, "m1", "Hello")
    assert [event for event in await world.events(case.case_id) if event.kind == "message"] == []


async def test_a_message_that_is_sent_again_does_not_turn_the_case_around(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    first = await world.chat.send(staff(), case.case_id, "m1", "Hello")
    await world.chat.send(patient(), case.case_id, "m2", "Thank you")
    again = await world.chat.send(staff(), case.case_id, "m1", "Hello")
    assert (again.seq, again.is_repeat) == (first.seq, True)
    assert await world.state(case) is CaseState.AWAITING_STAFF


async def test_a_case_that_is_opened_twice_is_one(world: World) -> None:
    cases = await asyncio.gather(*(world.open() for _ in range(4)))
    assert {case.case_id for case in cases} == {case_id_of("p-anna", "c1")}
    assert len(await world.cases.of_patient("p-anna")) == 1
    with pytest.raises(CaseError, match="changed_meanwhile"):
        await world.open(unit_hsa_id=OTHER_UNIT)


async def test_somebody_elses_client_id_leads_to_another_case(world: World) -> None:
    mine = await world.open()
    theirs = await world.open(patient("p-eva"), patient="p-eva")
    assert mine.case_id != theirs.case_id


async def test_a_case_that_staff_open_is_theirs_and_the_unit_owes_nothing_yet(world: World) -> None:
    case = await world.open(staff())
    assert (case.state, case.assignee, case.answer_by_s) == (CaseState.ASSIGNED, NURSE, None)
    await world.chat.send(staff(), case.case_id, "m1", "Your time has been moved")
    assert await world.state(case) is CaseState.AWAITING_PATIENT


@pytest.mark.attack
async def test_a_flood_of_cases_stops(world: World) -> None:
    for number in range(3):
        await world.open(client_id=f"c{number}")
    with pytest.raises(CaseError, match="too_many_cases"):
        await world.open(client_id="c9")
    await world.open(client_id="c9", unit_hsa_id=OTHER_UNIT)
    await world.service.close(case_id_of("p-anna", "c0"))
    await world.open(client_id="c10")


async def test_a_unit_that_takes_no_cases(world: World) -> None:
    await world.units.put(replace(SETTINGS, takes_cases=False))
    with pytest.raises(CaseError, match="unit_takes_no_cases"):
        await world.open()
    with pytest.raises(CaseError, match="unit_takes_no_cases"):
        await world.open(unit_hsa_id="SE2321000131-E000000000009")


@pytest.mark.attack
async def test_only_a_colleague_of_the_unit_can_be_given_a_case(world: World) -> None:
    case = await world.open()
    for stranger in ("SE2321000131-P000000999999", "p-anna", ""):
        with pytest.raises(CaseError, match="invalid_assignee"):
            await world.service.assign(case.case_id, stranger)
    await world.service.assign(case.case_id, NURSE)
    assert (await world.service.hand_over(case.case_id, DOCTOR)).assignee == DOCTOR


async def test_two_who_saw_the_same_version_do_not_both_win(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE, version=case.version)
    with pytest.raises(CaseError, match="changed_meanwhile"):
        await world.service.close(case.case_id, version=case.version)


@pytest.mark.attack
async def test_a_case_that_goes_to_another_unit_can_be_read_there_and_no_longer_here(world: World) -> None:
    case = await world.open()
    await world.chat.history(staff(), case.case_id, 10, 10)
    await world.service.return_to_queue(case.case_id, unit_hsa_id=OTHER_UNIT)
    for conversation_id in (case.case_id, case.notes_id):
        await world.chat.history(staff(DOCTOR, OTHER_UNIT), conversation_id, 10, 10)
        with pytest.raises(ChatError, match="unknown_conversation"):
            await world.chat.history(staff(), conversation_id, 10, 10)
    with pytest.raises(CaseError, match="invalid_assignee"):
        await world.service.return_to_queue(case.case_id, unit_hsa_id="SE2321000131-E000000000009")


@pytest.mark.attack
async def test_notes_are_never_a_patients_to_read_or_write(world: World) -> None:
    case = await world.open()
    await world.service.note(staff(), case.case_id, "n1", "Sounds worried")
    texts = [event.body.get("text") for event in await world.events(case.notes_id)]
    assert "Sounds worried" in texts
    assert "Sounds worried" not in [event.body.get("text") for event in await world.events(case.case_id)]
    for person in (patient(), patient("p-eva"), staff(provider="SE-other"), staff(unit=OTHER_UNIT)):
        with pytest.raises(ChatError, match="unknown_conversation"):
            await world.chat.history(person, case.notes_id, 10, 10)
        with pytest.raises(ChatError, match="unknown_conversation"):
            await world.service.note(person, case.case_id, "n2", "x")


@pytest.mark.attack
async def test_what_a_patient_is_told_names_nobody_of_the_unit(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    assert NURSE not in repr([dict(event.body) for event in await world.events(case.case_id)])
    assert NURSE in repr([dict(event.body) for event in await world.events(case.notes_id)])
    taken = await world.service.get(case.case_id)
    seen = view_for(taken, patient(), POLICY, {NURSE: "Nina Nurse"}, 0)
    assert (seen["assignee"], seen["assignee_name"], seen["notes_id"], seen["patient"]) == (None, None, None, None)
    assert view_for(taken, staff(), POLICY, {NURSE: "Nina Nurse"}, 0)["assignee_name"] == "Nina Nurse"


async def test_a_case_is_unread_by_who_has_not_read_the_other_sides_last_message(world: World) -> None:
    case = await world.open()

    async def unread() -> tuple[bool, bool]:
        """By the patient, by the nurse."""
        current = await world.service.get(case.case_id)
        found = []
        for person in (patient(), staff()):
            reads = await world.service.reads_of(person.actor, [current])
            found.append(view_for(current, person, POLICY, {}, reads[case.case_id])["is_unread"])
        return found[0], found[1]

    assert await unread() == (False, False)
    asked = await world.chat.send(patient(), case.case_id, "m1", "Hello")
    assert await unread() == (False, True)
    await world.chat.receipt(staff(), case.case_id, asked.seq, asked.seq)
    assert await unread() == (False, False)
    await world.service.assign(case.case_id, NURSE)
    answered = await world.chat.send(staff(), case.case_id, "a1", "Good day")
    assert await unread() == (True, False)
    await world.service.close(case.case_id)
    assert await unread() == (True, False)
    await world.chat.receipt(patient(), case.case_id, answered.seq, answered.seq - 1)
    assert await unread() == (True, False)
    await world.chat.receipt(patient(), case.case_id, answered.seq, answered.seq)
    assert await unread() == (False, False)


async def test_closing_archives_both_conversations(world: World) -> None:
    case = await world.open()
    await world.chat.send(patient(), case.case_id, "m1", "Hello")
    await world.service.note(staff(), case.case_id, "n1", "A note")
    await world.service.close(case.case_id)
    archived = {transcript.conversation.conversation_id: transcript for transcript in world.archive.transcripts}
    assert set(archived) == {case.case_id, case.notes_id}
    assert [event.body.get("text") for event in archived[case.case_id].events if event.kind == "message"] == ["Hello"]
    assert archived[case.case_id].events[-1].body["state"] == "closed"
    with pytest.raises(CaseError, match="case_closed"):
        await world.service.note(staff(), case.case_id, "n2", "late")


async def test_an_archive_that_is_away_is_tried_again(world: World) -> None:
    case = await world.open()
    world.archive.is_away = True
    await world.service.close(case.case_id)
    assert world.archive.transcripts == []
    world.archive.is_away = False
    world.now += REPAIR_AFTER_S + 1
    assert await world.service.repair() == 1
    assert len(world.archive.transcripts) == 2
    assert world.notices.sent == [(case.case_id, 2, "case_closed")]
    assert await world.service.repair() == 0


async def test_an_archive_that_stays_away_is_told_of_and_holds_up_nobody_else(world: World) -> None:
    case = await world.open()
    stuck: list[str] = []
    world.service._on_stuck = stuck.append
    world.archive.is_away = True
    await world.service.close(case.case_id)
    assert (stuck, await world.cases.stuck()) == (["archive"], (1, world.now))
    since, tried = world.now, []
    for _ in range(60):
        world.now += 60
        tried.append(await world.service.repair())
    assert sum(tried) == len(stuck) - 1
    assert 5 <= len(stuck) <= 9  # within an hour: the pause doubles
    assert await world.cases.stuck() == (1, since)
    world.archive.is_away = False
    world.now += LONGEST_PAUSE_S + REPAIR_AFTER_S
    await world.service.repair()
    assert len(world.archive.transcripts) == 2
    assert await world.cases.stuck() == (0, None)
    assert await world.service.repair() == 0


async def test_cases_behind_many_stuck_ones_are_followed_and_a_broken_one_stops_no_other(world: World) -> None:
    await world.units.put(SETTINGS)
    world.service._max_open_of_patient = 1000
    cases = [await world.open(client_id=f"c{number}") for number in range(105)]
    stuck: list[str] = []
    world.service._on_stuck = stuck.append
    broken = {case.case_id for case in cases[:104]}
    align = world.service._align

    async def break_some(case: Case) -> None:
        if case.case_id in broken:
            raise KeyError("a record that nobody expected")
        await align(case)

    world.service._align = break_some  # type: ignore[method-assign]
    for number, case in enumerate(cases):
        await world.cases._redis.zadd(UNFINISHED, {case.case_id: world.now - 1000 + number})
    assert await world.service.repair() == 100
    assert await world.service.repair() == 5
    assert stuck == ["other"] * 104
    assert not await world.cases.is_unfinished(cases[104].case_id)
    assert (await world.cases.stuck())[0] == 104


async def test_a_store_that_is_away_is_no_cases_fault(world: World) -> None:
    case = await world.open()
    await world.cases._redis.zadd(UNFINISHED, {case.case_id: 0})

    async def away(_case: Case) -> None:
        raise ChatError("chat_unavailable")

    world.service._align = away  # type: ignore[method-assign]
    with pytest.raises(ChatError, match="chat_unavailable"):
        await world.service.repair()
    assert await world.cases.stuck() == (0, None)


async def test_who_has_not_been_there_for_long_is_given_no_case_and_keeps_their_name(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    world.now += COLLEAGUE_WITHIN_S + 1
    await world.service.meet(PROVIDER, UNIT, DOCTOR, "Name")
    assert set(await world.service.colleagues(PROVIDER, UNIT)) == {DOCTOR}
    with pytest.raises(CaseError, match="invalid_assignee"):
        await world.service.hand_over(case.case_id, NURSE)
    await world.service.hand_over(case.case_id, DOCTOR)
    assert NURSE in await world.cases.names(PROVIDER, UNIT)


async def test_closing_archives_the_files_too_or_tries_again(world: World) -> None:
    asked: list[str] = []
    faults = [ArchiveError("away")]

    async def archive_files(conversation_id: str) -> None:
        asked.append(conversation_id)
        if faults:
            raise faults.pop()

    world.service._archive_files = archive_files
    case = await world.open()
    await world.service.close(case.case_id)
    assert (asked, world.archive.transcripts) == ([case.case_id], [])
    world.now += REPAIR_AFTER_S + 1
    await world.service.repair()
    assert asked == [case.case_id, case.case_id, case.notes_id]
    assert len(world.archive.transcripts) == 2


async def test_what_a_dead_front_left_is_followed_by_another(world: World) -> None:
    case = await world.open()
    await world.cases.change(case.case_id, lambda case: apply(case, CaseAct.CLOSE, now_s=NOW, policy=POLICY))
    with pytest.raises(CaseError, match="case_closed"):  # although its conversation is still open
        await world.chat.send(patient(), case.case_id, "m1", "Hello")
    world.now += REPAIR_AFTER_S + 1
    await world.service.repair()
    conversation = await world.store.conversation(case.case_id)
    assert conversation is not None
    assert conversation.state == "closed"
    assert await world.states(case.case_id) == ["new", "closed"]


async def test_a_case_that_was_never_kept_is_forgotten(world: World, redis_client: Redis) -> None:
    await redis_client.zadd("ao:cases:unfinished", {"case-ghost": NOW})
    world.now += REPAIR_AFTER_S + 1
    assert await world.service.repair() == 1
    assert await world.service.repair() == 0


async def test_after_the_time_for_reopening_messages_are_only_in_the_archive(world: World) -> None:
    case = await world.open()
    await world.chat.send(patient(), case.case_id, "m1", "Hello")
    await world.service.close(case.case_id)
    world.now += 14 * DAY
    await world.service.repair()
    assert await world.events(case.case_id)
    world.now += 2
    with pytest.raises(CaseError, match="reopen_too_late"):
        await world.service.reopen(case.case_id)
    await world.service.repair()
    assert await world.events(case.case_id) == ()


async def test_a_reopened_case_is_not_trimmed(world: World) -> None:
    case = await world.open()
    await world.service.close(case.case_id)
    await world.service.reopen(case.case_id)
    world.now += 20 * DAY
    await world.service.repair()
    assert await world.events(case.case_id)


async def test_a_close_and_a_reopen_at_once_leave_conversation_and_case_agreeing(world: World) -> None:
    case = await world.open()
    for _ in range(5):
        await world.service.close(case.case_id)
        late = world.service._follow(await world.service.get(case.case_id))
        await asyncio.gather(world.service.reopen(case.case_id), late)
        conversation = await world.store.conversation(case.case_id)
        assert conversation is not None
        assert (conversation.state, await world.state(case)) == ("open", CaseState.REOPENED)


async def test_a_unit_without_settings_can_still_finish_its_cases(world: World, redis_client: Redis) -> None:
    case = await world.open()
    await redis_client.delete("ao:units")
    world.service._telling._notices = NoNotices()
    await world.service.close(case.case_id)
    assert await world.state(case) is CaseState.CLOSED
