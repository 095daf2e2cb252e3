"""Health declarations: questionnaires in versions, and answers that never change. Vaccinations: what was given."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, Integer, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaOrPersonId, ObjectId


class QuestionnaireVersion(Base):
    """One version of a questionnaire. ``content`` is what ``companion.rules.questionnaires`` reads."""

    __tablename__ = "questionnaire_version"

    version_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    form_id: Mapped[str] = mapped_column(ObjectId)
    version: Mapped[int] = mapped_column(Integer)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    state: Mapped[str] = mapped_column(String(16))
    title_sv: Mapped[str] = mapped_column(String(128))
    title_en: Mapped[str] = mapped_column(String(128))
    content: Mapped[dict[str, Any]]
    changed_by: Mapped[str] = mapped_column(HsaOrPersonId)
    changed_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("form_id", "version"),)


class Declaration(Base):
    """Somebody's answers, judged. Written once; an amendment is another row that names this one."""

    __tablename__ = "declaration"

    declaration_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    form_id: Mapped[str] = mapped_column(ObjectId)
    version_id: Mapped[str] = mapped_column(ForeignKey("questionnaire_version.version_id"))
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"))
    number: Mapped[int] = mapped_column(Integer)
    """1, 2...: of this patient and form; the last one counts."""
    answers: Mapped[dict[str, Any]]
    outcome: Mapped[str] = mapped_column(String(16))
    rule_ids: Mapped[list[str]]
    answered_by: Mapped[str] = mapped_column(HsaOrPersonId)
    answered_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    amends: Mapped[str | None] = mapped_column(ForeignKey("declaration.declaration_id"))

    __table_args__ = (
        UniqueConstraint("patient_person_id", "form_id", "number"),
        Index("ix_declaration_patient_person_id", "patient_person_id", "answered_at"),
    )


@event.listens_for(Declaration, "before_update")
def _never_updated(_mapper: object, _connection: object, _target: object) -> None:
    raise RuntimeError("a declaration never changes")


class TimeTypeVaccine(Base):
    """A vaccine that a visit of a time type gives; a combined visit has two."""

    __tablename__ = "time_type_vaccine"

    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"), primary_key=True)
    vaccine: Mapped[str] = mapped_column(String(32), primary_key=True)
    dose_number: Mapped[int | None] = mapped_column(Integer)
    min_interval_days: Mapped[int | None] = mapped_column(Integer)


class GivenDose(Base):
    """A dose that was given."""

    __tablename__ = "given_dose"

    dose_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"))
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), index=True)
    vaccine: Mapped[str] = mapped_column(String(32))
    given_on: Mapped[date] = mapped_column(Date)
    """Local date."""
    batch: Mapped[str] = mapped_column(String(32))
    given_by: Mapped[str] = mapped_column(HsaOrPersonId)
    recorded_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("patient_person_id", "vaccine", "given_on"),)
