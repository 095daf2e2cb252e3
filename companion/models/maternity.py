"""Önskemål om förlossningsklinik: pregnancies and their wishes, capacity by week, allocations, and positions."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import JSON

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId


class Pregnancy(Base):
    """A pregnancy: its wish, and the place that it got. Why it ended is not kept: nothing is done with it."""

    __tablename__ = "pregnancy"

    pregnancy_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    """The midwife's (barnmorskemottagning)."""
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    due_date: Mapped[date] = mapped_column(Date)
    closes_at: Mapped[datetime]
    """When 22+0 begins in Stockholm."""
    state: Mapped[str] = mapped_column(String(16))
    registered_by: Mapped[str] = mapped_column(HsaOrPersonId)
    registered_at: Mapped[datetime]
    choices: Mapped[list[str]]
    """Clinics, the dearest first."""
    wished_at: Mapped[datetime | None]
    wished_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    """The patient, or the staff member who wrote it down."""
    reminded_at: Mapped[datetime | None]
    week: Mapped[str | None] = mapped_column(String(8))
    """The due week when it was allocated."""
    clinic_hsa_id: Mapped[str | None] = mapped_column(ForeignKey("unit.hsa_id"))
    placed_by: Mapped[str | None] = mapped_column(String(16))
    rank: Mapped[int | None] = mapped_column(Integer)
    refused: Mapped[list[Any]] = mapped_column(JSON)
    """The choices before it, and why not: for the explanation."""
    run_id: Mapped[str | None] = mapped_column(ForeignKey("maternity_run.run_id"))
    allocated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(HsaOrPersonId)

    __table_args__ = (
        Index("ix_pregnancy_state_closes_at", "state", "closes_at"),
        Index("ix_pregnancy_unit_hsa_id_state", "unit_hsa_id", "state"),
        Index("ix_pregnancy_clinic_hsa_id_week", "clinic_hsa_id", "week"),
    )


class MaternityExclusion(Base):
    """A clinic that cannot take a patient, for medical reasons. The reason is for staff alone."""

    __tablename__ = "maternity_exclusion"

    pregnancy_id: Mapped[str] = mapped_column(ForeignKey("pregnancy.pregnancy_id"), primary_key=True)
    clinic_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(1000))
    decided_by: Mapped[str] = mapped_column(HsaOrPersonId)
    decided_at: Mapped[datetime]


class MaternityOverride(Base):
    """A place that was given by hand, and why."""

    __tablename__ = "maternity_override"

    override_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    pregnancy_id: Mapped[str] = mapped_column(ForeignKey("pregnancy.pregnancy_id"), index=True)
    clinic_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    previous_clinic_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    is_beyond_capacity: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(1000))
    decided_by: Mapped[str] = mapped_column(HsaOrPersonId)
    decided_at: Mapped[datetime]


class MaternityCapacity(Base):
    """Places of a clinic in a due week. A week without a row has none."""

    __tablename__ = "maternity_capacity"

    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), primary_key=True)
    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    """ISO 8601: ``2027-W31``."""
    places: Mapped[int] = mapped_column(Integer)
    changed_by: Mapped[str] = mapped_column(HsaOrPersonId)
    changed_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("places >= 0", name="places"),)


class MaternityRun(Base):
    """An allocation that was made: its seed, its whole input, and what it found."""

    __tablename__ = "maternity_run"

    run_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    ran_at: Mapped[datetime]
    ran_by: Mapped[str] = mapped_column(HsaOrPersonId)
    """A region administrator, or the companion by itself."""
    seed: Mapped[str] = mapped_column(String(64))
    """Hexadecimal."""
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As ``companion.rules.allocation_record`` makes it."""
    record_digest: Mapped[str] = mapped_column(String(64))
    places: Mapped[list[Any]] = mapped_column(JSON)


class UnitPosition(Base):
    """Where a unit is."""

    __tablename__ = "unit_position"

    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), primary_key=True)
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)


class AreaPosition(Base):
    """The middle of an area (``Person.area``), as a care provider has it."""

    __tablename__ = "area_position"

    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), primary_key=True)
    area: Mapped[str] = mapped_column(String(32), primary_key=True)
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)
