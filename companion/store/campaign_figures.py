"""Figures of a campaign: how it goes, with small cells suppressed; and the rehearsal of its release."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from companion.errors import Problem
from companion.identity import Caller
from companion.models.campaigns import Campaign, Offer
from companion.models.schedules import Slot
from companion.rules.audiences import AUDIENCE_TOO_SMALL, shown_count, shown_counts
from companion.rules.local_time import local_date
from companion.rules.rehearsals import Rehearsal, Response, Week, answers, by_hour, by_week, rehearse, week_of
from companion.rules.releases import plan
from companion.store.audiences import audience_of, size
from companion.store.campaigns import own_campaign, pace_of, steps_of
from companion.transaction import Transaction


@dataclass(frozen=True)
class Statistics:
    """How many offers are in which state; None: suppressed."""

    total: int | None
    by_state: dict[str, int | None]
    noticed: int | None
    by_letter: int | None
    opened: int | None
    """Ever."""


async def statistics(transaction: Transaction, caller: Caller, campaign_id: str) -> Statistics:
    """How a campaign goes."""
    await own_campaign(transaction, caller, campaign_id, lock=False)
    mine = Offer.campaign_id == campaign_id
    states = select(Offer.state, func.count()).where(mine).group_by(Offer.state)
    total, by_state = shown_counts(dict((await transaction.session.execute(states)).all()))
    others = select(
        func.count(Offer.noticed_at), func.sum(case((Offer.by_letter, 1), else_=0)), func.count(Offer.opened_at)
    ).where(mine)
    noticed, by_letter, opened = (await transaction.session.execute(others)).one()
    # Letters and notices add up to those who were told: when one of the two is small, both are.
    letters = shown_counts({"letter": by_letter or 0, "notice": noticed - (by_letter or 0)})[1]["letter"]
    return Statistics(total, by_state, shown_count(noticed), letters, shown_count(opened))


@dataclass(frozen=True)
class Hour:
    """A clock hour of the rehearsal."""

    starts_at: datetime
    notices: int
    visits: int
    calls: int


@dataclass(frozen=True)
class StepWeeks:
    """The weeks of one step's time type."""

    step: int
    time_type_id: str
    weeks: list[Week]


@dataclass(frozen=True)
class Play:
    """A rehearsal with its tables."""

    result: Rehearsal
    people: int
    hours: list[Hour]
    steps: list[StepWeeks]


async def play(transaction: Transaction, caller: Caller, campaign_id: str, response: Response, seed: int) -> Play:
    """What would happen if the campaign went live now: load by hour, and bookings against free times by week.

    It is played with as many people as a preview shows, not with as many as there are.
    """
    row = await own_campaign(transaction, caller, campaign_id, lock=False)
    exact = await size(transaction, audience_of(row.audience), local_date(row.begins_at), row.provider_hsa_id)
    people = shown_count(exact)
    if not people:
        raise Problem(AUDIENCE_TOO_SMALL)
    starts_at = max(row.begins_at, transaction.now)
    named = [f"{number:08}" for number in range(people)]
    releases = [one for one in plan(named, starts_at, pace_of(row), row.seed) if one.at < row.ends_at]
    visits, calls = answers(releases, response, seed)
    visits = [at for at in visits if at < row.ends_at][: row.quota]
    free = [
        (step, await _free(transaction, row, step.time_type_id)) for step in await steps_of(transaction, campaign_id)
    ]
    places = min(sum(weeks.values()) for _, weeks in free)
    if row.quota is not None:
        places = min(places, row.quota)
    result = rehearse(releases, places, response, seed)
    steps = [StepWeeks(step.number, step.time_type_id, by_week(visits, weeks)) for step, weeks in free]
    return Play(result, people, _hours([one.at for one in releases], visits, calls), steps)


def _hours(notices: Sequence[datetime], visits: Sequence[datetime], calls: Sequence[datetime]) -> list[Hour]:
    told, came, called = by_hour(notices), by_hour(visits), by_hour(calls)
    return [Hour(at, told.get(at, 0), came.get(at, 0), called.get(at, 0)) for at in sorted({*told, *came, *called})]


async def _free(transaction: Transaction, campaign: Campaign, time_type_id: str) -> dict[str, int]:
    """Places that are free in the campaign's window, by week."""
    query = select(Slot.starts_at, Slot.capacity - Slot.taken).where(
        Slot.time_type_id == time_type_id,
        Slot.provider_hsa_id == campaign.provider_hsa_id,
        Slot.starts_at >= max(campaign.begins_at, transaction.now),
        Slot.starts_at < campaign.ends_at,
        Slot.taken < Slot.capacity,
        Slot.is_closed.is_(False),
        Slot.purpose == "ordinary",
    )
    weeks = Counter[str]()
    for starts_at, places in (await transaction.session.execute(query)).all():
        weeks[week_of(starts_at)] += places
    return dict(sorted(weeks.items()))
