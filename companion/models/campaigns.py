"""Riktade erbjudanden: campaigns, who approved them, and what each person was offered."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from companion.models.base import Base, HsaOrPersonId, ObjectId


class RiskGroupMember(Base):
    """That a care provider counts somebody to a risk group."""

    __tablename__ = "risk_group_member"

    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), primary_key=True)
    risk_group: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), primary_key=True, index=True)
    told_at: Mapped[datetime]


class Campaign(Base):
    """A campaign (riktat erbjudande) of a unit."""

    __tablename__ = "campaign"

    campaign_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), index=True)
    unit_hsa_id: Mapped[str] = mapped_column(ForeignKey("unit.hsa_id"))
    kind: Mapped[str] = mapped_column(String(32))
    """What people opt out of (``vaccination``, ``screening``...)."""
    title: Mapped[str] = mapped_column(String(128))
    information: Mapped[str] = mapped_column(String(4000))
    audience: Mapped[dict[str, Any]]
    """What ``companion.rules.campaigns.Audience`` reads."""
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    quota: Mapped[int | None] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer, default=0)
    """Places of the quota that are taken: raised by one conditional UPDATE."""
    notices_per_hour: Mapped[int] = mapped_column(Integer)
    notices_open: Mapped[time] = mapped_column(Time)
    notices_close: Mapped[time] = mapped_column(Time)
    seed: Mapped[int] = mapped_column(BigInteger)
    """Of the order and the instants of the notices."""
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(Integer)
    """Grows with each edit: what is approved is what was read."""
    created_by: Mapped[str] = mapped_column(HsaOrPersonId)
    created_at: Mapped[datetime]
    launched_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("taken >= 0 AND (quota IS NULL OR taken <= quota)", name="taken"),
        Index("ix_campaign_state_ends_at", "state", "ends_at"),
    )


class CampaignStep(Base):
    """A visit that a campaign offers: a form to answer, and the time type to book."""

    __tablename__ = "campaign_step"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.campaign_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    form_id: Mapped[str | None] = mapped_column(ObjectId)
    time_type_id: Mapped[str] = mapped_column(ForeignKey("time_type.time_type_id"))


class CampaignApproval(Base):
    """That somebody has approved a campaign as it stands."""

    __tablename__ = "campaign_approval"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.campaign_id"), primary_key=True)
    approver: Mapped[str] = mapped_column(HsaOrPersonId, primary_key=True)
    approved_at: Mapped[datetime]


class AudiencePreview(Base):
    """An audience whose count was shown: another one that differs from it by few people is not counted."""

    __tablename__ = "audience_preview"

    provider_hsa_id: Mapped[str] = mapped_column(ForeignKey("care_provider.hsa_id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    audience: Mapped[dict[str, Any]]
    day: Mapped[str] = mapped_column(String(10))
    """On which ages were reckoned."""
    previewed_at: Mapped[datetime]


class Offer(Base):
    """What one person is offered in a campaign."""

    __tablename__ = "offer"

    offer_id: Mapped[str] = mapped_column(ObjectId, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.campaign_id"))
    patient_person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), index=True, nullable=True)
    """Without one only when retention has anonymised it: the campaign's figures stay."""
    state: Mapped[str] = mapped_column(String(16))
    notice_at: Mapped[datetime]
    """When the person is to be told."""
    noticed_at: Mapped[datetime | None]
    """When it was done: once."""
    by_letter: Mapped[bool] = mapped_column(Boolean, default=False)
    opened_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(HsaOrPersonId)

    __table_args__ = (
        UniqueConstraint("campaign_id", "patient_person_id"),
        Index("ix_offer_campaign_id_state_notice_at", "campaign_id", "state", "notice_at"),
        Index("ix_offer_campaign_id_noticed_at", "campaign_id", "noticed_at"),
    )


class OfferBooking(Base):
    """Which booking somebody made for which step of an offer."""

    __tablename__ = "offer_booking"

    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.offer_id"), primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.booking_id"), unique=True)


class OfferOptOut(Base):
    """That somebody wants no offers of a kind."""

    __tablename__ = "offer_opt_out"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.person_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Of the campaigns; ``all`` for every kind."""
    made_by: Mapped[str] = mapped_column(HsaOrPersonId)
    made_at: Mapped[datetime]
