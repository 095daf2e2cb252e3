"""A patient's record across units and care providers, as far as it is open to the one who reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.rules.blocks import NO_CARE_RELATION, NO_CONSENT, Basis, Place, is_treating
from companion.store.access import hindered, may_read, note_read, opened, view_of
from companion.store.record_sources import SOURCES, RecordItem, items_of
from companion.transaction import Transaction

UnitNames = dict[str, str]


@dataclass(frozen=True)
class Overview:
    """What is shown. ``repr`` shows nothing of it."""

    patient: Person = field(repr=False)
    items: Sequence[tuple[RecordItem, Basis]] = field(repr=False)
    unit_names: UnitNames = field(repr=False)
    is_something_blocked: bool
    """Somewhere; never where, what or how much."""
    needs_consent: bool
    """With the patient's consent there would be more, of other care providers."""
    needs_care_relation: bool
    """Only what the own unit has written is shown."""


async def overview(
    transaction: Transaction, caller: Caller, patient_person_id: str, provider_hsa_id: str | None
) -> Overview:
    """Everything that is open, latest first; of one care provider when it is named.

    Whether something is blocked is told of the whole record, whatever is asked for: else one could ask provider by
    provider where it is.
    """
    view = await view_of(transaction, caller, patient_person_id)
    own = view.reader.place
    items = await items_of(transaction, patient_person_id)
    seen, hindrances = opened(transaction, view, items, lambda item: item.place)
    is_treated = is_treating(own, view.situation, transaction.now)
    is_emergency = view.is_emergency(transaction, provider_hsa_id)
    if not is_treated and not is_emergency and not seen:
        raise hindered(transaction, caller, patient_person_id, NO_CARE_RELATION, "record")
    if provider_hsa_id not in (None, own.provider_hsa_id) and not is_emergency:
        is_agreed = any(one.is_in_force(transaction.now) for one in view.situation.consents)
        if not is_treated or not is_agreed:
            kind = NO_CONSENT if is_treated else NO_CARE_RELATION
            raise hindered(transaction, caller, patient_person_id, kind, f"record_of:{provider_hsa_id}")
    shown = [one for one in seen if provider_hsa_id in (None, one[0].place.provider_hsa_id)]
    for place, basis in dict.fromkeys((item.place, basis) for item, basis in shown if item.place != own):
        note_read(transaction, caller, patient_person_id, place, basis)
    return Overview(
        patient=view.patient,
        items=shown,
        unit_names=await _unit_names(transaction, (item.place for item, _ in shown)),
        is_something_blocked="blocked" in hindrances,
        needs_consent="no_consent" in hindrances,
        needs_care_relation=not is_treated and not is_emergency,
    )


async def treated_patient(transaction: Transaction, caller: Caller, patient_person_id: str) -> Person:
    """Who the patient is, for staff who would be shown something in the record: who treat them, have an emergency, or
    have written something themselves.
    """
    view = await view_of(transaction, caller, patient_person_id)
    if not is_treating(view.reader.place, view.situation, transaction.now) and not view.is_emergency(transaction, None):
        seen, _ = opened(transaction, view, await items_of(transaction, patient_person_id), lambda item: item.place)
        if not seen:
            raise hindered(transaction, caller, patient_person_id, NO_CARE_RELATION, "patient")
    return view.patient


async def item(
    transaction: Transaction, caller: Caller, patient_person_id: str, kind: str, item_id: str
) -> tuple[RecordItem, Basis, str]:
    """One thing, with the name of its unit. Whoever knows its id is told what stands between."""
    view = await view_of(transaction, caller, patient_person_id)
    known = SOURCES.get(kind)
    items = [] if known is None else await known(transaction, patient_person_id)
    found = next((one for one in items if one.item_id == item_id), None)
    if found is None:
        is_treated = is_treating(view.reader.place, view.situation, transaction.now)
        if not is_treated and not view.is_emergency(transaction, None):
            raise hindered(transaction, caller, patient_person_id, NO_CARE_RELATION, f"{kind}:{item_id}")
        raise Problem(NOT_FOUND)
    basis = await may_read(transaction, caller, patient_person_id, found.place, f"{kind}:{item_id}")
    names = await _unit_names(transaction, [found.place])
    return found, basis, names.get(found.place.unit_hsa_id, "")


async def _unit_names(transaction: Transaction, places: Iterable[Place]) -> UnitNames:
    ids = {place.unit_hsa_id for place in places}
    rows = await transaction.session.execute(select(Unit.hsa_id, Unit.name).where(Unit.hsa_id.in_(ids)))
    return {row.hsa_id: row.name for row in rows.all()}
