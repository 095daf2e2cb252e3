"""People over FHIR: patients, who acts for them, what they have allowed; staff and their roles. Each by the access
rules of the routes that show the same otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from auth.identity_numbers import IdentityNumberError, IdentitySystem, parse
from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.fhir.people import PatientData, Proxy
from companion.fhir.scheduling import Employee, Employment
from companion.fhir.search import PARAMETER_VALUE, Token
from companion.identity import Caller, RefusedError
from companion.models.access import BlockLifting, RecordBlock, RecordConsent
from companion.models.organisation import StaffMember, StaffRole
from companion.models.people import Person
from companion.rules.local_time import local_date
from companion.rules.masking import Surface, shown
from companion.store import organisation, proxies, record, wishes
from companion.store.chains import identity_of
from companion.transaction import Transaction

# --- patients ----------------------------------------------------------------------------------------------------


async def patient(transaction: Transaction, caller: Caller, person_id: str) -> PatientData:
    """Oneself; whom one acts for, by name and no more; for staff a patient whom their unit treats."""
    if caller.principal.kind == "staff":
        return _shown(await record.treated_patient(transaction, caller, person_id), Surface.RECORD)
    person = await transaction.session.get(Person, person_id)
    resource = None if person is None else Resource(patient_person_id=person_id)
    caller.require(transaction, resource, what="patient")
    assert person is not None
    return _shown(person, Surface.PROXY if caller.principal.is_proxy else Surface.OWN)


def _shown(person: Person, surface: Surface) -> PatientData:
    system = IdentitySystem(person.identity_system)
    return PatientData(person.person_id, shown(identity_of(person), surface), system)


async def patients(transaction: Transaction, caller: Caller, person_ids: Iterable[str]) -> list[PatientData]:
    """Those of them that the caller may see. Who is not known and who is closed to them cannot be told apart; the
    attempt stays in the audit log.
    """
    found = []
    for person_id in sorted(person_ids):
        try:
            found.append(await patient(transaction, caller, person_id))
        except RefusedError as refused:
            if refused.entry is not None:
                transaction.audit.append(refused.entry)
        except Problem as problem:
            if problem.kind is not NOT_FOUND:
                raise
    return found


def numbered(transaction: Transaction, caller: Caller, tokens: Sequence[Token]) -> frozenset[str]:
    """Ids of whoever has one of these identity numbers, known or not; ``Problem`` for what is no number."""
    found = set()
    for token in tokens:
        try:
            number = parse(token.code or "", today=local_date(transaction.now))
        except IdentityNumberError as error:
            raise Problem(PARAMETER_VALUE, "identifier", error.code) from None
        if token.system in (None, number.system.value):
            found.add(caller.services.pseudonyms.person_id(number))
    return frozenset(found)


# --- who acts for whom -------------------------------------------------------------------------------------------


async def related(transaction: Transaction, caller: Caller) -> list[Proxy]:
    """Who acts for the caller, and the caller for others; as ``/proxies`` shows it, no number and no address."""
    me = caller.principal.actor
    caller.require(transaction, Resource(patient_person_id=me), what="proxies")
    children, adults = await proxies.relations_of(transaction, me)
    grants = [(row, row.proxy_person_id) for row, _ in adults]
    grants += [(row, row.proxy_person_id) for row, _ in await proxies.proxies_of(transaction, me)]
    ids = {me, *(person_id for _, person_id in grants)}
    people = (await transaction.session.scalars(select(Person).where(Person.person_id.in_(ids)))).all()
    names = {one.person_id: shown(identity_of(one), Surface.PROXY).name for one in people}
    found = [
        Proxy(
            row.guardianship_id,
            row.child_person_id,
            "guardian",
            names.get(me, ""),
            row.verified_at or row.requested_at,
            row.valid_until,
            row.state == "active",
        )
        for row, _ in children
    ]
    return found + [
        Proxy(row.grant_id, row.patient_person_id, "grant", names.get(proxy, ""), row.granted_at, row.valid_until, True)
        for row, proxy in grants
    ]


# --- blocks, liftings and consents -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wishes:
    """What a patient has blocked, opened and allowed."""

    patient_person_id: str
    blocks: list[RecordBlock] = field(repr=False)
    liftings: list[BlockLifting] = field(repr=False)
    consents: list[RecordConsent] = field(repr=False)


async def wishes_of(transaction: Transaction, caller: Caller, person_id: str) -> Wishes:
    """All of one's own; for staff what concerns their unit and care provider."""
    blocks, liftings, consents, _ = await wishes.listed(transaction, caller, person_id)
    return Wishes(person_id, blocks, liftings, consents)


async def wishes_with(transaction: Transaction, caller: Caller, consent_id: str) -> Wishes:
    """Those of the patient whose wish it is, as far as the caller sees them; 404 when there is none."""
    session = transaction.session
    row: RecordBlock | BlockLifting | RecordConsent | None = await session.get(RecordBlock, consent_id)
    row = row or await session.get(BlockLifting, consent_id) or await session.get(RecordConsent, consent_id)
    if row is None:
        raise Problem(NOT_FOUND)
    return await wishes_of(transaction, caller, row.patient_person_id)


# --- staff -------------------------------------------------------------------------------------------------------


def _employment(role: StaffRole) -> Employment:
    return Employment(role.role_id, role.staff_hsa_id, role.unit_hsa_id, role.role, role.valid_from, role.valid_until)


def _employee(member: StaffMember) -> Employee:
    return Employee(member.hsa_id, member.name, member.title)


async def roles_in(transaction: Transaction, caller: Caller, hsa_id: str) -> list[tuple[Employment, Employee]]:
    """Who has which role in a unit that the caller administers, today and later."""
    rows = await organisation.roles_in(transaction, caller, hsa_id)
    return [(_employment(role), _employee(member)) for role, member in rows]


async def role(transaction: Transaction, caller: Caller, role_id: str) -> Employment:
    """A role in a unit that the caller administers."""
    row = await transaction.session.get(StaffRole, role_id)
    caller.require(transaction, None if row is None else Resource(row.provider_hsa_id, row.unit_hsa_id))
    assert row is not None
    return _employment(row)


async def employee(transaction: Transaction, caller: Caller, hsa_id: str) -> Employee:
    """Somebody who has, or had, a role in a unit that the caller administers."""
    query = select(StaffRole).where(StaffRole.staff_hsa_id == hsa_id)
    roles = (await transaction.session.scalars(query)).all()
    places = [Resource(row.provider_hsa_id, row.unit_hsa_id) for row in roles]
    own = next((place for place in places if caller.may(place)), None)
    caller.require(transaction, own or (places[0] if places else None))
    return _employee(await transaction.session.get_one(StaffMember, hsa_id))
