"""A patient's record across units and care providers, for staff."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from auth.permissions import Action
from companion.errors import Language
from companion.identity import Caller, asks
from companion.models.people import Person
from companion.routes.shapes import HsaId, Output, PersonId
from companion.rules.masking import Surface, shown
from companion.store import record as store
from companion.store.chains import identity_of
from companion.store.record_sources import RecordItem

router = APIRouter(tags=["access"])

Reader = Annotated[Caller, asks(Action.RECORD_READ)]
Kind = Annotated[str, Path(pattern=r"^[a-z_]{1,32}$")]
ItemId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
"""Meetings of record systems have ids of their own."""


class PatientOut(Output):
    """The patient. ``is_marked``: the identity is protected, take care."""

    person_id: str
    name: str
    number: str | None
    birth_date: str | None
    is_marked: bool


class ItemOut(Output):
    """One thing that a unit has written."""

    kind: str
    item_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    unit_name: str
    at: datetime
    basis: Literal["own_unit", "own_provider", "consent", "emergency"]
    fields: dict[str, Any]


class RecordOut(Output):
    """What is open, latest first."""

    patient: PatientOut
    items: list[ItemOut]
    is_something_blocked: bool
    """Somewhere in the record; where and what is told to nobody."""
    needs_consent: bool
    needs_care_relation: bool


def _patient(person: Person, language: Language) -> PatientOut:
    made = shown(identity_of(person), Surface.RECORD, language)
    return PatientOut(
        person_id=person.person_id,
        name=made.name,
        number=made.number,
        birth_date=None if made.birth_date is None else made.birth_date.isoformat(),
        is_marked=made.is_marked,
    )


def _item(item: RecordItem, basis: Any, unit_name: str) -> ItemOut:
    return ItemOut(
        kind=item.kind,
        item_id=item.item_id,
        provider_hsa_id=item.place.provider_hsa_id,
        unit_hsa_id=item.place.unit_hsa_id,
        unit_name=unit_name,
        at=item.at,
        basis=basis,
        fields=item.fields,
    )


@router.get("/patients/{person_id}/record")
async def read_record(
    person_id: PersonId, caller: Reader, provider_hsa_id: Annotated[HsaId | None, Query()] = None
) -> RecordOut:
    """What is open of a patient's record; another care provider's only with care relation and consent."""
    async with caller.transaction() as transaction:
        found = await store.overview(transaction, caller, person_id, provider_hsa_id)
        return RecordOut(
            patient=_patient(found.patient, "sv"),
            items=[_item(item, basis, found.unit_names.get(item.place.unit_hsa_id, "")) for item, basis in found.items],
            is_something_blocked=found.is_something_blocked,
            needs_consent=found.needs_consent,
            needs_care_relation=found.needs_care_relation,
        )


@router.get("/patients/{person_id}/record/{kind}/{item_id}")
async def read_item(person_id: PersonId, kind: Kind, item_id: ItemId, caller: Reader) -> ItemOut:
    """One thing of it."""
    async with caller.transaction() as transaction:
        return _item(*await store.item(transaction, caller, person_id, kind, item_id))
