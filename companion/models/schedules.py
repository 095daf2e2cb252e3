"""Time types, schedules (tidböcker), their templates and closures, and the slots."""

from datetime import date, datetime, time

from sqlalchemy import Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, String, Time, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaId, ObjectId, PersonId


class TimeType(Base):
    """A time type (tidstyp): what a slot is for, for whom, and what the patient may do with a booking."""

    __tablename__ = "time_type"

    time_type_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str | None] = mapped_column(ForeignKey("unit.hsa_id"), index=True)
    """None: for all units of the care provider (the common vaccination time book)."""
    name_sv: Mapped[str] = mapped_column(String(128))
    name_en: Mapped[str] = mapped_column(String(128))
    length_minutes: Mapped[int] = mapped_column(Integer)
    modality: Mapped[str] = mapped_column(String(16))
    """``video``, ``physical``, ``phone`` or ``chat``."""
    audience: Mapped[str] = mapped_column(String(16), default="public")
    """``public``: anybody finds it; ``invited``: only who is invited or booked by staff."""
    min_age: Mapped[int | None] = mapped_column(Integer)
    max_age: Mapped[int | None] = mapped_column(Integer)
    born_from_year: Mapped[int | None] = mapped_column(Integer)
    born_until_year: Mapped[int | None] = mapped_column(Integer)
    dose: Mapped[int | None] = mapped_column(Integer)
    """1 or 2 for vaccinations in two doses."""
    first_dose_type_id: Mapped[str | None] = mapped_column(ForeignKey("time_type.time_type_id"))
    """Of a second dose: which time type gives the first."""
    min_days_since_dose: Mapped[int | None] = mapped_column(Integer)
    max_days_since_dose: Mapped[int | None] = mapped_column(Integer)
    is_dose: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Of a series of doses, or once was: others are booked without a look at doses."""
    is_group: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Over video: all bookings of a slot are in one meeting."""
    form_id: Mapped[str | None] = mapped_column(ObjectId)
    """The questionnaire that is answered when booking."""
    successor_id: Mapped[str | None] = mapped_column(ForeignKey("time_type.time_type_id"))
    """What replaces it when it is no longer valid."""
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    patient_may_book: Mapped[bool] = mapped_column(Boolean, default=True)
    patient_may_see: Mapped[bool] = mapped_column(Boolean, default=True)
    patient_may_rebook: Mapped[bool] = mapped_column(Boolean, default=True)
    patient_may_cancel: Mapped[bool] = mapped_column(Boolean, default=True)
    patient_may_message: Mapped[bool] = mapped_column(Boolean, default=True)
    cancel_before_h: Mapped[int | None] = mapped_column(Integer)
    """None: the companion's setting."""

    __table_args__ = (CheckConstraint("length_minutes BETWEEN 1 AND 1440", name="length"),)

    @property
    def for_all_units(self) -> bool:
        """Whether it is the care provider's, not one unit's."""
        return self.unit_hsa_id is None


class Schedule(Base):
    """A schedule (tidbok) of a unit."""

    __tablename__ = "schedule"

    schedule_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    staff_hsa_id: Mapped[str | None] = mapped_column(HsaId)
    """Whose it is, when it is one person's."""
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)


class ScheduleTemplate(Base):
    """A line of a schedule's week."""

    __tablename__ = "schedule_template"

    template_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedule.schedule_id"), index=True)
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))
    weekdays: Mapped[str] = mapped_column(String(7))
    """Digits, 0 is Monday."""
    begins: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    slot_minutes: Mapped[int] = mapped_column(Integer)
    capacity: Mapped[int] = mapped_column(Integer)
    purpose: Mapped[str] = mapped_column(String(16))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    on_holidays: Mapped[bool] = mapped_column(Boolean, default=False)


class ScheduleClosure(Base):
    """A time in which a schedule gives no slots."""

    __tablename__ = "schedule_closure"

    closure_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedule.schedule_id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(256), default="")


class Slot(Base):
    """A slot (tid). ``taken`` counts bookings that hold their place and holds that have not been given back."""

    __tablename__ = "slot"

    slot_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedule.schedule_id"))
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    purpose: Mapped[str] = mapped_column(String(16))
    capacity: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer, default=0)
    is_closed: Mapped[bool] = mapped_column(Boolean, default=False)
    meeting_id: Mapped[str | None] = mapped_column(ObjectId, unique=True)
    """Of a group over video: the meeting of all its bookings, from the first one on."""
    meeting_sequence: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Grows as members come and go."""
    is_withdrawn: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Closed by itself: it stays so when a closure of its schedule is taken back."""

    __table_args__ = (
        UniqueConstraint("schedule_id", "time_type_id", "purpose", "starts_at"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
        Index("ix_slot_unit_hsa_id_starts_at", "unit_hsa_id", "starts_at"),
        Index("ix_slot_time_type_id_starts_at", "time_type_id", "starts_at"),
    )


class SlotHold(Base):
    """A place in a slot that is kept while somebody books it."""

    __tablename__ = "slot_hold"

    hold_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.slot_id"), index=True)
    holder: Mapped[str] = mapped_column(String(256))
    """Who holds it (``Principal.actor``)."""
    patient_person_id: Mapped[str] = mapped_column(PersonId, index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ReserveEntry(Base):
    """Somebody who takes a leftover place at short notice (reservlista)."""

    __tablename__ = "reserve_entry"

    entry_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"))
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))
    patient_person_id: Mapped[str] = mapped_column(PersonId, index=True)
    state: Mapped[str] = mapped_column(String(16))
    """``waiting``, ``offered``, ``booked`` or ``left``."""
    joined_at: Mapped[datetime]
    offered_slot_id: Mapped[str | None] = mapped_column(ForeignKey("slot.slot_id"))
    hold_id: Mapped[str | None] = mapped_column(ObjectId)

    __table_args__ = (Index("ix_reserve_entry_unit_hsa_id_time_type_id", "unit_hsa_id", "time_type_id", "state"),)


class DropInVisit(Base):
    """Which booking a ticket of the drop-in reception became."""

    __tablename__ = "drop_in_visit"

    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    ticket: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), unique=True)


class DropInDay(Base):
    """The counter of a drop-in reception on a day: tickets out, tickets called."""

    __tablename__ = "drop_in_day"

    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    capacity: Mapped[int] = mapped_column(Integer)
    issued: Mapped[int] = mapped_column(Integer, default=0)
    called: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (
        CheckConstraint("issued BETWEEN 0 AND capacity", name="issued"),
        CheckConstraint("called BETWEEN 0 AND issued", name="called"),
    )
