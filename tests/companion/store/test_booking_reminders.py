"""Patients are reminded of what they have booked: once, in time to cancel, and of nothing that is not to come."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.settings import CompanionSettings
from companion.store.booking_reminders import sweep_reminders
from tests.companion.people import VirtualClock, patient
from tests.companion.world import World

SETTINGS = CompanionSettings()


async def sweep(world: World, **settings: Any) -> int:
    async with world.services.database.transaction(world.services.clock()) as transaction:
        return await sweep_reminders(transaction, SETTINGS.model_copy(update=settings))


async def reminded(world: World) -> list[str]:
    """Whose reminders stand in the outbox, by booking."""
    async with world.services.database.reading(world.services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == "booking.reminder").order_by(OutboxRow.id)
        return [row.payload["booking"] for row in await transaction.session.scalars(query)]


async def book(world: World, index: int) -> str:
    wish = {"slot_id": world.slots[index]["slot_id"]}
    return str((await world.api.made("/bookings", patient(), wish))["booking_id"])


def at(world: World, index: int, **before: float) -> datetime:
    return datetime.fromisoformat(world.slots[index]["starts_at"]) - timedelta(**before)


async def test_a_patient_is_reminded_once_two_days_before(world: World, clock: VirtualClock) -> None:
    first, second = await book(world, 0), await book(world, 5)
    clock.now = at(world, 0, hours=48, seconds=1)
    assert await sweep(world) == 0
    clock.advance(seconds=1)
    assert await sweep(world, booking_reminder_before_h=0) == 0
    assert (await sweep(world), await sweep(world)) == (1, 0)
    assert await reminded(world) == [first]
    clock.now = at(world, 5, hours=1)  # nobody had swept for long
    assert await sweep(world) == 1
    assert await reminded(world) == [first, second]


async def test_what_is_cancelled_past_or_booked_so_late_is_not_reminded_of(world: World, clock: VirtualClock) -> None:
    cancelled, _past = await book(world, 1), await book(world, 0)
    await world.api.made(f"/bookings/{cancelled}/cancel", patient(), {})
    clock.now = at(world, 0)
    await book(world, 2)
    assert await sweep(world) == 0


async def test_what_is_moved_is_reminded_of_at_its_new_time(world: World, clock: VirtualClock) -> None:
    moved = await book(world, 0)
    clock.now = at(world, 0, hours=47)
    assert await sweep(world) == 1
    far, near = 16, 15
    await world.api.made(f"/bookings/{moved}/rebook", patient(), {"slot_id": world.slots[far]["slot_id"]})
    assert await sweep(world) == 0
    clock.now = at(world, far, hours=48)
    assert await sweep(world) == 1
    await world.api.made(f"/bookings/{moved}/rebook", patient(), {"slot_id": world.slots[near]["slot_id"]})
    assert await sweep(world) == 0, "so near, the news of the move is the reminder"
    assert await reminded(world) == [moved, moved]
