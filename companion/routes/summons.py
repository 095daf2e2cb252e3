"""E-kallelse: summonses and letters."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.letter_pdf import FORWARDED, LetterText, render
from companion.models.organisation import Unit
from companion.models.summons import Summons
from companion.routes.answers import file_of, refusals
from companion.routes.shapes import HsaId, Input, Instant, Name, ObjectId, Output, PersonId, Text
from companion.routes.slots import FreeSlot, free_rows
from companion.rules.local_time import local_date
from companion.rules.masking import Surface
from companion.rules.masking import shown as masked
from companion.rules.summons import LetterState
from companion.store import letters, summons_attachments
from companion.store import summons as store
from companion.store.chains import identity_of
from companion.transaction import Transaction

router = APIRouter(tags=["e-kallelse"])

Writer = Annotated[Caller, asks(Action.SUMMONS_WRITE)]
Lister = Annotated[Caller, asks(Action.SUMMONS_LIST)]
Reader = Annotated[Caller, asks(Action.SUMMONS_READ)]
Answerer = Annotated[Caller, asks(Action.SUMMONS_ANSWER)]
Printer = Annotated[Caller, asks(Action.LETTER_PRINT)]
Notices = Annotated[Caller, asks(Action.NOTICE_WRITE)]
Contacts = Annotated[Caller, asks(Action.CONTACT_WRITE)]


class SummonsText(Input):
    """What a summons says and allows."""

    title: Name
    preparation: Text = ""
    may_confirm: bool = True
    may_rebook: bool = False
    may_decline: bool = False


class TimedIn(SummonsText):
    """To a booking."""

    booking_id: ObjectId


class OpenIn(SummonsText):
    """To pick a time."""

    time_type_id: ObjectId
    patient_person_id: PersonId
    answer_until: Instant


class SummonsOut(Output):
    """A summons."""

    summons_id: str
    unit_hsa_id: str
    patient_person_id: str
    kind: Literal["timed", "open"]
    booking_id: str | None
    time_type_id: str
    title: str
    preparation: str
    answer_until: datetime
    may_confirm: bool
    may_rebook: bool
    may_decline: bool
    state: str
    sent_at: datetime | None
    read_at: datetime | None
    answered_at: datetime | None
    answered_how: Literal["login", "phone"] | None
    """``phone``: the unit wrote it down."""


class SummonsListed(Output):
    """A summons in a list. What it is about is told by opening it: that is the instant of reading."""

    summons_id: str
    unit_hsa_id: str
    patient_person_id: str
    kind: Literal["timed", "open"]
    booking_id: str | None
    time_type_id: str
    title: str | None
    """For patients: once it has been read."""
    answer_until: datetime
    may_confirm: bool
    may_rebook: bool
    may_decline: bool
    state: str
    sent_at: datetime | None
    read_at: datetime | None
    answered_at: datetime | None


class AnswerIn(Input):
    """The patient's answer; moving, and confirming an open summons, need a slot."""

    answer: Literal["confirm", "rebook", "decline"]
    slot_id: ObjectId | None = None


class ReachIn(Input):
    """How somebody can be told."""

    has_account: bool
    has_bounced: bool = False


class BatchOut(Output):
    """Letters printed together."""

    batch_id: str
    printed_at: datetime
    posted_at: datetime | None


class LetterOut(Output):
    """A letter."""

    letter_id: str
    state: str


class LetterListed(LetterOut):
    """A letter in a list."""

    summons_id: str | None
    offer_id: str | None
    reason: str
    queued_at: datetime
    batch_id: str | None
    patient_person_id: str
    patient_name: str
    """Masked when the identity is protected."""


def _shown(row: Summons) -> SummonsOut:
    return SummonsOut.model_validate(row)


def _listed(caller: Caller, row: Summons) -> SummonsListed:
    made = SummonsListed.model_validate(row)
    is_told = caller.principal.kind != "patient" or row.read_at is not None
    return made if is_told else made.model_copy(update={"title": None})


@router.post("/summons/timed", status_code=201, response_model=SummonsOut)
async def draft_timed(body: TimedIn, caller: Writer, request: Request, key: Key = None) -> Response:
    """Draft a summons to a booking."""

    async def act(transaction: Transaction) -> SummonsOut:
        fields = body.model_dump(exclude={"booking_id"})
        return _shown(await store.draft_timed(transaction, caller, body.booking_id, fields))

    return await once(caller, request, key, 201, act)


@router.post("/summons/open", status_code=201, response_model=SummonsOut)
async def draft_open(body: OpenIn, caller: Writer, request: Request, key: Key = None) -> Response:
    """Draft a summons to pick a time before a deadline."""

    async def act(transaction: Transaction) -> SummonsOut:
        fields = body.model_dump(exclude={"time_type_id", "patient_person_id", "answer_until"})
        whom, until = body.patient_person_id, body.answer_until
        return _shown(await store.draft_open(transaction, caller, body.time_type_id, whom, until, fields))

    return await once(caller, request, key, 201, act)


@router.post("/summons/{summons_id}/send")
async def send(summons_id: ObjectId, caller: Writer) -> SummonsOut:
    """Send it."""
    async with caller.transaction() as transaction:
        return _shown(await store.send(transaction, caller, summons_id))


@router.post("/summons/{summons_id}/withdraw")
async def withdraw(summons_id: ObjectId, caller: Writer) -> SummonsOut:
    """Take it back."""
    async with caller.transaction() as transaction:
        return _shown(await store.withdraw(transaction, caller, summons_id))


@router.get("/summons")
async def list_summonses(caller: Lister) -> list[SummonsListed]:
    """One's own, or the unit's, newest first. Patients are told what it is about when they open it."""
    async with caller.transaction() as transaction:
        return [_listed(caller, row) for row in await store.listed(transaction, caller)]


@router.get("/summons/{summons_id}/slots", responses=refusals(409))
async def slots_to_pick(summons_id: ObjectId, caller: Reader) -> list[FreeSlot]:
    """The free slots that it can be answered with: to pick a time, or to move the visit."""
    async with caller.transaction() as transaction:
        return free_rows(await store.slots_to_pick(transaction, caller, summons_id))


@router.post("/summons/{summons_id}/answer-by-phone", response_model=SummonsOut)
async def answer_by_phone(
    summons_id: ObjectId, body: AnswerIn, caller: Writer, request: Request, key: Key = None
) -> Response:
    """The patient has called: the unit writes the answer down."""

    async def act(transaction: Transaction) -> SummonsOut:
        return _shown(await store.answer_for(transaction, caller, summons_id, body.answer, body.slot_id))

    return await once(caller, request, key, 200, act)


@router.get("/summons/{summons_id}")
async def read(summons_id: ObjectId, caller: Reader) -> SummonsOut:
    """Read it; the instant of the patient's first reading is kept."""
    async with caller.transaction() as transaction:
        return _shown(await store.read(transaction, caller, summons_id))


@router.post("/summons/{summons_id}/answer", response_model=SummonsOut)
async def answer(summons_id: ObjectId, body: AnswerIn, caller: Answerer, request: Request, key: Key = None) -> Response:
    """Confirm, move or decline."""

    async def act(transaction: Transaction) -> SummonsOut:
        return _shown(await store.answer(transaction, caller, summons_id, body.answer, body.slot_id))

    return await once(caller, request, key, 200, act)


@router.post("/summons/{summons_id}/notified", status_code=204)
async def notified(summons_id: ObjectId, caller: Notices) -> None:
    """Its notice has arrived (the front tells)."""
    async with caller.transaction() as transaction:
        await store.notified(transaction, caller, summons_id)


@router.put("/persons/{person_id}/reach", status_code=204)
async def told_reach(person_id: PersonId, body: ReachIn, caller: Contacts) -> None:
    """Whether somebody has an account, and whether notices bounced (the front tells)."""
    async with caller.transaction() as transaction:
        await store.told_reach(
            transaction, caller, person_id, has_account=body.has_account, has_bounced=body.has_bounced
        )


# --- letters -----------------------------------------------------------------------------------------------------


@router.post("/units/{hsa_id}/letter-batches", status_code=201)
async def print_batch(hsa_id: HsaId, caller: Printer) -> BatchOut:
    """Print all letters that wait in a unit."""
    async with caller.transaction() as transaction:
        return BatchOut.model_validate(await letters.print_batch(transaction, caller, hsa_id))


@router.get("/letter-batches/{batch_id}/pdf", response_class=Response, responses=file_of("application/pdf"))
async def batch_pdf(batch_id: ObjectId, caller: Printer) -> Response:
    """The letters of a batch as one PDF."""
    async with caller.transaction() as transaction:
        batch, unit, rows = await letters.batch_letters(transaction, caller, batch_id)
        files = await summons_attachments.contents(
            transaction, [one.letter.summons_id for one in rows if one.letter.summons_id is not None]
        )
        texts = [replace(_letter(unit, one), attachments=files.get(one.letter.summons_id or "", ())) for one in rows]
    return Response(render(texts, local_date(batch.printed_at)), media_type="application/pdf")


@router.get("/units/{hsa_id}/letters")
async def list_letters(
    hsa_id: HsaId,
    caller: Printer,
    state: Annotated[LetterState | None, Query()] = None,
    batch_id: Annotated[ObjectId | None, Query()] = None,
) -> list[LetterListed]:
    """A unit's letters, latest first: those in the queue, or those of a batch, to print one again."""
    async with caller.transaction() as transaction:
        rows = await letters.listed(transaction, caller, hsa_id, state, batch_id)
        return [
            LetterListed(
                **{name: getattr(letter, name) for name in LetterListed.model_fields if hasattr(letter, name)},
                patient_person_id=person.person_id,
                patient_name=masked(identity_of(person), Surface.QUEUE).name,
            )
            for letter, person in rows
        ]


@router.get("/units/{hsa_id}/letter-batches")
async def list_batches(hsa_id: HsaId, caller: Printer) -> list[BatchOut]:
    """What a unit has printed, latest first."""
    async with caller.transaction() as transaction:
        return [BatchOut.model_validate(row) for row in await letters.batches(transaction, caller, hsa_id)]


@router.post("/letter-batches/{batch_id}/posted")
async def post_batch(batch_id: ObjectId, caller: Printer) -> BatchOut:
    """The batch is in the post."""
    async with caller.transaction() as transaction:
        return BatchOut.model_validate(await letters.post_batch(transaction, caller, batch_id))


@router.post("/letters/{letter_id}/reprint")
async def reprint(letter_id: ObjectId, caller: Printer) -> LetterOut:
    """Back into the queue."""
    async with caller.transaction() as transaction:
        return LetterOut.model_validate(await letters.reprint(transaction, caller, letter_id))


def _letter(unit: Unit, addressed: letters.Addressed) -> LetterText:
    person = addressed.person
    name = f"{person.given_name} {person.family_name}"
    place = f"{person.postal_code or ''} {person.city or ''}".strip()
    lines = (FORWARDED, addressed.reference) if person.is_protected else (name, person.street or "", place)
    return LetterText(
        recipient=tuple(line for line in lines if line),
        sender=tuple(line for line in (unit.name, unit.address, unit.phone) if line),
        title=addressed.title,
        starts_at=addressed.starts_at,
        answer_until=addressed.answer_until,
        preparation=addressed.text,
        reference=addressed.reference[-8:],
    )
