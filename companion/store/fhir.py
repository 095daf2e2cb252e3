"""What ``/fhir`` reads, as the plain data that ``companion.fhir`` maps."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select

from companion.errors import NOT_FOUND, Problem
from companion.fhir.scheduling import CareUnit, Provider, TimeBook, TimeKind, TimeSlot, Visit
from companion.models.bookings import Booking
from companion.models.organisation import CareProvider, Unit
from companion.models.schedules import Schedule, Slot, TimeType
from companion.rules.bookings import BookingState
from companion.rules.slots import state_of
from companion.store.slots import free_slots
from companion.transaction import Transaction


def _kind(row: TimeType) -> TimeKind:
    return TimeKind(row.time_type_id, row.name_sv, row.modality)


async def organization(transaction: Transaction, hsa_id: str) -> CareUnit | Provider:
    """A unit or a care provider."""
    provider = await transaction.session.get(CareProvider, hsa_id)
    if provider is not None:
        return Provider(provider.hsa_id, provider.name)
    return (await unit_with_kinds(transaction, hsa_id))[0]


async def unit_with_kinds(transaction: Transaction, hsa_id: str) -> tuple[CareUnit, list[TimeKind]]:
    """A unit and the time types that anybody books there."""
    unit = await transaction.session.get(Unit, hsa_id)
    if unit is None or not unit.is_active:
        raise Problem(NOT_FOUND)
    query = (
        select(TimeType)
        .where(TimeType.provider_hsa_id == unit.provider_hsa_id)
        .where(or_(TimeType.unit_hsa_id == hsa_id, TimeType.unit_hsa_id.is_(None)))
        .where(TimeType.audience == "public", TimeType.patient_may_book.is_(True))
        .order_by(TimeType.name_sv, TimeType.time_type_id)
    )
    kinds = [_kind(row) for row in (await transaction.session.scalars(query)).all()]
    return CareUnit(unit.hsa_id, unit.provider_hsa_id, unit.name, unit.phone, unit.address), kinds


async def schedule(transaction: Transaction, schedule_id: str) -> TimeBook:
    """A schedule as everybody may see it: not whose it is, nor its name, which can be a person's."""
    row = await transaction.session.get(Schedule, schedule_id)
    if row is None or not row.is_active:
        raise Problem(NOT_FOUND)
    return TimeBook(row.schedule_id, row.unit_hsa_id, "")


async def find_free(
    transaction: Transaction,
    *,
    begins: datetime,
    ends: datetime,
    time_type_id: str | None,
    unit_hsa_id: str | None,
    limit: int,
    offset: int = 0,
) -> list[TimeSlot]:
    """Free slots that anybody can book, after the first ones."""
    rows = await free_slots(
        transaction, begins=begins, ends=ends, time_type_id=time_type_id, unit_hsa_id=unit_hsa_id, limit=offset + limit
    )
    return await _slots(transaction, rows[offset:])


async def slot(transaction: Transaction, slot_id: str) -> TimeSlot:
    """A slot that anybody could book, free or not."""
    row = await transaction.session.get(Slot, slot_id)
    if row is None or row.purpose != "ordinary":
        raise Problem(NOT_FOUND)
    time_type = await transaction.session.get_one(TimeType, row.time_type_id)
    if time_type.audience != "public" or not time_type.patient_may_book:
        raise Problem(NOT_FOUND)
    return (await _slots(transaction, [row]))[0]


async def _slots(transaction: Transaction, rows: Sequence[Slot]) -> list[TimeSlot]:
    """Whether a place is held or booked is nobody's business here: it is taken."""
    kinds = await _kinds(transaction, {row.time_type_id for row in rows})
    return [
        TimeSlot(
            row.slot_id,
            row.schedule_id,
            state_of(capacity=row.capacity, booked=row.taken, held=0, is_closed=row.is_closed),
            row.starts_at,
            row.ends_at,
            kinds[row.time_type_id],
        )
        for row in rows
    ]


async def visits(transaction: Transaction, bookings: Sequence[Booking]) -> list[Visit]:
    """Bookings that the caller may see. The patient is referred to, not named."""
    kinds = await _kinds(transaction, {one.time_type_id for one in bookings})
    query = select(Unit.hsa_id, Unit.name).where(Unit.hsa_id.in_({one.unit_hsa_id for one in bookings}))
    names = {row.hsa_id: row.name for row in (await transaction.session.execute(query)).all()}
    return [
        Visit(
            booking_id=one.booking_id,
            slot_id=one.slot_id,
            unit_hsa_id=one.unit_hsa_id,
            unit_name=names[one.unit_hsa_id],
            patient_person_id=one.patient_person_id,
            patient_name=None,
            state=BookingState(one.state),
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            created_at=one.created_at,
            kind=kinds[one.time_type_id],
            cancel_reason=one.cancel_reason,
            version=one.sequence,
            changed_at=one.changed_at,
            meeting_id=one.meeting_id,
        )
        for one in bookings
    ]


async def _kinds(transaction: Transaction, ids: Iterable[str]) -> dict[str, TimeKind]:
    rows = await transaction.session.scalars(select(TimeType).where(TimeType.time_type_id.in_(ids)))
    return {row.time_type_id: _kind(row) for row in rows.all()}
