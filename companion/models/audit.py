"""The audit log's tables: the companion's chain of entries with its signed head; the front's, as it was taken over."""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, PersonId


class ChainRow(Base):
    """One link of a chain. What counts is ``body``; the other columns are there to be searched."""

    __abstract__ = True

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """Canonical JSON, as ``auth.audit`` makes it."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(HsaOrPersonId)
    patient: Mapped[str | None] = mapped_column(PersonId)
    provider: Mapped[str | None] = mapped_column(HsaId)
    unit: Mapped[str | None] = mapped_column(HsaId)
    action: Mapped[str] = mapped_column(String(64))


class AuditRow(ChainRow):
    """An entry of the companion's own chain."""

    __tablename__ = "audit_entry"

    __table_args__ = (
        Index("ix_audit_entry_patient_at_ms", "patient", "at_ms"),
        Index("ix_audit_entry_provider_at_ms", "provider", "at_ms"),
    )


class FrontAuditRow(ChainRow):
    """An entry of the front's chain, word for word."""

    __tablename__ = "front_audit_entry"

    __table_args__ = (
        Index("ix_front_audit_entry_patient_at_ms", "patient", "at_ms"),
        Index("ix_front_audit_entry_provider_at_ms", "provider", "at_ms"),
    )


class ChainHead(Base):
    """A chain's end: one row, locked by whoever appends."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Always 1."""
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    signed: Mapped[str] = mapped_column(String(256))
    """``auth.audit.SignedHead`` as text."""
    begin: Mapped[str | None] = mapped_column(String(256))
    """The last entry that is kept no longer (``auth.audit.sign_begin``); None: none is gone."""


class AuditHead(ChainHead):
    """The end of the companion's own chain."""

    __tablename__ = "audit_head"


class FrontAuditHead(ChainHead):
    """How far the front's chain has been taken over. Signed by the companion: it says what it has held."""

    __tablename__ = "front_audit_head"
