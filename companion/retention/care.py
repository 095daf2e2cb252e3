"""Bookings, summonses, health declarations, corrections."""

from typing import Final

from sqlalchemy import func, select

from companion.models.bookings import Booking
from companion.models.declarations import Declaration, QuestionnaireVersion
from companion.models.records import Correction
from companion.models.summons import Summons
from companion.retention.area import Area, area, erasing
from companion.rules.retention import DataKind

_LATEST: Final = (
    select(
        Declaration.patient_person_id, Declaration.form_id, func.max(Declaration.answered_at).label("last_amended_at")
    )
    .group_by(Declaration.patient_person_id, Declaration.form_id)
    .subquery()
)

AREAS: Final = (
    area(
        DataKind.BOOKING,
        Booking,
        Booking.booking_id,
        Booking.ends_at,
        Booking.patient_person_id,
        Booking.provider_hsa_id,
    ),
    Area(
        DataKind.SUMMONS,
        Summons.__table__,  # type: ignore[arg-type]  # a Table
        select(
            Summons.summons_id.label("item_id"),
            func.coalesce(Booking.ends_at, Summons.answer_until).label("since"),
            Summons.patient_person_id.label("patient"),
            Summons.provider_hsa_id.label("provider"),
        ).outerjoin(Booking, Booking.booking_id == Summons.booking_id),
        erasing(Summons),
    ),
    Area(
        DataKind.HEALTH_DECLARATION,
        Declaration.__table__,  # type: ignore[arg-type]  # a Table
        select(
            Declaration.declaration_id.label("item_id"),
            _LATEST.c.last_amended_at.label("since"),
            Declaration.patient_person_id.label("patient"),
            QuestionnaireVersion.provider_hsa_id.label("provider"),
        )
        .join(QuestionnaireVersion, QuestionnaireVersion.version_id == Declaration.version_id)
        .join(
            _LATEST,
            (_LATEST.c.patient_person_id == Declaration.patient_person_id) & (_LATEST.c.form_id == Declaration.form_id),
        ),
        erasing(Declaration),
    ),
    area(
        DataKind.CORRECTION,
        Correction,
        Correction.correction_id,
        Correction.decided_at,
        Correction.patient_person_id,
        Correction.provider_hsa_id,
    ),
)
