"""Use cases of fees: dated rules, charges, excuses."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking, BookingFee, FeeRuleRow
from companion.models.organisation import CareProvider
from companion.models.people import Person
from companion.models.schedules import TimeType
from companion.rules.fees import FeeKind, FeeRule, check_rule, fee_for
from companion.rules.local_time import local_date
from companion.services import new_id
from companion.store.organisation import note_change
from companion.transaction import Transaction


def rule_of(row: FeeRuleRow) -> FeeRule:
    """A rule as the rules read it."""
    return FeeRule(
        rule_id=row.rule_id,
        kind=row.kind,  # type: ignore[arg-type]  # was checked when it was written
        amount_ore=row.amount_ore,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        time_type_id=row.time_type_id,
    )


async def fee_rules(transaction: Transaction, provider_hsa_id: str) -> Sequence[FeeRuleRow]:
    """The rules of a care provider, oldest first."""
    query = select(FeeRuleRow).where(FeeRuleRow.provider_hsa_id == provider_hsa_id).order_by(FeeRuleRow.valid_from)
    return (await transaction.session.scalars(query)).all()


def _locked(provider_hsa_id: str) -> Select[CareProvider]:
    """Nobody else changes the care provider's rules before the commit."""
    return select(CareProvider).where(CareProvider.hsa_id == provider_hsa_id).with_for_update(key_share=True)


async def add_fee_rule(
    transaction: Transaction, caller: Caller, provider_hsa_id: str, fields: dict[str, Any]
) -> FeeRuleRow:
    """A new rule; never two for the same thing on the same day."""
    provider = await transaction.session.scalar(_locked(provider_hsa_id))
    caller.require(transaction, None if provider is None else Resource(provider_hsa_id=provider_hsa_id))
    if fields["time_type_id"] is not None:
        time_type = await transaction.session.get(TimeType, fields["time_type_id"])
        if time_type is None or time_type.provider_hsa_id != provider_hsa_id:
            raise Problem(NOT_FOUND, "time_type_id")
    row = FeeRuleRow(rule_id=new_id("fr"), provider_hsa_id=provider_hsa_id, **fields)
    check_rule(rule_of(row), [rule_of(one) for one in await fee_rules(transaction, provider_hsa_id)])
    transaction.session.add(row)
    change = {name: str(value) for name, value in fields.items() if value is not None}
    note_change(transaction, caller, provider_hsa_id, "fee rule added", {"rule": row.rule_id} | change)
    return row


async def end_fee_rule(transaction: Transaction, caller: Caller, rule_id: str, last_day: date) -> FeeRuleRow:
    """A rule stands through a day and no longer. Days that are over keep the rule that they had."""
    known = await transaction.session.get(FeeRuleRow, rule_id)
    caller.require(transaction, None if known is None else Resource(provider_hsa_id=known.provider_hsa_id))
    assert known is not None
    provider_hsa_id = known.provider_hsa_id
    await transaction.session.scalar(_locked(provider_hsa_id))
    row = await transaction.session.get_one(FeeRuleRow, rule_id, populate_existing=True)
    if last_day < max(row.valid_from, local_date(transaction.now)):
        raise Problem(INVALID_REQUEST, "last_day")
    before, row.valid_until = row.valid_until, last_day
    others = [rule_of(one) for one in await fee_rules(transaction, provider_hsa_id) if one.rule_id != rule_id]
    check_rule(rule_of(row), others)
    change = {"rule": rule_id, "last_day": last_day.isoformat(), "before": before and before.isoformat()}
    note_change(transaction, caller, provider_hsa_id, "fee rule ended", change)
    return row


async def charge(transaction: Transaction, booking: Booking, kind: FeeKind, from_age: int) -> None:
    """Charge what the rule of the day of the visit says."""
    person = await transaction.session.get_one(Person, booking.patient_person_id)
    fee = fee_for(
        kind,
        time_type_id=booking.time_type_id,
        day=local_date(booking.starts_at),
        birth_date=person.birth_date,
        from_age=from_age,
        rules=[rule_of(row) for row in await fee_rules(transaction, booking.provider_hsa_id)],
    )
    if fee is not None:
        row = BookingFee(
            booking_id=booking.booking_id,
            rule_id=fee.rule_id,
            kind=fee.kind,
            amount_ore=fee.amount_ore,
            charged_at=transaction.now,
        )
        await transaction.session.merge(row)


async def excuse(transaction: Transaction, caller: Caller, booking: Booking, reason: str) -> BookingFee:
    """Staff judge that the patient had a valid excuse: nothing is charged."""
    fee = await transaction.session.get(BookingFee, booking.booking_id)
    if fee is None:
        raise Problem(NOT_FOUND)
    fee.excused_by, fee.excuse = caller.principal.actor, reason
    return fee
