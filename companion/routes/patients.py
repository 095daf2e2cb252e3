"""Patients: staff find one by identity number; the front tells of those who log in."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.proxies import Number
from companion.routes.shapes import Input, Name, Output, PersonId
from companion.rules.masking import Surface, shown
from companion.store import patients as store
from companion.store.chains import identity_of

router = APIRouter(tags=["patients"])

Finder = Annotated[Caller, asks(Action.PATIENT_LOOKUP)]
Front = Annotated[Caller, asks(Action.PERSON_LOGIN)]
Masker = Annotated[Caller, asks(Action.PERSON_PROTECTION)]


class LookupIn(Input):
    """Whom, and why."""

    number: Number
    purpose: store.Purpose
    """It stands in the audit log."""


class PatientFound(Output):
    """A patient as whoever books them must know them, and no more."""

    person_id: str
    name: str
    """To a unit without a care relation: the first names, and the initial of the last; masked when protected."""
    birth_date: date | None
    """None for a unit without a care relation, and when the identity is protected."""
    is_protected: bool
    has_care_relation: bool


class LoginIn(Input):
    """Who, as the identity provider says."""

    number: Number
    name: Name


class LoginOut(Output):
    """The person's opaque id, whether nobody had told of them before, and whether their identity is protected."""

    person_id: str
    is_new: bool
    is_protected: bool


class ProtectionOut(Output):
    """Whether an identity is protected (skyddad identitet), of either kind."""

    is_protected: bool


@router.post("/patients/lookup")
async def look_up(body: LookupIn, caller: Finder) -> PatientFound:
    """Find a patient by identity number. Each attempt stands in the audit log; 429 when there are too many."""
    async with caller.transaction() as transaction:
        found = await store.look_up(transaction, caller, body.number, body.purpose)
        person = shown(identity_of(found.person), Surface.QUEUE)
        name, birth_date = person.name, person.birth_date
        if not found.has_care_relation and not person.is_marked:
            initial = f"{found.person.family_name[:1]}." if found.person.family_name else ""
            name, birth_date = f"{found.person.given_name} {initial}".strip(), None
        return PatientFound(
            person_id=found.person.person_id,
            name=name,
            birth_date=birth_date,
            is_protected=person.is_marked,
            has_care_relation=found.has_care_relation,
        )


@router.post("/persons/login")
async def logged_in(body: LoginIn, caller: Front) -> LoginOut:
    """Somebody has logged in (the front tells). What a register has told of them stays."""
    async with caller.transaction() as transaction:
        person, is_new = await store.logged_in(transaction, caller, body.number, body.name)
        return LoginOut(person_id=person.person_id, is_new=is_new, is_protected=person.is_protected)


@router.get("/persons/{person_id}/protection")
async def protection(person_id: PersonId, caller: Masker) -> ProtectionOut:
    """Whether somebody's identity is protected (the front asks, before it shows a name in a list)."""
    async with caller.transaction() as transaction:
        return ProtectionOut(is_protected=await store.is_protected(transaction, caller, person_id))
