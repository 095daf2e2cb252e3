"""What the service needs for a while only: old slots, delivered events, answers that were given, administration."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import String, cast, delete, literal, select

from companion.models.bookings import Booking
from companion.models.organisation import AdministrationEntry, Unit
from companion.models.outbox import IdempotencyKey, OutboxRow
from companion.models.schedules import Slot
from companion.retention.area import Area, erasing
from companion.rules.retention import DataKind
from companion.transaction import Transaction

_NOBODYS: Final = literal(None)
_KEY: Final = IdempotencyKey.actor + "|" + IdempotencyKey.key


async def erase_messages(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """Delivered events."""
    await transaction.session.execute(delete(OutboxRow).where(OutboxRow.id.in_([int(one) for one in item_ids])))


async def erase_keys(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """Answers that nobody asks for again."""
    await transaction.session.execute(delete(IdempotencyKey).where(_KEY.in_(item_ids)))


AREAS: Final = (
    Area(
        DataKind.FREE_SLOT,
        Slot.__table__,  # type: ignore[arg-type]  # a Table
        select(
            Slot.slot_id.label("item_id"),
            Slot.ends_at.label("since"),
            _NOBODYS.label("patient"),
            Slot.provider_hsa_id.label("provider"),
        ).where(~select(Booking.booking_id).where(Booking.slot_id == Slot.slot_id).exists()),
        erasing(Slot),
    ),
    Area(
        DataKind.ADMINISTRATION_ENTRY,
        AdministrationEntry.__table__,  # type: ignore[arg-type]  # a Table
        select(
            AdministrationEntry.entry_id.label("item_id"),
            AdministrationEntry.at.label("since"),
            _NOBODYS.label("patient"),
            Unit.provider_hsa_id.label("provider"),
        ).outerjoin(Unit, Unit.hsa_id == AdministrationEntry.unit_hsa_id),
        erasing(AdministrationEntry),
    ),
    Area(
        DataKind.OUTBOX_MESSAGE,
        OutboxRow.__table__,  # type: ignore[arg-type]  # a Table
        select(
            cast(OutboxRow.id, String).label("item_id"),
            OutboxRow.delivered_at.label("since"),
            _NOBODYS.label("patient"),
            _NOBODYS.label("provider"),
        ),
        erase_messages,
    ),
    Area(
        DataKind.IDEMPOTENCY_KEY,
        IdempotencyKey.__table__,  # type: ignore[arg-type]  # a Table
        select(
            _KEY.label("item_id"),
            IdempotencyKey.created_at.label("since"),
            _NOBODYS.label("patient"),
            _NOBODYS.label("provider"),
        ),
        erase_keys,
    ),
)
