"""Ombud: what the custody register said, guardianships, grants, and guardians invited to one meeting."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaOrPersonId, ObjectId, PersonId


class CustodyAnswer(Base):
    """That the custody register has told about a child, and when."""

    __tablename__ = "custody_answer"

    child_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), primary_key=True)
    told_at: Mapped[datetime]


class Custody(Base):
    """A guardian of a child, as the register told."""

    __tablename__ = "custody"

    child_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), primary_key=True)
    guardian_person_id: Mapped[str] = mapped_column(PersonId, primary_key=True)


class Guardianship(Base):
    """A guardian who acts for a child, or asked to."""

    __tablename__ = "guardianship"

    guardianship_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    child_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"))
    guardian_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"))
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    valid_until: Mapped[datetime] = mapped_column(index=True)
    """The child's 13th birthday."""
    ended_at: Mapped[datetime | None]
    end_cause: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        Index("ix_guardianship_child_person_id", "child_person_id", "ended_at"),
        Index("ix_guardianship_guardian_person_id", "guardian_person_id", "ended_at"),
    )


class ProxyGrant(Base):
    """What an adult lets another one do, for a time."""

    __tablename__ = "proxy_grant"

    grant_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    proxy_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    scopes: Mapped[list[str]]
    granted_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(HsaOrPersonId)


class GuardianInvitation(Base):
    """Staff ask a teenager whether a guardian may come to one meeting."""

    __tablename__ = "guardian_invitation"

    invitation_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), index=True)
    teenager_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True)
    asked_by: Mapped[str] = mapped_column(HsaOrPersonId)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    consents: Mapped[bool | None] = mapped_column(Boolean)
