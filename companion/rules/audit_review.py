"""Follow-up of the audit log: a random sample that can be drawn again, its judgement, and patients' questions.

Care providers check, systematically and recurrently, who has used what (HSLF-FS 2016:40). What is checked is drawn by a
seed that is stored: whoever doubts the choice draws it again and gets the same.
"""

import hashlib
import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from companion.errors import Problem, define

JUDGED_BY_ANOTHER: Final = define(
    "judged_by_another", 403, sv="Någon annan måste bedöma det.", en="Somebody else must judge it."
)
JUDGED_ALREADY: Final = define("judged_already", 409, sv="Det är redan bedömt.", en="It has been judged already.")
NOTE_MISSING: Final = define("note_missing", 422, sv="Skriv vad som ifrågasätts.", en="Write what is questioned.")
QUESTION_STATE: Final = define(
    "question_state", 409, sv="Frågan är redan besvarad.", en="The question has been answered already."
)
ANSWER_BY_ANOTHER: Final = define(
    "answer_by_another", 403, sv="Någon annan måste svara.", en="Somebody else must answer."
)
PERIOD: Final = define("audit_period", 422, sv="Ange en tid som har varit.", en="Give a time that has been.")

MAX_SAMPLE: Final = 500
MAX_PERIOD: Final = timedelta(days=366)

Chain = Literal["companion", "front"]
"""The audit log is two chains: the companion's, and the front's (meetings, messages), taken over by the companion."""
Judgement = Literal["ok", "questioned"]


class EntryId(NamedTuple):
    """An entry's place: which chain, and its number there."""

    chain: Chain
    number: int


def draw(seed: str, entries: Iterable[EntryId], size: int) -> list[EntryId]:
    """``size`` of them by chance, the same for the same seed and entries, in the order of their places.

    Each gets a rank that nobody can guess without the seed; the lowest are taken. So entries can come in any order and
    number, and only those taken are kept in memory.
    """

    def rank(entry: EntryId) -> bytes:
        return hashlib.sha256(f"{seed}:{entry.chain}:{entry.number}".encode()).digest()

    return sorted(heapq.nsmallest(size, entries, key=rank))


def check_period(begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    """A sample is of a time that is over: what comes later cannot change it."""
    if not begins_at < ends_at <= now or ends_at - begins_at > MAX_PERIOD:
        raise Problem(PERIOD, "ends_at", extra={"max_days": MAX_PERIOD.days})


def check_judgement(*, actor: str, judge: str, judged_at: datetime | None, judgement: Judgement, note: str) -> None:
    """Once, by somebody else than who did it; what is questioned is explained."""
    if actor == judge:
        raise Problem(JUDGED_BY_ANOTHER)
    if judged_at is not None:
        raise Problem(JUDGED_ALREADY)
    if judgement == "questioned" and not note.strip():
        raise Problem(NOTE_MISSING, "note")


def check_answer(*, actor: str, answerer: str, answered_at: datetime | None) -> None:
    """A patient's question is answered once, and not by whom it is about."""
    if actor == answerer:
        raise Problem(ANSWER_BY_ANOTHER)
    if answered_at is not None:
        raise Problem(QUESTION_STATE)
