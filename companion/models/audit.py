"""The audit log's tables: the chain of entries, and its signed head."""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, PersonId


class AuditRow(Base):
    """One link of the chain. What counts is ``body``; the other columns are there to be searched."""

    __tablename__ = "audit_entry"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """Canonical JSON, as ``auth.audit`` makes it."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(HsaOrPersonId)
    patient: Mapped[str | None] = mapped_column(PersonId)
    provider: Mapped[str | None] = mapped_column(HsaId)
    action: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_audit_entry_patient_number", "patient", "number"),
        Index("ix_audit_entry_provider_number", "provider", "number"),
    )


class AuditHead(Base):
    """The chain's end: one row, locked by whoever appends."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Always 1."""
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    signed: Mapped[str] = mapped_column(String(256))
    """``auth.audit.SignedHead`` as text."""
