"""What an extract (registerutdrag) is made of: one part for each kind of data, all of them in ``PARTS``.

Other people who appear in it are named as guests would see them: a protected identity is not told. With a care provider
named, the parts hold what that one has written and done.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import inspect, or_, select

from companion.models.access import BlockLifting, EmergencyOpening, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.archive import ArchivedConversation
from companion.models.campaigns import Campaign, Offer
from companion.models.maternity import Pregnancy
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.proxies import Guardianship, ProxyGrant
from companion.models.quality import VisitQuality
from companion.models.records import Correction
from companion.rules.masking import Surface, shown
from companion.store.archive import PAGE, events_of, files_of
from companion.store.chains import Cursor, identity_of
from companion.store.corrections import of_entry
from companion.store.looks import of_patient
from companion.store.record_sources import SOURCES
from companion.transaction import Transaction

Items = list[dict[str, Any]]
Part = Callable[[Transaction, str, str | None], Awaitable[Items]]
_HIDDEN: Final = frozenset(
    {"person", "asked_by", "decided_by", "set_by", "lifted_by", "recorded_by", "ended_by", "answered_by"}
)
"""Columns with the id of somebody, the patient or not: who acted stands in the log."""


def _row(row: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    columns = inspect(row).mapper.column_attrs
    hidden = _HIDDEN | without | {"patient_person_id"}
    return {column.key: getattr(row, column.key) for column in columns if column.key not in hidden}


async def person(transaction: Transaction, person_id: str, _provider: str | None) -> Items:
    """Who it is. An address that is protected is not written anywhere."""
    found = await transaction.session.get(Person, person_id)
    if found is None:
        return []
    own = shown(identity_of(found), Surface.OWN)
    fields = {
        "name": own.name,
        "identity_number": own.number,
        "birth_date": own.birth_date,
        "sex": own.sex,
        "is_protected": found.is_protected,
    }
    address = (
        {} if found.is_protected else {"street": found.street, "postal_code": found.postal_code, "city": found.city}
    )
    return [fields | address]


async def record(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """Everything that units have written: bookings, summonses, declarations, doses..."""
    items = [item for load in SOURCES.values() for item in await load(transaction, person_id)]
    units = await transaction.session.execute(select(Unit.hsa_id, Unit.name))
    names = {row.hsa_id: row.name for row in units.all()}
    return [
        {"kind": item.kind, "at": item.at, "unit": names.get(item.place.unit_hsa_id, item.place.unit_hsa_id)}
        | item.fields
        for item in sorted(items, key=lambda item: item.at)
        if provider in (None, item.place.provider_hsa_id)
    ]


async def messages(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """What was written in archived cases, files by name, and what was corrected. Internal notes of the unit too:
    they are about the patient.
    """
    query = select(ArchivedConversation).where(ArchivedConversation.patient_person_id == person_id)
    if provider is not None:
        query = query.where(ArchivedConversation.provider_hsa_id == provider)
    found: Items = []
    for row in (await transaction.session.scalars(query.order_by(ArchivedConversation.first_at))).all():
        after = 0
        while page := await events_of(transaction, row.conversation_id, after=after, limit=PAGE, reader=person_id):
            after = page[-1]["seq"]
            for event in page:
                body = event["body"]
                if event["kind"] == "system":
                    continue
                found.append(
                    {
                        "case": row.title,
                        "at": event["at_ms"],
                        "from": event["author_name"] if event["author"] == person_id else event["author_role"],
                        "kind": event["kind"] if row.kind == "case" else f"notes_{event['kind']}",
                        "text": body.get("text", ""),
                        "files": [one.get("name", "") for one in body.get("attachments", ())],
                        "is_withdrawn": event["is_withdrawn"],
                    }
                )
        for correction in await of_entry(transaction, "case", row.conversation_id):
            found.append({"case": row.title, "kind": correction.state, "text": correction.text})
        for file in await files_of(transaction, row.conversation_id):
            found.append({"case": row.title, "kind": "file", "size_bytes": file.size_bytes})
    return found


def _rows(model: Any, of_patient: Any, provider_column: Any = None, order: Any = None) -> Part:
    """All rows of a table that are about the patient."""

    async def load(transaction: Transaction, person_id: str, provider: str | None) -> Items:
        query = select(model).where(of_patient == person_id)
        if provider is not None and provider_column is not None:
            query = query.where(provider_column == provider)
        if order is not None:
            query = query.order_by(order)
        return [_row(row) for row in (await transaction.session.scalars(query)).all()]

    return load


async def proxies(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """For whom the person acted, and who acted for the person; not of any care provider."""
    if provider is not None:
        return []
    found: Items = []
    for model, subject, other in (
        (Guardianship, Guardianship.child_person_id, Guardianship.guardian_person_id),
        (ProxyGrant, ProxyGrant.patient_person_id, ProxyGrant.proxy_person_id),
    ):
        query = select(model).where(or_(subject == person_id, other == person_id))
        for row in (await transaction.session.scalars(query)).all():
            subject_id, other_id = getattr(row, subject.key), getattr(row, other.key)
            counterpart = await transaction.session.get(Person, other_id if subject_id == person_id else subject_id)
            name = "" if counterpart is None else shown(identity_of(counterpart), Surface.GUEST).name
            fields = _row(row, without=frozenset({subject.key, other.key}))
            found.append(fields | {"role": "patient" if subject_id == person_id else "proxy", "counterpart": name})
    return found


async def offers(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """What campaigns have offered."""
    query = select(Offer).join(Campaign, Campaign.campaign_id == Offer.campaign_id)
    query = query.where(Offer.patient_person_id == person_id).order_by(Offer.notice_at)
    if provider is not None:
        query = query.where(Campaign.provider_hsa_id == provider)
    return [_row(row) for row in (await transaction.session.scalars(query)).all()]


async def looks(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """Who has used the data."""
    found: Items = []
    before: Cursor | None = None
    while page := await of_patient(transaction, person_id, before=before, limit=500, provider_hsa_id=provider):
        before = page[-1].found.cursor
        found += [
            {
                "number": one.place.number,
                "at": one.at,
                "who": one.actor_name or one.actor_kind,
                "unit": one.unit_name,
                "action": one.entry.action,
                "what": one.what,
                "outcome": one.entry.outcome,
            }
            for one in page
        ]
    return found


PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "person": person,
        "record": record,
        "messages": messages,
        "visits": _rows(
            VisitQuality, VisitQuality.patient_person_id, VisitQuality.provider_hsa_id, VisitQuality.joined_at
        ),
        "proxies": proxies,
        "blocks": _rows(RecordBlock, RecordBlock.patient_person_id, RecordBlock.provider_hsa_id, RecordBlock.since),
        "block_liftings": _rows(
            BlockLifting, BlockLifting.patient_person_id, BlockLifting.provider_hsa_id, BlockLifting.begins_at
        ),
        "consents": _rows(
            RecordConsent, RecordConsent.patient_person_id, RecordConsent.provider_hsa_id, RecordConsent.begins_at
        ),
        "care_relations": _rows(
            RegisteredRelation,
            RegisteredRelation.patient_person_id,
            RegisteredRelation.provider_hsa_id,
            RegisteredRelation.begins_at,
        ),
        "emergency_accesses": _rows(
            EmergencyOpening,
            EmergencyOpening.patient_person_id,
            EmergencyOpening.provider_hsa_id,
            EmergencyOpening.begins_at,
        ),
        "corrections": _rows(Correction, Correction.patient_person_id, Correction.provider_hsa_id, Correction.asked_at),
        "pregnancies": _rows(
            Pregnancy, Pregnancy.patient_person_id, Pregnancy.provider_hsa_id, Pregnancy.registered_at
        ),
        "offers": offers,
        "looks": looks,
    }
)
"""In the order of the document."""
