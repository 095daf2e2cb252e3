"""Whose proxy somebody was; blocks, consents, emergency access."""

from typing import Final

from sqlalchemy import func, literal

from companion.models.access import BlockLifting, EmergencyOpening, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.proxies import Guardianship, ProxyGrant
from companion.retention.area import area
from companion.rules.retention import DataKind

_NOBODYS: Final = literal(None)
"""Proxies belong to no care provider."""

AREAS: Final = (
    area(
        DataKind.PROXY_RELATION,
        Guardianship,
        Guardianship.guardianship_id,
        func.coalesce(Guardianship.ended_at, Guardianship.valid_until),
        Guardianship.child_person_id,
        _NOBODYS,
    ),
    area(
        DataKind.PROXY_RELATION,
        ProxyGrant,
        ProxyGrant.grant_id,
        func.coalesce(ProxyGrant.ended_at, ProxyGrant.valid_until),
        ProxyGrant.patient_person_id,
        _NOBODYS,
    ),
    area(
        DataKind.BLOCK,
        RecordBlock,
        RecordBlock.block_id,
        RecordBlock.lifted_at,
        RecordBlock.patient_person_id,
        RecordBlock.provider_hsa_id,
    ),
    area(
        DataKind.BLOCK,
        BlockLifting,
        BlockLifting.lifting_id,
        func.coalesce(BlockLifting.ended_at, BlockLifting.ends_at),
        BlockLifting.patient_person_id,
        BlockLifting.provider_hsa_id,
    ),
    area(
        DataKind.CONSENT,
        RecordConsent,
        RecordConsent.consent_id,
        func.coalesce(RecordConsent.withdrawn_at, RecordConsent.ends_at),
        RecordConsent.patient_person_id,
        RecordConsent.provider_hsa_id,
    ),
    area(
        DataKind.CONSENT,
        RegisteredRelation,
        RegisteredRelation.relation_id,
        func.coalesce(RegisteredRelation.ended_at, RegisteredRelation.ends_at),
        RegisteredRelation.patient_person_id,
        RegisteredRelation.provider_hsa_id,
    ),
    area(
        DataKind.EMERGENCY_ACCESS,
        EmergencyOpening,
        EmergencyOpening.access_id,
        EmergencyOpening.reviewed_at,
        EmergencyOpening.patient_person_id,
        EmergencyOpening.provider_hsa_id,
    ),
)
