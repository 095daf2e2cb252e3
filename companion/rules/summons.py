"""E-kallelse: the states of a summons and of its letter, reminders, and what becomes a letter when.

Two tables: the summons itself, and its letter, which comes into being when the summons is not read in time or cannot
be told at all. A letter that waits to be printed is withdrawn when the summons is read after all; one that is printed
goes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.transitions import following

SUMMONS_STATE: Final = define(
    "summons_state", 409, sv="Kallelsen kan inte besvaras så längre.", en="The summons can no longer be answered so."
)
SUMMONS_ANSWER: Final = define(
    "summons_answer", 403, sv="Den här kallelsen kan inte besvaras så.", en="This summons cannot be answered so."
)
SUMMONS_DEADLINE: Final = define(
    "summons_deadline", 422, sv="Sista dagen måste ligga framåt i tiden.", en="The deadline must be to come."
)
LETTER_STATE: Final = define(
    "letter_state", 409, sv="Brevet kan inte ändras så längre.", en="The letter can no longer be changed so."
)
ATTACHMENT_INVALID: Final = define(
    "attachment_invalid", 422, sv="Bilagan måste vara en vanlig PDF.", en="The attachment must be a plain PDF."
)
TOO_MANY_ATTACHMENTS: Final = define(
    "too_many_attachments", 409, sv="Kallelsen har redan så många bilagor den kan ha.", en="No more attachments fit."
)

MAX_ATTACHMENTS: Final = 5
"""Of one summons; what does not fit in an envelope is not read either."""


class SummonsState(StrEnum):
    """``draft -> sent -> notified -> read -> confirmed | rebooked | declined | expired``."""

    DRAFT = "draft"
    SENT = "sent"
    NOTIFIED = "notified"
    READ = "read"
    CONFIRMED = "confirmed"
    REBOOKED = "rebooked"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Taken back by the unit, or its booking was cancelled."""


SummonsEvent = Literal["send", "notify", "read", "confirm", "rebook", "decline", "expire", "withdraw", "reopen"]
SummonsKind = Literal["timed", "open"]
Answer = Literal["confirm", "rebook", "decline"]

_S = SummonsState
TRANSITIONS: Final[Mapping[tuple[SummonsState, SummonsEvent], SummonsState]] = MappingProxyType(
    {
        (_S.DRAFT, "send"): _S.SENT,
        (_S.DRAFT, "withdraw"): _S.WITHDRAWN,
        (_S.SENT, "notify"): _S.NOTIFIED,
        # Somebody can read before the notice arrives; a notice that arrives later changes nothing.
        (_S.SENT, "read"): _S.READ,
        (_S.NOTIFIED, "read"): _S.READ,
        (_S.READ, "notify"): _S.READ,
        (_S.READ, "read"): _S.READ,
        (_S.READ, "confirm"): _S.CONFIRMED,
        (_S.READ, "rebook"): _S.REBOOKED,
        (_S.READ, "decline"): _S.DECLINED,
        # A confirmed or moved time can be moved again or declined while the visit is to come.
        (_S.CONFIRMED, "read"): _S.CONFIRMED,
        (_S.CONFIRMED, "rebook"): _S.REBOOKED,
        (_S.CONFIRMED, "decline"): _S.DECLINED,
        (_S.REBOOKED, "read"): _S.REBOOKED,
        (_S.REBOOKED, "rebook"): _S.REBOOKED,
        (_S.REBOOKED, "decline"): _S.DECLINED,
        (_S.DECLINED, "read"): _S.DECLINED,
        # The time that was picked for an open one was cancelled: another can be picked.
        (_S.CONFIRMED, "reopen"): _S.READ,
        (_S.REBOOKED, "reopen"): _S.READ,
        (_S.SENT, "expire"): _S.EXPIRED,
        (_S.NOTIFIED, "expire"): _S.EXPIRED,
        (_S.READ, "expire"): _S.EXPIRED,
        (_S.SENT, "withdraw"): _S.WITHDRAWN,
        (_S.NOTIFIED, "withdraw"): _S.WITHDRAWN,
        (_S.READ, "withdraw"): _S.WITHDRAWN,
        (_S.CONFIRMED, "withdraw"): _S.WITHDRAWN,
        (_S.REBOOKED, "withdraw"): _S.WITHDRAWN,
    }
)
UNREAD: Final = frozenset({_S.SENT, _S.NOTIFIED})
UNANSWERED: Final = frozenset({_S.SENT, _S.NOTIFIED, _S.READ})


def after(state: SummonsState, event: SummonsEvent) -> SummonsState:
    """The next state; ``Problem`` when there is none."""
    return following(TRANSITIONS, state, event, SUMMONS_STATE)


@dataclass(frozen=True)
class Terms:
    """What a summons lets the patient do, and until when."""

    kind: SummonsKind
    answer_until: datetime
    """Timed: the visit's beginning. Open: the deadline for picking a time."""
    may_confirm: bool = True
    may_rebook: bool = False
    may_decline: bool = False


def check_terms(terms: Terms, now: datetime) -> None:
    """What can be sent."""
    if terms.answer_until <= now:
        raise Problem(SUMMONS_DEADLINE, "answer_until")


def check_answer(terms: Terms, answer: Answer, now: datetime) -> None:
    """Only what the unit allowed, and in time. An open summons is confirmed by picking a time."""
    is_allowed = {"confirm": terms.may_confirm, "rebook": terms.may_rebook, "decline": terms.may_decline}[answer]
    if not is_allowed:
        raise Problem(SUMMONS_ANSWER)
    if now >= terms.answer_until:
        raise Problem(SUMMONS_STATE, detail="too late")


def expires(state: SummonsState, terms: Terms, now: datetime) -> bool:
    """Nobody answered in time. A timed summons that was not answered leaves its booking as it is."""
    return state in UNANSWERED and now >= terms.answer_until


# --- reminders ---------------------------------------------------------------------------------------------------


def reminders(terms: Terms, sent_at: datetime, before: Sequence[timedelta]) -> list[datetime]:
    """When to remind: so long before the visit or deadline, earliest first; never before the summons was sent."""
    instants = {terms.answer_until - one for one in before}
    return sorted(at for at in instants if sent_at < at < terms.answer_until)


# --- letters -----------------------------------------------------------------------------------------------------


class LetterState(StrEnum):
    """``queued -> printed -> posted``, or withdrawn before it was printed."""

    QUEUED = "queued"
    PRINTED = "printed"
    POSTED = "posted"
    WITHDRAWN = "withdrawn"


LetterEvent = Literal["print", "post", "withdraw", "reprint"]
LETTER_TRANSITIONS: Final[Mapping[tuple[LetterState, LetterEvent], LetterState]] = MappingProxyType(
    {
        (LetterState.QUEUED, "print"): LetterState.PRINTED,
        (LetterState.QUEUED, "withdraw"): LetterState.WITHDRAWN,
        (LetterState.PRINTED, "reprint"): LetterState.QUEUED,
        (LetterState.PRINTED, "post"): LetterState.POSTED,
    }
)

LetterReason = Literal["no_account", "bounced", "protected", "unread"]


def letter_after(state: LetterState, event: LetterEvent) -> LetterState:
    """The next state of a letter; ``Problem`` when there is none."""
    return following(LETTER_TRANSITIONS, state, event, LETTER_STATE)


@dataclass(frozen=True)
class Reach:
    """How a patient can be told."""

    has_account: bool
    has_bounced: bool = False
    is_protected: bool = False


def letter_reason(
    state: SummonsState, reach: Reach, *, sent_at: datetime, now: datetime, unread_after: timedelta
) -> LetterReason | None:
    """Why a letter goes out, None when none does. At once when nothing else can be told; else when it stays unread."""
    if state not in UNREAD:
        return None
    return unreachable(reach) or ("unread" if now >= sent_at + unread_after else None)


def unreachable(reach: Reach) -> LetterReason | None:
    """Why nothing but a letter tells them; None when a notice does."""
    if reach.is_protected:
        return "protected"
    if not reach.has_account:
        return "no_account"
    return "bounced" if reach.has_bounced else None
