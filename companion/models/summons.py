"""E-kallelse: summonses, attachments, how patients can be told, and letters of those who cannot or do not read."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaOrPersonId, ObjectId


class Summons(Base):
    """A summons of a unit to a patient: to a booking, or to pick a time before a deadline."""

    __tablename__ = "summons"

    summons_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.booking_id"), index=True)
    """Of an open one: when a time has been picked."""
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))
    title: Mapped[str] = mapped_column(String(128))
    preparation: Mapped[str] = mapped_column(String(4000), default="")
    answer_until: Mapped[datetime]
    may_confirm: Mapped[bool] = mapped_column(Boolean)
    may_rebook: Mapped[bool] = mapped_column(Boolean)
    may_decline: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(16))
    created_by: Mapped[str] = mapped_column(HsaOrPersonId)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    notified_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    """The first time."""
    read_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    answered_how: Mapped[str | None] = mapped_column(String(8))
    """``login``, or ``phone``: staff wrote it down."""
    reminded_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_summons_state_answer_until", "state", "answer_until"),
        Index("ix_summons_unit_hsa_id_created_at", "unit_hsa_id", "created_at"),
    )


class SummonsAttachment(Base):
    """A PDF that goes with a summons. It has the size of a few pages, so it stays in the database."""

    __tablename__ = "summons_attachment"

    attachment_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    summons_id: Mapped[str] = mapped_column(ForeignKey("summons.summons_id"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    size_bytes: Mapped[int]
    added_by: Mapped[str] = mapped_column(HsaOrPersonId)
    added_at: Mapped[datetime]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Asked for only where it is shown or printed."""


class PersonReach(Base):
    """Whether somebody can be told electronically; without a row, nobody has said so."""

    __tablename__ = "person_reach"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), primary_key=True)
    has_account: Mapped[bool] = mapped_column(Boolean)
    has_bounced: Mapped[bool] = mapped_column(Boolean)
    told_at: Mapped[datetime]


class LetterBatch(Base):
    """Letters that a unit printed together."""

    __tablename__ = "letter_batch"

    batch_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), index=True)
    printed_by: Mapped[str] = mapped_column(HsaOrPersonId)
    printed_at: Mapped[datetime]
    posted_at: Mapped[datetime | None]


class Letter(Base):
    """The letter of a summons or of an offer: one of each, whatever the reasons."""

    __tablename__ = "letter"

    letter_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    summons_id: Mapped[str | None] = mapped_column(ForeignKey("summons.summons_id"), unique=True)
    offer_id: Mapped[str | None] = mapped_column(ForeignKey("offer.offer_id"), unique=True)
    """One of the two."""
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    reason: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    queued_at: Mapped[datetime]
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("letter_batch.batch_id"), index=True)

    __table_args__ = (
        CheckConstraint("(summons_id IS NULL) <> (offer_id IS NULL)", name="of_one"),
        Index("ix_letter_unit_hsa_id_state", "unit_hsa_id", "state"),
    )
