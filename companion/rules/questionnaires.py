"""Hälsodeklaration: questionnaires in versions, with rules that judge the answers.

A version never changes once it is published: answers belong to the version that was answered. A rule is a condition on
answers and an outcome; the worst outcome of all rules that apply is the declaration's (``green`` when none does).
Answers are never changed. An amendment is a new set of answers that stands after the first; the last one counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import local_date, midnight
from companion.rules.transitions import following

MAX_TEXT_CHARACTERS: Final = 2000
MAX_DEPTH: Final = 6
"""Conditions inside conditions."""

QUESTIONNAIRE_INVALID: Final = define(
    "questionnaire_invalid", 422, sv="Formuläret går inte att använda.", en="The questionnaire cannot be used."
)
QUESTIONNAIRE_STATE: Final = define(
    "questionnaire_state", 409, sv="Versionen kan inte ändras så.", en="The version cannot be changed so."
)
ANSWER_MISSING: Final = define("answer_missing", 422, sv="Frågan måste besvaras.", en="The question must be answered.")
ANSWER_INVALID: Final = define(
    "answer_invalid", 422, sv="Svaret går inte att använda.", en="The answer cannot be used."
)
DECLARATION_MISSING: Final = define(
    "declaration_missing",
    409,
    sv="Fyll i hälsodeklarationen först.",
    en="Answer the health declaration first.",
)
DECLARATION_STOP: Final = define(
    "declaration_stop",
    409,
    sv="Svaren gör att du behöver kontakta mottagningen innan du bokar.",
    en="Because of the answers you need to contact the unit before booking.",
)


class Outcome(StrEnum):
    """What the answers mean for the visit."""

    GREEN = "green"
    NURSE_CHECK = "nurse_check"
    STOP = "stop"


_SEVERITY: Final = MappingProxyType({Outcome.GREEN: 0, Outcome.NURSE_CHECK: 1, Outcome.STOP: 2})

VersionState = Literal["draft", "published", "retired"]
VersionEvent = Literal["edit", "publish", "retire"]
VERSION_TRANSITIONS: Final[Mapping[tuple[VersionState, VersionEvent], VersionState]] = MappingProxyType(
    {
        ("draft", "edit"): "draft",
        ("draft", "publish"): "published",
        ("published", "retire"): "retired",
    }
)


def version_after(state: VersionState, event: VersionEvent) -> VersionState:
    """The next state of a version; ``Problem`` when there is none."""
    return following(VERSION_TRANSITIONS, state, event, QUESTIONNAIRE_STATE)


QuestionKind = Literal["boolean", "choice", "integer", "date", "text"]
Operator = Literal["equals", "at_least", "at_most", "answered"]
_ORDERED: Final = frozenset({"integer", "date"})


@dataclass(frozen=True)
class Condition:
    """Either a comparison of one answer, or ``all``/``any``/``none`` of other conditions.

    A question that was not answered, or was not asked, fulfils no comparison.
    """

    question_id: str | None = None
    operator: Operator = "equals"
    value: bool | int | str | None = None
    join: Literal["all", "any", "none"] | None = None
    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True)
class Question:
    """One question."""

    question_id: str
    kind: QuestionKind
    text_sv: str
    text_en: str
    required: bool = True
    choices: tuple[str, ...] = ()
    asked_when: Condition | None = None
    """On answers to questions before it; None: always asked."""


@dataclass(frozen=True)
class Rule:
    """When the condition holds, the outcome is at least this bad."""

    rule_id: str
    when: Condition
    outcome: Outcome


@dataclass(frozen=True)
class Questionnaire:
    """One version."""

    questions: tuple[Question, ...]
    rules: tuple[Rule, ...]
    valid_days: int
    """For how many days after the day of the answers they count."""


Answers = Mapping[str, Any]
"""By question: bool, int, text, or a date as ``YYYY-MM-DD``."""


# --- a version that can be published -----------------------------------------------------------------------------


def check_questionnaire(questionnaire: Questionnaire) -> None:
    """Rules and conditions speak of questions that exist (and come before), with values that can be answered."""
    known: dict[str, Question] = {}
    for index, question in enumerate(questionnaire.questions):
        place = f"questions.{index}"
        if question.question_id in known:
            raise Problem(QUESTIONNAIRE_INVALID, f"{place}.question_id")
        is_choice = question.kind == "choice"
        if is_choice != bool(question.choices) or len(set(question.choices)) != len(question.choices):
            raise Problem(QUESTIONNAIRE_INVALID, f"{place}.choices")
        if question.asked_when is not None:
            _check_condition(question.asked_when, known, f"{place}.asked_when")
        known[question.question_id] = question
    if not known:
        raise Problem(QUESTIONNAIRE_INVALID, "questions")
    seen: set[str] = set()
    for index, rule in enumerate(questionnaire.rules):
        if rule.rule_id in seen or rule.outcome is Outcome.GREEN:
            raise Problem(QUESTIONNAIRE_INVALID, f"rules.{index}")
        seen.add(rule.rule_id)
        _check_condition(rule.when, known, f"rules.{index}.when")
    if not 1 <= questionnaire.valid_days <= 366:
        raise Problem(QUESTIONNAIRE_INVALID, "valid_days")


def _check_condition(condition: Condition, known: Mapping[str, Question], place: str, depth: int = 1) -> None:
    if depth > MAX_DEPTH:
        raise Problem(QUESTIONNAIRE_INVALID, place)
    if condition.join is not None:
        if condition.question_id is not None or not condition.parts:
            raise Problem(QUESTIONNAIRE_INVALID, place)
        for part in condition.parts:
            _check_condition(part, known, place, depth + 1)
        return
    question = known.get(condition.question_id or "")
    if question is None or condition.parts:
        raise Problem(QUESTIONNAIRE_INVALID, place)
    if condition.operator == "answered":
        if condition.value is not None:
            raise Problem(QUESTIONNAIRE_INVALID, place)
    elif (condition.operator != "equals" and question.kind not in _ORDERED) or not fits(question, condition.value):
        raise Problem(QUESTIONNAIRE_INVALID, place)


# --- answers -----------------------------------------------------------------------------------------------------


def fits(question: Question, value: object) -> bool:
    """Whether a value can be the answer to a question."""
    match question.kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1_000_000
        case "choice":
            return isinstance(value, str) and value in question.choices
        case "text":
            return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= MAX_TEXT_CHARACTERS
        case "date":
            return isinstance(value, str) and _is_date(value)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check_answers(questionnaire: Questionnaire, answers: Answers) -> None:
    """Everything that is asked and required is answered, everything answered is asked, each in its own form."""
    asked: set[str] = set()
    for question in questionnaire.questions:
        if question.asked_when is not None and not holds(question.asked_when, answers, asked):
            continue
        asked.add(question.question_id)
        if question.question_id not in answers:
            if question.required:
                raise Problem(ANSWER_MISSING, f"answers.{question.question_id}")
        elif not fits(question, answers[question.question_id]):
            raise Problem(ANSWER_INVALID, f"answers.{question.question_id}")
    if not set(answers) <= asked:
        raise Problem(ANSWER_INVALID, "answers", "an answer to a question that is not asked")


def holds(condition: Condition, answers: Answers, asked: set[str] | None = None) -> bool:
    """Whether the answers fulfil a condition; ``asked``: only these questions count."""
    match condition.join:
        case "all":
            return all(holds(part, answers, asked) for part in condition.parts)
        case "any":
            return any(holds(part, answers, asked) for part in condition.parts)
        case "none":
            return not any(holds(part, answers, asked) for part in condition.parts)
    name = condition.question_id or ""
    if name not in answers or (asked is not None and name not in asked):
        return False
    answer: Any = answers[name]
    value: Any = condition.value
    if condition.operator == "answered":
        return True
    if type(answer) is not type(value):
        return False
    match condition.operator:
        case "equals":
            return bool(answer == value)
        case "at_least":
            return bool(answer >= value)
        case "at_most":
            return bool(answer <= value)


@dataclass(frozen=True)
class Evaluation:
    """The outcome, and the rules that led to it."""

    outcome: Outcome
    rule_ids: tuple[str, ...]
    """All that apply, in the questionnaire's order."""


def evaluate(questionnaire: Questionnaire, answers: Answers) -> Evaluation:
    """Judge checked answers."""
    applying = [rule for rule in questionnaire.rules if holds(rule.when, answers)]
    worst = max((rule.outcome for rule in applying), key=_SEVERITY.__getitem__, default=Outcome.GREEN)
    return Evaluation(worst, tuple(rule.rule_id for rule in applying))


# --- declarations ------------------------------------------------------------------------------------------------


def valid_until(answered_at: datetime, valid_days: int) -> datetime:
    """The end of the last local day on which the answers count."""
    return midnight(local_date(answered_at) + timedelta(days=valid_days + 1))


def check_declared(outcomes: Sequence[tuple[datetime, Outcome]], visit_at: datetime) -> Outcome:
    """What counts at the visit: of (valid until, outcome), oldest first, the last. It must still be valid then."""
    if not outcomes or outcomes[-1][0] <= visit_at:
        raise Problem(DECLARATION_MISSING)
    if outcomes[-1][1] is Outcome.STOP:
        raise Problem(DECLARATION_STOP)
    return outcomes[-1][1]
