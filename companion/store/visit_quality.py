"""How visits went: written by the front, read by the unit that held them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.quality import VisitQuality
from companion.rules.bookings import BookingState
from companion.rules.local_time import day_bounds
from companion.rules.visit_quality import Figures, Measured, Stay, figures_of, was_cut_off
from companion.transaction import Transaction


@dataclass(frozen=True)
class Place:
    """Whose meeting it was, as the front knows it. A booking knows better."""

    provider_hsa_id: str
    unit_hsa_id: str
    patient_person_id: str | None = field(default=None, repr=False)


async def keep(
    transaction: Transaction, caller: Caller, meeting_id: str, place: Place | None, stays: Sequence[Mapping[str, Any]]
) -> Booking | None:
    """Keep the stays of a meeting, each once: of two records of one stay the one that ended later.

    Returns the booking behind the meeting, locked, when its absence has to be taken back: somebody was cut off.
    """
    query = select(Booking).where(Booking.meeting_id == meeting_id).with_for_update()
    booking = (await transaction.session.scalars(query)).one_or_none()
    if booking is not None:
        place = Place(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    elif place is not None:
        unit = await transaction.session.get(Unit, place.unit_hsa_id)
        if unit is None or unit.provider_hsa_id != place.provider_hsa_id:
            place = None
    resource = (
        None
        if place is None
        else Resource(place.provider_hsa_id, place.unit_hsa_id, place.patient_person_id, meeting_id=meeting_id)
    )
    caller.require(transaction, resource, what=f"visit:{meeting_id}")
    assert place is not None
    insert = (postgresql if transaction.is_postgresql else sqlite).insert(VisitQuality)
    for stay in stays:
        values = {
            **stay,
            "meeting_id": meeting_id,
            "provider_hsa_id": place.provider_hsa_id,
            "unit_hsa_id": place.unit_hsa_id,
            "patient_person_id": place.patient_person_id,
            "told_at": transaction.now,
            "anonymised_at": None,
        }
        statement = insert.values(**values)
        newer = {name: statement.excluded[name] for name in (*stay, "told_at") if name != "stay_id"}
        await transaction.session.execute(
            statement.on_conflict_do_update(
                index_elements=["meeting_id", "stay_id"],
                set_=newer,
                where=(VisitQuality.left_at < statement.excluded.left_at) & VisitQuality.anonymised_at.is_(None),
            )
        )
    if booking is None or booking.state != BookingState.NO_SHOW or booking.miss_note is not None:
        return None
    return booking if await cut_off(transaction, meeting_id) else None


async def cut_off(transaction: Transaction, meeting_id: str | None) -> bool:
    """Whether somebody who takes part in the meeting was cut off by a fault, as far as is known by now."""
    if meeting_id is None:
        return False
    rows = (await transaction.session.scalars(select(VisitQuality).where(VisitQuality.meeting_id == meeting_id))).all()
    return was_cut_off(Stay(meeting_id, row.person, row.role, row.left_at, row.is_technical_abort) for row in rows)


async def of_visit(transaction: Transaction, caller: Caller, meeting_id: str) -> Sequence[VisitQuality]:
    """The stays of one meeting, for the unit that held it."""
    query = select(VisitQuality).where(VisitQuality.meeting_id == meeting_id).order_by(VisitQuality.joined_at)
    rows = (await transaction.session.scalars(query)).all()
    if not rows:
        raise Problem(NOT_FOUND)
    resource = Resource(rows[0].provider_hsa_id, rows[0].unit_hsa_id, rows[0].patient_person_id, meeting_id=meeting_id)
    caller.require(transaction, resource, what=f"visit:{meeting_id}")
    return rows


async def of_unit(transaction: Transaction, caller: Caller, hsa_id: str, first: date, last: date) -> Figures:
    """How a unit's visits of some days went together."""
    unit = await transaction.session.get(Unit, hsa_id)
    caller.require(transaction, None if unit is None else Resource(unit.provider_hsa_id, hsa_id), what="visit quality")
    begins_at, ends_at = day_bounds(first)[0], day_bounds(last)[1]
    query = select(
        VisitQuality.meeting_id,
        VisitQuality.path,
        VisitQuality.is_technical_abort,
        VisitQuality.joined_at,
        VisitQuality.left_at,
        VisitQuality.reconnects,
        VisitQuality.freezes,
        VisitQuality.packets_received,
        VisitQuality.packets_lost,
        VisitQuality.round_trip_ms,
    ).where(VisitQuality.unit_hsa_id == hsa_id, VisitQuality.joined_at >= begins_at, VisitQuality.joined_at < ends_at)
    rows = (await transaction.session.execute(query)).all()
    return figures_of(
        [
            Measured(
                meeting_id=row.meeting_id,
                path=row.path,
                is_technical_abort=row.is_technical_abort,
                seconds=(row.left_at - row.joined_at).total_seconds(),
                reconnects=row.reconnects,
                freezes=row.freezes,
                packets_received=row.packets_received,
                packets_lost=row.packets_lost,
                round_trip_ms=row.round_trip_ms,
            )
            for row in rows
        ]
    )
