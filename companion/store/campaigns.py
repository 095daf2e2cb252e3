"""Use cases of campaigns (riktade erbjudanden): drafted, approved by two, live, paused, ended; counted, rehearsed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from auth.permissions import Resource
from companion.errors import CONFLICT, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.campaigns import Campaign, CampaignApproval, CampaignStep, Offer
from companion.models.organisation import Unit
from companion.rules.audiences import Audience, Counts
from companion.rules.campaigns import (
    CampaignEvent,
    CampaignState,
    OfferState,
    after,
    approved,
    check_window,
)
from companion.rules.local_time import local_date
from companion.rules.releases import Pace, plan
from companion.services import new_id
from companion.store.audiences import audience_of, people_in, preview, stored_audience
from companion.store.questionnaires import published
from companion.store.schedules import usable_time_type
from companion.transaction import Transaction

_CHUNK: Final = 5000
_random = SystemRandom()


@dataclass(frozen=True)
class Step:
    """A form to answer, and the time type to book."""

    form_id: str | None
    time_type_id: str


def new_seed() -> int:
    """A seed that nobody chose."""
    return _random.getrandbits(62)


def resource_of(row: Campaign) -> Resource:
    """For permissions."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id)


def pace_of(row: Campaign) -> Pace:
    """How fast people are told."""
    return Pace(row.notices_per_hour, row.notices_open, row.notices_close)


async def own_campaign(transaction: Transaction, caller: Caller, campaign_id: str, *, lock: bool = True) -> Campaign:
    """A campaign that the caller may do this with."""
    mode = {"key_share": True} if lock else None  # offers refer to it meanwhile
    row = await transaction.session.get(Campaign, campaign_id, with_for_update=mode)
    caller.require(transaction, None if row is None else resource_of(row), what=f"campaign:{campaign_id}")
    assert row is not None
    return row


async def steps_of(transaction: Transaction, campaign_id: str) -> Sequence[CampaignStep]:
    """The steps in order."""
    query = select(CampaignStep).where(CampaignStep.campaign_id == campaign_id).order_by(CampaignStep.number)
    return (await transaction.session.scalars(query)).all()


async def approvals_of(transaction: Transaction, campaign_id: str) -> Sequence[str]:
    """Who has approved it as it stands."""
    query = select(CampaignApproval.approver).where(CampaignApproval.campaign_id == campaign_id)
    return (await transaction.session.scalars(query.order_by(CampaignApproval.approved_at))).all()


async def listed(transaction: Transaction, caller: Caller) -> Sequence[Campaign]:
    """The care provider's, newest first."""
    principal = caller.principal
    caller.require(transaction, Resource(principal.provider_hsa_id, principal.unit_hsa_id), what="campaigns")
    query = select(Campaign).where(Campaign.provider_hsa_id == principal.provider_hsa_id)
    return (await transaction.session.scalars(query.order_by(Campaign.created_at.desc()).limit(200))).all()


# --- the draft ---------------------------------------------------------------------------------------------------


async def draft(
    transaction: Transaction,
    caller: Caller,
    unit_hsa_id: str,
    fields: Mapping[str, Any],
    audience: Audience,
    steps: Sequence[Step],
    seed: Callable[[], int] = new_seed,
) -> Campaign:
    """A new campaign of a unit."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id)
    campaign_id = new_id("ca")
    caller.require(transaction, resource, what=f"campaign:{campaign_id}")
    assert unit is not None
    row = Campaign(
        campaign_id=campaign_id,
        provider_hsa_id=unit.provider_hsa_id,
        unit_hsa_id=unit.hsa_id,
        taken=0,
        seed=seed(),
        state=CampaignState.DRAFT,
        version=0,
        created_by=caller.principal.actor,
        created_at=transaction.now,
        launched_at=None,
        ended_at=None,
    )
    await _write(transaction, row, unit, fields, audience, steps)
    return row


async def edit(
    transaction: Transaction,
    caller: Caller,
    campaign_id: str,
    fields: Mapping[str, Any],
    audience: Audience,
    steps: Sequence[Step],
) -> Campaign:
    """Other content of a draft; who had approved it approves anew."""
    row = await own_campaign(transaction, caller, campaign_id)
    _step(row, "edit")
    await _forget_approvals(transaction, campaign_id)
    unit = await transaction.session.get_one(Unit, row.unit_hsa_id)
    await _write(transaction, row, unit, fields, audience, steps)
    return row


async def _write(
    transaction: Transaction,
    row: Campaign,
    unit: Unit,
    fields: Mapping[str, Any],
    audience: Audience,
    steps: Sequence[Step],
) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    check_window(row.begins_at, row.ends_at, transaction.now)
    pace_of(row).check()
    audience.check()
    await _check_units(transaction, audience.units, unit.provider_hsa_id)
    row.audience = stored_audience(audience)
    row.version += 1
    transaction.session.add(row)
    await transaction.session.flush()
    mine = CampaignStep.campaign_id == row.campaign_id
    await transaction.session.execute(delete(CampaignStep).where(mine))
    for number, step in enumerate(steps, start=1):
        await usable_time_type(transaction, step.time_type_id, unit)
        if step.form_id is not None:
            form = await published(transaction, step.form_id)
            if form is None or form.provider_hsa_id != unit.provider_hsa_id:
                raise Problem(NOT_FOUND, "form_id")
        transaction.session.add(CampaignStep(campaign_id=row.campaign_id, number=number, **vars(step)))
    await transaction.session.flush()


async def _check_units(transaction: Transaction, units: Iterable[str], provider_hsa_id: str) -> None:
    named = set(units)
    query = select(Unit.hsa_id).where(Unit.hsa_id.in_(named), Unit.provider_hsa_id == provider_hsa_id)
    if named - set((await transaction.session.scalars(query)).all()):
        raise Problem(NOT_FOUND, "audience.units")


async def count_audience(transaction: Transaction, caller: Caller, campaign_id: str) -> Counts:
    """How many it would reach, as far as may be told."""
    row = await own_campaign(transaction, caller, campaign_id, lock=False)
    return await preview(transaction, audience_of(row.audience), local_date(row.begins_at), row.provider_hsa_id)


# --- its course --------------------------------------------------------------------------------------------------


async def approve(transaction: Transaction, caller: Caller, campaign_id: str, version: int) -> Campaign:
    """Approve what one has read. With the second person's approval it is reviewed."""
    row = await own_campaign(transaction, caller, campaign_id)
    before = await approvals_of(transaction, campaign_id)
    following = approved(CampaignState(row.state), before, caller.principal.actor)
    if version != row.version:
        raise Problem(CONFLICT, "version", extra={"version": row.version})
    row.state = following
    transaction.session.add(
        CampaignApproval(campaign_id=campaign_id, approver=caller.principal.actor, approved_at=transaction.now)
    )
    return row


async def revise(transaction: Transaction, caller: Caller, campaign_id: str) -> Campaign:
    """Make a reviewed campaign a draft again."""
    row = await own_campaign(transaction, caller, campaign_id)
    _step(row, "revise")
    await _forget_approvals(transaction, campaign_id)
    return row


async def launch(transaction: Transaction, caller: Caller, campaign_id: str) -> Campaign:
    """Everybody in the audience becomes eligible, each with the instant of their notice."""
    row = await own_campaign(transaction, caller, campaign_id)
    _step(row, "launch")
    check_window(row.begins_at, row.ends_at, transaction.now)
    row.launched_at = transaction.now
    people = await people_in(
        transaction, audience_of(row.audience), local_date(row.begins_at), row.provider_hsa_id, row.kind
    )
    releases = plan(people, max(row.begins_at, transaction.now), pace_of(row), row.seed)
    for first in range(0, len(releases), _CHUNK):
        offers = [
            {
                "offer_id": new_id("of"),
                "campaign_id": campaign_id,
                "patient_person_id": one.person_id,
                "state": OfferState.ELIGIBLE.value,
                "notice_at": one.at,
                "by_letter": False,
            }
            for one in releases[first : first + _CHUNK]
        ]
        await transaction.session.execute(insert(Offer), offers)
    return row


async def pause(transaction: Transaction, caller: Caller, campaign_id: str) -> Campaign:
    """No notice goes out, nothing is accepted or booked."""
    return await _change(transaction, caller, campaign_id, "pause")


async def resume(transaction: Transaction, caller: Caller, campaign_id: str) -> Campaign:
    """Go on; what was held up is planned anew by the sweep."""
    return await _change(transaction, caller, campaign_id, "resume")


async def end(transaction: Transaction, caller: Caller, campaign_id: str) -> Campaign:
    """End it before its time. Bookings stay."""
    row = await _change(transaction, caller, campaign_id, "end")
    row.ended_at = transaction.now
    return row


async def _change(transaction: Transaction, caller: Caller, campaign_id: str, event: CampaignEvent) -> Campaign:
    row = await own_campaign(transaction, caller, campaign_id)
    _step(row, event)
    return row


async def end_due(transaction: Transaction, now: datetime) -> None:
    """Campaigns whose window is over end."""
    over = (Campaign.ends_at <= now, Campaign.state != CampaignState.ENDED.value)
    await transaction.session.execute(
        update(Campaign).where(*over).values(state=CampaignState.ENDED.value, ended_at=now)
    )


async def _forget_approvals(transaction: Transaction, campaign_id: str) -> None:
    await transaction.session.execute(delete(CampaignApproval).where(CampaignApproval.campaign_id == campaign_id))


def _step(row: Campaign, event: CampaignEvent) -> None:
    row.state = after(CampaignState(row.state), event)
