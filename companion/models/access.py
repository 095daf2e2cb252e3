"""Who may read what: blocks, their liftings, consents, care relations, emergency access."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId


class RecordBlock(Base):
    """A block (spärr) of a care provider's data, or of one unit's. Lifted once; another one is another row."""

    __tablename__ = "record_block"

    block_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str | None] = mapped_column(ForeignKey("unit.hsa_id"))
    since: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(HsaOrPersonId)
    reason_text: Mapped[str] = mapped_column(String(1000), default="")
    """What staff wrote who set it on the patient's behalf."""
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    lift_reason_text: Mapped[str] = mapped_column(String(1000), default="")


class BlockLifting(Base):
    """All of a patient's blocks are lifted for one unit and a time, with the patient's consent."""

    __tablename__ = "block_lifting"

    lifting_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    """Who may read."""
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(HsaOrPersonId)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(HsaOrPersonId)


class RecordConsent(Base):
    """A consent that a care provider reads what others have written (sammanhållen vårddokumentation)."""

    __tablename__ = "record_consent"

    consent_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    """Who may read."""
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    given_by: Mapped[str] = mapped_column(String(16))
    """``patient`` or ``guardian``."""
    recorded_by: Mapped[str] = mapped_column(HsaOrPersonId)
    recorded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(HsaOrPersonId)


class RegisteredRelation(Base):
    """A care relation that staff have registered, with the reason. Those that follow from care are not stored."""

    __tablename__ = "care_relation"

    relation_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason_text: Mapped[str] = mapped_column(String(1000))
    registered_by: Mapped[str] = mapped_column(HsaOrPersonId)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(HsaOrPersonId)


class EmergencyOpening(Base):
    """An emergency access (nödöppning), and its review by somebody else."""

    __tablename__ = "emergency_access"

    access_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    staff_hsa_id: Mapped[str] = mapped_column(HsaOrPersonId)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    """Where it was opened from."""
    data_provider_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    """Whose data; None: everybody's."""
    reason: Mapped[str] = mapped_column(String(32))
    reason_text: Mapped[str] = mapped_column(String(1000))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    review_due_at: Mapped[datetime]
    verdict: Mapped[str | None] = mapped_column(String(16))
    review_note: Mapped[str] = mapped_column(String(1000), default="")
    reviewed_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    reviewed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_emergency_access_provider_hsa_id_review_due_at", "provider_hsa_id", "review_due_at"),)
