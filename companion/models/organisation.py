"""Care providers, units, and who works there as what."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import JSON

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId


class CareProvider(Base):
    """A care provider (vårdgivare): the tenant."""

    __tablename__ = "care_provider"

    hsa_id: Mapped[str] = mapped_column(HsaId, primary_key=True)
    name: Mapped[str] = mapped_column(String(128))


class Unit(Base):
    """A care unit (vårdenhet)."""

    __tablename__ = "unit"

    hsa_id: Mapped[str] = mapped_column(HsaId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(32), default="clinic")
    """``clinic``, ``vaccination``, ``maternity``..."""
    phone: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str | None] = mapped_column(String(256))
    area: Mapped[str | None] = mapped_column(String(32))
    information: Mapped[str] = mapped_column(String(4000), default="")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)


class StaffMember(Base):
    """An employee."""

    __tablename__ = "staff_member"

    hsa_id: Mapped[str] = mapped_column(HsaId, primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    title: Mapped[str] = mapped_column(String(64), default="")


class StaffRole(Base):
    """A role that somebody has in a unit, or in all units of a care provider (region_admin), from day to day."""

    __tablename__ = "staff_role"

    role_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    staff_hsa_id: Mapped[str] = mapped_column(ForeignKey("staff_member.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    commission_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    role: Mapped[str] = mapped_column(String(16))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    """The last day."""
    granted_by: Mapped[str] = mapped_column(HsaOrPersonId)
    granted_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_staff_role_staff_hsa_id", "staff_hsa_id"),
        Index("ix_staff_role_unit_hsa_id", "unit_hsa_id"),
    )


class AdministrationEntry(Base):
    """What an administrator changed: no patient data, so it stands here and not in the audit log."""

    __tablename__ = "administration_entry"

    entry_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(HsaOrPersonId)
    unit_hsa_id: Mapped[str] = mapped_column(HsaId, index=True)
    what: Mapped[str] = mapped_column(String(128))
    change: Mapped[dict[str, Any]] = mapped_column(JSON)
