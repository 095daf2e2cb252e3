"""Persons: the patients, by opaque id."""

from datetime import date, datetime

from sqlalchemy import Boolean, Date, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, PersonId


class Person(Base):
    """A patient. ``repr`` shows nothing."""

    __tablename__ = "person"

    person_id: Mapped[str] = mapped_column(PersonId, primary_key=True)
    """As ``auth.pseudonyms`` makes it of the number."""
    identity_system: Mapped[str] = mapped_column(String(128))
    identity_number: Mapped[str] = mapped_column(String(12))
    """Masked wherever it is shown when the identity is protected; never logged."""
    given_name: Mapped[str] = mapped_column(String(128))
    family_name: Mapped[str] = mapped_column(String(128))
    birth_date: Mapped[date | None] = mapped_column(Date)
    sex: Mapped[str] = mapped_column(String(8), default="unknown")
    """``female``, ``male``, ``other`` or ``unknown`` (FHIR administrative-gender)."""
    area: Mapped[str | None] = mapped_column(String(32))
    """Where the person lives, for audiences and nearest clinics (municipality or district code)."""
    street: Mapped[str | None] = mapped_column(String(128))
    postal_code: Mapped[str | None] = mapped_column(String(16))
    city: Mapped[str | None] = mapped_column(String(64))
    told_at: Mapped[datetime | None]
    """When a register or the person's own login last told of them; retention counts from it."""
    is_secret: Mapped[bool] = mapped_column(Boolean, default=False)
    """Sekretessmarkering."""
    is_protected_registration: Mapped[bool] = mapped_column(Boolean, default=False)
    """Skyddad folkbokföring."""

    __table_args__ = (UniqueConstraint("identity_system", "identity_number"),)

    @property
    def is_protected(self) -> bool:
        """Whether the identity is protected in either way."""
        return self.is_secret or self.is_protected_registration

    def __repr__(self) -> str:
        return "Person()"
