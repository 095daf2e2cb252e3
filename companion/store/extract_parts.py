"""What an extract (registerutdrag) is made of: one part for each kind of data, all of them in ``PARTS``.

Other people who appear in it are named as guests would see them: a protected identity is not told. With a care provider
named (staff have ordered it), the parts hold what that one has written and done, its internal notes too; without one
(the patient has) they hold everything but internal notes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import or_, select

from companion.models.access import BlockLifting, EmergencyOpening, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.archive import ArchivedConversation
from companion.models.audit_review import LookQuestion
from companion.models.bookings import Booking, BookingFee, BookingParticipant, InterpreterOrder
from companion.models.campaigns import Campaign, Offer, OfferOptOut, RiskGroupMember
from companion.models.maternity import Pregnancy
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.proxies import GuardianInvitation, Guardianship, ProxyGrant
from companion.models.quality import VisitQuality
from companion.models.records import Correction
from companion.models.schedules import ReserveEntry
from companion.models.summons import Letter, PersonReach, Summons, SummonsAttachment
from companion.rules.masking import Surface, shown
from companion.store.archive import PAGE, events_of, files_of
from companion.store.chains import Cursor, identity_of
from companion.store.corrections import of_entry
from companion.store.extract_rows import Items, Part, fields_of, of_no_provider, rows
from companion.store.looks import of_patient
from companion.store.record_sources import SOURCES
from companion.transaction import Transaction


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
    """What was written in archived cases, files by name, and what was corrected.

    Internal notes of the unit only where staff fetch the extract, who look through it before they give it out.
    """
    query = select(ArchivedConversation).where(ArchivedConversation.patient_person_id == person_id)
    if provider is None:
        query = query.where(ArchivedConversation.kind == "case")
    else:
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
            fields = fields_of(row, without=frozenset({subject.key, other.key}))
            found.append(fields | {"role": "patient" if subject_id == person_id else "proxy", "counterpart": name})
    return found


async def offers(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """What campaigns have offered."""
    query = select(Offer).join(Campaign, Campaign.campaign_id == Offer.campaign_id)
    query = query.where(Offer.patient_person_id == person_id).order_by(Offer.notice_at)
    if provider is not None:
        query = query.where(Campaign.provider_hsa_id == provider)
    return [fields_of(row) for row in (await transaction.session.scalars(query)).all()]


async def letters(transaction: Transaction, person_id: str, provider: str | None) -> Items:
    """What was sent on paper, of summonses and offers."""
    query = (
        select(Letter)
        .outerjoin(Summons, Summons.summons_id == Letter.summons_id)
        .outerjoin(Offer, Offer.offer_id == Letter.offer_id)
        .outerjoin(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .where(or_(Summons.patient_person_id == person_id, Offer.patient_person_id == person_id))
        .order_by(Letter.queued_at)
    )
    if provider is not None:
        query = query.where(or_(Summons.provider_hsa_id == provider, Campaign.provider_hsa_id == provider))
    return [fields_of(row) for row in (await transaction.session.scalars(query)).all()]


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
        "fees": rows(
            BookingFee,
            Booking.patient_person_id,
            Booking.provider_hsa_id,
            BookingFee.charged_at,
            join=(Booking, Booking.booking_id == BookingFee.booking_id),
            without=frozenset({"rule_id"}),
        ),
        "interpreters": rows(
            InterpreterOrder,
            Booking.patient_person_id,
            Booking.provider_hsa_id,
            InterpreterOrder.starts_at,
            join=(Booking, Booking.booking_id == InterpreterOrder.booking_id),
        ),
        # A relative is somebody else: that one took part is told, not who.
        "participants": rows(
            BookingParticipant,
            Booking.patient_person_id,
            Booking.provider_hsa_id,
            BookingParticipant.added_at,
            join=(Booking, Booking.booking_id == BookingParticipant.booking_id),
            without=frozenset({"person_id", "added_by"}),
        ),
        "summons_attachments": rows(
            SummonsAttachment,
            Summons.patient_person_id,
            Summons.provider_hsa_id,
            SummonsAttachment.added_at,
            join=(Summons, Summons.summons_id == SummonsAttachment.summons_id),
            without=frozenset({"added_by", "content"}),
        ),
        "letters": letters,
        "reserve_list": rows(
            ReserveEntry, ReserveEntry.patient_person_id, ReserveEntry.provider_hsa_id, ReserveEntry.joined_at
        ),
        "messages": messages,
        "visits": rows(
            VisitQuality, VisitQuality.patient_person_id, VisitQuality.provider_hsa_id, VisitQuality.joined_at
        ),
        "proxies": proxies,
        "guardian_invitations": rows(
            GuardianInvitation,
            GuardianInvitation.teenager_person_id,
            Booking.provider_hsa_id,
            GuardianInvitation.asked_at,
            join=(Booking, Booking.booking_id == GuardianInvitation.booking_id),
        ),
        "blocks": rows(RecordBlock, RecordBlock.patient_person_id, RecordBlock.provider_hsa_id, RecordBlock.since),
        "block_liftings": rows(
            BlockLifting, BlockLifting.patient_person_id, BlockLifting.provider_hsa_id, BlockLifting.begins_at
        ),
        "consents": rows(
            RecordConsent, RecordConsent.patient_person_id, RecordConsent.provider_hsa_id, RecordConsent.begins_at
        ),
        "care_relations": rows(
            RegisteredRelation,
            RegisteredRelation.patient_person_id,
            RegisteredRelation.provider_hsa_id,
            RegisteredRelation.begins_at,
        ),
        "emergency_accesses": rows(
            EmergencyOpening,
            EmergencyOpening.patient_person_id,
            EmergencyOpening.provider_hsa_id,
            EmergencyOpening.begins_at,
        ),
        "corrections": rows(Correction, Correction.patient_person_id, Correction.provider_hsa_id, Correction.asked_at),
        "pregnancies": rows(Pregnancy, Pregnancy.patient_person_id, Pregnancy.provider_hsa_id, Pregnancy.registered_at),
        "offers": offers,
        "offer_opt_outs": of_no_provider(rows(OfferOptOut, OfferOptOut.person_id, None, OfferOptOut.kind)),
        "risk_groups": rows(
            RiskGroupMember, RiskGroupMember.person_id, RiskGroupMember.provider_hsa_id, RiskGroupMember.risk_group
        ),
        "reach": of_no_provider(rows(PersonReach, PersonReach.person_id)),
        "looks": looks,
        "look_questions": rows(
            LookQuestion, LookQuestion.patient_person_id, LookQuestion.provider_hsa_id, LookQuestion.asked_at
        ),
    }
)
"""In the order of the document."""
