"""Riktade erbjudanden: whom a campaign is for, who approved it, and how it counts people without showing any.

A campaign goes live when two different people have approved it as it stands; any change takes the approvals back.
Before that, a preview counts the audience. A preview never tells of few people: numbers are rounded down, small cells
are suppressed, and where one suppressed cell could be found by subtraction another one is suppressed with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import age_on

APPROVERS: Final = 2
SMALLEST_CELL: Final = 10
"""Fewer than so many people are never told of."""
ROUNDING: Final = 5
"""Other counts are rounded down to this, so that two previews that differ by one person look alike."""

CAMPAIGN_STATE: Final = define(
    "campaign_state", 409, sv="Utskicket kan inte ändras så nu.", en="The campaign cannot be changed so now."
)
APPROVED_ALREADY: Final = define(
    "approved_already",
    409,
    sv="Du har redan godkänt. En annan person måste också göra det.",
    en="You have approved already. Another person must too.",
)
AUDIENCE_EMPTY: Final = define(
    "audience_empty",
    422,
    sv="Ange minst ett villkor för målgruppen.",
    en="Give at least one condition of the audience.",
)
CAMPAIGN_WINDOW: Final = define(
    "campaign_window", 422, sv="Slutet måste vara efter början.", en="The end must be after the beginning."
)
OFFER_STATE: Final = define(
    "offer_state", 409, sv="Erbjudandet gäller inte längre.", en="The offer can no longer be used so."
)
QUOTA_FULL: Final = define("quota_full", 409, sv="Alla platser är tagna.", en="All places are taken.")


# --- the campaign ------------------------------------------------------------------------------------------------


class CampaignState(StrEnum):
    """``draft -> reviewed -> live -> paused -> ended``."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


CampaignEvent = Literal["edit", "approve", "launch", "pause", "resume", "end"]

_S = CampaignState
TRANSITIONS: Final[Mapping[tuple[CampaignState, CampaignEvent], CampaignState]] = MappingProxyType(
    {
        (_S.DRAFT, "edit"): _S.DRAFT,
        (_S.REVIEWED, "edit"): _S.DRAFT,
        (_S.DRAFT, "approve"): _S.REVIEWED,  # with the second approval; see ``approved``
        (_S.REVIEWED, "launch"): _S.LIVE,
        (_S.LIVE, "pause"): _S.PAUSED,
        (_S.PAUSED, "resume"): _S.LIVE,
        (_S.DRAFT, "end"): _S.ENDED,
        (_S.REVIEWED, "end"): _S.ENDED,
        (_S.LIVE, "end"): _S.ENDED,
        (_S.PAUSED, "end"): _S.ENDED,
    }
)


def after(state: CampaignState, event: CampaignEvent) -> CampaignState:
    """The next state; ``Problem`` when there is none."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Problem(CAMPAIGN_STATE, detail=f"{event} in state {state}")
    return following


def approved(state: CampaignState, approvals: Iterable[str], approver: str) -> CampaignState:
    """The state after somebody approves: reviewed with the second person's, a draft until then."""
    following, before = after(state, "approve"), frozenset(approvals)
    if approver in before:
        raise Problem(APPROVED_ALREADY)
    return following if len(before) + 1 >= APPROVERS else state


# --- the audience ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """What of a person an audience asks about."""

    birth_date: date | None
    sex: str
    area: str | None
    risk_groups: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    """Where the person is a patient."""
    is_protected: bool = False
    has_opted_out: bool = False


@dataclass(frozen=True)
class Audience:
    """Conditions that all hold; an empty one says nothing."""

    min_age: int | None = None
    max_age: int | None = None
    """Whole years on the campaign's first day."""
    sexes: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    risk_groups: frozenset[str] = frozenset()
    """Any of them."""
    units: frozenset[str] = frozenset()

    def check(self) -> None:
        """At least one condition: nobody writes to everybody by mistake."""
        sets = (self.sexes, self.areas, self.risk_groups, self.units)
        if self.min_age is None and self.max_age is None and not any(sets):
            raise Problem(AUDIENCE_EMPTY, "audience")


def matches(audience: Audience, person: Candidate, day: date) -> bool:
    """Whether a campaign is for somebody. Never for who has opted out, nor for the protected: a notice tells."""
    if person.has_opted_out or person.is_protected:
        return False
    if audience.min_age is not None or audience.max_age is not None:
        if person.birth_date is None:
            return False
        age = age_on(person.birth_date, day)
        if age < (audience.min_age or 0) or (audience.max_age is not None and age > audience.max_age):
            return False
    return (
        (not audience.sexes or person.sex in audience.sexes)
        and (not audience.areas or person.area in audience.areas)
        and (not audience.risk_groups or bool(person.risk_groups & audience.risk_groups))
        and (not audience.units or bool(person.units & audience.units))
    )


# --- counts ------------------------------------------------------------------------------------------------------


def shown_count(count: int) -> int | None:
    """A count as a preview shows it: rounded down; None when it is small (and not nothing)."""
    if 0 < count < SMALLEST_CELL:
        return None
    return count - count % ROUNDING


def shown_counts(cells: Mapping[str, int]) -> tuple[int | None, dict[str, int | None]]:
    """The total and the parts as a preview shows them.

    The total is the sum of the exact parts, rounded. When exactly one part is suppressed, the smallest of the others
    goes too, so that it cannot be found as the difference; then, if nothing hides it, the total.
    """
    shown = {name: shown_count(count) for name, count in cells.items()}
    hidden = [name for name, count in shown.items() if count is None]
    if len(hidden) == 1:
        others = sorted((cells[name], name) for name in cells if name not in hidden and cells[name])
        if not others:
            return None, shown
        shown[others[0][1]] = None
    return shown_count(sum(cells.values())), shown


# --- one person's offer ------------------------------------------------------------------------------------------


class OfferState(StrEnum):
    """``eligible -> shown -> opened -> accepted | declined | booked | expired``."""

    ELIGIBLE = "eligible"
    SHOWN = "shown"
    OPENED = "opened"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    BOOKED = "booked"
    EXPIRED = "expired"


OfferEvent = Literal["show", "open", "accept", "decline", "book", "unbook", "expire"]

_O = OfferState
OFFER_TRANSITIONS: Final[Mapping[tuple[OfferState, OfferEvent], OfferState]] = MappingProxyType(
    {
        (_O.ELIGIBLE, "show"): _O.SHOWN,
        # Somebody can find the offer before the notice goes out.
        (_O.ELIGIBLE, "open"): _O.OPENED,
        (_O.SHOWN, "open"): _O.OPENED,
        (_O.OPENED, "show"): _O.OPENED,
        (_O.OPENED, "open"): _O.OPENED,
        (_O.OPENED, "accept"): _O.ACCEPTED,
        (_O.OPENED, "decline"): _O.DECLINED,
        (_O.OPENED, "book"): _O.BOOKED,
        (_O.ACCEPTED, "book"): _O.BOOKED,
        (_O.ACCEPTED, "decline"): _O.DECLINED,
        (_O.BOOKED, "unbook"): _O.ACCEPTED,
        (_O.ELIGIBLE, "expire"): _O.EXPIRED,
        (_O.SHOWN, "expire"): _O.EXPIRED,
        (_O.OPENED, "expire"): _O.EXPIRED,
        (_O.ACCEPTED, "expire"): _O.EXPIRED,
    }
)
TAKES_QUOTA: Final = frozenset({_O.ACCEPTED, _O.BOOKED})


def offer_after(state: OfferState, event: OfferEvent) -> OfferState:
    """The next state of an offer; ``Problem`` when there is none."""
    following = OFFER_TRANSITIONS.get((state, event))
    if following is None:
        raise Problem(OFFER_STATE, detail=f"{event} in state {state}")
    return following


def check_quota(quota: int | None, taken: int) -> None:
    """Accepting takes a place of the quota; ``taken``: by others."""
    if quota is not None and taken >= quota:
        raise Problem(QUOTA_FULL)
