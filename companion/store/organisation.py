"""Use cases of the organisation: care providers, units, users and their roles."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select

from auth.permissions import NOTHING, Resource
from companion.errors import CONFLICT, FORBIDDEN, INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.organisation import AdministrationEntry, CareProvider, StaffMember, StaffRole, Unit
from companion.rules.local_time import day_bounds, local_date
from companion.services import new_id
from companion.transaction import Transaction

GRANTABLE: Final = frozenset({"staff", "scheduler", "viewer", "unit_admin", "region_admin"})
"""Roles that an administrator gives; only a region_admin gives region_admin."""


def resource_of_unit(unit: Unit) -> Resource:
    """For permissions: a unit of a care provider."""
    return Resource(provider_hsa_id=unit.provider_hsa_id, unit_hsa_id=unit.hsa_id)


async def units(transaction: Transaction, *, kind: str | None = None) -> Sequence[Unit]:
    """The units that are open to the public."""
    query = select(Unit).where(Unit.is_active).order_by(Unit.name)
    if kind is not None:
        query = query.where(Unit.kind == kind)
    return (await transaction.session.scalars(query)).all()


async def unit(transaction: Transaction, hsa_id: str) -> Unit:
    """One unit; 404 when there is none."""
    found = await transaction.session.get(Unit, hsa_id)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


async def own_unit(transaction: Transaction, caller: Caller, hsa_id: str) -> Unit:
    """One unit, for somebody who may do what they ask for in it."""
    found = await transaction.session.get(Unit, hsa_id)
    caller.require(transaction, None if found is None else resource_of_unit(found))
    assert found is not None
    return found


def note_change(transaction: Transaction, caller: Caller, unit_hsa_id: str, what: str, change: dict[str, Any]) -> None:
    """Remember who changed what."""
    entry = AdministrationEntry(
        entry_id=new_id("ad"),
        at=transaction.now,
        actor=caller.principal.actor,
        unit_hsa_id=unit_hsa_id,
        what=what,
        change=change,
    )
    transaction.session.add(entry)


async def add_unit(transaction: Transaction, caller: Caller, fields: dict[str, Any]) -> Unit:
    """A new unit of the caller's own care provider."""
    provider = await transaction.session.get(CareProvider, fields["provider_hsa_id"])
    caller.require(transaction, None if provider is None else Resource(provider_hsa_id=provider.hsa_id))
    if await transaction.session.get(Unit, fields["hsa_id"]) is not None:
        raise Problem(CONFLICT, "hsa_id")
    made = Unit(**fields)
    transaction.session.add(made)
    note_change(transaction, caller, made.hsa_id, "unit added", {"name": made.name})
    return made


async def change_unit(transaction: Transaction, caller: Caller, hsa_id: str, fields: dict[str, Any]) -> Unit:
    """Other data of a unit."""
    found = await own_unit(transaction, caller, hsa_id)
    for name, value in fields.items():
        setattr(found, name, value)
    transaction.any_places_change()  # closed, it has none to offer
    note_change(transaction, caller, hsa_id, "unit changed", {"fields": sorted(fields)})
    return found


async def roles_in(transaction: Transaction, caller: Caller, hsa_id: str) -> Sequence[tuple[StaffRole, StaffMember]]:
    """Who has which role in a unit, today and later."""
    await own_unit(transaction, caller, hsa_id)
    today = local_date(transaction.now)
    query = (
        select(StaffRole, StaffMember)
        .join(StaffMember, StaffMember.hsa_id == StaffRole.staff_hsa_id)
        .where(StaffRole.unit_hsa_id == hsa_id, or_(StaffRole.valid_until.is_(None), StaffRole.valid_until >= today))
        .order_by(StaffMember.name, StaffRole.role)
    )
    return [(role, member) for role, member in (await transaction.session.execute(query)).all()]


async def roles_of(
    transaction: Transaction, caller: Caller, staff_hsa_id: str, unit_hsa_id: str | None
) -> Sequence[StaffRole]:
    """Which roles somebody has today, in all units or one."""
    caller.require(transaction, NOTHING)
    today = local_date(transaction.now)
    query = (
        select(StaffRole)
        .where(
            StaffRole.staff_hsa_id == staff_hsa_id,
            StaffRole.valid_from <= today,
            or_(StaffRole.valid_until.is_(None), StaffRole.valid_until >= today),
        )
        .order_by(StaffRole.unit_hsa_id, StaffRole.role, StaffRole.role_id)
    )
    if unit_hsa_id is not None:
        query = query.where(StaffRole.unit_hsa_id == unit_hsa_id)
    return (await transaction.session.scalars(query)).all()


async def give_role(
    transaction: Transaction, caller: Caller, hsa_id: str, member: StaffMember, fields: dict[str, Any]
) -> tuple[StaffRole, StaffMember]:
    """Give somebody a role in a unit. Nobody gives more than they have: region_admin comes from region_admin."""
    found = await own_unit(transaction, caller, hsa_id)
    if fields["role"] == "region_admin" and "region_admin" not in caller.principal.roles:
        raise Problem(FORBIDDEN, "role")
    if fields["valid_until"] is not None and fields["valid_until"] < fields["valid_from"]:
        raise Problem(INVALID_REQUEST, "valid_until")
    known = await transaction.session.get(StaffMember, member.hsa_id)
    if known is None:
        transaction.session.add(member)
        known = member
        await transaction.session.flush()
    role = StaffRole(
        role_id=new_id("ro"),
        staff_hsa_id=known.hsa_id,
        unit_hsa_id=found.hsa_id,
        provider_hsa_id=found.provider_hsa_id,
        granted_by=caller.principal.actor,
        granted_at=transaction.now,
        **fields,
    )
    transaction.session.add(role)
    note_change(transaction, caller, hsa_id, "role given", {"staff": known.hsa_id, "role": role.role})
    transaction.publish("role.given", f"role.given:{role.role_id}", staff=known.hsa_id, unit=hsa_id, role=role.role)
    if role.valid_until is not None:  # sessions that have it do not outlive its last day
        _, ends = day_bounds(role.valid_until)
        _publish_taken(transaction, role, "ended", ends)
    return role, known


async def take_role(transaction: Transaction, caller: Caller, role_id: str) -> None:
    """End a role today; it was valid until yesterday."""
    role = await transaction.session.get(StaffRole, role_id)
    resource = None
    if role is not None:
        resource = Resource(provider_hsa_id=role.provider_hsa_id, unit_hsa_id=role.unit_hsa_id)
    caller.require(transaction, resource)
    assert role is not None
    if role.role == "region_admin" and "region_admin" not in caller.principal.roles:
        raise Problem(FORBIDDEN)
    today = local_date(transaction.now)
    if role.valid_until is not None and role.valid_until < today:
        return  # it is over
    role.valid_until = today - timedelta(days=1)
    note_change(transaction, caller, role.unit_hsa_id, "role taken", {"staff": role.staff_hsa_id, "role": role.role})
    _publish_taken(transaction, role, "taken")


def _publish_taken(transaction: Transaction, role: StaffRole, how: str, due_at: datetime | None = None) -> None:
    """Tell the front to let sessions end that have the role."""
    transaction.publish(
        "role.taken",
        f"role.taken:{role.role_id}:{how}",
        due_at,
        staff=role.staff_hsa_id,
        unit=role.unit_hsa_id,
        role=role.role,
    )
