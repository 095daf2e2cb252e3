"""Rights of the people in the records: legal holds, extracts, corrections."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId, PersonId


class LegalHoldRow(Base):
    """Data of a care provider that must be kept because of an inquiry (bevarandebeslut)."""

    __tablename__ = "legal_hold"

    hold_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    patient_person_id: Mapped[str | None] = mapped_column(PersonId)
    """None: of all patients."""
    kind: Mapped[str | None] = mapped_column(String(32))
    """A ``DataKind``; None: of all kinds."""
    reason: Mapped[str] = mapped_column(String(1000))
    placed_by: Mapped[str] = mapped_column(HsaOrPersonId)
    placed_at: Mapped[datetime]
    lifted_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    lifted_at: Mapped[datetime | None]
    lift_reason: Mapped[str | None] = mapped_column(String(1000))


class Extract(Base):
    """An extract of everything that is kept of a person (registerutdrag), made in the background."""

    __tablename__ = "extract"

    extract_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(PersonId)
    provider_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    """Ordered by staff: of their care provider's data alone. None: the patient's own order, of everybody's."""
    unit_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    requested_by: Mapped[str] = mapped_column(HsaOrPersonId)
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(16))
    """``queued``, ``working``, ``ready``, ``failed`` or ``expired``."""
    parts_done: Mapped[int] = mapped_column(Integer, default=0)
    parts: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """Whoever works on it has it so long; then somebody else begins anew."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    json: Mapped[str | None] = mapped_column(Text, deferred=True)
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (
        Index("ix_extract_state_requested_at", "state", "requested_at"),
        Index("ix_extract_patient_person_id_requested_at", "patient_person_id", "requested_at"),
    )


class Correction(Base):
    """A patient asks that something in the records be corrected (rättelse), and what came of it.

    The entry itself never changes: what it says now, or the patient's other view of it, stands here beside it.
    """

    __tablename__ = "correction"

    correction_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(HsaId)
    unit_hsa_id: Mapped[str] = mapped_column(HsaId)
    patient_person_id: Mapped[str] = mapped_column(PersonId, index=True)
    entry_kind: Mapped[str] = mapped_column(String(32))
    entry_id: Mapped[str] = mapped_column(String(80))
    entry_part: Mapped[int | None] = mapped_column(Integer)
    """Of an archived case: the number of the message."""
    wish: Mapped[str] = mapped_column(String(4000))
    asked_by: Mapped[str] = mapped_column(HsaOrPersonId)
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """``asked``, ``corrected``, ``noted``, ``refused`` or ``withdrawn``."""
    text: Mapped[str | None] = mapped_column(String(4000))
    """``corrected``: what holds instead. ``noted``: the note."""
    reason: Mapped[str | None] = mapped_column(String(1000))
    decided_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_correction_unit_hsa_id_state", "unit_hsa_id", "state", "asked_at"),
        Index("ix_correction_entry_kind_entry_id", "entry_kind", "entry_id"),
    )
