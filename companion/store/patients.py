"""Use cases of finding patients: staff by identity number, and who logs in for the first time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import func, select

from auth.permissions import Action, Decision, Resource
from companion.errors import FORBIDDEN, NOT_FOUND, Problem, define
from companion.identity import Caller, RefusedError
from companion.models.audit import AuditRow
from companion.models.people import Person
from companion.store.access import has_care_relation
from companion.store.people import locked, read_number
from companion.store.summons import set_reach
from companion.transaction import Transaction

TOO_MANY_LOOKUPS: Final = define(
    "too_many_lookups",
    429,
    sv="Du har sökt för många personer. Vänta en stund.",
    en="You have looked up too many people. Wait a while.",
)
PATIENT_UNKNOWN: Final = define(
    "patient_unknown", 404, sv="Personen finns inte här.", en="That person is not known here."
)
Purpose = Literal["booking", "care", "phone"]
"""Why somebody is looked up: to be booked, to be cared for, because they are on the phone."""


class UnknownPatientError(RefusedError):
    """Nobody of that number is known. That it was asked for stands in the audit log all the same."""

    def __init__(self, decision: Decision, entry: object) -> None:
        super().__init__(decision, entry)  # type: ignore[arg-type]  # an AuditEntry
        self.kind = PATIENT_UNKNOWN


@dataclass(frozen=True)
class Found:
    """A patient, and whether the caller's unit cares for them."""

    person: Person
    has_care_relation: bool


async def look_up(transaction: Transaction, caller: Caller, number_text: str, purpose: Purpose) -> Found:
    """Find a patient by number. Who asks works for a unit; each attempt is an entry of the audit log, also when nobody
    is found, and there are only so many in a minute and a day.
    """
    principal = caller.principal
    if principal.provider_hsa_id is None or principal.unit_hsa_id is None:
        raise Problem(FORBIDDEN)
    await _check_rate(transaction, caller)
    person_id = caller.services.pseudonyms.person_id(read_number(transaction, number_text, "number"))
    resource = Resource(principal.provider_hsa_id, principal.unit_hsa_id, person_id)
    caller.require(transaction, resource, what=f"lookup:{purpose}")
    person = await transaction.session.get(Person, person_id)
    if person is None:
        decision = Decision(True, "allowed")
        raise UnknownPatientError(decision, caller.entry(transaction, decision, resource, f"lookup:{purpose}:unknown"))
    return Found(person, await has_care_relation(transaction, caller, person_id))


async def _check_rate(transaction: Transaction, caller: Caller) -> None:
    """The audit log knows how many there were, at whichever process."""
    settings = caller.services.settings
    limits = ((timedelta(minutes=1), settings.lookups_per_minute), (timedelta(days=1), settings.lookups_per_day))
    for span, limit in limits:
        query = select(func.count()).where(
            AuditRow.provider == caller.principal.provider_hsa_id,
            AuditRow.at_ms > int((transaction.now - span).timestamp() * 1000),
            AuditRow.actor == caller.principal.actor,
            AuditRow.action == Action.PATIENT_LOOKUP,
        )
        if (await transaction.session.scalar(query) or 0) >= limit:
            raise Problem(TOO_MANY_LOOKUPS)


async def logged_in(transaction: Transaction, caller: Caller, number_text: str, name: str) -> tuple[Person, bool]:
    """Somebody has logged in, and can be told in the app; whether they are new here. Of somebody whom no register has
    told of we know what the login says, until a register does: it writes over it.
    """
    number = read_number(transaction, number_text, "number")
    person_id = caller.services.pseudonyms.person_id(number)
    caller.require(transaction, Resource(patient_person_id=person_id), what="login")
    person = await locked(transaction, person_id)
    is_new = person is None
    if person is None:
        given_name, _, family_name = name.rpartition(" ")
        person = Person(
            person_id=person_id,
            identity_system=number.system.value,
            identity_number=number.value,
            given_name=given_name or family_name,
            family_name=family_name if given_name else "",
            birth_date=number.birth_date,
            sex="unknown",
            is_secret=False,
            is_protected_registration=False,
        )
        transaction.session.add(person)
        await transaction.session.flush()
    person.told_at = transaction.now
    await set_reach(transaction, caller.services.settings, person_id, has_account=True, has_bounced=False)
    return person, is_new


async def is_protected(transaction: Transaction, caller: Caller, person_id: str) -> bool:
    """Whether somebody's identity is protected."""
    person = await transaction.session.get(Person, person_id)
    if person is None:
        raise Problem(NOT_FOUND)
    caller.require(transaction, Resource(patient_person_id=person_id), what="protection")
    return person.is_protected
