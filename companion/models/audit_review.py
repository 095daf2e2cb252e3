"""Follow-up of the audit log: samples that are judged, and patients' questions about a look."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId, PersonId


class AuditSample(Base):
    """A random sample of a care provider's (or one unit's) entries, drawn by a seed."""

    __tablename__ = "audit_sample"

    sample_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    unit_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    """None: of all units."""
    seed: Mapped[str] = mapped_column(String(64))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    population: Mapped[int] = mapped_column(Integer)
    """How many entries it was drawn from."""
    drawn_by: Mapped[str] = mapped_column(HsaOrPersonId)
    drawn_at: Mapped[datetime]


class AuditSampleEntry(Base):
    """One entry of a sample, and what somebody says of it."""

    __tablename__ = "audit_sample_entry"

    sample_id: Mapped[str] = mapped_column(ForeignKey("audit_sample.sample_id"), primary_key=True)
    chain: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    judgement: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(1000), default="")
    judged_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    judged_at: Mapped[datetime | None]


class LookQuestion(Base):
    """A patient asks a care provider about one use of the patient's data; the provider answers."""

    __tablename__ = "look_question"

    question_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(PersonId, index=True)
    chain: Mapped[str] = mapped_column(String(16))
    number: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(HsaOrPersonId)
    """Whom it is about: they do not answer it."""
    provider_hsa_id: Mapped[str] = mapped_column(HsaId)
    unit_hsa_id: Mapped[str] = mapped_column(HsaId)
    text: Mapped[str] = mapped_column(String(2000))
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(String(4000))
    answered_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_look_question_provider_hsa_id_asked_at", "provider_hsa_id", "asked_at"),
        Index("uq_look_question_patient_chain_number", "patient_person_id", "chain", "number", unique=True),
    )
