"""Riktade erbjudanden: the states of a campaign and of what one person is offered, who approves, and the quota.

A campaign goes live when two different people have approved it as it stands. It is edited only as a draft; a reviewed
one that is made a draft again loses its approvals. Whom it is for is in ``companion.rules.audiences``, when people are
told in ``companion.rules.releases``.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.transitions import following

APPROVERS: Final = 2
ALL_KINDS: Final = "all"
"""What somebody opts out of who wants no offers at all."""

CAMPAIGN_STATE: Final = define(
    "campaign_state", 409, sv="Utskicket kan inte ändras så nu.", en="The campaign cannot be changed so now."
)
APPROVED_ALREADY: Final = define(
    "approved_already",
    409,
    sv="Du har redan godkänt. En annan person måste också göra det.",
    en="You have approved already. Another person must too.",
)
CAMPAIGN_WINDOW: Final = define(
    "campaign_window", 422, sv="Slutet måste vara efter början.", en="The end must be after the beginning."
)
OFFER_STATE: Final = define(
    "offer_state", 409, sv="Erbjudandet gäller inte längre.", en="The offer can no longer be used so."
)
OFFER_PAUSED: Final = define(
    "offer_paused", 409, sv="Erbjudandet är pausat. Försök igen senare.", en="The offer is paused. Try again later."
)
OFFER_BOOKED: Final = define(
    "offer_booked",
    409,
    sv="Avboka tiden först.",
    en="Cancel the booked time first.",
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


CampaignEvent = Literal["edit", "approve", "revise", "launch", "pause", "resume", "end"]

_S = CampaignState
TRANSITIONS: Final[Mapping[tuple[CampaignState, CampaignEvent], CampaignState]] = MappingProxyType(
    {
        (_S.DRAFT, "edit"): _S.DRAFT,
        (_S.DRAFT, "approve"): _S.REVIEWED,  # with the second approval; see ``approved``
        (_S.REVIEWED, "revise"): _S.DRAFT,  # the approvals are gone
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
    return following(TRANSITIONS, state, event, CAMPAIGN_STATE)


def approved(state: CampaignState, approvals: Iterable[str], approver: str) -> CampaignState:
    """The state after somebody approves: reviewed with the second person's, a draft until then."""
    following, before = after(state, "approve"), frozenset(approvals)
    if approver in before:
        raise Problem(APPROVED_ALREADY)
    return following if len(before) + 1 >= APPROVERS else state


def check_window(begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    """A window that ends after it begins, and is not over."""
    if ends_at <= begins_at or ends_at <= now:
        raise Problem(CAMPAIGN_WINDOW, "ends_at")


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
EXPIRES: Final = frozenset(state for state, event in OFFER_TRANSITIONS if event == "expire")


def offer_after(state: OfferState, event: OfferEvent) -> OfferState:
    """The next state of an offer; ``Problem`` when there is none."""
    return following(OFFER_TRANSITIONS, state, event, OFFER_STATE)


def after_booking(state: OfferState, *, booked_steps: int, steps: int) -> OfferState:
    """The state when so many of the steps have a booking: accepted with the first one, booked with the last."""
    if booked_steps == steps:
        return offer_after(state, "book")
    return state if state is _O.ACCEPTED else offer_after(state, "accept")


def check_quota(quota: int | None, taken: int) -> None:
    """Accepting takes a place of the quota; ``taken``: by others."""
    if quota is not None and taken >= quota:
        raise Problem(QUOTA_FULL)
