"""Units, and who may do what in them."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query

from auth.permissions import Action
from companion.identity import Caller, asks, public
from companion.models.organisation import StaffMember, StaffRole, Unit
from companion.routes.shapes import Day, HsaId, Input, Name, ObjectId, Output, Text
from companion.services import Services
from companion.store import organisation as store

router = APIRouter(tags=["organisation"])

WHY_PUBLIC = "Where care is given is public, so that a rush does not hit the login."
_MAY_BE_NOTHING: Final = frozenset({"phone", "address", "area"})
UnitKind = Literal["clinic", "vaccination", "maternity"]
RoleFeed = Annotated[Caller, asks(Action.ROLE_FEED)]
Admin = Annotated[Caller, asks(Action.UNIT_ADMIN)]
UserAdmin = Annotated[Caller, asks(Action.USER_ADMIN)]


class UnitOut(Output):
    """A care unit."""

    hsa_id: str
    provider_hsa_id: str
    name: str
    kind: str
    phone: str | None
    address: str | None
    area: str | None
    information: str
    is_active: bool


class UnitChange(Input):
    """Other data of a unit; what is left out stays. Phone, address and area can be taken away (null)."""

    name: Name | None = None
    kind: UnitKind | None = None
    phone: Name | None = None
    address: Name | None = None
    area: Name | None = None
    information: Text | None = None
    is_active: bool | None = None


class UnitIn(Input):
    """A new unit."""

    hsa_id: HsaId
    provider_hsa_id: HsaId
    name: Name
    kind: UnitKind = "clinic"
    phone: Name | None = None
    address: Name | None = None
    area: Name | None = None
    information: Text = ""


class RoleIn(Input):
    """A role for somebody."""

    staff_hsa_id: HsaId
    name: Name
    role: Literal["staff", "scheduler", "viewer", "unit_admin", "region_admin"]
    commission_hsa_id: HsaId | None = None
    valid_from: Day
    valid_until: Day | None = None


class RoleOut(Output):
    """A role that somebody has."""

    role_id: str
    staff_hsa_id: str
    name: str
    role: str
    unit_hsa_id: str
    valid_from: Day
    valid_until: Day | None


class GivenRole(Output):
    """A role that stands today, and where."""

    role: str
    unit_hsa_id: str
    provider_hsa_id: str
    commission_hsa_id: str | None
    valid_until: Day | None


class GivenRoles(Output):
    """What somebody was given."""

    roles: list[GivenRole]


def _role_out(role: StaffRole, member: StaffMember) -> RoleOut:
    return RoleOut(
        role_id=role.role_id,
        staff_hsa_id=role.staff_hsa_id,
        name=member.name,
        role=role.role,
        unit_hsa_id=role.unit_hsa_id,
        valid_from=role.valid_from,
        valid_until=role.valid_until,
    )


@router.get("/units")
async def list_units(
    services: Annotated[Services, public(WHY_PUBLIC)], kind: Annotated[UnitKind | None, Query()] = None
) -> list[UnitOut]:
    """The units that are open."""
    async with services.database.reading(services.clock()) as transaction:
        return [UnitOut.model_validate(unit) for unit in await store.units(transaction, kind=kind)]


@router.get("/units/{hsa_id}")
async def read_unit(hsa_id: HsaId, services: Annotated[Services, public(WHY_PUBLIC)]) -> UnitOut:
    """One unit."""
    async with services.database.reading(services.clock()) as transaction:
        return UnitOut.model_validate(await store.unit(transaction, hsa_id))


@router.post("/units", status_code=201)
async def add_unit(body: UnitIn, caller: Admin) -> UnitOut:
    """A new unit of the administrator's care provider."""
    async with caller.transaction() as transaction:
        made: Unit = await store.add_unit(transaction, caller, body.model_dump())
        await transaction.session.flush()
        return UnitOut.model_validate(made)


@router.patch("/units/{hsa_id}")
async def change_unit(hsa_id: HsaId, body: UnitChange, caller: Admin) -> UnitOut:
    """Other data of a unit."""
    given = body.model_dump(exclude_unset=True)
    fields = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_NOTHING}
    async with caller.transaction() as transaction:
        return UnitOut.model_validate(await store.change_unit(transaction, caller, hsa_id, fields))


@router.get("/units/{hsa_id}/roles")
async def list_roles(hsa_id: HsaId, caller: UserAdmin) -> list[RoleOut]:
    """Who has which role in a unit."""
    async with caller.transaction() as transaction:
        return [_role_out(role, member) for role, member in await store.roles_in(transaction, caller, hsa_id)]


@router.post("/units/{hsa_id}/roles", status_code=201)
async def give_role(hsa_id: HsaId, body: RoleIn, caller: UserAdmin) -> RoleOut:
    """Give somebody a role in a unit."""
    fields = body.model_dump(exclude={"staff_hsa_id", "name"})
    member = StaffMember(hsa_id=body.staff_hsa_id, name=body.name, title="")
    async with caller.transaction() as transaction:
        return _role_out(*await store.give_role(transaction, caller, hsa_id, member, fields))


@router.delete("/roles/{role_id}", status_code=204)
async def take_role(role_id: ObjectId, caller: UserAdmin) -> None:
    """End a role."""
    async with caller.transaction() as transaction:
        await store.take_role(transaction, caller, role_id)


@router.get("/staff/{hsa_id}/roles")
async def roles_of_staff(
    hsa_id: HsaId, caller: RoleFeed, unit_hsa_id: Annotated[HsaId | None, Query()] = None
) -> GivenRoles:
    """Which roles somebody has today, in all units or one (the front asks at logins). Nobody known: none."""
    async with caller.transaction() as transaction:
        found = await store.roles_of(transaction, caller, hsa_id, unit_hsa_id)
        return GivenRoles(roles=[GivenRole.model_validate(role) for role in found])
