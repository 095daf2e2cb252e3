"""Judges the history of a fault run. Knows nothing of the code under test: it reads JSON lines, and imports no ours.

The lines it looks at, in the order of their time at the one who wrote them:

==========  =====================================================================================================
send        ``client, conversation, author, client_id, text``: a message is sent (each attempt writes a line);
            with ``kind`` "edit" or "withdrawal" and the number of its ``target``, one of these
ack         ``client, conversation, author, client_id, seq``: the server acknowledged it
begin       ``client, conversation``: a reader comes that has nothing yet
receive     ``client, conversation, seq, author, client_id, text`` (and ``kind, target, withdrawn, role, state,
            version``): a reader took an event, as the next one
end         ``client, conversation, seq``: the reader is finished; this is the last number that it has
case        ``conversation, state, version, last_patient_seq, last_staff_seq``: what the case's record says in the end
==========  =====================================================================================================

``author`` is the sender's name as readers see it. What must hold:

- acknowledged: every acknowledged message, edit and withdrawal is at every reader, once, at the acknowledged number;
- order: every reader took the numbers 1, 2, 3... without a hole, and at each number all found the same event;
- once: no event stands at two numbers, whether acknowledged or not;
- genuine: everything that was received had been sent, with this text and target, by this author (but for what the
  service itself says); text is missing only where a withdrawal was sent;
- first in, first out: one author's events stand in the order in which they were first sent;
- complete: readers of a conversation ended at one number;
- edits and withdrawals stand behind a message of their own author, and nothing about a message behind its withdrawal;
- withdrawn: who came after a withdrawal was acknowledged is shown neither the text nor its edits;
- case: its record names the last messages of both sides, waits for the one who did not write last, and so said the
  newest word about it that its readers got.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Message = tuple[str, str]
"""Author and client id."""
_PATIENTS = ("patient", "proxy")


@dataclass
class Verdict:
    """What was found. ``faults`` is empty when everything holds."""

    faults: list[str] = field(default_factory=list)
    acknowledged: int = 0
    received: int = 0
    readers: int = 0
    attempts: int = 0
    edits: int = 0
    withdrawals: int = 0
    cases: int = 0

    def fault(self, text: str) -> None:
        if len(self.faults) < 50:
            self.faults.append(text)


@dataclass(frozen=True)
class _Sent:
    kind: str
    target: int
    text: str | None


@dataclass(frozen=True)
class _Taken:
    """An event as a reader took it."""

    seq: int
    message: Message
    kind: str
    target: int
    text: str | None
    is_withdrawn: bool
    role: str
    state: str | None
    version: int

    @property
    def about(self) -> int:
        """Number of the message that it is, or changes."""
        return self.target if self.kind in ("edit", "withdrawal") else self.seq

    def is_same(self, other: "_Taken") -> bool:
        """The same event, whether its text is withdrawn already or not."""
        return (self.message, self.kind, self.target, self.role) == (
            other.message, other.kind, other.target, other.role,
        )  # fmt: skip


@dataclass
class _Conversation:
    sent: dict[Message, _Sent] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[Message, int] = field(default_factory=dict)
    readers: dict[str, list[_Taken]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, int] = field(default_factory=dict)
    withdrawn_at: dict[int, int] = field(default_factory=dict)
    """Message number -> line of the first acknowledgement of its withdrawal."""
    begins: dict[str, int] = field(default_factory=dict)
    case: Mapping[str, Any] | None = None


_KINDS = ("send", "ack", "begin", "receive", "end", "case")


def check(lines: Iterable[Mapping[str, Any]]) -> Verdict:
    """Judge a history."""
    verdict = Verdict()
    conversations: dict[str, _Conversation] = defaultdict(_Conversation)
    for number, line in enumerate(lines):
        if line.get("op") in _KINDS:
            _note(verdict, conversations[line["conversation"]], number, line)
    for name, conversation in conversations.items():
        _judge(verdict, name, conversation)
    if not verdict.acknowledged or not verdict.received:
        verdict.fault("nothing happened: no message was acknowledged, or none received")
    return verdict


def _note(verdict: Verdict, conversation: _Conversation, number: int, line: Mapping[str, Any]) -> None:
    kind = line["op"]
    if kind == "end":
        conversation.ends[line["client"]] = line["seq"]
        conversation.readers[line["client"]]  # a reader who took nothing is one, too
        return
    if kind == "begin":
        conversation.begins[line["client"]] = number
        return
    if kind == "case":
        conversation.case = line
        return
    message = (line["author"], line["client_id"])
    if kind == "send":
        verdict.attempts += 1
        if message not in conversation.sent:
            conversation.sent[message] = _Sent(line.get("kind", "message"), line.get("target", 0), line.get("text"))
            conversation.order[line["author"]].append(line["client_id"])
    elif kind == "ack":
        before = conversation.acknowledged.setdefault(message, line["seq"])
        if before != line["seq"]:
            verdict.fault(f"{line['conversation']}: {message} acknowledged at {before} and at {line['seq']}")
        sent = conversation.sent.get(message)
        if sent is not None and sent.kind == "withdrawal":
            conversation.withdrawn_at.setdefault(sent.target, number)
    else:
        conversation.readers[line["client"]].append(_taken(line, message))


def _taken(line: Mapping[str, Any], message: Message) -> _Taken:
    return _Taken(
        line["seq"], message, line.get("kind", "message"), line.get("target", 0), line["text"],
        line.get("withdrawn", False), line.get("role", ""), line.get("state"), line.get("version") or 0,
    )  # fmt: skip


def _judge(verdict: Verdict, name: str, conversation: _Conversation) -> None:
    verdict.acknowledged += len(conversation.acknowledged)
    verdict.readers += len(conversation.readers)
    truth: dict[int, _Taken] = {}
    for reader, taken in conversation.readers.items():
        verdict.received += len(taken)
        _judge_reader(verdict, f"{name} at {reader}", taken, truth)
        _judge_texts(verdict, f"{name} at {reader}", conversation, taken, conversation.begins.get(reader))
    _judge_places(verdict, name, conversation, truth)
    _judge_changes(verdict, name, truth)
    if conversation.case is not None:
        _judge_case(verdict, name, conversation.case, truth)
    if len(set(conversation.ends.values())) > 1:
        verdict.fault(f"{name}: readers ended at different numbers: {sorted(set(conversation.ends.values()))}")
    last = max(truth, default=0)
    for reader, taken in conversation.readers.items():
        if reader not in conversation.ends:
            verdict.fault(f"{name} at {reader}: never finished")
        if len(taken) != last:
            verdict.fault(f"{name} at {reader}: took {len(taken)} of {last} messages")


def _judge_places(verdict: Verdict, name: str, conversation: _Conversation, truth: dict[int, _Taken]) -> None:
    places: dict[Message, int] = {}
    for seq in sorted(truth):
        taken = truth[seq]
        if taken.kind == "system":
            continue
        message = taken.message
        if message in places:
            verdict.fault(f"{name}: {message} stands at {places[message]} and at {seq}")
        places[message] = seq
        sent = conversation.sent.get(message)
        if sent is None:
            verdict.fault(f"{name}: {message} at {seq} was never sent")
        elif (sent.kind, sent.target) != (taken.kind, taken.target):
            verdict.fault(f"{name}: {message} at {seq} is another event than was sent")
    for message, seq in conversation.acknowledged.items():
        if places.get(message) != seq:
            verdict.fault(f"{name}: {message} acknowledged at {seq} stands at {places.get(message, 'no number')}")
    for author, client_ids in conversation.order.items():
        stands = [places[author, client_id] for client_id in client_ids if (author, client_id) in places]
        if stands != sorted(stands):
            verdict.fault(f"{name}: the messages of {author} are not in the order in which they were sent")


def _judge_reader(verdict: Verdict, where: str, taken: list[_Taken], truth: dict[int, _Taken]) -> None:
    for expected, one in enumerate(taken, start=1):
        if one.seq != expected:
            verdict.fault(f"{where}: took {one.seq} where {expected} was next")
            return
        found = truth.setdefault(one.seq, one)
        if not found.is_same(one):
            verdict.fault(f"{where}: {one.message} at {one.seq}, where another reader found {found.message}")


def _judge_texts(
    verdict: Verdict, where: str, conversation: _Conversation, taken: list[_Taken], begin: int | None
) -> None:
    """What each reader was shown: what was sent, or nothing where a withdrawal was."""
    withdrawn = {sent.target for sent in conversation.sent.values() if sent.kind == "withdrawal"}
    for one in taken:
        sent = conversation.sent.get(one.message)
        if one.kind not in ("message", "edit") or sent is None:
            continue
        if one.text is None and one.is_withdrawn:
            if one.about not in withdrawn:
                verdict.fault(f"{where}: the text of {one.message} at {one.seq} is gone, and nobody withdrew it")
        elif one.text != sent.text:
            verdict.fault(f"{where}: {one.message} at {one.seq} has another text than was sent")
        elif begin is not None and conversation.withdrawn_at.get(one.about, begin) < begin:
            verdict.fault(f"{where}: was shown {one.message} at {one.seq}, which had been withdrawn before")


def _judge_changes(verdict: Verdict, name: str, truth: dict[int, _Taken]) -> None:
    gone: set[int] = set()
    for seq in sorted(truth):
        one = truth[seq]
        if one.kind not in ("edit", "withdrawal"):
            continue
        verdict.edits += one.kind == "edit"
        verdict.withdrawals += one.kind == "withdrawal"
        target = truth.get(one.target)
        if target is None or one.target >= seq or target.kind != "message" or target.message[0] != one.message[0]:
            verdict.fault(f"{name}: the {one.kind} at {seq} is of no message of its author before it")
        if one.target in gone:
            verdict.fault(f"{name}: the {one.kind} at {seq} is of a message that was withdrawn before")
        if one.kind == "withdrawal":
            gone.add(one.target)


def _judge_case(verdict: Verdict, name: str, case: Mapping[str, Any], truth: dict[int, _Taken]) -> None:
    verdict.cases += 1
    messages = [one for _, one in sorted(truth.items()) if one.kind == "message"]
    last_patient = max((one.seq for one in messages if one.role in _PATIENTS), default=0)
    last_staff = max((one.seq for one in messages if one.role == "staff"), default=0)
    if (case["last_patient_seq"], case["last_staff_seq"]) != (last_patient, last_staff):
        verdict.fault(f"{name}: the case does not know of its last messages, {last_patient} and {last_staff}")
    expected = "awaiting_staff" if last_patient > last_staff else "awaiting_patient"
    if messages and case["state"] != expected:
        verdict.fault(f"{name}: the case is {case['state']}, and who wrote last makes it {expected}")
    said = [one for one in truth.values() if one.kind == "system" and one.state is not None]
    newest = max(said, key=lambda one: one.version, default=None)
    if newest is not None and (newest.version > case["version"] or newest.state != case["state"]):
        verdict.fault(f"{name}: the last word about the case was {newest.state}, and it is {case['state']}")


def main() -> int:
    """``python tests/chat/checker.py HISTORY``."""
    with Path(sys.argv[1]).open() as file:
        verdict = check(json.loads(line) for line in file)
    for text in verdict.faults:
        sys.stdout.write(f"FAULT {text}\n")
    sys.stdout.write(
        f"{verdict.acknowledged} messages acknowledged after {verdict.attempts} attempts; "
        f"{verdict.received} received by {verdict.readers} readers; {len(verdict.faults)} faults\n"
    )
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
