"""Bookings, what they cost, and the addresses of calendars."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, HsaOrPersonId, ObjectId, PersonId

_NOT_REMINDED = text("reminded_at IS NULL")


class Booking(Base):
    """A booking (bokning). Its times stand here too: a moved slot never moves a booking silently."""

    __tablename__ = "booking"

    booking_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.slot_id"), index=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"))
    booked_by: Mapped[str] = mapped_column(HsaOrPersonId)
    """Who booked: the patient, a proxy, or staff."""
    state: Mapped[str] = mapped_column(String(16))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    """Grows with each change (iCalendar SEQUENCE)."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    cancelled_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    cancel_reason: Mapped[str | None] = mapped_column(String(32))
    miss_note: Mapped[str | None] = mapped_column(String(256))
    """Why it counts as an absence although somebody was cut off by a fault."""
    cancelled_with: Mapped[str | None] = mapped_column(ObjectId, index=True)
    """The dose before this one, whose cancellation took this one along."""
    series_id: Mapped[str | None] = mapped_column(ObjectId, index=True)
    meeting_id: Mapped[str | None] = mapped_column(ObjectId, unique=True)
    """The video meeting that belongs to it."""
    group_meeting_id: Mapped[str | None] = mapped_column(ObjectId, index=True)
    """The slot's meeting, in which it is one of several."""
    meeting_state: Mapped[str | None] = mapped_column(String(24))
    """What has happened to the meeting (``companion.rules.meeting_course``); None: planned or open, by the clock."""
    patient_joined_at: Mapped[datetime | None]
    """When the patient (or proxy) first came into the meeting."""
    host_joined_at: Mapped[datetime | None]
    """When staff first did."""
    last_joined_at: Mapped[datetime | None]
    """When anybody of the two last did."""
    meeting_ended_at: Mapped[datetime | None]
    interpreter_language: Mapped[str | None] = mapped_column(String(8))
    reminded_at: Mapped[datetime | None]
    """When the patient was reminded; or when it was made or moved, if that was so near that its news reminds."""

    __table_args__ = (
        Index("ix_booking_patient_person_id_starts_at", "patient_person_id", "starts_at"),
        Index("ix_booking_unit_hsa_id_starts_at", "unit_hsa_id", "starts_at"),
        Index("ix_booking_not_reminded", "starts_at", sqlite_where=_NOT_REMINDED, postgresql_where=_NOT_REMINDED),
    )


class BookingFee(Base):
    """What a booking came to cost, by which rule; excused by staff or not."""

    __tablename__ = "booking_fee"

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), primary_key=True)
    rule_id: Mapped[str] = mapped_column(ForeignKey("fee_rule.rule_id"))
    kind: Mapped[str] = mapped_column(String(32))
    amount_ore: Mapped[int] = mapped_column(Integer)
    charged_at: Mapped[datetime]
    excused_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    excuse: Mapped[str | None] = mapped_column(String(256))


class FeeRuleRow(Base):
    """A dated fee rule of a care provider."""

    __tablename__ = "fee_rule"

    rule_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    amount_ore: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    time_type_id: Mapped[str | None] = mapped_column(ForeignKey("time_type.time_type_id"))


class InterpreterOrder(Base):
    """An interpreter for a booking, ordered in the transaction that made it."""

    __tablename__ = "interpreter_order"

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16))
    """``ordered``, ``assigned`` or ``cancelled``."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    assigned_to: Mapped[str | None] = mapped_column(String(128))
    """Who comes, as the agency said."""
    assigned_by: Mapped[str | None] = mapped_column(HsaOrPersonId)
    assigned_at: Mapped[datetime | None]


class BookingParticipant(Base):
    """Somebody who takes part in a booking beside the patient and the unit: staff, or a person."""

    __tablename__ = "booking_participant"

    participant_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``clinician``, ``relative`` or ``interpreter``."""
    staff_hsa_id: Mapped[str | None] = mapped_column(HsaId, index=True)
    person_id: Mapped[str | None] = mapped_column(PersonId)
    added_by: Mapped[str] = mapped_column(HsaOrPersonId)
    added_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("(staff_hsa_id IS NULL) <> (person_id IS NULL)", name="of_one"),)


class CalendarFeed(Base):
    """A secret address under which a calendar program reads somebody's bookings: one for each who may."""

    __tablename__ = "calendar_feed"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(PersonId)
    made_by: Mapped[str] = mapped_column(PersonId)
    """The patient, or a proxy: then it shows something only as long as that lasts."""
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("person_id", "made_by"),)
