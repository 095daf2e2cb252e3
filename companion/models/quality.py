"""How visits went, technically: one row for each participant's stay in a meeting. Never media, never a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import JSON

from companion.models.base import Base, HsaId, HsaOrPersonId, PersonId


class VisitQuality(Base):
    """A stay in a meeting, from joining to leaving; reconnections in between belong to it."""

    __tablename__ = "visit_quality"

    meeting_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    stay_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Chosen by the media worker: the same stay is kept once."""
    provider_hsa_id: Mapped[str] = mapped_column(HsaId)
    unit_hsa_id: Mapped[str] = mapped_column(HsaId)
    patient_person_id: Mapped[str | None] = mapped_column(PersonId, index=True)
    """The patient of the meeting; None: of a group, or anonymised."""
    person: Mapped[str | None] = mapped_column(HsaOrPersonId)
    """Person id or HSA-id of whose stay it was; None: a guest's, or anonymised."""
    role: Mapped[str] = mapped_column(String(16))
    joined_at: Mapped[datetime]
    """When it began: in the waiting room, or in the meeting."""
    connected_at: Mapped[datetime | None]
    """When sound and picture could flow; None: they never could."""
    left_at: Mapped[datetime]
    end_cause: Mapped[str] = mapped_column(String(16))
    is_technical_abort: Mapped[bool] = mapped_column(Boolean)
    """It ended by a fault, not by anybody's wish: never a no-show."""
    path: Mapped[str] = mapped_column(String(16))
    """How media went, as the browser told at last: ``udp``, ``tcp``, ``relay_udp``...; empty: not known."""
    reconnects: Mapped[int] = mapped_column(Integer)
    ice_restarts: Mapped[int] = mapped_column(Integer)
    lost_s: Mapped[float] = mapped_column(Float)
    """Without a connection, in all."""
    freezes: Mapped[int] = mapped_column(Integer)
    """Of the pictures that the participant saw, by the browser's count."""
    frozen_ms: Mapped[int] = mapped_column(Integer)
    packets_received: Mapped[int] = mapped_column(Integer)
    """By the server, from this participant."""
    packets_lost: Mapped[int] = mapped_column(Integer)
    packets_sent: Mapped[int] = mapped_column(Integer)
    received_bps: Mapped[int] = mapped_column(Integer)
    """Mean over the time with a connection, as the two below."""
    sent_bps: Mapped[int] = mapped_column(Integer)
    worst_fraction_lost: Mapped[float] = mapped_column(Float)
    """Of what the participant was sent, as its receiver reported."""
    round_trip_ms: Mapped[int | None] = mapped_column(Integer)
    """Mean of what was measured."""
    jitter_ms: Mapped[int] = mapped_column(Integer)
    """The worst that the browser told."""
    log: Mapped[list[Any]] = mapped_column(JSON)
    """``[[milliseconds since the epoch, what], ...]``: waiting, admitted, joined, lost, resumed, left..."""
    told_at: Mapped[datetime]
    anonymised_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_visit_quality_unit_hsa_id_joined_at", "unit_hsa_id", "joined_at"),
        Index("ix_visit_quality_anonymised_at_left_at", "anonymised_at", "left_at"),
    )
