"""The hot lane: who is let through at once, and who goes the long way or is refused."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from auth.principal import Principal
from chat.conversation import Conversation
from chat.events import unpack
from chat.standing import Standing
from chat.write_queue import WriteQueue
from signalling.chat_sends import ChatSends
from signalling.token_bucket import TokenBucket
from tests.chat.test_fanout import STAFF
from tests.signalling.test_socket_gate import Wire, frame, message, slow

ROOM = Conversation("meeting-a", meeting_id="a")


@dataclass
class Socket:
    """As ``ChatSocket``, with limits that a test can see."""

    principal: Principal
    events: TokenBucket
    connection: Any
    was_used: bool = False


@dataclass
class Lane:
    """A gate with the lane behind it, on a virtual clock."""

    now: float = 100.0
    standing: Standing | None = None
    asked: int = 0
    renewed: list[str] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    refused: list[tuple[int, str, str | None]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    can_make_room: bool = False

    def __post_init__(self) -> None:
        self.queue = WriteQueue(9, 5, write_soon=lambda: None, on_full=lambda: None, monotonic=lambda: self.now)
        self.queue.is_open = True
        store = SimpleNamespace(committer=SimpleNamespace(queue=self.queue))
        service = SimpleNamespace(
            direct=self._direct, renew=self.renewed.append, store=store, make_room_soon=self._make_room_soon
        )
        limits = SimpleNamespace(messages_per_s=1.0, messages_burst=4)
        self.sends = ChatSends(
            limits,  # type: ignore[arg-type]
            service,  # type: ignore[arg-type]
            monotonic=lambda: self.now,
            counted=self.counted.append,
            refuse=lambda _gate, message_id, code, where: self.refused.append((message_id, code, where)),
        )
        self.standing = Standing(ROOM, self.now + 0.5, self.now + 1)

    @property
    def submitted(self) -> list[Any]:
        """What waits for the store."""
        return self.queue.waiting

    def _make_room_soon(self, conversation_id: str) -> bool:
        self.full.append(conversation_id)
        return self.can_make_room

    def _direct(self, _principal: Principal, _conversation_id: str) -> Standing | None:
        self.asked += 1
        return self.standing

    def wire(self, *, frames: float = 100, events: float = 100) -> Wire:
        wire = Wire()
        connection = SimpleNamespace(frames=TokenBucket(1, frames, self.now), abort=self.cut.append)
        self.socket = Socket(STAFF, TokenBucket(1, events, self.now), connection)
        wire.gate.arm(self.socket, self.sends, 1000)
        return wire


def say(wire: Wire, number: int, conversation_id: str = "meeting-a") -> None:
    payload = {"conversation_id": conversation_id, "client_id": f"c{number}", "text": f"hej {number}"}
    wire.gate.data_received(frame(slow.sent(payload, number)))


def test_a_message_is_submitted_as_the_long_way_would() -> None:
    lane = Lane()
    wire = lane.wire()
    say(wire, 7)
    (send,) = lane.submitted
    assert (send.conversation_id, send.draft_id, send.author, send.kind, send.is_message) == (
        "meeting-a", STAFF.actor.encode() + b"\0c7", STAFF.actor.encode(), "message", True,
    )  # fmt: skip
    event = unpack(1, 2, send.packed)
    assert (event.author, event.author_name, event.author_role) == (STAFF.actor, STAFF.display_name, "staff")
    assert (event.client_id, event.body) == ("c7", {"text": "hej 7"})
    assert (wire.passed, wire.gate.in_flight, lane.socket.was_used) == (b"", 1, True)
    send.settle(b"ok", 3, 1000)
    send.settle(b"ok", 3, 1000)  # written again after a fault: its sender is answered once
    send.refuse()
    wire.turn()
    assert wire.written == [slow.acknowledgement(7, 3, 1000, repeated=False)]
    assert (wire.gate.in_flight, lane.refused) == (0, [])


def test_the_conversation_is_looked_up_once_while_it_stands() -> None:
    lane = Lane()
    wire = lane.wire()
    for number in range(3):
        say(wire, number)
    assert (len(lane.submitted), lane.asked) == (3, 1)
    say(wire, 3, "meeting-b")
    assert lane.asked == 2


def test_what_will_not_stand_much_longer_is_read_again_once_and_nobody_waits() -> None:
    lane = Lane()
    wire = lane.wire()
    for number, later in enumerate((0.0, 0.5, 0.1, 0.1)):
        lane.now += later
        say(wire, number)
    assert (len(lane.submitted), lane.renewed) == (4, ["meeting-a"])
    lane.standing = Standing(ROOM, lane.now + 0.5, lane.now + 1)
    lane.now += 0.4
    say(wire, 4)
    assert (len(lane.submitted), lane.asked, lane.renewed) == (5, 2, ["meeting-a"])


@pytest.mark.parametrize("change", ["time", "end", "nothing known"])
def test_what_does_not_stand_any_more_goes_the_long_way(change: str) -> None:
    lane = Lane()
    wire = lane.wire()
    say(wire, 1)
    assert lane.standing is not None
    if change == "time":
        lane.now += 1
    elif change == "end":
        lane.standing.end()
    else:
        lane.standing.end()
        lane.standing = None
    say(wire, 2)
    assert (len(lane.submitted), bytes(wire.passed)) == (1, frame(slow.sent(
        {"conversation_id": "meeting-a", "client_id": "c2", "text": "hej 2"}, 2)))  # fmt: skip


def test_somebody_else_on_the_same_socket_is_looked_up_anew() -> None:
    lane = Lane()
    wire = lane.wire()
    say(wire, 1)
    lane.socket.principal = replace(STAFF, display_name="Bo")
    say(wire, 2)
    assert (lane.asked, [unpack(1, 2, send.packed).author_name for send in lane.submitted]) == (2, ["Sara", "Bo"])


def test_too_many_frames_cut_the_socket() -> None:
    lane = Lane()
    wire = lane.wire(frames=2)
    for number in range(3):
        say(wire, number)
    assert (len(lane.submitted), lane.cut, lane.refused) == (2, ["flood"], [])


def test_a_socket_and_a_person_have_limits_of_their_own() -> None:
    lane = Lane()
    wire = lane.wire(events=3)
    for number in range(4):
        say(wire, number)
    assert (len(lane.submitted), lane.refused) == (3, [(3, "rate_limited", None)])
    other = lane.wire()  # another socket of the same person, who may write four
    for number in range(4, 6):
        say(other, number)
    assert (len(lane.submitted), lane.refused[1:]) == (4, [(5, "rate_limited", None)])


def test_messages_are_counted_together_once_in_a_while() -> None:
    lane = Lane()
    wire = lane.wire()
    for number in range(3):
        say(wire, number)
    assert lane.counted == []
    wire.turn()
    say(wire, 3)
    wire.turn()
    assert lane.counted == [3, 1]


def test_what_the_store_refuses_is_told_by_its_code() -> None:
    lane = Lane()
    wire = lane.wire()
    for number in range(3):
        say(wire, number)
    lane.submitted[0].settle(b"closed", 0, 0)
    lane.submitted[1].settle(b"full", 0, 0)
    lane.submitted[2].refuse()
    assert [code for _, code, _ in lane.refused] == ["conversation_closed", "conversation_full", "chat_unavailable"]


def test_a_full_chat_that_will_have_room_is_no_end_for_whoever_writes() -> None:
    """The long way makes room; a busy chat never goes it, since what is known of it is renewed beforehand."""
    lane = Lane(can_make_room=True)
    wire = lane.wire()
    say(wire, 1)
    lane.submitted[0].settle(b"full", 0, 0)
    assert (lane.refused, lane.full) == ([(1, "chat_unavailable", None)], ["meeting-a"])


def test_messages_with_more_than_text_pass() -> None:
    lane = Lane()
    wire = lane.wire()
    passing = frame(slow.sent({"conversation_id": "case-a", "client_id": "c1", "text": "hej"}))
    wire.gate.data_received(passing)
    assert (lane.submitted, bytes(wire.passed)) == ([], passing)
    assert message() != passing
