"""The workflow of a case (*ärende*) as a table: what may happen in which state, and what comes of it.

A case is between a patient and a unit, never a person: whoever it is assigned to answers for the unit. Pure: time
is an argument (seconds since the epoch), and what differs between units is in ``CasePolicy``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal, get_args

from chat.opening_hours import OpeningHours

MAX_SUBJECT_CHARACTERS: Final = 120


class CaseState(StrEnum):
    """Where a case stands."""

    NEW = "new"
    """*Nytt*: in the unit's queue; nobody has taken it."""
    ASSIGNED = "assigned"
    """*Tilldelat*: somebody has taken it and has not answered yet."""
    AWAITING_STAFF = "awaiting_staff"
    """*Väntar på vården*: the patient wrote last."""
    AWAITING_PATIENT = "awaiting_patient"
    """*Väntar på patienten*: the unit wrote last."""
    CLOSED = "closed"
    """*Avslutat*: archived; nobody writes."""
    REOPENED = "reopened"
    """*Återöppnat*: in the unit's queue again."""


class CaseAct(StrEnum):
    """What happens to a case."""

    ASSIGN = "assign"
    """Staff take it, or give it to a colleague of the unit."""
    HAND_OVER = "hand_over"
    """*Överlämna*: to another colleague of the unit."""
    RETURN = "return"
    """Back to the queue of the unit, or over to another unit of the same care provider."""
    PATIENT_WRITES = "patient_writes"
    STAFF_WRITES = "staff_writes"
    NOTE = "note"
    """An internal note, which the patient never sees."""
    CLOSE = "close"
    REOPEN = "reopen"


_S, _A = CaseState, CaseAct
_WITH_SOMEBODY: Final[Mapping[CaseAct, CaseState]] = {
    _A.RETURN: _S.NEW,
    _A.PATIENT_WRITES: _S.AWAITING_STAFF,
    _A.STAFF_WRITES: _S.AWAITING_PATIENT,
    _A.CLOSE: _S.CLOSED,
}

TABLE: Final[Mapping[CaseState, Mapping[CaseAct, CaseState]]] = {
    _S.NEW: {
        _A.ASSIGN: _S.ASSIGNED,
        _A.RETURN: _S.NEW,
        _A.PATIENT_WRITES: _S.NEW,
        _A.NOTE: _S.NEW,
        _A.CLOSE: _S.CLOSED,
    },
    _S.ASSIGNED: {**_WITH_SOMEBODY, _A.HAND_OVER: _S.ASSIGNED, _A.NOTE: _S.ASSIGNED},
    _S.AWAITING_STAFF: {**_WITH_SOMEBODY, _A.HAND_OVER: _S.AWAITING_STAFF, _A.NOTE: _S.AWAITING_STAFF},
    _S.AWAITING_PATIENT: {**_WITH_SOMEBODY, _A.HAND_OVER: _S.AWAITING_PATIENT, _A.NOTE: _S.AWAITING_PATIENT},
    _S.CLOSED: {_A.REOPEN: _S.REOPENED},
    _S.REOPENED: {
        _A.ASSIGN: _S.ASSIGNED,
        _A.RETURN: _S.NEW,
        _A.PATIENT_WRITES: _S.REOPENED,
        _A.NOTE: _S.REOPENED,
        _A.CLOSE: _S.CLOSED,
    },
}
"""State x act -> the next state; what is not here is refused."""

CaseErrorCode = Literal[
    "unknown_case",
    "unit_takes_no_cases",
    "too_many_cases",
    "case_closed",
    "not_assigned",
    "already_assigned",
    "not_closed",
    "reopen_too_late",
    "invalid_assignee",
    "changed_meanwhile",
]
"""``case_closed``: reopen it first. ``not_assigned``: somebody of the unit must take it before they answer or hand it
over. ``already_assigned``: hand it over instead. ``not_closed``: there is nothing to reopen. ``reopen_too_late``: open
a new case. ``invalid_assignee``: this act needs, or must not have, somebody (of the unit) or some unit (of the care
provider) to go to. ``changed_meanwhile``: look again."""
CASE_ERROR_CODES: Final[tuple[CaseErrorCode, ...]] = get_args(CaseErrorCode)


class CaseError(Exception):
    """Something about a case is refused; ``code`` goes to the client."""

    def __init__(self, code: CaseErrorCode) -> None:
        super().__init__(code)
        self.code: CaseErrorCode = code


@dataclass(frozen=True)
class CasePolicy:
    """What a unit has decided about its cases."""

    hours: OpeningHours
    promised_answer_open_s: int
    """The promised answer time, counted in time during which the unit is open."""
    reopen_within_s: int = 14 * 24 * 3600


@dataclass(frozen=True)
class Case:
    """A case. ``repr`` shows no personal data."""

    case_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    patient: str
    """The patient's person_id."""
    patient_name: str
    """To show; empty while staff have opened a case and the patient has not been there."""
    subject: str
    """What it is about, in the words of who opened it."""
    opened_at_s: int
    state: CaseState = CaseState.NEW
    assignee: str | None = None
    """HSA-id of who has it."""
    changed_at_s: int = 0
    answer_by_s: int | None = None
    """Until when the unit has promised an answer; None while it owes none, or while it never opens."""
    closed_at_s: int | None = None
    version: int = 1
    """Grows with each change: two colleagues who act at once are told apart by it."""
    last_seq: int = 0
    """Number of the last message that the state follows: a message counts once, however often it is told of."""
    last_patient_seq: int = 0
    """Number of the last message of the patient, or of who acts for them; 0: none."""
    last_staff_seq: int = 0
    """Number of the unit's last message; 0: none."""
    is_erased: bool = False
    """Only the archive has its words by now."""
    booking_id: str | None = None
    """The booking that it was opened about."""

    def __repr__(self) -> str:
        return f"Case({self.case_id!r}, {self.state.value}, version={self.version})"

    @property
    def conversation_id(self) -> str:
        """What patient and unit write to each other."""
        return self.case_id

    @property
    def notes_id(self) -> str:
        """The staff conversation with the internal notes: another stream, of a kind that no patient can read."""
        return f"notes-{self.case_id.removeprefix('case-')}"


def open_case(
    *,
    case_id: str,
    provider_hsa_id: str,
    unit_hsa_id: str,
    patient: str,
    patient_name: str,
    subject: str,
    policy: CasePolicy,
    now_s: float,
) -> Case:
    """A new case; from now on the unit owes an answer."""
    return Case(
        case_id=case_id,
        provider_hsa_id=provider_hsa_id,
        unit_hsa_id=unit_hsa_id,
        patient=patient,
        patient_name=patient_name,
        subject=subject,
        opened_at_s=int(now_s),
        changed_at_s=int(now_s),
        answer_by_s=policy.hours.add_open_time_s(now_s, policy.promised_answer_open_s),
    )


def next_state(state: CaseState, act: CaseAct) -> CaseState:
    """The table, with a reason for each refusal."""
    following = TABLE[state].get(act)
    if following is not None:
        return following
    if state is CaseState.CLOSED:
        raise CaseError("case_closed")
    if act is CaseAct.REOPEN:
        raise CaseError("not_closed")
    raise CaseError("already_assigned" if act is CaseAct.ASSIGN else "not_assigned")


def reopen_until_s(case: Case, policy: CasePolicy) -> int | None:
    """Until when a closed case can be reopened (to the second, included); None for one that is not closed."""
    return None if case.closed_at_s is None else case.closed_at_s + policy.reopen_within_s


def apply(
    case: Case,
    act: CaseAct,
    *,
    now_s: float,
    policy: CasePolicy,
    assignee: str | None = None,
    unit_hsa_id: str | None = None,
) -> Case:
    """The case after an act; ``CaseError`` when the act is not allowed.

    ``assignee`` is needed by ``ASSIGN`` and ``HAND_OVER`` and by nothing else; ``unit_hsa_id`` goes with ``RETURN``
    alone. That both belong to the case's care provider is the caller's to know.
    """
    state = next_state(case.state, act)
    if (assignee is not None) != (act in (CaseAct.ASSIGN, CaseAct.HAND_OVER)):
        raise CaseError("invalid_assignee")
    if unit_hsa_id is not None and act is not CaseAct.RETURN:
        raise CaseError("invalid_assignee")
    now = int(now_s)
    if act is CaseAct.REOPEN:
        until_s = reopen_until_s(case, policy)
        if until_s is None or now > until_s or case.is_erased:
            raise CaseError("reopen_too_late")
    return replace(
        case,
        state=state,
        unit_hsa_id=unit_hsa_id or case.unit_hsa_id,
        assignee=_assignee_after(case, act, state, assignee),
        changed_at_s=case.changed_at_s if act is CaseAct.NOTE else now,
        answer_by_s=_answer_by_after(case, act, now, policy),
        closed_at_s=now if act is CaseAct.CLOSE else None,
        version=case.version + 1,
    )


def follow_message(case: Case, seq: int, *, is_staff: bool, now_s: float, policy: CasePolicy) -> Case:
    """The case after message number ``seq``; the same one when it has followed that message already, or a later one of
    the same side.

    A later one of the other side that was followed first (at another front, or while this one's died) decides who has
    the word; this one is still that side's last. A case that was closed while the message was on its way stays closed.
    """
    if seq <= (case.last_staff_seq if is_staff else case.last_patient_seq) or case.state is CaseState.CLOSED:
        return case
    if seq < case.last_seq:
        version = case.version + 1
        return (
            replace(case, version=version, last_staff_seq=seq)
            if is_staff
            else replace(case, version=version, last_patient_seq=seq)
        )
    act = CaseAct.STAFF_WRITES if is_staff else CaseAct.PATIENT_WRITES
    if act in TABLE[case.state]:
        after = apply(case, act, now_s=now_s, policy=policy)
    else:  # returned to the queue meanwhile: the message is there, the case waits
        after = replace(case, version=case.version + 1)
    if is_staff:
        return replace(after, last_seq=seq, last_staff_seq=seq)
    return replace(after, last_seq=seq, last_patient_seq=seq)


def is_unread(case: Case, read: int, *, is_staff: bool) -> bool:
    """Has the other side written something after message number ``read``, the last that somebody has read?"""
    return read < (case.last_patient_seq if is_staff else case.last_staff_seq)


def _assignee_after(case: Case, act: CaseAct, state: CaseState, assignee: str | None) -> str | None:
    """Whoever was given it has it; a case in a queue, or a closed one, is nobody's."""
    if assignee is not None:
        return assignee
    return None if act is CaseAct.RETURN or state in (CaseState.CLOSED, CaseState.REOPENED) else case.assignee


def _answer_by_after(case: Case, act: CaseAct, now_s: int, policy: CasePolicy) -> int | None:
    """An answer settles the promise; a message, or reopening, begins a new one unless one is open; it never grows."""
    if act in (CaseAct.STAFF_WRITES, CaseAct.CLOSE):
        return None
    if case.answer_by_s is None and act in (CaseAct.PATIENT_WRITES, CaseAct.REOPEN):
        return policy.hours.add_open_time_s(now_s, policy.promised_answer_open_s)
    return case.answer_by_s
