"""The compiled way of messages to their readers, beside the general one."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.appends import Append
from chat.channels import MANY_READERS, MAX_TRAIN, REST_S, WRITES_AT_ONCE, Channel, Channels
from chat.events import pack, unpack
from chat.feed import Feed
from tests.chat.stores import draft

NAMES = ("meeting-a", "meeting-b")


class Front:
    """Channels whose messages and everything else are noted, in the order of sending."""

    def __init__(self, *, is_synced: bool = True) -> None:
        self.sent: list[tuple[str, int]] = []
        self.others: list[Any] = []
        self.slow: list[str] = []
        self.breaks_at: tuple[str, int] | None = None
        """Of whom a message cannot be sent, and which."""
        self.fell: list[tuple[str, list[str], int]] = []
        self.stored: list[tuple[str, int]] = []
        self.now = 10.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.channels = Channels(
            self._encode, self._send, self._fall, self._stored,
            lambda seconds, call: self.timers.append((seconds, call)), lambda: self.now,
        )  # fmt: skip
        for name in NAMES:
            channel = Channel(name, Feed())
            channel.readers[name] = 0
            if is_synced:
                channel.feed.start([], 0)
            self.channels.add(channel, name.encode())

    @staticmethod
    def _encode(_name: str, seq: int, _at_ms: int, packed: bytes, _aliases: dict[Any, Any]) -> int | None:
        return None if b"long way" in packed else seq

    def _send(self, readers: dict[str, int], packets: list[int], first: int) -> list[str]:
        assert packets == list(range(first, first + len(packets)))
        if self.breaks_at is not None and self.breaks_at[0] in readers and self.breaks_at[1] == first:
            raise ValueError("broken")
        self.sent += [(name, packet) for name in readers if name in NAMES for packet in packets]
        return [name for name in readers if name in self.slow]

    def _fall(self, channel: Channel, readers: list[str], first: int) -> None:
        self.fell.append((channel.conversation_id, readers, first))

    def _stored(self, channel: Channel, seq: int, _at_ms: int, _packed: bytes) -> None:
        self.stored.append((channel.conversation_id, seq))

    def hear(self, *answers: Any) -> None:
        self.channels.hear(list(answers), self.others.append)
        self.channels.depart()


def news(name: str, seq: int, text: str = "hej") -> list[bytes]:
    return [b"smessage", name.encode(), b"E%d 1000 %b" % (seq, pack(draft(f"c{seq}", text)))]


steps = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 12), st.sampled_from(["news", "said"])), max_size=60
)  # fmt: skip


@given(steps)
@settings(max_examples=200)
def test_whatever_comes_first_each_next_message_is_sent_once_and_everything_else_goes_the_long_way(
    arrivals: list[tuple[str, int, str]],
) -> None:
    front, heads, expected = Front(), dict.fromkeys(NAMES, 0), []
    others = {"news": 0, "said": 0}
    for name, seq, way in arrivals:
        if seq == heads[name] + 1:
            heads[name] = seq
            expected.append((name, seq))
        elif seq > heads[name]:
            others[way] += 1
        if way == "news":
            front.hear(news(name, seq))
        else:
            packed = pack(draft(f"c{seq}"))
            front.channels.said([Append(name, b"anna\0c", packed, b"anna")], [1000, seq])
    assert (front.sent, len(front.others), len(front.stored)) == (expected, others["news"], others["said"])
    for name in NAMES:
        channel = front.channels.get(name)
        assert channel is not None
        assert [event.seq for event in channel.feed.since(0)] == list(range(1, heads[name] + 1))


def test_answers_that_are_no_new_message_are_not_sent() -> None:
    front = Front()
    appends = [Append("meeting-a", b"anna\0c", pack(draft("c")), b"anna") for _ in range(3)]
    front.channels.said(appends, [1000, [b"repeat", 1, 900], [b"closed", 0, 0], 1])
    assert front.sent == [("meeting-a", 1)]


def test_what_is_no_news_of_a_message_is_given_on_in_its_order() -> None:
    front = Front()
    error, typing = ValueError("no"), [b"smessage", b"meeting-a", b"T6000 anna"]
    unknown = [b"smessage", b"meeting-x", b"E1 1 x"]
    broken = [[b"smessage", b"meeting-a", payload] for payload in (b"", b"E", b"E1", b"Ex 1 x", b"E1 x x", b"E1 1")]
    long_way = news("meeting-a", 1, "the long way")
    others = [error, typing, unknown, *broken, long_way, [b"ssubscribe", b"meeting-a", 1], b"PONG", []]
    front.hear(*others)
    assert front.others == others
    assert front.sent == []


def test_nothing_is_sent_before_a_feed_is_synced() -> None:
    front = Front(is_synced=False)
    front.hear(news("meeting-a", 1))
    front.channels.said([Append("meeting-a", b"a\0c", pack(draft("c1")), b"a")], [1000, 1])
    assert (front.sent, len(front.others), front.stored) == ([], 1, [("meeting-a", 1)])


def test_a_long_train_leaves_before_the_turn_ends() -> None:
    front = Front()
    sent: list[int] = []
    answers = [news("meeting-a", seq) for seq in range(1, MAX_TRAIN + 6)]
    front.channels.hear(answers, lambda _: sent.append(0))
    assert len(front.sent) == MAX_TRAIN
    front.channels.depart()
    assert len(front.sent) == MAX_TRAIN + 5


def test_a_channel_that_was_removed_gets_nothing_and_another_of_its_name_stays() -> None:
    front = Front()
    old = front.channels.get("meeting-a")
    assert old is not None
    front.channels.remove(old, b"meeting-a")
    assert (front.channels.get("meeting-a"), front.channels.named(b"meeting-a")) == (None, None)
    new = Channel("meeting-a", Feed())
    front.channels.add(new, b"meeting-a")
    front.channels.remove(old, b"meeting-a")
    assert front.channels.named(b"meeting-a") is new


def test_messages_that_passed_can_be_read_as_events() -> None:
    front = Front()
    front.hear(news("meeting-a", 1, "hej på dig"))
    channel = front.channels.get("meeting-a")
    assert channel is not None
    assert channel.feed.since(0) == (unpack(1, 1000, pack(draft("c1", "hej på dig"))),)


def test_who_takes_nothing_more_is_told_apart_and_not_counted() -> None:
    front = Front()
    front.slow = ["meeting-b"]
    front.hear(news("meeting-a", 1), news("meeting-a", 2), news("meeting-b", 1))
    assert (front.channels.delivered, front.fell) == (2, [("meeting-b", ["meeting-b"], 1)])


def test_a_conversation_without_readers_goes_on() -> None:
    front = Front()
    channel = front.channels.get("meeting-a")
    assert channel is not None
    channel.readers.clear()
    front.hear(news("meeting-a", 1))
    assert (front.sent, channel.feed.head) == ([], 1)


def test_messages_to_many_leave_together_after_a_rest_and_those_to_few_at_once() -> None:
    front = Front()
    many, few = front.channels.get("meeting-a"), front.channels.get("meeting-b")
    assert many is not None
    assert few is not None
    many.readers |= {f"another{number}": 0 for number in range(MANY_READERS - 1)}
    few.readers |= {f"another{number}": 0 for number in range(MANY_READERS - 2)}
    front.hear(news("meeting-a", 1))
    assert front.sent == [("meeting-a", 1)], "the first leaves at once"
    front.hear(news("meeting-a", 2), news("meeting-b", 1))
    front.hear(news("meeting-a", 3), news("meeting-b", 2))
    assert front.sent[1:] == [("meeting-b", 1), ("meeting-b", 2)]
    ((seconds, leave),) = front.timers
    assert seconds == REST_S
    leave()
    assert front.sent[3:] == [("meeting-a", 2), ("meeting-a", 3)]
    front.hear(news("meeting-a", 4))
    front.channels.flush(many)  # something else happens there
    front.timers[-1][1]()
    assert front.sent[5:] == [("meeting-a", 4)]
    front.now += REST_S
    front.hear(news("meeting-a", 5))
    assert front.sent[6:] == [("meeting-a", 5)]
    front.hear(*(news("meeting-a", seq) for seq in range(6, 6 + MAX_TRAIN)))
    assert len(front.sent[7:]) == MAX_TRAIN, "no more than a train is kept back"


def test_of_many_trains_some_leave_at_a_time() -> None:
    front, names = Front(), [f"meeting-{number}" for number in range(2 * WRITES_AT_ONCE // MANY_READERS + 1)]
    for name in names:
        channel = Channel(name, Feed())
        channel.feed.start([], 0)
        channel.readers |= {f"{name}-{number}": 0 for number in range(MANY_READERS)}
        front.channels.add(channel, name.encode())
    left: list[int] = []
    for seq in (1, 2):
        front.hear(*(news(name, seq) for name in names))
        left.append(front.channels.delivered)
    while front.timers:
        _, leave = front.timers.pop()
        leave()
        left.append(front.channels.delivered)
    everything = MANY_READERS * len(names)
    assert left == [everything, everything, *(everything + each for each in (32, 64, everything))]


def test_one_train_that_cannot_be_sent_holds_up_no_other() -> None:
    for many in (False, True):
        front = Front()
        channels = [front.channels.get(name) for name in NAMES]
        for channel in channels:
            assert channel is not None
            if many:
                channel.readers |= {f"another{number}": 0 for number in range(MANY_READERS)}
        if many:
            front.hear(*(news(name, 1) for name in NAMES))
        seq = 2 if many else 1
        front.breaks_at = ("meeting-a", seq)
        if many:
            front.hear(*(news(name, seq) for name in NAMES))
            with pytest.raises(ValueError, match="broken"):
                front.timers.pop()[1]()
            front.timers.pop()[1]()
        else:
            with pytest.raises(ValueError, match="broken"):
                front.hear(*(news(name, seq) for name in NAMES))
            front.channels.depart()
        assert front.sent[-1] == ("meeting-b", seq)
        front.now += REST_S
        front.hear(news("meeting-a", seq + 1))
        assert front.sent[-1] == ("meeting-a", seq + 1)


def test_a_train_keeps_its_numbers_when_a_page_moves_the_feed_on_while_it_rests() -> None:
    front = Front()
    channel = front.channels.get("meeting-a")
    assert channel is not None
    channel.readers |= {f"another{number}": 0 for number in range(MANY_READERS - 1)}
    front.hear(news("meeting-a", 1))
    front.hear(news("meeting-a", 2))
    channel.feed.on_page(2, [unpack(3, 1000, pack(draft("c3")))], 3)
    front.slow = ["meeting-a"]
    front.channels.flush(channel)
    assert (front.sent, front.fell) == ([("meeting-a", 1), ("meeting-a", 2)], [("meeting-a", ["meeting-a"], 2)])
