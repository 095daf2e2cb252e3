"""Patients, who acts for them, and what they have allowed or blocked, in FHIR R4."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from auth.identity_numbers import IdentitySystem
from companion.fhir.codes import (
    ACT_CODE,
    CONFIDENTIALITY,
    CONSENT_SCOPE,
    PARTICIPATION_TYPE,
    RELATIONSHIP,
    ROLE_CODE,
    VALUE_SETS,
    coding,
    concept,
)
from companion.fhir.elements import Resource, instant, period, reference, resource
from companion.rules.blocks import Block, Consent, Period
from companion.rules.masking import ShownPerson

POLICY_TEXT = "Patientdatalagen (2008:355); lag (2022:913) om sammanhållen vård- och omsorgsdokumentation"


@dataclass(frozen=True)
class PatientData:
    """A patient as they may be shown. ``repr`` shows nothing."""

    person_id: str
    shown: ShownPerson = field(repr=False)
    identity_system: IdentitySystem = field(repr=False)


@dataclass(frozen=True)
class Proxy:
    """Somebody who may act for a patient."""

    relation_id: str
    patient_person_id: str
    kind: Literal["guardian", "grant"]
    name: str = field(repr=False)
    valid_from: datetime
    valid_until: datetime
    is_active: bool


def patient(data: PatientData) -> Resource:
    """Patient. Somebody with a protected identity is marked very restricted, whatever is shown."""
    shown = data.shown
    gender = shown.sex if shown.sex in VALUE_SETS["Patient.gender"] else None
    return resource(
        "Patient",
        data.person_id,
        meta={"security": [coding(CONFIDENTIALITY, "V")]} if shown.is_marked else None,
        identifier=[{"use": "official", "system": str(data.identity_system), "value": shown.number}]
        if shown.number
        else [],
        name=[{"text": shown.name}],
        gender=gender,
        birthDate=shown.birth_date.isoformat() if shown.birth_date is not None else None,
    )


def related_person(proxy: Proxy) -> Resource:
    """RelatedPerson."""
    relationship = concept(ROLE_CODE, "GUARD") if proxy.kind == "guardian" else concept(RELATIONSHIP, "O")
    return resource(
        "RelatedPerson",
        proxy.relation_id,
        active=proxy.is_active,
        patient=reference("Patient", proxy.patient_person_id),
        relationship=[relationship],
        name=[{"text": proxy.name}] if proxy.name else [],
        period=period(proxy.valid_from, proxy.valid_until),
    )


def consent(consent_id: str, patient_person_id: str, given: Consent, now: datetime) -> Resource:
    """Consent by which a care provider may read what others have written."""
    ends_at = min(filter(None, (given.period.ends_at, given.withdrawn_at)))
    return _consent(
        consent_id,
        patient_person_id,
        is_active=now < ends_at,
        since=given.period.begins_at,
        provision={
            "type": "permit",
            "period": period(given.period.begins_at, ends_at),
            "actor": [_actor("PRCP", given.reader_provider_hsa_id)],
        },
    )


def block(block_id: str, patient_person_id: str, placed: Block, now: datetime) -> Resource:
    """A block (spärr) as a Consent that denies: what its unit or care provider keeps is read by nobody else."""
    return _consent(
        block_id,
        patient_person_id,
        is_active=placed.lifted_at is None or now < placed.lifted_at,
        since=placed.since,
        provision={
            "type": "deny",
            "period": period(placed.since, placed.lifted_at),
            "actor": [_actor("CST", placed.unit_hsa_id or placed.provider_hsa_id)],
        },
    )


def lifting(
    lifting_id: str, patient_person_id: str, unit_hsa_id: str, lasts: Period, ended_at: datetime | None, now: datetime
) -> Resource:
    """A lifting of blocks as a Consent that permits: one unit reads what is blocked, for a time."""
    ends_at = min(filter(None, (lasts.ends_at, ended_at)))
    return _consent(
        lifting_id,
        patient_person_id,
        is_active=now < ends_at,
        since=lasts.begins_at,
        provision={
            "type": "permit",
            "period": period(lasts.begins_at, ends_at),
            "actor": [_actor("PRCP", unit_hsa_id)],
        },
    )


def _consent(
    consent_id: str, patient_person_id: str, *, is_active: bool, since: datetime, provision: dict[str, object]
) -> Resource:
    return resource(
        "Consent",
        consent_id,
        status="active" if is_active else "inactive",
        scope=concept(CONSENT_SCOPE, "patient-privacy"),
        category=[concept(ACT_CODE, "IDSCL")],
        patient=reference("Patient", patient_person_id),
        dateTime=instant(since),
        policyRule={"text": POLICY_TEXT},
        provision=provision,
    )


def _actor(role: str, organization_hsa_id: str) -> dict[str, object]:
    return {
        "role": concept(PARTICIPATION_TYPE, role),
        "reference": reference("Organization", organization_hsa_id),
    }
