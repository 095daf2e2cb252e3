"""Riktade erbjudanden, for those who make them: campaigns, counts, approval, course, figures."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.models.campaigns import Campaign
from companion.routes.answers import refusals
from companion.routes.shapes import (
    Age,
    BirthYear,
    HsaId,
    Input,
    Instant,
    LocalTime,
    Name,
    ObjectId,
    Output,
    PersonId,
    Text,
)
from companion.rules import rehearsals
from companion.rules.audiences import Audience
from companion.rules.campaigns import ALL_KINDS
from companion.store import audiences, campaign_figures
from companion.store import campaigns as store
from companion.transaction import Transaction

router = APIRouter(tags=["campaigns"])

Writer = Annotated[Caller, asks(Action.CAMPAIGN_WRITE)]
Reader = Annotated[Caller, asks(Action.CAMPAIGN_READ)]
Approver = Annotated[Caller, asks(Action.CAMPAIGN_APPROVE)]
Register = Annotated[Caller, asks(Action.RISK_GROUP_WRITE)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


def _no_word_for_all(kind: str) -> str:
    if kind == ALL_KINDS:
        raise ValueError("is what people opt out of who want no offers")
    return kind


Kind = Annotated[Word, AfterValidator(_no_word_for_all)]
Area = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")]


class AudienceIn(Input):
    """Whom it is for: all conditions hold; of each list, any."""

    min_age: Age | None = None
    max_age: Age | None = None
    born_from_year: BirthYear | None = None
    born_until_year: BirthYear | None = None
    sexes: list[Literal["female", "male", "other", "unknown"]] = Field(default_factory=list, max_length=4)
    areas: list[Area] = Field(default_factory=list, max_length=400)
    risk_groups: list[Word] = Field(default_factory=list, max_length=50)
    units: list[HsaId] = Field(default_factory=list, max_length=100)


class StepIn(Input):
    """A form to answer, and the time type to book."""

    form_id: ObjectId | None = None
    time_type_id: ObjectId


class CampaignIn(Input):
    """A campaign's content."""

    kind: Kind
    title: Name
    information: Text = ""
    audience: AudienceIn
    begins_at: Instant
    ends_at: Instant
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=5)]
    quota: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    notices_per_hour: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    notices_open: LocalTime = time(8)
    notices_close: LocalTime = time(20)


class StepOut(Output):
    """A step."""

    number: int
    form_id: str | None
    time_type_id: str


class CampaignOut(Output):
    """A campaign. How much of the quota is taken is in its statistics, as far as may be told."""

    campaign_id: str
    unit_hsa_id: str
    kind: str
    title: str
    information: str
    audience: dict[str, Any]
    begins_at: datetime
    ends_at: datetime
    steps: list[StepOut]
    quota: int | None
    notices_per_hour: int
    notices_open: LocalTime
    notices_close: LocalTime
    state: str
    version: int
    approved_by: list[str]
    created_by: str
    launched_at: datetime | None
    ended_at: datetime | None


class CountsOut(Output):
    """How many people; null: too few to be told."""

    total: int | None
    by: dict[str, dict[str, int | None]]


class ApprovalIn(Input):
    """Which version was read."""

    version: Annotated[int, Field(ge=1, le=100_000)]


class StatisticsOut(Output):
    """How it goes; null: too few to be told."""

    total: int | None
    by_state: dict[str, int | None]
    noticed: int | None
    by_letter: int | None
    opened: int | None


class ResponseIn(Input):
    """How people are thought to answer."""

    booked_share: Annotated[float, Field(ge=0, le=1)]
    phone_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    median_delay_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 240
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 1


class WeekOut(Output):
    """A week: free places, and what was booked of them in the play."""

    week: str
    free: int
    booked: int
    moved_on: int
    refused: int


class StepWeeksOut(Output):
    """The weeks of a step."""

    step: int
    time_type_id: str
    weeks: list[WeekOut]


class HourOut(Output):
    """A clock hour."""

    starts_at: datetime
    notices: int
    visits: int
    calls: int


class ResultOut(Output):
    """The whole play."""

    notices: int
    last_notice_at: datetime | None
    peak_notices_per_hour: int
    peak_visits_per_minute: int
    peak_calls_per_hour: int
    booked: int
    not_booked: int
    first_refused_at: datetime | None


class PlayOut(Output):
    """A rehearsal."""

    people: int
    result: ResultOut
    hours: list[HourOut]
    steps: list[StepWeeksOut]


class RiskGroupsIn(Input):
    """All risk groups that a care provider counts somebody to."""

    provider_hsa_id: HsaId
    risk_groups: Annotated[list[Word], Field(max_length=50)]


def _content(body: CampaignIn) -> tuple[dict[str, Any], Audience, list[store.Step]]:
    fields = body.model_dump(exclude={"audience", "steps"})
    return (
        fields,
        audiences.audience_of(body.audience.model_dump()),
        [store.Step(**step.model_dump()) for step in body.steps],
    )


async def _shown(transaction: Transaction, row: Campaign) -> CampaignOut:
    await transaction.session.flush()
    steps = [StepOut.model_validate(step) for step in await store.steps_of(transaction, row.campaign_id)]
    approvals = list(await store.approvals_of(transaction, row.campaign_id))
    fields = {name: getattr(row, name) for name in CampaignOut.model_fields if hasattr(row, name)}
    return CampaignOut(**fields, steps=steps, approved_by=approvals)


@router.put("/persons/{person_id}/risk-groups", status_code=204)
async def put_risk_groups(person_id: PersonId, body: RiskGroupsIn, caller: Register) -> None:
    """Which risk groups a care provider counts somebody to."""
    async with caller.transaction() as transaction:
        await audiences.put_risk_groups(transaction, caller, person_id, body.provider_hsa_id, body.risk_groups)


@router.post("/units/{hsa_id}/campaigns", status_code=201, response_model=CampaignOut)
async def draft(hsa_id: HsaId, body: CampaignIn, caller: Writer, request: Request, key: Key = None) -> Response:
    """Draft a campaign of a unit."""

    async def act(transaction: Transaction) -> CampaignOut:
        return await _shown(transaction, await store.draft(transaction, caller, hsa_id, *_content(body)))

    return await once(caller, request, key, 201, act)


@router.get("/campaigns")
async def list_campaigns(caller: Reader) -> list[CampaignOut]:
    """The care provider's, newest first."""
    async with caller.transaction() as transaction:
        return [await _shown(transaction, row) for row in await store.listed(transaction, caller)]


@router.get("/campaigns/{campaign_id}")
async def read(campaign_id: ObjectId, caller: Reader) -> CampaignOut:
    """One of them."""
    async with caller.transaction() as transaction:
        return await _shown(transaction, await store.own_campaign(transaction, caller, campaign_id, lock=False))


@router.put("/campaigns/{campaign_id}")
async def edit(campaign_id: ObjectId, body: CampaignIn, caller: Writer) -> CampaignOut:
    """Other content of a draft; approvals are taken back."""
    async with caller.transaction() as transaction:
        return await _shown(transaction, await store.edit(transaction, caller, campaign_id, *_content(body)))


@router.post("/campaigns/{campaign_id}/preview", responses=refusals(429))
async def preview(campaign_id: ObjectId, caller: Writer) -> CountsOut:
    """Count the audience; 409 `preview_too_close` when an earlier count and this one would tell of few people."""
    async with caller.transaction() as transaction:
        return CountsOut.model_validate(await store.count_audience(transaction, caller, campaign_id))


@router.post("/campaigns/{campaign_id}/rehearsal")
async def rehearse(campaign_id: ObjectId, body: ResponseIn, caller: Writer) -> PlayOut:
    """Play the release through before it happens: load by hour, bookings against free times by week."""
    async with caller.transaction() as transaction:
        response = rehearsals.Response(
            body.booked_share,
            timedelta(minutes=body.median_delay_minutes),
            min(body.phone_share, 1 - body.booked_share),
        )
        return PlayOut.model_validate(
            await campaign_figures.play(transaction, caller, campaign_id, response, body.seed)
        )


@router.post("/campaigns/{campaign_id}/approve")
async def approve(campaign_id: ObjectId, body: ApprovalIn, caller: Approver) -> CampaignOut:
    """Approve it as read; the second person's approval makes it reviewed."""
    async with caller.transaction() as transaction:
        return await _shown(transaction, await store.approve(transaction, caller, campaign_id, body.version))


_Change = Callable[[Transaction, Caller, str], Awaitable[Campaign]]
_CHANGES: Final[Mapping[str, tuple[_Change, str]]] = MappingProxyType(
    {
        "revise": (store.revise, "Make a reviewed one a draft again."),
        "launch": (store.launch, "Go live: everybody in the audience becomes eligible, and is told in their turn."),
        "pause": (store.pause, "Hold everything up."),
        "resume": (store.resume, "Go on."),
        "end": (store.end, "End it; bookings stay."),
    }
)
"""What is done to a campaign as a whole, by the last part of the address."""


def _route_of(change: _Change) -> Callable[..., Awaitable[CampaignOut]]:
    async def act(campaign_id: ObjectId, caller: Writer) -> CampaignOut:
        async with caller.transaction() as transaction:
            return await _shown(transaction, await change(transaction, caller, campaign_id))

    return act


for _name, (_change, _what) in _CHANGES.items():
    router.add_api_route(
        f"/campaigns/{{campaign_id}}/{_name}", _route_of(_change), methods=["POST"], name=_name, description=_what
    )


@router.get("/campaigns/{campaign_id}/statistics")
async def statistics(campaign_id: ObjectId, caller: Reader) -> StatisticsOut:
    """How it goes, without telling of few people."""
    async with caller.transaction() as transaction:
        return StatisticsOut.model_validate(await campaign_figures.statistics(transaction, caller, campaign_id))
