"""Hälsodeklaration: versions, conditions, outcomes, validity."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.questionnaires import (
    VERSION_TRANSITIONS,
    Condition,
    Outcome,
    Question,
    Questionnaire,
    Rule,
    VersionEvent,
    VersionState,
    check_answers,
    check_declared,
    check_questionnaire,
    evaluate,
    holds,
    valid_until,
    version_after,
)
from tests.companion.refusals import code, refusal

FEVER = Question("fever", "boolean", "Har du feber?", "Do you have a fever?")
DEGREES = Question(
    "degrees", "integer", "Hur hög?", "How high?", asked_when=Condition("fever", value=True), required=False
)
ALLERGY = Question("allergy", "choice", "Allergi?", "Allergy?", choices=("none", "mild", "severe"))
SINCE = Question("since", "date", "Sedan när?", "Since when?", required=False)
OTHER = Question("other", "text", "Annat?", "Anything else?", required=False)
QUESTIONNAIRE = Questionnaire(
    (FEVER, DEGREES, ALLERGY, SINCE, OTHER),
    (
        Rule("severe", Condition("allergy", value="severe"), Outcome.STOP),
        Rule("mild", Condition("allergy", value="mild"), Outcome.NURSE_CHECK),
        Rule("hot", Condition("degrees", "at_least", 39), Outcome.STOP),
        Rule("fever", Condition("fever", value=True), Outcome.NURSE_CHECK),
        Rule("said", Condition("other", "answered"), Outcome.NURSE_CHECK),
        Rule("recent", Condition("since", "at_least", "2027-02-01"), Outcome.NURSE_CHECK),
    ),
    valid_days=7,
)
ANSWERS = st.fixed_dictionaries(
    {"fever": st.booleans(), "allergy": st.sampled_from(ALLERGY.choices)},
    optional={"other": st.just("x"), "since": st.sampled_from(["2027-01-01", "2027-02-02"])},
).flatmap(
    lambda answers: (
        st.one_of(st.just(answers), st.integers(36, 42).map(lambda n: {**answers, "degrees": n}))
        if answers["fever"]
        else st.just(answers)
    )
)


def test_the_questionnaire_can_be_published() -> None:
    check_questionnaire(QUESTIONNAIRE)


@pytest.mark.parametrize(
    ("answers", "outcome", "rules"),
    [
        ({"fever": False, "allergy": "none"}, Outcome.GREEN, ()),
        ({"fever": True, "allergy": "none"}, Outcome.NURSE_CHECK, ("fever",)),
        ({"fever": True, "degrees": 38, "allergy": "none"}, Outcome.NURSE_CHECK, ("fever",)),
        ({"fever": True, "degrees": 39, "allergy": "mild"}, Outcome.STOP, ("mild", "hot", "fever")),
        ({"fever": False, "allergy": "severe", "other": "x"}, Outcome.STOP, ("severe", "said")),
        ({"fever": False, "allergy": "none", "since": "2027-01-31"}, Outcome.GREEN, ()),
        ({"fever": False, "allergy": "none", "since": "2027-02-01"}, Outcome.NURSE_CHECK, ("recent",)),
    ],
)
def test_the_worst_outcome_counts(answers: dict[str, Any], outcome: Outcome, rules: tuple[str, ...]) -> None:
    check_answers(QUESTIONNAIRE, answers)
    evaluation = evaluate(QUESTIONNAIRE, answers)
    assert (evaluation.outcome, evaluation.rule_ids) == (outcome, rules)


@given(ANSWERS)
def test_green_is_exactly_when_no_rule_applies(answers: dict[str, Any]) -> None:
    check_answers(QUESTIONNAIRE, answers)
    evaluation = evaluate(QUESTIONNAIRE, answers)
    assert (evaluation.outcome is Outcome.GREEN) == (not evaluation.rule_ids)
    is_stop = answers["allergy"] == "severe" or answers.get("degrees", 0) >= 39
    assert (evaluation.outcome is Outcome.STOP) == is_stop


@pytest.mark.parametrize(
    ("answers", "refused", "field"),
    [
        ({"allergy": "none"}, "answer_missing", "answers.fever"),
        ({"fever": 1, "allergy": "none"}, "answer_invalid", "answers.fever"),
        ({"fever": False, "allergy": "other"}, "answer_invalid", "answers.allergy"),
        ({"fever": True, "degrees": True, "allergy": "none"}, "answer_invalid", "answers.degrees"),
        ({"fever": False, "allergy": "none", "since": "20270101"}, "answer_invalid", "answers.since"),
        ({"fever": False, "allergy": "none", "since": "2027-02-29"}, "answer_invalid", "answers.since"),
        ({"fever": False, "allergy": "none", "other": " "}, "answer_invalid", "answers.other"),
        ({"fever": False, "allergy": "none", "other": "x" * 2001}, "answer_invalid", "answers.other"),
        ({"fever": False, "degrees": 40, "allergy": "none"}, "answer_invalid", "answers"),
        ({"fever": False, "allergy": "none", "nothing": 1}, "answer_invalid", "answers"),
    ],
)
def test_answers_are_checked(answers: dict[str, Any], refused: str, field: str) -> None:
    problem = refusal(lambda: check_answers(QUESTIONNAIRE, answers))
    assert problem is not None
    assert (problem.code, problem.field_name) == (refused, field)


@given(st.dictionaries(st.sampled_from(["fever", "allergy", "degrees", "x"]), st.none() | st.integers() | st.text()))
def test_whatever_is_answered_it_is_taken_or_refused(answers: dict[str, Any]) -> None:
    assert code(lambda: check_answers(QUESTIONNAIRE, answers)) in (None, "answer_missing", "answer_invalid")


@given(ANSWERS, st.booleans(), st.integers(36, 42))
def test_all_any_none_mean_what_they_say(answers: dict[str, Any], fever: bool, degrees: int) -> None:
    one, two = Condition("fever", value=fever), Condition("degrees", "at_most", degrees)
    first, second = holds(one, answers), holds(two, answers)
    assert holds(Condition(join="all", parts=(one, two)), answers) == (first and second)
    assert holds(Condition(join="any", parts=(one, two)), answers) == (first or second)
    assert holds(Condition(join="none", parts=(one, two)), answers) == (not first and not second)


def nested(depth: int) -> Condition:
    condition = Condition("fever", value=True)
    for _ in range(depth):
        condition = Condition(join="all", parts=(condition,))
    return condition


@pytest.mark.parametrize(
    ("questions", "condition", "field"),
    [
        ((), None, "questions"),
        ((FEVER, FEVER), None, "questions.1.question_id"),
        ((Question("a", "choice", "", ""),), None, "questions.0.choices"),
        ((Question("a", "boolean", "", "", choices=("x",)),), None, "questions.0.choices"),
        ((DEGREES, FEVER), None, "questions.0.asked_when"),  # asks about a later answer
        ((FEVER,), Condition("other", "answered"), "rules.0.when"),
        ((FEVER,), Condition("fever", value="yes"), "rules.0.when"),
        ((FEVER,), Condition("fever", "at_least", True), "rules.0.when"),
        ((FEVER,), Condition("fever", "answered", True), "rules.0.when"),
        ((FEVER,), Condition(join="any"), "rules.0.when"),
        ((FEVER,), Condition("fever", join="any", parts=(Condition("fever", value=True),)), "rules.0.when"),
        ((FEVER,), nested(6), "rules.0.when"),
    ],
)
def test_a_questionnaire_that_cannot_work_is_refused(
    questions: tuple[Question, ...], condition: Condition | None, field: str
) -> None:
    rules = () if condition is None else (Rule("r", condition, Outcome.STOP),)
    problem = refusal(lambda: check_questionnaire(Questionnaire(questions, rules, 7)))
    assert problem is not None
    assert (problem.code, problem.field_name) == ("questionnaire_invalid", field)


def test_rules_have_names_of_their_own_and_never_say_green() -> None:
    when = Condition("fever", value=True)
    for rules in ((Rule("a", when, Outcome.GREEN),), (Rule("a", when, Outcome.STOP), Rule("a", when, Outcome.STOP))):
        assert code(lambda rules=rules: check_questionnaire(Questionnaire((FEVER,), rules, 7))) == (
            "questionnaire_invalid"
        )
    assert code(lambda: check_questionnaire(Questionnaire((FEVER,), (), 0))) == "questionnaire_invalid"


@given(st.lists(st.sampled_from(get_args(VersionEvent))))
def test_a_published_version_is_never_edited_again(events: list[VersionEvent]) -> None:
    state: VersionState = "draft"
    for event in events:
        if (state, event) in VERSION_TRANSITIONS:
            assert event != "edit" or state == "draft"
            state = version_after(state, event)
        else:
            assert code(lambda state=state, event=event: version_after(state, event)) == "questionnaire_state"


def test_answers_count_through_whole_local_days_also_when_the_clocks_change() -> None:
    # Answered on 22 March 2027 at 23:30 in Stockholm, 7 days: through the 29th, after summer time began on the 28th.
    answered = datetime(2027, 3, 22, 22, 30, tzinfo=UTC)
    assert valid_until(answered, 7) == datetime(2027, 3, 29, 22, tzinfo=UTC)


def test_the_last_declaration_counts_at_the_visit() -> None:
    visit = datetime(2027, 3, 1, 9, tzinfo=UTC)
    later, earlier = visit + timedelta(days=1), visit - timedelta(days=1)
    green, stop, check = Outcome.GREEN, Outcome.STOP, Outcome.NURSE_CHECK
    assert code(lambda: check_declared([], visit)) == "declaration_missing"
    assert code(lambda: check_declared([(earlier, green)], visit)) == "declaration_missing"
    assert code(lambda: check_declared([(visit, green)], visit)) == "declaration_missing"
    assert code(lambda: check_declared([(later, green), (later, stop)], visit)) == "declaration_stop"
    assert check_declared([(later, stop), (later, check)], visit) is check
