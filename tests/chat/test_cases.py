"""The workflow of a case: each row of the table, and what holds after any history."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chat.cases import (
    TABLE,
    Case,
    CaseAct,
    CaseError,
    CasePolicy,
    CaseState,
    apply,
    follow_message,
    is_unread,
    open_case,
    reopen_until_s,
)
from chat.opening_hours import OpeningHours

NOW = 1_795_000_000
DAY = 24 * 3600
POLICY = CasePolicy(OpeningHours((((480, 1020),),) * 7, is_closed_on_holidays=False, is_closed_on_eves=False), 4 * 3600)
NURSE, DOCTOR = "SE2321000131-P000000123457", "SE2321000131-P000000123458"


def new_case(now: int = NOW, policy: CasePolicy = POLICY) -> Case:
    return open_case(
        case_id="case-abc",
        provider_hsa_id="SE2321000131-P000000000001",
        unit_hsa_id="SE2321000131-E000000000001",
        patient="p-anna",
        patient_name="Anna Andersson",
        subject="A question",
        policy=policy,
        now_s=now,
    )


def after(*acts: CaseAct, case: Case | None = None, now: int = NOW) -> Case:
    case = case or new_case()
    for act in acts:
        assignee = NURSE if act in (CaseAct.ASSIGN, CaseAct.HAND_OVER) else None
        case = apply(case, act, now_s=now, policy=POLICY, assignee=assignee)
    return case


A = CaseAct
TO = {
    CaseState.NEW: (),
    CaseState.ASSIGNED: (A.ASSIGN,),
    CaseState.AWAITING_STAFF: (A.ASSIGN, A.PATIENT_WRITES),
    CaseState.AWAITING_PATIENT: (A.ASSIGN, A.STAFF_WRITES),
    CaseState.CLOSED: (A.CLOSE,),
    CaseState.REOPENED: (A.CLOSE, A.REOPEN),
}


def test_the_way_of_the_specification() -> None:
    case = new_case()
    states = [case.state]
    for act in (A.ASSIGN, A.PATIENT_WRITES, A.STAFF_WRITES, A.PATIENT_WRITES, A.CLOSE, A.REOPEN):
        case = after(act, case=case)
        states.append(case.state)
    assert states == ["new", "assigned", "awaiting_staff", "awaiting_patient", "awaiting_staff", "closed", "reopened"]


@pytest.mark.parametrize("state", list(CaseState))
@pytest.mark.parametrize("act", list(CaseAct))
def test_each_cell_of_the_table(state: CaseState, act: CaseAct) -> None:
    case = after(*TO[state])
    assert case.state is state
    if act in TABLE[state]:
        moved = after(act, case=case)
        assert moved.state is TABLE[state][act]
        assert moved.version == case.version + 1
    else:
        with pytest.raises(CaseError):
            after(act, case=case)


@pytest.mark.parametrize(
    ("state", "act", "code"),
    [
        (CaseState.CLOSED, A.PATIENT_WRITES, "case_closed"),
        (CaseState.CLOSED, A.NOTE, "case_closed"),
        (CaseState.CLOSED, A.CLOSE, "case_closed"),
        (CaseState.NEW, A.STAFF_WRITES, "not_assigned"),
        (CaseState.NEW, A.HAND_OVER, "not_assigned"),
        (CaseState.REOPENED, A.STAFF_WRITES, "not_assigned"),
        (CaseState.AWAITING_STAFF, A.ASSIGN, "already_assigned"),
        (CaseState.ASSIGNED, A.REOPEN, "not_closed"),
    ],
)
def test_a_refusal_says_why(state: CaseState, act: CaseAct, code: str) -> None:
    with pytest.raises(CaseError) as caught:
        after(act, case=after(*TO[state]))
    assert caught.value.code == code


def test_every_state_can_be_reached_and_left() -> None:
    reached = {following for row in TABLE.values() for following in row.values()}
    assert reached == set(CaseState)
    assert set(TABLE) == set(CaseState)


@pytest.mark.parametrize(
    ("act", "arguments"),
    [(A.ASSIGN, {}), (A.CLOSE, {"assignee": NURSE}), (A.ASSIGN, {"assignee": NURSE, "unit_hsa_id": "SE1-2"})],
)
def test_somebody_to_go_to_is_given_where_needed_and_nowhere_else(act: CaseAct, arguments: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match="invalid_assignee"):
        apply(new_case(), act, now_s=NOW, policy=POLICY, **arguments)


def test_a_returned_case_is_nobodys_and_may_go_to_another_unit() -> None:
    case = apply(after(A.ASSIGN), A.RETURN, now_s=NOW, policy=POLICY, unit_hsa_id="SE2321000131-E000000000002")
    assert (case.state, case.assignee, case.unit_hsa_id) == (CaseState.NEW, None, "SE2321000131-E000000000002")


def test_a_hand_over_keeps_the_state_and_the_promise() -> None:
    case = after(A.ASSIGN, A.PATIENT_WRITES)
    moved = apply(case, A.HAND_OVER, now_s=NOW + 60, policy=POLICY, assignee=DOCTOR)
    assert (moved.state, moved.assignee, moved.answer_by_s) == (case.state, DOCTOR, case.answer_by_s)


def test_reopening_is_possible_to_the_last_second_of_the_fourteenth_day() -> None:
    closed = after(A.CLOSE)
    assert reopen_until_s(closed, POLICY) == NOW + 14 * DAY
    assert apply(closed, A.REOPEN, now_s=NOW + 14 * DAY, policy=POLICY).state is CaseState.REOPENED
    with pytest.raises(CaseError, match="reopen_too_late"):
        apply(closed, A.REOPEN, now_s=NOW + 14 * DAY + 1, policy=POLICY)
    assert reopen_until_s(new_case(), POLICY) is None


def test_how_long_a_case_can_be_reopened_is_the_units_choice() -> None:
    policy = CasePolicy(POLICY.hours, POLICY.promised_answer_open_s, reopen_within_s=DAY)
    with pytest.raises(CaseError, match="reopen_too_late"):
        apply(after(A.CLOSE), A.REOPEN, now_s=NOW + DAY + 1, policy=policy)


def test_a_second_message_does_not_push_the_promise_away() -> None:
    case = new_case()
    later = after(A.PATIENT_WRITES, case=case, now=NOW + 3600)
    assert case.answer_by_s is not None
    assert later.answer_by_s == case.answer_by_s
    answered = after(A.ASSIGN, A.STAFF_WRITES, case=later, now=NOW + 7200)
    assert answered.answer_by_s is None
    again = after(A.PATIENT_WRITES, case=answered, now=NOW + 2 * DAY)
    assert again.answer_by_s is not None
    assert again.answer_by_s > NOW + 2 * DAY


def test_a_note_changes_nothing_that_a_patient_could_see() -> None:
    case = after(A.ASSIGN, A.PATIENT_WRITES)
    noted = apply(case, A.NOTE, now_s=NOW + 500, policy=POLICY)
    assert noted.version == case.version + 1
    assert (noted.state, noted.changed_at_s, noted.answer_by_s) == (case.state, case.changed_at_s, case.answer_by_s)


def test_a_message_counts_once_and_in_order() -> None:
    case = follow_message(after(A.ASSIGN), 5, is_staff=True, now_s=NOW, policy=POLICY)
    assert (case.state, case.last_seq) == (CaseState.AWAITING_PATIENT, 5)
    replied = follow_message(case, 7, is_staff=False, now_s=NOW, policy=POLICY)
    assert (replied.state, replied.last_seq) == (CaseState.AWAITING_STAFF, 7)
    # The first one is told of again: its acknowledgement had been lost.
    assert follow_message(replied, 5, is_staff=True, now_s=NOW, policy=POLICY) is replied
    assert (replied.last_staff_seq, replied.last_patient_seq) == (5, 7)
    assert [is_unread(replied, read, is_staff=True) for read in (6, 7)] == [True, False]
    assert [is_unread(replied, read, is_staff=False) for read in (4, 5)] == [True, False]


def test_a_message_that_is_followed_after_a_later_one_of_the_other_side_is_still_its_sides_last() -> None:
    answered = follow_message(after(A.ASSIGN), 9, is_staff=True, now_s=NOW, policy=POLICY)
    followed = follow_message(answered, 8, is_staff=False, now_s=NOW, policy=POLICY)
    assert (followed.last_patient_seq, followed.last_staff_seq, followed.last_seq) == (8, 9, 9)
    assert (followed.state, followed.answer_by_s) == (CaseState.AWAITING_PATIENT, answered.answer_by_s)
    assert followed.version == answered.version + 1
    assert follow_message(followed, 8, is_staff=False, now_s=NOW, policy=POLICY) is followed
    assert follow_message(followed, 7, is_staff=False, now_s=NOW, policy=POLICY) is followed
    assert [is_unread(followed, read, is_staff=True) for read in (7, 8)] == [True, False]


def test_a_message_that_a_close_or_a_return_overtook_changes_no_state() -> None:
    closed = after(A.CLOSE)
    assert follow_message(closed, 5, is_staff=False, now_s=NOW, policy=POLICY) is closed
    returned = after(A.ASSIGN, A.RETURN)
    followed = follow_message(returned, 5, is_staff=True, now_s=NOW, policy=POLICY)
    assert (followed.state, followed.last_seq, followed.version) == (CaseState.NEW, 5, returned.version + 1)


def test_notes_and_messages_are_different_conversations() -> None:
    case = new_case()
    assert (case.conversation_id, case.notes_id) == ("case-abc", "notes-abc")


def test_repr_shows_no_personal_data() -> None:
    case = after(A.ASSIGN)
    assert not {"p-anna", "Anna", NURSE, "question"} & set(repr(case).replace("'", " ").split())
    assert "case-abc" in repr(case)


class Histories(RuleBasedStateMachine):
    """Random acts at random times."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.case = new_case()
        self.owes = True
        self.refusals_are_right = True

    @rule(act=st.sampled_from(CaseAct), pause=st.integers(0, 20 * DAY))
    def act(self, act: CaseAct, pause: int) -> None:
        self.now += pause
        before = self.case
        try:
            self.case = after(act, case=before, now=self.now)
        except CaseError as error:
            late = before.closed_at_s is not None and self.now > before.closed_at_s + 14 * DAY
            self.refusals_are_right &= act not in TABLE[before.state] or (error.code == "reopen_too_late" and late)
            return
        assert self.case.version == before.version + 1
        if act in (A.STAFF_WRITES, A.CLOSE):
            self.owes = False
        elif act in (A.PATIENT_WRITES, A.REOPEN):
            self.owes = True

    @invariant()
    def somebody_has_it_exactly_when_it_is_in_nobodys_queue(self) -> None:
        in_queue = self.case.state in (CaseState.NEW, CaseState.REOPENED, CaseState.CLOSED)
        assert (self.case.assignee is None) is in_queue

    @invariant()
    def only_what_the_table_lacks_or_comes_too_late_is_refused(self) -> None:
        assert self.refusals_are_right

    @invariant()
    def the_unit_owes_an_answer_exactly_after_the_patient_spoke(self) -> None:
        assert (self.case.answer_by_s is not None) is self.owes

    @invariant()
    def only_a_closed_case_has_a_time_of_closing(self) -> None:
        assert (self.case.closed_at_s is not None) is (self.case.state is CaseState.CLOSED)


TestHistories = Histories.TestCase
