"""The course of a video meeting (videomöte): its states, and what comes of what the front tells.

``planned -> open -> in_progress -> ended | no_show | aborted_technical``. A meeting is planned and open by the clock
alone; what people and machines do to it stands in ``TRANSITIONS``. A technical abort is never a no-show: from there the
meeting goes on, or stays what it was.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal


class MeetingState(StrEnum):
    """The states of a meeting."""

    PLANNED = "planned"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    """Patient and staff have both been there."""
    ENDED = "ended"
    NO_SHOW = "no_show"
    ABORTED_TECHNICAL = "aborted_technical"


Event = Literal["start", "end", "miss", "abort", "undo_miss"]
"""``start``: both sides are there; ``end``: staff ended it for all, or all have left; ``miss``: staff note that the
patient did not come; ``abort``: somebody was cut off by a fault and did not come back."""

_S = MeetingState
TRANSITIONS: Final[Mapping[tuple[MeetingState, Event], MeetingState]] = MappingProxyType(
    {
        (_S.PLANNED, "start"): _S.IN_PROGRESS,
        (_S.OPEN, "start"): _S.IN_PROGRESS,
        (_S.ENDED, "start"): _S.IN_PROGRESS,
        (_S.NO_SHOW, "start"): _S.IN_PROGRESS,
        (_S.ABORTED_TECHNICAL, "start"): _S.IN_PROGRESS,
        (_S.PLANNED, "end"): _S.ENDED,
        (_S.OPEN, "end"): _S.ENDED,
        (_S.IN_PROGRESS, "end"): _S.ENDED,
        (_S.OPEN, "miss"): _S.NO_SHOW,
        (_S.IN_PROGRESS, "miss"): _S.NO_SHOW,  # they came when half of the time had passed
        (_S.ENDED, "miss"): _S.NO_SHOW,
        (_S.OPEN, "abort"): _S.ABORTED_TECHNICAL,
        (_S.IN_PROGRESS, "abort"): _S.ABORTED_TECHNICAL,
        (_S.ENDED, "abort"): _S.ABORTED_TECHNICAL,
        (_S.NO_SHOW, "abort"): _S.ABORTED_TECHNICAL,
        (_S.NO_SHOW, "undo_miss"): _S.OPEN,
    }
)
"""What is not in it changes nothing: reports come late, twice and out of order."""

OVER_AFTER: Final = timedelta(minutes=30)
"""So long after its time a meeting that nobody has ended is over."""


def state_at(stored: str | None, *, now: datetime, starts_at: datetime, open_before: timedelta) -> MeetingState:
    """What it is now: what has happened to it, or what the clock says."""
    if stored is not None:
        return MeetingState(stored)
    return MeetingState.OPEN if now >= starts_at - open_before else MeetingState.PLANNED


def after(state: MeetingState, event: Event) -> MeetingState:
    """The next state; the same when the event changes nothing."""
    return TRANSITIONS.get((state, event), state)
