"""Everything that happens to cases: the workflow's table, applied to stored cases, with what has to follow.

A change is first made to the record (one writer wins), then followed: both conversations get the case's unit and
state, patient and staff are told by a system event, a closed case goes to the archive, a notice goes out. Each step
can be repeated; ``repair`` does so for what a front that died has left, and forgets what may be forgotten.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar

from redis.exceptions import RedisError

from auth.principal import Principal
from chat.archive import Archive, ArchiveError
from chat.blobs import BlobError
from chat.case_erasure import CaseEraser
from chat.case_store import PAGE, CaseStore
from chat.case_telling import CaseNotices, CaseTelling
from chat.cases import (
    Case,
    CaseAct,
    CaseError,
    CasePolicy,
    CaseState,
    apply,
    follow_message,
    is_unread,
    next_state,
    open_case,
    reopen_until_s,
)
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import Appended, alias, unit_channel
from chat.keys import Keys
from chat.opening_hours import OpeningHours
from chat.retention import archive_conversation, trim_conversation
from chat.service import ChatService
from chat.store import MAX_PAGE
from chat.unit_settings import UnitStore

REOPEN_WITHIN_S: Final = 14 * 24 * 3600
MAX_OPEN_OF_PATIENT: Final = 20
"""Open cases of one patient at one unit; a flood stops here."""
ERASE_AGAIN_S: Final = 600
"""How long a case waits that could not be erased because the archive was away or lacked something."""
COLLEAGUE_WITHIN_S: Final = 30 * 24 * 3600
_Found = TypeVar("_Found")
Stuck = Literal["archive", "other"]
"""Why what has to follow a change of a case did not: the archive did not take it, or anything else."""
REPAIR_AFTER_S: Final = 15
"""A change that has not been followed for so long belonged to a front that is gone."""
_ALWAYS_OPEN: Final = OpeningHours((((0, 1440),),) * 7, is_closed_on_holidays=False, is_closed_on_eves=False)
_NO_SETTINGS: Final = CasePolicy(_ALWAYS_OPEN, 24 * 3600, REOPEN_WITHIN_S)
"""For a unit whose settings were removed while it had cases."""


class CaseService:
    """The cases of one service. It is also the gate (``ConversationGate``) before messages in cases."""

    def __init__(
        self,
        cases: CaseStore,
        units: UnitStore,
        chat: ChatService,
        archive: Archive,
        notices: CaseNotices,
        *,
        clock: Callable[[], float],
        reopen_within_s: int = REOPEN_WITHIN_S,
        max_open_of_patient: int = MAX_OPEN_OF_PATIENT,
        archive_files: Callable[[str], Awaitable[None]] | None = None,
        eraser: CaseEraser | None = None,
        on_erased: Callable[[bool], None] = lambda _done: None,
        on_stuck: Callable[[Stuck], None] = lambda _cause: None,
        colleague_within_s: int = COLLEAGUE_WITHIN_S,
    ) -> None:
        """``archive_files``: gives the archive the files of a conversation, or raises ``ArchiveError``. ``eraser``:
        erases what the archive has; without one only messages are forgotten. ``on_erased`` is told whether it could,
        ``on_stuck`` why a case could not be followed. ``colleague_within_s``: so long after they were there one can be
        given cases.
        """
        self.cases = cases
        self.units = units
        self._chat = chat
        self._archive = archive
        self._telling = CaseTelling(cases, chat.store, units, notices, clock=clock)
        self._clock = clock
        self._reopen_within_s = reopen_within_s
        self._max_open_of_patient = max_open_of_patient
        self._archive_files = archive_files or _no_files
        self._eraser = eraser
        self._on_erased = on_erased
        self._on_stuck = on_stuck
        self._colleague_within_s = colleague_within_s

    async def policy(self, case: Case) -> CasePolicy:
        """What the case's unit has decided."""
        unit = await self.units.get(case.provider_hsa_id, case.unit_hsa_id)
        return unit.policy(self._reopen_within_s) if unit is not None else _NO_SETTINGS

    async def get(self, case_id: str) -> Case:
        """A case; ``CaseError`` (unknown_case) when there is none."""
        case = await self.cases.get(case_id)
        if case is None:
            raise CaseError("unknown_case")
        return case

    # --- what people do ----------------------------------------------------------------------------------------

    async def open(
        self,
        principal: Principal,
        *,
        provider_hsa_id: str,
        unit_hsa_id: str,
        patient: str,
        patient_name: str,
        subject: str,
        client_id: str,
        booking_id: str | None = None,
    ) -> Case:
        """A new case with its two conversations; the first one again when the same client id comes again.

        A case that staff open is theirs at once.
        """
        case_id = case_id_of(principal.actor, client_id)
        there = await self.cases.get(case_id)
        if there is None:
            unit = await self.units.get(provider_hsa_id, unit_hsa_id)
            if unit is None or not unit.takes_cases:
                raise CaseError("unit_takes_no_cases")
            now, policy = self._clock(), unit.policy(self._reopen_within_s)
            case = open_case(
                case_id=case_id,
                provider_hsa_id=provider_hsa_id,
                unit_hsa_id=unit_hsa_id,
                patient=patient,
                patient_name=patient_name,
                subject=subject,
                policy=policy,
                now_s=now,
            )
            case = replace(case, booking_id=booking_id)
            if principal.kind == "staff":
                case = apply(case, CaseAct.ASSIGN, now_s=now, policy=policy, assignee=principal.actor)
                case = replace(case, answer_by_s=None, version=1)  # nobody waits for an answer yet
            async with self.cases.opening(patient):
                there = await self.cases.get(case_id)  # the same request may have come twice at once
                if there is None:
                    await self._check_room(patient, unit_hsa_id)
                    there = await self.cases.create(case)
            await self.hint(there)
        if (there.patient, there.unit_hsa_id) != (patient, unit_hsa_id):
            raise CaseError("changed_meanwhile")  # the same client id for something else
        await self._follow(there)
        return there

    async def _check_room(self, patient: str, unit_hsa_id: str) -> None:
        """``CaseError`` when the patient has as many open cases at the unit as one may have."""
        count = offset = 0
        while page := await self.cases.of_patient(patient, offset=offset):
            count += sum(case.unit_hsa_id == unit_hsa_id and case.state is not CaseState.CLOSED for case in page)
            if count >= self._max_open_of_patient:
                raise CaseError("too_many_cases")
            offset += PAGE

    async def assign(self, case_id: str, assignee: str, *, version: int | None = None) -> Case:
        """Give a case of the queue to a colleague of the unit, oneself included."""
        return await self._give(case_id, CaseAct.ASSIGN, assignee, version)

    async def hand_over(self, case_id: str, assignee: str, *, version: int | None = None) -> Case:
        """Give a case that somebody has to another colleague of the unit."""
        return await self._give(case_id, CaseAct.HAND_OVER, assignee, version)

    async def return_to_queue(
        self, case_id: str, *, unit_hsa_id: str | None = None, version: int | None = None
    ) -> Case:
        """Back to the unit's queue, or to that of another unit of the same care provider."""
        if unit_hsa_id is not None:
            case = await self.get(case_id)
            unit = await self.units.get(case.provider_hsa_id, unit_hsa_id)
            if unit is None or not unit.takes_cases:
                raise CaseError("invalid_assignee")
        return await self._act(case_id, CaseAct.RETURN, version=version, unit_hsa_id=unit_hsa_id)

    async def note(self, principal: Principal, case_id: str, client_id: str, text: str) -> Appended:
        """An internal note: a message in the case's other conversation, which only staff can ever read."""
        case = await self.get(case_id)
        next_state(case.state, CaseAct.NOTE)
        return await self._chat.send(principal, case.notes_id, client_id, text)

    async def close(self, case_id: str, *, version: int | None = None) -> Case:
        """Close a case: nobody writes any more, and it goes to the archive."""
        return await self._act(case_id, CaseAct.CLOSE, version=version)

    async def reopen(self, case_id: str, *, version: int | None = None) -> Case:
        """Open a closed case again, while that is possible."""
        return await self._act(case_id, CaseAct.REOPEN, version=version)

    async def colleagues(self, provider_hsa_id: str, unit_hsa_id: str) -> dict[str, str]:
        """HSA-id -> name of those to whom a unit's cases can be given: who has opened its list not long ago."""
        since_s = self._clock() - self._colleague_within_s
        return await self.cases.colleagues(provider_hsa_id, unit_hsa_id, since_s=since_s)

    async def meet(self, provider_hsa_id: str, unit_hsa_id: str, staff: str, name: str) -> None:
        """Somebody works with a unit's cases now."""
        await self.cases.meet(provider_hsa_id, unit_hsa_id, staff, name, now_s=self._clock())

    async def _give(self, case_id: str, act: CaseAct, assignee: str, version: int | None) -> Case:
        case = await self.get(case_id)
        if assignee not in await self.colleagues(case.provider_hsa_id, case.unit_hsa_id):
            raise CaseError("invalid_assignee")
        return await self._act(case_id, act, version=version, assignee=assignee)

    async def _act(self, case_id: str, act: CaseAct, *, version: int | None, **arguments: Any) -> Case:
        policy = await self.policy(await self.get(case_id))

        def change(case: Case) -> Case:
            return apply(case, act, now_s=self._clock(), policy=policy, **arguments)

        before, after = await self.cases.change(case_id, change, expected_version=version)
        await self.hint(before, after)
        with suppress(ChatError, RedisError, OSError):  # it is done; what has to follow will, by ``repair``
            await self._follow(after)
        return after

    # --- messages (ConversationGate) ---------------------------------------------------------------------------

    async def before_append(self, conversation: Conversation, principal: Principal, _now: float) -> None:
        """May they write now? ``CaseError`` says why not."""
        if conversation.kind != "case":
            return
        case = await self.get(conversation.conversation_id)
        next_state(case.state, CaseAct.STAFF_WRITES if principal.kind == "staff" else CaseAct.PATIENT_WRITES)
        await self.cases.writes(case.case_id, principal.actor, self._clock())

    async def after_append(self, conversation: Conversation, principal: Principal, seq: int, now: float) -> None:
        """A message is there: the other side has the word. Being told twice of one message changes nothing."""
        if conversation.kind != "case":
            return
        await self._follow_message(conversation.conversation_id, seq, is_staff=principal.kind == "staff", now=now)
        await self.cases.has_written(conversation.conversation_id, principal.actor)

    async def _follow_message(self, case_id: str, seq: int, *, is_staff: bool, now: float) -> None:
        policy = await self.policy(await self.get(case_id))
        was_unfinished = await self.cases.is_unfinished(case_id)
        before, after = await self.cases.change(
            case_id, lambda case: follow_message(case, seq, is_staff=is_staff, now_s=now, policy=policy)
        )
        if before is after:
            return  # it has followed this message already; what else is unfinished is not this message's to finish
        await self.hint(after)
        with suppress(ChatError, RedisError, OSError):  # what is not done now ``repair`` does
            if before.state is not after.state:
                await self._follow(after)
                return
            await self._telling.message(after)
            if not was_unfinished:  # no more than a number has changed; else what follows an earlier change is to come
                await self.cases.finished(after)

    async def hint(self, *versions: Case) -> None:
        """Lists on the screens of the unit (of both, when the case has moved) ask for this case again."""
        for provider, unit in {(case.provider_hsa_id, case.unit_hsa_id) for case in versions}:
            with suppress(ChatError):  # kept nowhere: who misses it asks for the whole list before long
                channel = Keys(unit_channel(provider, unit)).channel
                await self._chat.store.committer.tell(channel, "C", {"case_id": versions[-1].case_id})

    async def reads_of(self, actor: str, cases: Iterable[Case]) -> Mapping[str, int]:
        """Case id -> the last number that somebody has read in it."""
        return await self._chat.store.read_through({case.case_id: alias(case.case_id, actor) for case in cases})

    # --- what follows ------------------------------------------------------------------------------------------

    async def _follow(self, case: Case) -> None:
        """Bring everything else in line with the case. Each step may be done again.

        Whoever finishes looks whether somebody else has changed the case meanwhile: the last look is at the last
        version, however the steps of two fronts fall between each other.
        """
        await self._follow_once(case)
        current = await self.get(case.case_id)
        while current.version != case.version:
            case = current
            await self._follow_once(case)
            current = await self.get(case.case_id)

    async def _follow_once(self, case: Case) -> None:
        if case.is_erased:  # its conversations are not to be made anew
            await self.cases.finished(case)
            return
        await self._align(case)
        now_closed = case.state is CaseState.CLOSED
        if now_closed:
            try:
                for conversation_id in (case.conversation_id, case.notes_id):
                    await self._archive_files(conversation_id)
                    await archive_conversation(self._chat.store, self._archive, conversation_id)
            except ArchiveError:
                await self._put_off(case.case_id, "archive")
                return  # ``repair`` goes on trying
            except ChatError as error:
                if error.code == "invalid":
                    return  # reopened meanwhile, by a version that is still to be followed
                raise
        if now_closed:
            await self._telling.closed(case)
        else:
            await self._telling.message(case)
        await self.cases.trim_at(case, reopen_until_s(case, await self.policy(case)))
        await self.cases.finished(case)

    async def _align(self, case: Case) -> None:
        """Both conversations are in the case's unit, and open exactly while the case is."""
        state = "closed" if case.state is CaseState.CLOSED else "open"
        for conversation_id in (case.conversation_id, case.notes_id):
            wanted = Conversation(
                conversation_id,
                provider_hsa_id=case.provider_hsa_id,
                unit_hsa_id=case.unit_hsa_id,
                patient_person_id=case.patient,
                title=case.subject,
            )
            await self._chat.store.create(wanted)
            there = await self._chat.store.conversation(conversation_id)
            if there is None or there.state == "archived":
                continue
            if there.unit_hsa_id != case.unit_hsa_id or (there.state == "closed" and state == "open"):
                await self._chat.store.update(replace(wanted, state="open" if state == "open" else there.state))
            await self._tell(case, conversation_id)
            if state == "closed" and there.state == "open":
                await self._chat.store.update(replace(wanted, state="closed"))

    async def _tell(self, case: Case, conversation_id: str) -> None:
        """One system event for each version. The patient is not told who of the unit has the case."""
        values: dict[str, Any] = {"state": str(case.state), "version": case.version, "answer_by": case.answer_by_s}
        if conversation_id == case.notes_id:
            values |= {"assignee": case.assignee, "unit_hsa_id": case.unit_hsa_id}
        await self._chat.system(conversation_id, f"case-{case.version}", "case_changed", values)

    async def repair(self) -> int:
        """Follow what others left behind, tell who has not read, and forget old messages that the archive has; how many
        were done.
        """
        now, before = self._clock(), self._clock() - REPAIR_AFTER_S

        async def follow_written(mark: tuple[str, str]) -> None:
            await self._follow_messages(mark[0])
            await self.cases.has_written(*mark)

        async def write_again(mark: tuple[str, str]) -> None:
            self._on_stuck("other")
            await self.cases.writes(*mark, now)

        async def tell(case_id: str) -> None:
            await self._telling.late(case_id)
            await self.cases.has_told(case_id, now)

        async def leave_untold(case_id: str) -> None:
            self._on_stuck("other")
            await self.cases.has_told(case_id, now)

        async def put_off(case_id: str) -> None:
            await self._put_off(case_id, "other")

        async def forget(case_id: str) -> None:
            await self._forget_one(case_id, int(now))

        async def forget_later(case_id: str) -> None:
            self._on_erased(False)
            await self.cases.forget_later(case_id, int(now) + ERASE_AGAIN_S)

        return (
            await _each(await self.cases.written(before), follow_written, write_again)
            + await _each(await self.cases.unfinished(before), self._repair_one, put_off)
            + await _each(await self.cases.due_to_tell(now), tell, leave_untold)
            + await _each(await self.cases.due_to_trim(now), forget, forget_later)
        )

    async def _follow_messages(self, case_id: str) -> None:
        """Follow the messages that a front has added and died before the case followed them."""
        case = await self.cases.get(case_id)
        if case is None or case.is_erased:
            return
        after = min(case.last_patient_seq, case.last_staff_seq)
        while events := (await self._chat.store.read_after(case_id, after, MAX_PAGE)).events:
            for event in events:
                if event.kind == "message":
                    is_staff = event.author_role == "staff"
                    await self._follow_message(case_id, event.seq, is_staff=is_staff, now=event.at_ms / 1000)
            after = events[-1].seq

    async def _repair_one(self, case_id: str) -> None:
        case = await self.cases.get(case_id)
        if case is not None:
            await self._follow(case)
        else:
            await self.cases.drop_unfinished(case_id)

    async def _put_off(self, case_id: str, cause: Stuck) -> None:
        self._on_stuck(cause)
        await self.cases.put_off(case_id, self._clock(), after_s=REPAIR_AFTER_S)

    async def _forget_one(self, case_id: str, now_s: int) -> None:
        case = await self.cases.get(case_id)
        if case is None or case.state is not CaseState.CLOSED:
            await self.cases.trimmed(case_id)
            return
        until_s = reopen_until_s(case, await self.policy(case))
        if until_s is not None and until_s >= now_s and not case.is_erased:
            await self.cases.trim_at(case, until_s)  # it was reopened and closed again meanwhile
        else:
            await self._forget(case, now_s)

    async def _forget(self, case: Case, now_s: int) -> None:
        """Nobody may reopen it: what the archive has need not be here."""
        if self._eraser is None:
            for conversation_id in (case.conversation_id, case.notes_id):
                with suppress(ChatError):
                    await trim_conversation(self._chat.store, conversation_id)
        else:
            try:
                await self._eraser.erase(case)
            except (ArchiveError, BlobError, CaseError, ChatError):
                self._on_erased(False)
                await self.cases.trim_at(case, now_s + ERASE_AGAIN_S)
                return
            self._on_erased(True)
        await self.cases.trimmed(case.case_id)


async def _each(
    found: Sequence[_Found], do: Callable[[_Found], Awaitable[None]], failed: Callable[[_Found], Awaitable[None]]
) -> int:
    """Do it with each; how many. One that is broken holds up no other."""
    for one in found:
        try:
            await do(one)
        except Exception as error:
            if _is_stores(error):
                raise
            await failed(one)
    return len(found)


def _is_stores(error: Exception) -> bool:
    """Whether the store itself is away: then no other case fares better, and nothing is the case's fault."""
    return isinstance(error, RedisError | OSError) or (
        isinstance(error, ChatError) and error.code == "chat_unavailable"
    )


async def _no_files(_conversation_id: str) -> None:
    """Where nothing is attached."""


def case_id_of(actor: str, client_id: str) -> str:
    """The id of the case that somebody opens with a client id: repeating the request finds the same case."""
    digest = hashlib.sha256(f"case\0{actor}\0{client_id}".encode()).digest()
    return f"case-{base64.b32encode(digest)[:26].decode().lower()}"


def view_for(
    case: Case,
    principal: Principal,
    policy: CasePolicy,
    colleagues: Mapping[str, str],
    read: int,
    *,
    is_protected: bool = False,
    is_masked: bool = False,
) -> dict[str, Any]:
    """The case as this person may see it: patients do not see who of the unit has it.

    ``is_masked``: in lists nobody with a protected identity (``is_protected``) is named. ``read``: the number up to
    which the person has read its conversation.
    """
    is_staff = principal.kind == "staff"
    return {
        "case_id": case.case_id,
        "provider_hsa_id": case.provider_hsa_id,
        "unit_hsa_id": case.unit_hsa_id,
        "subject": case.subject,
        "booking_id": case.booking_id,
        "state": str(case.state),
        "opened_at": case.opened_at_s,
        "changed_at": case.changed_at_s,
        "answer_by": case.answer_by_s,
        "reopen_until": reopen_until_s(case, policy),
        "reopen_within_s": policy.reopen_within_s,
        "version": case.version,
        "is_unread": is_unread(case, read, is_staff=is_staff),
        "is_archived": case.is_erased,
        "patient": case.patient if is_staff else None,
        "patient_name": case.patient_name if is_staff and not is_masked else None,
        "is_protected": is_protected if is_staff else None,
        "assignee": case.assignee if is_staff else None,
        "is_mine": case.assignee == principal.actor if is_staff else None,
        "assignee_name": colleagues.get(case.assignee or "") if is_staff else None,
        "notes_id": case.notes_id if is_staff else None,
    }
