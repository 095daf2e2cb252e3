"""Use cases of persons: what the population register tells of them, and finding one by number."""

from typing import Any

from sqlalchemy import select

from auth.identity_numbers import IdentityNumber, IdentityNumberError, parse
from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller
from companion.models.people import Person
from companion.rules.local_time import local_date
from companion.transaction import Transaction


def read_number(transaction: Transaction, text: str, field: str) -> IdentityNumber:
    """An identity number that somebody wrote; ``Problem`` naming the field, never quoting it."""
    try:
        return parse(text, today=local_date(transaction.now))
    except IdentityNumberError as error:
        raise Problem(INVALID_REQUEST, field, error.code) from None


async def by_number(transaction: Transaction, caller: Caller, text: str, field: str) -> Person | None:
    """Whoever has that number, if we know them."""
    number = read_number(transaction, text, field)
    return await transaction.session.get(Person, caller.services.pseudonyms.person_id(number))


async def locked(transaction: Transaction, person_id: str) -> Person | None:
    """The person, with whom nobody else does anything of this kind before the commit."""
    query = select(Person).where(Person.person_id == person_id).with_for_update(key_share=True)
    return (await transaction.session.scalars(query.execution_options(populate_existing=True))).one_or_none()


async def put_person(transaction: Transaction, caller: Caller, number_text: str, fields: dict[str, Any]) -> Person:
    """A person as the register has them now."""
    number = read_number(transaction, number_text, "number")
    person_id = caller.services.pseudonyms.person_id(number)
    caller.require(transaction, Resource(patient_person_id=person_id), what=f"person:{person_id}")
    person = await locked(transaction, person_id)
    if person is None:
        person = Person(person_id=person_id, identity_system=number.system.value, identity_number=number.value)
        transaction.session.add(person)
    for name, value in fields.items():
        setattr(person, name, value)
    person.birth_date = fields["birth_date"] or number.birth_date
    person.told_at = transaction.now
    await transaction.session.flush()
    return person
