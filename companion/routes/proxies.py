"""Ombud: guardianships, grants, what the registers tell, and what the front asks for."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from auth.permissions import Action, Resource
from auth.principal import PROXY_SCOPES, ProxyScope
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.models.people import Person
from companion.models.proxies import Guardianship, ProxyGrant
from companion.routes.shapes import BirthDate, Input, Instant, Name, ObjectId, Output, PersonId
from companion.rules.masking import Surface, shown
from companion.store import guardian_invitations as invitations
from companion.store import people, summons
from companion.store import proxies as store
from companion.store.chains import identity_of
from companion.transaction import Transaction

router = APIRouter(tags=["proxies"])

Number = Annotated[str, Field(min_length=10, max_length=32, description="Identity number, as people write it.")]
Asker = Annotated[Caller, asks(Action.PROXY_REQUEST)]
Granter = Annotated[Caller, asks(Action.PROXY_GRANT)]
Reader = Annotated[Caller, asks(Action.PROXY_READ)]
Register = Annotated[Caller, asks(Action.PROXY_WRITE)]
Feed = Annotated[Caller, asks(Action.PROXY_FEED)]
PersonWriter = Annotated[Caller, asks(Action.PERSON_WRITE)]
Inviter = Annotated[Caller, asks(Action.GUARDIAN_INVITE)]
Teenager = Annotated[Caller, asks(Action.GUARDIAN_CONSENT)]


class PersonIn(Input):
    """A person as the population register has them."""

    number: Number
    given_name: Name
    family_name: Name
    birth_date: BirthDate | None = Field(default=None, description="Left out: the one of the number.")
    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    area: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,32}$")] | None = None
    street: Name | None = None
    postal_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z -]{1,16}$")] | None = None
    city: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")] | None = None
    is_secret: bool = Field(default=False, description="Sekretessmarkering.")
    is_protected_registration: bool = Field(default=False, description="Skyddad folkbokföring.")


class PersonOut(Output):
    """The person's opaque id."""

    person_id: str


class CustodyIn(Input):
    """All guardians of a child."""

    guardians: Annotated[list[PersonId], Field(max_length=10)]


class GuardianshipIn(Input):
    """The child."""

    child_number: Number


class GuardianshipOut(Output):
    """A guardianship, as the guardian sees it."""

    guardianship_id: str
    child_person_id: str
    state: str
    valid_until: datetime


class GrantIn(Input):
    """Who may do what until when."""

    proxy_number: Number
    scopes: Annotated[list[ProxyScope], Field(min_length=1, max_length=3)]
    valid_until: Instant


class GrantOut(Output):
    """A grant."""

    grant_id: str
    scopes: list[str]
    valid_until: datetime


class RelationOut(Output):
    """Somebody for whom one may act."""

    subject: str
    name: str
    kind: Literal["guardian", "grant"]
    scopes: list[str]
    valid_until: datetime
    relation_id: str
    is_active: bool
    """False while the custody register has not answered."""


class ProxyOut(GrantOut):
    """Somebody who may act for oneself."""

    name: str


class ProxiesOut(Output):
    """Both directions."""

    i_act_for: list[RelationOut]
    act_for_me: list[ProxyOut]


class FeedRelation(Output):
    """A relation in the form of the front's ``PUT /api/proxies/{person_id}``."""

    subject: str
    name: str
    kind: Literal["guardian", "grant"]
    scopes: list[str]
    valid_until: int
    birth_date: date | None


class FeedOut(Output):
    """All that are in force."""

    relations: list[FeedRelation]


class GuardiansOut(Output):
    """Person ids."""

    guardians: list[str]


class InvitationOut(Output):
    """Whether a guardian may come."""

    invitation_id: str
    booking_id: str
    asked_at: datetime
    answered_at: datetime | None
    consents: bool | None


class ConsentIn(Input):
    """Yes or no."""

    consents: bool


def _name(person: Person) -> str:
    """As somebody who acts for them, or for whom they act, is shown them."""
    return shown(identity_of(person), Surface.PROXY).name[:128]


def _guardian_relation(row: Guardianship, child: Person) -> RelationOut:
    return RelationOut(
        subject=child.person_id,
        name=_name(child),
        kind="guardian",
        scopes=sorted(PROXY_SCOPES),
        valid_until=row.valid_until,
        relation_id=row.guardianship_id,
        is_active=row.state == "active",
    )


def _grant_relation(row: ProxyGrant, patient: Person) -> RelationOut:
    return RelationOut(
        subject=patient.person_id,
        name=_name(patient),
        kind="grant",
        scopes=row.scopes,
        valid_until=row.valid_until,
        relation_id=row.grant_id,
        is_active=True,
    )


@router.put("/persons")
async def put_person(body: PersonIn, caller: PersonWriter) -> PersonOut:
    """A person of the population register, new or changed. Protection ends what it must end, at once."""
    async with caller.transaction() as transaction:
        person = await people.put_person(transaction, caller, body.number, body.model_dump(exclude={"number"}))
        await store.review(transaction, person.person_id)
        await summons.review_unread(transaction, caller.services.settings, person.person_id)
        return PersonOut.model_validate(person)


@router.put("/custody/{child_person_id}", status_code=204)
async def told_custody(child_person_id: PersonId, body: CustodyIn, caller: Register) -> None:
    """What the custody register says of a child, in the place of what it said before."""
    async with caller.transaction() as transaction:
        await store.told_custody(transaction, caller, child_person_id, body.guardians)


@router.post("/guardianships", status_code=201, response_model=GuardianshipOut)
async def request_guardianship(body: GuardianshipIn, caller: Asker, request: Request, key: Key = None) -> Response:
    """Ask to act for one's child under 13."""

    async def act(transaction: Transaction) -> GuardianshipOut:
        row = await store.request_guardianship(transaction, caller, body.child_number)
        return GuardianshipOut.model_validate(row)

    return await once(caller, request, key, 201, act)


@router.delete("/guardianships/{guardianship_id}", status_code=204)
async def end_guardianship(guardianship_id: ObjectId, caller: Asker) -> None:
    """Give it up."""
    async with caller.transaction() as transaction:
        await store.end_guardianship(transaction, caller, guardianship_id)


@router.post("/grants", status_code=201, response_model=GrantOut)
async def give_grant(body: GrantIn, caller: Granter, request: Request, key: Key = None) -> Response:
    """Let another adult act for oneself, for a time."""

    async def act(transaction: Transaction) -> GrantOut:
        row = await store.give_grant(transaction, caller, body.proxy_number, body.scopes, body.valid_until)
        return GrantOut.model_validate(row)

    return await once(caller, request, key, 201, act)


@router.delete("/grants/{grant_id}", status_code=204)
async def end_grant(grant_id: ObjectId, caller: Granter) -> None:
    """Take a grant back, or give one up."""
    async with caller.transaction() as transaction:
        await store.end_grant(transaction, caller, grant_id)


@router.get("/proxies")
async def list_proxies(caller: Reader) -> ProxiesOut:
    """For whom one acts, and who acts for oneself."""
    async with caller.transaction() as transaction:
        me = caller.principal.actor
        caller.require(transaction, Resource(patient_person_id=me), what="proxies")
        children, adults = await store.relations_of(transaction, me)
        mine = await store.proxies_of(transaction, me)
        return ProxiesOut(
            i_act_for=[_guardian_relation(*pair) for pair in children] + [_grant_relation(*pair) for pair in adults],
            act_for_me=[
                ProxyOut(grant_id=row.grant_id, scopes=row.scopes, valid_until=row.valid_until, name=_name(person))
                for row, person in mine
            ],
        )


@router.get("/persons/{person_id}/proxies")
async def feed(person_id: PersonId, caller: Feed) -> FeedOut:
    """For whom somebody may act now, as the front keeps it. Asked after each ``proxies.changed``."""
    async with caller.transaction() as transaction:
        caller.require(transaction, Resource(patient_person_id=person_id), what="proxies")
        children, adults = await store.relations_of(transaction, person_id)
        told = [(_guardian_relation(row, child), child.birth_date) for row, child in children if row.state == "active"]
        told += [(_grant_relation(row, patient), None) for row, patient in adults]
        return FeedOut(
            relations=[
                FeedRelation(
                    subject=one.subject,
                    name=one.name,
                    kind=one.kind,
                    scopes=one.scopes,
                    valid_until=int(one.valid_until.timestamp()),
                    birth_date=birth_date,
                )
                for one, birth_date in told
            ]
        )


@router.get("/persons/{person_id}/guardians")
async def guardians(person_id: PersonId, caller: Feed) -> GuardiansOut:
    """Who acts as guardian for a child now (the front asks, after it has lost what it knew)."""
    async with caller.transaction() as transaction:
        caller.require(transaction, Resource(patient_person_id=person_id), what="guardians")
        return GuardiansOut(guardians=await store.guardians_of(transaction, person_id))


@router.post("/bookings/{booking_id}/guardian-invitations", status_code=201)
async def invite_guardian(booking_id: ObjectId, caller: Inviter) -> InvitationOut:
    """Ask a patient of 13 to 17 years whether a guardian may come to this meeting."""
    async with caller.transaction() as transaction:
        return InvitationOut.model_validate(await invitations.ask(transaction, caller, booking_id))


@router.get("/guardian-invitations")
async def list_invitations(caller: Teenager) -> list[InvitationOut]:
    """What one was asked."""
    async with caller.transaction() as transaction:
        return [InvitationOut.model_validate(row) for row in await invitations.invitations_of(transaction, caller)]


@router.put("/guardian-invitations/{invitation_id}/consent")
async def consent(invitation_id: ObjectId, body: ConsentIn, caller: Teenager) -> InvitationOut:
    """Answer it. A yes can be taken back."""
    async with caller.transaction() as transaction:
        row = await invitations.answer(transaction, caller, invitation_id, body.consents)
        return InvitationOut.model_validate(row)
