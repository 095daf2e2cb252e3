"""Use cases of e-kallelse: drafted and sent by staff, read and answered by the patient, swept as time passes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select

from auth.permissions import Action, Resource
from companion.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.models.summons import Letter, PersonReach, Summons
from companion.rules.summons import (
    UNANSWERED,
    UNREAD,
    Answer,
    LetterState,
    Reach,
    SummonsEvent,
    SummonsState,
    Terms,
    after,
    check_answer,
    check_terms,
    expires,
    letter_reason,
)
from companion.services import new_id
from companion.settings import CompanionSettings
from companion.store.bookings import PATIENT_ASKED, Wish, book, cancel, rebook
from companion.store.letters import queue_letter, withdraw_letter
from companion.store.listing import own_or_units
from companion.store.offer_releases import review_unopened
from companion.store.people import locked
from companion.store.slots import free_slots
from companion.store.summons_of_booking import remind_before
from companion.transaction import Transaction

SLOTS_AHEAD: Final = timedelta(days=92)


def resource_of(row: Summons) -> Resource:
    """For permissions."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


def terms_of(row: Summons) -> Terms:
    """As the rules read it."""
    return Terms(
        kind=row.kind,  # type: ignore[arg-type]  # written from the request's Literal
        answer_until=row.answer_until,
        may_confirm=row.may_confirm,
        may_rebook=row.may_rebook,
        may_decline=row.may_decline,
    )


# --- the unit ----------------------------------------------------------------------------------------------------


async def draft_timed(transaction: Transaction, caller: Caller, booking_id: str, fields: Mapping[str, Any]) -> Summons:
    """A summons to a booking that the unit made."""
    booking = await transaction.session.get(Booking, booking_id)
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert booking is not None
    if booking.state != "booked":
        raise Problem(CONFLICT, detail=f"booking in state {booking.state}")
    return _add(transaction, caller, booking, booking.patient_person_id, booking.starts_at, booking_id, fields)


async def draft_open(
    transaction: Transaction,
    caller: Caller,
    time_type_id: str,
    patient_person_id: str,
    answer_until: datetime,
    fields: Mapping[str, Any],
) -> Summons:
    """A summons to pick a time of the caller's unit before a deadline."""
    unit = caller.principal.unit_hsa_id
    time_type = await transaction.session.get(TimeType, time_type_id)
    is_units = time_type is not None and time_type.unit_hsa_id in (unit, None)
    resource = None
    if time_type is not None and is_units:
        resource = Resource(time_type.provider_hsa_id, unit, patient_person_id)
    caller.require(transaction, resource, what=f"time_type:{time_type_id}")
    assert time_type is not None
    if await transaction.session.get(Person, patient_person_id) is None:
        raise Problem(NOT_FOUND, "patient_person_id")
    return _add(transaction, caller, time_type, patient_person_id, answer_until, None, fields)


def _add(
    transaction: Transaction,
    caller: Caller,
    of: Booking | TimeType,
    patient_person_id: str,
    answer_until: datetime,
    booking_id: str | None,
    fields: Mapping[str, Any],
) -> Summons:
    row = Summons(
        summons_id=new_id("su"),
        provider_hsa_id=of.provider_hsa_id,
        unit_hsa_id=of.unit_hsa_id or caller.principal.unit_hsa_id,
        patient_person_id=patient_person_id,
        kind="open" if booking_id is None else "timed",
        booking_id=booking_id,
        time_type_id=of.time_type_id,
        answer_until=answer_until,
        state=SummonsState.DRAFT,
        created_by=caller.principal.actor,
        created_at=transaction.now,
        **fields,
    )
    check_terms(terms_of(row), transaction.now)
    transaction.session.add(row)
    return row


async def send(transaction: Transaction, caller: Caller, summons_id: str) -> Summons:
    """To the patient; as a letter at once when nothing else can reach them."""
    row = await own_summons(transaction, caller, summons_id)
    check_terms(terms_of(row), transaction.now)
    _step(row, "send")
    row.sent_at = transaction.now
    if row.answer_until - remind_before(caller.services.settings) <= transaction.now:
        row.reminded_at = transaction.now  # so near, the summons is its own reminder
    if not await _queue_if_due(transaction, caller.services.settings, row):
        _publish(transaction, row, "summons.sent")
    return row


async def withdraw(transaction: Transaction, caller: Caller, summons_id: str) -> Summons:
    """Take it back. The booking stays; it is cancelled where bookings are."""
    row = await own_summons(transaction, caller, summons_id)
    _step(row, "withdraw")
    await withdraw_letter(transaction, summons_id)
    return row


# --- how it fares ------------------------------------------------------------------------------------------------


async def told_reach(
    transaction: Transaction, caller: Caller, person_id: str, *, has_account: bool, has_bounced: bool
) -> None:
    """The front tells how somebody can be told; what cannot reach them becomes a letter at once."""
    person = await locked(transaction, person_id)
    caller.require(transaction, None if person is None else Resource(patient_person_id=person_id), what="reach")
    settings = caller.services.settings
    await set_reach(transaction, settings, person_id, has_account=has_account, has_bounced=has_bounced)


async def set_reach(
    transaction: Transaction, settings: CompanionSettings, person_id: str, *, has_account: bool, has_bounced: bool
) -> None:
    """Keep how somebody can be told, and what follows from it."""
    reach = await transaction.session.get(PersonReach, person_id)
    if reach is None:
        reach = PersonReach(person_id=person_id)
        transaction.session.add(reach)
    reach.has_account, reach.has_bounced, reach.told_at = has_account, has_bounced, transaction.now
    await transaction.session.flush()
    await review_unread(transaction, settings, person_id)


async def review_unread(transaction: Transaction, settings: CompanionSettings, person_id: str) -> None:
    """Something has changed about how a patient can be told: what waits unread may have to become a letter."""
    await review_unopened(transaction, person_id)
    query = select(Summons).where(
        Summons.patient_person_id == person_id, Summons.state.in_([state.value for state in UNREAD])
    )
    for row in (await transaction.session.scalars(query.with_for_update())).all():
        await _queue_if_due(transaction, settings, row)


async def notified(transaction: Transaction, caller: Caller, summons_id: str) -> None:
    """The notice of a summons has arrived."""
    row = await transaction.session.get(Summons, summons_id, with_for_update=True)
    caller.require(transaction, None if row is None else resource_of(row), what=f"summons:{summons_id}")
    assert row is not None
    if row.state in (SummonsState.SENT, SummonsState.READ):
        _step(row, "notify")
        row.notified_at = row.notified_at or transaction.now


async def _queue_if_due(transaction: Transaction, settings: CompanionSettings, row: Summons) -> bool:
    assert row.sent_at is not None
    person = await transaction.session.get_one(Person, row.patient_person_id)
    reach = await transaction.session.get(PersonReach, row.patient_person_id)
    reason = letter_reason(
        SummonsState(row.state),
        Reach(
            has_account=reach is not None and reach.has_account,
            has_bounced=reach is not None and reach.has_bounced,
            is_protected=person.is_protected,
        ),
        sent_at=row.sent_at,
        now=transaction.now,
        unread_after=timedelta(hours=settings.summons_letter_after_h),
    )
    if reason is not None:
        await queue_letter(transaction, row, reason)
    return reason is not None


# --- the patient -------------------------------------------------------------------------------------------------


async def read(transaction: Transaction, caller: Caller, summons_id: str) -> Summons:
    """Show it. When the patient (or a proxy) reads it first, the instant is kept and no letter goes out."""
    row = await own_summons(transaction, caller, summons_id)
    if caller.principal.kind == "patient" and row.state in (*UNREAD, SummonsState.READ):
        _step(row, "read")
        if row.read_at is None:
            row.read_at, row.read_by = transaction.now, caller.principal.actor
            await withdraw_letter(transaction, summons_id)
    return row


async def slots_to_pick(transaction: Transaction, caller: Caller, summons_id: str) -> Sequence[Slot]:
    """The free slots with which it can be answered: to pick one, or to move the visit where that is allowed. Time
    types for the invited are among them.
    """
    row = await own_summons(transaction, caller, summons_id)
    what: Answer = "rebook" if row.booking_id is not None else "confirm"
    is_units = caller.principal.kind != "patient"  # the unit answers for those who call
    if not is_units:
        after(SummonsState(row.state), what)
    check_answer(_terms_for(row, is_units=is_units), what, transaction.now)
    time_type_id = row.time_type_id
    if row.booking_id is not None:
        time_type_id = (await transaction.session.get_one(Booking, row.booking_id)).time_type_id
    return await free_slots(
        transaction,
        begins=transaction.now,
        ends=transaction.now + SLOTS_AHEAD,
        time_type_id=time_type_id,
        unit_hsa_id=row.unit_hsa_id,
        for_staff=True,
    )


async def answer_for(
    transaction: Transaction, caller: Caller, summons_id: str, what: Answer, slot_id: str | None
) -> Summons:
    """The patient has called: staff write the answer down, whether it was read here or came as a letter. The unit
    may do what the summons does not allow the patient.
    """
    await _lock_booking(transaction, summons_id)
    row = await own_summons(transaction, caller, summons_id)
    if row.state in UNREAD:
        _step(row, "read")  # in the letter; ``read_at`` stays for what was read here
    row.answered_how = "phone"
    done = await _answer(transaction, caller, row, what, slot_id, is_units=True)
    if what == "decline":
        await withdraw_letter(transaction, summons_id)
    return done


async def answer(
    transaction: Transaction, caller: Caller, summons_id: str, what: Answer, slot_id: str | None
) -> Summons:
    """Confirm, move or decline: the booking follows in the same transaction."""
    await _lock_booking(transaction, summons_id)
    row = await own_summons(transaction, caller, summons_id)
    row.answered_how = "login"
    return await _answer(transaction, caller, row, what, slot_id, is_units=False)


def _terms_for(row: Summons, *, is_units: bool) -> Terms:
    terms = terms_of(row)
    return replace(terms, may_confirm=True, may_rebook=True, may_decline=True) if is_units else terms


async def _answer(
    transaction: Transaction, caller: Caller, row: Summons, what: Answer, slot_id: str | None, *, is_units: bool
) -> Summons:
    event: SummonsEvent = what
    following = after(SummonsState(row.state), event)
    check_answer(_terms_for(row, is_units=is_units), what, transaction.now)
    needs_slot = what == "rebook" or (what == "confirm" and row.kind == "open")
    if needs_slot != (slot_id is not None):
        raise Problem(INVALID_REQUEST, "slot_id", "missing" if needs_slot else "not used")
    row.state, row.answered_at, row.answered_by = following, transaction.now, caller.principal.actor
    if slot_id is not None and row.booking_id is None:
        wish = Wish(row.patient_person_id, slot_id, is_invited=True)
        booking = await book(transaction, caller.doing(Action.BOOKING_CREATE), wish)
        if booking.time_type_id != row.time_type_id or booking.unit_hsa_id != row.unit_hsa_id:
            raise Problem(INVALID_REQUEST, "slot_id", "another time type or unit")
        await transaction.session.flush()
        row.booking_id = booking.booking_id
    elif slot_id is not None and row.booking_id is not None:
        changer = caller.doing(Action.BOOKING_CHANGE)
        await rebook(transaction, changer, row.booking_id, slot_id, is_invited=True)
    elif what == "decline" and row.booking_id is not None:
        canceller = caller.doing(Action.BOOKING_CANCEL)
        await cancel(transaction, canceller, row.booking_id, PATIENT_ASKED, is_invited=True)
    _publish(transaction, row, f"summons.{following.value}")
    return row


async def _lock_booking(transaction: Transaction, summons_id: str) -> None:
    """Before its summons, as those do who change the booking itself: two who wait for each other would hang."""
    query = select(Booking.booking_id).join(Summons, Summons.booking_id == Booking.booking_id)
    await transaction.session.execute(query.where(Summons.summons_id == summons_id).with_for_update(of=Booking))


# --- lists, time -------------------------------------------------------------------------------------------------


async def listed(transaction: Transaction, caller: Caller) -> Sequence[Summons]:
    """One's own (drafts are not), or those of the caller's unit with an audit entry for each."""
    query = select(Summons).order_by(Summons.created_at.desc(), Summons.summons_id).limit(200)
    return await own_or_units(
        transaction,
        caller,
        query,
        Summons,
        what="summonses",
        resource_of=resource_of,
        name_of=lambda row: f"summons:{row.summons_id}",
        shown_to_patient=Summons.state != SummonsState.DRAFT.value,
    )


async def sweep_summonses(transaction: Transaction, settings: CompanionSettings, limit: int = 200) -> int:
    """Expire what nobody answered in time, queue letters of the unread, remind. Returns how many changed."""
    now = transaction.now
    unread_since = now - timedelta(hours=settings.summons_letter_after_h)
    letters = select(Letter.letter_id).where(Letter.summons_id == Summons.summons_id)
    has_letter = letters.where(Letter.state != LetterState.WITHDRAWN.value).exists()
    is_unread = Summons.state.in_([state.value for state in UNREAD])
    query = (
        select(Summons)
        .where(
            Summons.state.in_([state.value for state in UNANSWERED]),
            or_(
                Summons.answer_until <= now,
                Summons.reminded_at.is_(None) & (Summons.answer_until <= now + remind_before(settings)) & ~has_letter,
                is_unread & (Summons.sent_at <= unread_since) & ~has_letter,
            ),
        )
        .order_by(Summons.answer_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    changed = 0
    for row in (await transaction.session.scalars(query)).all():
        if expires(SummonsState(row.state), terms_of(row), transaction.now):
            _step(row, "expire")
            await withdraw_letter(transaction, row.summons_id)
            changed += 1
            continue
        is_lettered = await _queue_if_due(transaction, settings, row)
        is_near = row.answer_until - remind_before(settings) <= now
        if not is_lettered and row.reminded_at is None and is_near:
            row.reminded_at = transaction.now
            _publish(transaction, row, "summons.reminder")
            changed += 1
    return changed


async def own_summons(transaction: Transaction, caller: Caller, summons_id: str) -> Summons:
    """A summons that the caller may touch. A draft is the unit's alone."""
    row = await transaction.session.get(Summons, summons_id, with_for_update=True)
    is_hidden = row is None or (row.state == SummonsState.DRAFT and caller.principal.kind == "patient")
    resource = None if row is None or is_hidden else resource_of(row)
    caller.require(transaction, resource, what=f"summons:{summons_id}")
    assert row is not None
    return row


def _step(row: Summons, event: SummonsEvent) -> None:
    row.state = after(SummonsState(row.state), event)


def _publish(transaction: Transaction, row: Summons, kind: str) -> None:
    transaction.publish(
        kind,
        f"{kind}:{row.summons_id}:{new_id('ev')}",  # the same may happen again, even in the same instant
        summons=row.summons_id,
        patient=row.patient_person_id,
        unit=row.unit_hsa_id,
    )
