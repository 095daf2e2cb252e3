"""What is to be told to others, and what was asked before."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import JSON

from companion.models.base import Base, BigId, HsaOrPersonId


class OutboxRow(Base):
    """An event to deliver, written in the transaction that it tells of."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(128), unique=True)
    """The receiver's idempotency key."""
    kind: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When to try (again)."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    delivered_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_outbox_delivered_at_due_at", "delivered_at", "due_at"),)


class IdempotencyKey(Base):
    """An answer that was given, so that the same request gets it again and does nothing twice."""

    __tablename__ = "idempotency_key"

    actor: Mapped[str] = mapped_column(HsaOrPersonId, primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of method, path and body: the same key for something else is refused."""
    status: Mapped[int] = mapped_column(Integer, default=0)
    body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
