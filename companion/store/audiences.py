"""Whom a campaign is for, asked of the person register; and who belongs to which risk group.

``condition`` says in SQL what ``companion.rules.audiences.matches`` says in Python; a test holds them together.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, true

from auth.permissions import Resource
from companion.errors import Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.campaigns import AudiencePreview, OfferOptOut, RiskGroupMember
from companion.models.organisation import CareProvider
from companion.models.people import Person
from companion.rules.audiences import (
    BAND_YEARS,
    OLDEST_BAND,
    PREVIEWS_USED_UP,
    UNKNOWN,
    Audience,
    Cell,
    Counts,
    counts_of,
    last_birth_date,
)
from companion.rules.bookings import HOLDS_PLACE
from companion.rules.campaigns import ALL_KINDS
from companion.store.people import locked
from companion.transaction import Transaction

PREVIEWS: Final = 100
"""So many different audiences are counted per care provider in ``PREVIEWS_WITHIN``: each is compared to all others."""
PREVIEWS_WITHIN: Final = timedelta(days=30)
_SETS: Final = ("sexes", "areas", "risk_groups", "units")


async def put_risk_groups(
    transaction: Transaction, caller: Caller, person_id: str, provider_hsa_id: str, groups: Iterable[str]
) -> None:
    """The risk groups that a care provider counts somebody to, in the place of those before."""
    person = await locked(transaction, person_id)
    provider = await transaction.session.get(CareProvider, provider_hsa_id)
    resource = None
    if person is not None and provider is not None:
        resource = Resource(provider_hsa_id, patient_person_id=person_id)
    caller.require(transaction, resource, what="risk_groups")
    mine = (RiskGroupMember.provider_hsa_id == provider_hsa_id, RiskGroupMember.person_id == person_id)
    await transaction.session.execute(delete(RiskGroupMember).where(*mine))
    transaction.session.add_all(
        RiskGroupMember(provider_hsa_id=provider_hsa_id, risk_group=group, person_id=person_id, told_at=transaction.now)
        for group in sorted(set(groups))
    )


def audience_of(stored: Mapping[str, Any]) -> Audience:
    """The stored audience as the rules read it."""
    fields: dict[str, Any] = {name: frozenset(value) if name in _SETS else value for name, value in stored.items()}
    return Audience(**fields)


def stored_audience(audience: Audience) -> dict[str, Any]:
    """As it is stored: sets in order, so that equal audiences are stored alike."""
    return {name: sorted(value) if name in _SETS else value for name, value in vars(audience).items()}


def condition(audience: Audience, day: date, provider_hsa_id: str) -> ColumnElement[bool]:
    """Whether a row of the register is in the audience. Units and risk groups count only of this care provider."""
    parts: list[ColumnElement[bool]] = [true()]
    born = audience.born_between(day)
    if born is not None:
        parts.append(Person.birth_date.between(*born))
    if audience.sexes:
        parts.append(Person.sex.in_(sorted(audience.sexes)))
    if audience.areas:
        parts.append(Person.area.in_(sorted(audience.areas)))
    if audience.risk_groups:
        members = select(RiskGroupMember.person_id).where(
            RiskGroupMember.provider_hsa_id == provider_hsa_id,
            RiskGroupMember.risk_group.in_(sorted(audience.risk_groups)),
        )
        parts.append(Person.person_id.in_(members))
    if audience.units:
        patients = select(Booking.patient_person_id).where(
            Booking.provider_hsa_id == provider_hsa_id,
            Booking.unit_hsa_id.in_(sorted(audience.units)),
            Booking.state.in_([state.value for state in HOLDS_PLACE]),
        )
        parts.append(Person.person_id.in_(patients))
    return and_(*parts)


def opted_out(person_id: Any, kind: Any) -> ColumnElement[bool]:
    """Whether somebody wants no offers of a kind."""
    query = select(OfferOptOut.person_id).where(
        OfferOptOut.person_id == person_id, or_(OfferOptOut.kind == kind, OfferOptOut.kind == ALL_KINDS)
    )
    return query.exists()


async def people_in(
    transaction: Transaction, audience: Audience, day: date, provider_hsa_id: str, kind: str
) -> Sequence[str]:
    """Who is offered it: all of the audience but those who have opted out."""
    query = select(Person.person_id).where(
        condition(audience, day, provider_hsa_id), ~opted_out(Person.person_id, kind)
    )
    return (await transaction.session.scalars(query)).all()


async def preview(transaction: Transaction, audience: Audience, day: date, provider_hsa_id: str) -> Counts:
    """How many are in an audience, opt-outs not regarded, counted in one query with what it may not be compared to."""
    stored = stored_audience(audience)
    fingerprint = hashlib.sha256(f"{day}{json.dumps(stored, sort_keys=True)}".encode()).hexdigest()
    # Two who preview at once wait for each other here: each sees what the other has counted.
    await transaction.session.get_one(CareProvider, provider_hsa_id, with_for_update={"key_share": True})
    query = select(AudiencePreview).where(
        AudiencePreview.provider_hsa_id == provider_hsa_id,
        AudiencePreview.previewed_at > transaction.now - PREVIEWS_WITHIN,
    )
    before = (await transaction.session.scalars(query)).all()
    others = [one for one in before if one.fingerprint != fingerprint]
    if len(others) == len(before) and len(before) >= PREVIEWS:
        raise Problem(PREVIEWS_USED_UP)
    compared = [condition(audience_of(one.audience), date.fromisoformat(one.day), provider_hsa_id) for one in others]
    counts = counts_of(await _cells(transaction, condition(audience, day, provider_hsa_id), compared, day))
    known = await transaction.session.get(AudiencePreview, (provider_hsa_id, fingerprint))
    if known is None:
        known = AudiencePreview(
            provider_hsa_id=provider_hsa_id, fingerprint=fingerprint, audience=stored, day=day.isoformat()
        )
        transaction.session.add(known)
    known.previewed_at = transaction.now
    return counts


async def size(transaction: Transaction, audience: Audience, day: date, provider_hsa_id: str) -> int:
    """How many are in an audience, exactly: never to be shown so."""
    query = select(func.count()).select_from(Person).where(condition(audience, day, provider_hsa_id))
    return await transaction.session.scalar(query) or 0


async def _cells(
    transaction: Transaction, new: ColumnElement[bool], old: Sequence[ColumnElement[bool]], day: date
) -> list[Cell]:
    """One query. The cells are named in an inner query: PostgreSQL groups by no expression with parameters."""
    is_protected = or_(Person.is_secret, Person.is_protected_registration)
    bands = [
        (Person.birth_date <= last_birth_date(lower, day), f"{lower}-{lower + BAND_YEARS - 1}")
        for lower in range(OLDEST_BAND - BAND_YEARS, -1, -BAND_YEARS)
    ]
    oldest = (Person.birth_date <= last_birth_date(OLDEST_BAND, day), f"{OLDEST_BAND}-")
    inner = select(
        case((is_protected, UNKNOWN), else_=Person.sex).label("sex"),
        case((is_protected, UNKNOWN), oldest, *bands, else_=UNKNOWN).label("band"),
        case((is_protected, UNKNOWN), else_=func.coalesce(Person.area, UNKNOWN)).label("area"),
        case((new, 1), else_=0).label("is_new"),
        *(case((one, 1), else_=0).label(f"is_old_{number}") for number, one in enumerate(old)),
    ).subquery()
    column = inner.c
    was = [column[f"is_old_{number}"] for number in range(len(old))]
    query = select(
        column.sex,
        column.band,
        column.area,
        func.sum(column.is_new),
        *(func.sum(column.is_new * (1 - one)) for one in was),
        *(func.sum((1 - column.is_new) * one) for one in was),
    ).group_by(column.sex, column.band, column.area)
    found = []
    for sex, band, area, count, *differences in (await transaction.session.execute(query)).all():
        only_new, only_old = tuple(differences[: len(old)]), tuple(differences[len(old) :])
        found.append(Cell(sex, band, area, count, only_new, only_old))
    return found
