"""Correction (rättelse): ``asked -> corrected | noted | refused | withdrawn``. No I/O.

The entry that it is about never changes. ``corrected``: it says something else from now on, and its first wording stays
in the history (patientdatalagen 3:14). ``noted``: the unit keeps its wording, and the patient's view stands beside it
(patientdatalagen 3:8). ``refused``: neither, with a reason.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import INVALID_REQUEST, Problem, define

CORRECTION_STATE: Final = define(
    "correction_state", 409, sv="Det är redan beslutat.", en="This has been decided already."
)


class CorrectionState(StrEnum):
    """Where a wish stands."""

    ASKED = "asked"
    CORRECTED = "corrected"
    NOTED = "noted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


CorrectionEvent = Literal["correct", "note", "refuse", "withdraw"]
Decision = Literal["correct", "note", "refuse"]

_AFTER: Final[Mapping[CorrectionEvent, CorrectionState]] = MappingProxyType(
    {
        "correct": CorrectionState.CORRECTED,
        "note": CorrectionState.NOTED,
        "refuse": CorrectionState.REFUSED,
        "withdraw": CorrectionState.WITHDRAWN,
    }
)


def after(state: CorrectionState, event: CorrectionEvent) -> CorrectionState:
    """The state after an event: everything is decided once."""
    if state is not CorrectionState.ASKED:
        raise Problem(CORRECTION_STATE)
    return _AFTER[event]


def check_decision(decision: Decision, text: str | None, reason: str | None) -> None:
    """What is said with each decision: the new wording or the note, and why it was refused."""
    if (text is not None) != (decision != "refuse"):
        raise Problem(INVALID_REQUEST, "text", "missing" if text is None else "not used")
    if decision == "refuse" and reason is None:
        raise Problem(INVALID_REQUEST, "reason", "missing")
