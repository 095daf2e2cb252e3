"""Judges the history of a fault run. Knows nothing of the code under test: it reads JSON lines, and imports no ours.

The lines it looks at, in the order of their time at the one who wrote them:

==========  =====================================================================================================
send        ``client, conversation, author, client_id, text``: a message is sent (each attempt writes a line)
ack         ``client, conversation, author, client_id, seq``: the server acknowledged it
receive     ``client, conversation, seq, author, client_id, text``: a reader took an event, as the next one
end         ``client, conversation, seq``: the reader is finished; this is the last number that it has
==========  =====================================================================================================

``author`` is the sender's name as readers see it. What must hold:

- acknowledged: every acknowledged message is at every reader, once, at the acknowledged number;
- order: every reader took the numbers 1, 2, 3... without a hole, and at each number all found the same message;
- once: no message stands at two numbers, whether acknowledged or not;
- genuine: everything that was received had been sent, with this text, by this author;
- first in, first out: one author's messages stand in the order in which they were first sent;
- complete: readers of a conversation ended at one number.
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


@dataclass
class Verdict:
    """What was found. ``faults`` is empty when everything holds."""

    faults: list[str] = field(default_factory=list)
    acknowledged: int = 0
    received: int = 0
    readers: int = 0
    attempts: int = 0

    def fault(self, text: str) -> None:
        if len(self.faults) < 50:
            self.faults.append(text)


@dataclass
class _Conversation:
    sent: dict[Message, str] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[Message, int] = field(default_factory=dict)
    readers: dict[str, list[tuple[int, Message, str]]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, int] = field(default_factory=dict)


def check(lines: Iterable[Mapping[str, Any]]) -> Verdict:
    """Judge a history."""
    verdict = Verdict()
    conversations: dict[str, _Conversation] = defaultdict(_Conversation)
    for line in lines:
        kind = line.get("op")
        if kind not in ("send", "ack", "receive", "end"):
            continue
        _note(verdict, conversations[line["conversation"]], kind, line)
    for name, conversation in conversations.items():
        _judge(verdict, name, conversation)
    if not verdict.acknowledged or not verdict.received:
        verdict.fault("nothing happened: no message was acknowledged, or none received")
    return verdict


def _note(verdict: Verdict, conversation: _Conversation, kind: str, line: Mapping[str, Any]) -> None:
    if kind == "end":
        conversation.ends[line["client"]] = line["seq"]
        conversation.readers[line["client"]]  # a reader who took nothing is one, too
        return
    message = (line["author"], line["client_id"])
    if kind == "send":
        verdict.attempts += 1
        if message not in conversation.sent:
            conversation.sent[message] = line["text"]
            conversation.order[line["author"]].append(line["client_id"])
    elif kind == "ack":
        before = conversation.acknowledged.setdefault(message, line["seq"])
        if before != line["seq"]:
            verdict.fault(f"{line['conversation']}: {message} acknowledged at {before} and at {line['seq']}")
    else:
        conversation.readers[line["client"]].append((line["seq"], message, line["text"]))


def _judge(verdict: Verdict, name: str, conversation: _Conversation) -> None:
    verdict.acknowledged += len(conversation.acknowledged)
    verdict.readers += len(conversation.readers)
    truth: dict[int, tuple[Message, str]] = {}
    for reader, taken in conversation.readers.items():
        verdict.received += len(taken)
        _judge_reader(verdict, f"{name} at {reader}", taken, truth)
    _judge_places(verdict, name, conversation, truth)
    if len(set(conversation.ends.values())) > 1:
        verdict.fault(f"{name}: readers ended at different numbers: {sorted(set(conversation.ends.values()))}")
    last = max(truth, default=0)
    for reader, taken in conversation.readers.items():
        if reader not in conversation.ends:
            verdict.fault(f"{name} at {reader}: never finished")
        if len(taken) != last:
            verdict.fault(f"{name} at {reader}: took {len(taken)} of {last} messages")


def _judge_places(
    verdict: Verdict, name: str, conversation: _Conversation, truth: dict[int, tuple[Message, str]]
) -> None:
    places: dict[Message, int] = {}
    for seq in sorted(truth):
        message, text = truth[seq]
        if message in places:
            verdict.fault(f"{name}: {message} stands at {places[message]} and at {seq}")
        places[message] = seq
        if message not in conversation.sent:
            verdict.fault(f"{name}: {message} at {seq} was never sent")
        elif conversation.sent[message] != text:
            verdict.fault(f"{name}: {message} at {seq} has another text than was sent")
    for message, seq in conversation.acknowledged.items():
        if places.get(message) != seq:
            verdict.fault(f"{name}: {message} acknowledged at {seq} stands at {places.get(message, 'no number')}")
    for author, client_ids in conversation.order.items():
        stands = [places[author, client_id] for client_id in client_ids if (author, client_id) in places]
        if stands != sorted(stands):
            verdict.fault(f"{name}: the messages of {author} are not in the order in which they were sent")


def _judge_reader(
    verdict: Verdict, where: str, taken: list[tuple[int, Message, str]], truth: dict[int, tuple[Message, str]]
) -> None:
    for expected, (seq, message, text) in enumerate(taken, start=1):
        if seq != expected:
            verdict.fault(f"{where}: took {seq} where {expected} was next")
            return
        found = truth.setdefault(seq, (message, text))
        if found != (message, text):
            verdict.fault(f"{where}: {message} at {seq}, where another reader found {found[0]}")


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
