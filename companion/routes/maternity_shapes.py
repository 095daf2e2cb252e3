"""What the maternity-clinic wish reads and shows, to each as far as it is for them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import Field, StringConstraints

from companion.errors import Language, language_of
from companion.identity import Caller
from companion.models.maternity import Pregnancy
from companion.models.people import Person
from companion.routes.shapes import Day, HsaId, Input, Output, PersonId
from companion.rules.allocation import explain
from companion.rules.distances import Position, from_here, nearest_first
from companion.rules.local_time import local_date
from companion.rules.masking import Identity, Surface, shown
from companion.rules.maternity import MAX_CHOICES, PregnancyState, due_week, gestational_age, last_wish_date
from companion.store.maternity import exclusions_of
from companion.store.maternity_allocation import overrides_of, place_of
from companion.store.maternity_clinics import home_of, sites_of
from companion.transaction import Transaction

_Shown = TypeVar("_Shown", bound=Output)
Week = Annotated[str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}-W[0-5][0-9]$")]
"""ISO 8601: ``2027-W31``."""
Reason = Annotated[str, StringConstraints(min_length=3, max_length=1000, pattern=r"^[^\x00]*$")]


class PregnancyIn(Input):
    """A pregnancy of the caller's unit."""

    patient_person_id: PersonId
    due_date: Day


class DueDateIn(Input):
    """Another due date."""

    due_date: Day


class WishIn(Input):
    """Clinics, the dearest first; none: nothing is wished for any more."""

    choices: Annotated[list[HsaId], Field(max_length=MAX_CHOICES)]


class ReasonIn(Input):
    """Why."""

    reason: Reason


class PlaceIn(Input):
    """A place by hand."""

    clinic_hsa_id: HsaId
    reason: Reason
    beyond_capacity: bool = False
    """A region's administrator may exceed the capacity, and says so."""


class PositionIn(Input):
    """Degrees (WGS 84)."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]

    def position(self) -> Position:
        """As the rules have it."""
        return Position(self.latitude, self.longitude)


class PlacesIn(Input):
    """Places of a clinic in a week."""

    places: Annotated[int, Field(ge=0, le=10_000)]


class RunIn(Input):
    """Allocate whoever has reached 22+0 by this day (today or earlier)."""

    day: Day


class PersonOut(Output):
    """A patient, as far as may be shown here."""

    name: str
    number: str | None
    is_marked: bool
    """The identity is protected."""


class ClinicOut(Output):
    """A clinic to wish for."""

    hsa_id: str
    name: str
    distance_m: int | None
    """As the crow flies; null when it is not known, or not to be shown."""


class ExclusionOut(Output):
    """A clinic that cannot take the patient."""

    clinic_hsa_id: str
    reason: str
    decided_by: str
    decided_at: datetime


class OverrideOut(Output):
    """A place that was given by hand."""

    clinic_hsa_id: str
    previous_clinic_hsa_id: str | None
    is_beyond_capacity: bool
    reason: str
    decided_by: str
    decided_at: datetime


class WishOut(Output):
    """A pregnancy's wish, in lists."""

    pregnancy_id: str
    unit_hsa_id: str
    patient_person_id: str | None
    """Null in lists when the identity is protected and nobody has opened this patient."""
    patient: PersonOut
    due_date: date
    due_week: str
    gestational_age: str
    state: str
    last_wish_day: date
    """21+6."""
    may_wish: bool
    choices: list[str]
    wished_at: datetime | None
    clinic_hsa_id: str | None
    rank: int | None
    """The clinic was that choice; null: it was none of them."""


class PregnancyOut(WishOut):
    """One pregnancy's wish."""

    clinics: list[ClinicOut]
    """The nearest first."""
    explanation: str | None
    """Why this clinic, in the language of the request."""
    exclusions: list[ExclusionOut] | None
    overrides: list[OverrideOut] | None
    """For staff; null for the patient."""


class WeekOut(Output):
    """A due week of a clinic."""

    week: str
    places: int
    allotted: int


class AllotmentOut(Output):
    """Somebody who is to give birth at the clinic."""

    pregnancy_id: str
    patient: PersonOut
    due_date: date
    midwife_unit_hsa_id: str


class AllotmentsOut(WeekOut):
    """A clinic's week."""

    allotments: list[AllotmentOut]


class RunOut(Output):
    """An allocation."""

    run_id: str
    ran_at: datetime
    ran_by: str
    seed: str
    record_digest: str
    """SHA-256 of the input."""
    placed: int
    waiting: int
    """There was no room anywhere."""


class RunsOut(Output):
    """What an allocation of a day did; nothing when nobody was left."""

    run: RunOut | None


class ReplayOut(RunOut):
    """An allocation made again."""

    is_input_intact: bool
    is_identical: bool


def person_out(person: Person, surface: Surface, language: Language) -> PersonOut:
    """The patient as that surface shows one."""
    identity = Identity(
        given_name=person.given_name,
        family_name=person.family_name,
        number=person.identity_number,
        birth_date=person.birth_date,
        sex=person.sex,
        area=person.area,
        is_protected=person.is_protected,
    )
    return PersonOut.model_validate(shown(identity, surface, language))


def language_for(request: Request) -> Language:
    """The language that the request prefers."""
    return language_of(request.headers.get("accept-language", ""))


def wish_fields(row: Pregnancy, person: Person, surface: Surface, now: datetime, language: Language) -> dict[str, Any]:
    """What ``WishOut`` says."""
    is_hidden = person.is_protected and surface is Surface.QUEUE
    return {
        "pregnancy_id": row.pregnancy_id,
        "unit_hsa_id": row.unit_hsa_id,
        "patient_person_id": None if is_hidden else row.patient_person_id,
        "patient": person_out(person, surface, language),
        "due_date": row.due_date,
        "due_week": row.week or due_week(row.due_date),
        "gestational_age": str(gestational_age(row.due_date, local_date(now))),
        "state": row.state,
        "last_wish_day": last_wish_date(row.due_date),
        "may_wish": row.state == PregnancyState.OPEN and now < row.closes_at,
        "choices": row.choices,
        "wished_at": row.wished_at,
        "clinic_hsa_id": row.clinic_hsa_id,
        "rank": row.rank,
    }


async def pregnancy_out(transaction: Transaction, caller: Caller, row: Pregnancy, language: Language) -> PregnancyOut:
    """One pregnancy, to the patient or to staff who have opened it."""
    person = await transaction.session.get_one(Person, row.patient_person_id)
    is_staff = caller.principal.kind == "staff"
    sites = await sites_of(transaction, row.provider_hsa_id)
    # A distance tells about where somebody lives; nobody protected has it shown, not even to themselves.
    home = None if person.is_protected else await home_of(transaction, row, person)
    names: Mapping[str, str] = {site.clinic: site.name for site in sites}
    place = place_of(row)
    ordered = nearest_first(sites, home)
    return PregnancyOut(
        **wish_fields(row, person, Surface.RECORD if is_staff else Surface.OWN, transaction.now, language),
        clinics=[ClinicOut(hsa_id=one.clinic, name=one.name, distance_m=from_here(one, home)) for one in ordered],
        explanation=None if place is None else explain(place, language, names),
        exclusions=_all(ExclusionOut, await exclusions_of(transaction, row.pregnancy_id)) if is_staff else None,
        overrides=_all(OverrideOut, await overrides_of(transaction, row.pregnancy_id)) if is_staff else None,
    )


def _all(kind: type[_Shown], rows: Sequence[Any]) -> list[_Shown]:
    return [kind.model_validate(row) for row in rows]
