"""Wishes for a maternity clinic."""

from typing import Final

from sqlalchemy import func

from companion.models.maternity import Pregnancy
from companion.retention.area import Area, area
from companion.rules.retention import DataKind

AREAS: Final[tuple[Area, ...]] = (
    area(
        DataKind.MATERNITY_WISH,
        Pregnancy,
        Pregnancy.pregnancy_id,
        func.coalesce(Pregnancy.allocated_at, Pregnancy.ended_at, Pregnancy.closes_at),
        Pregnancy.patient_person_id,
        Pregnancy.provider_hsa_id,
    ),
)
"""Counted from the allocation; without one from the end, or from when the wish closed."""
