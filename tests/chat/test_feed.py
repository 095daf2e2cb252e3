"""Feeds: every event once and in order, whatever news arrive, twice, late or not at all."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.events import Event
from chat.feed import MAX_EARLY, Feed, Step


def event(seq: int, kind: str = "message", target: int = 0) -> Event:
    return Event(seq, 1000 + seq, kind, "anna", "Anna", "patient", f"c{seq}", target, {"text": f"text {seq}"})  # type: ignore[arg-type]


def seqs(step: Step) -> list[int]:
    return [each.seq for each in step.deliver]


def started(head: int) -> Feed:
    feed = Feed()
    assert feed.start([event(seq) for seq in range(max(1, head - 9), head + 1)], head) == Step()
    return feed


def test_the_next_event_is_delivered_at_once() -> None:
    assert seqs(started(5).on_event(event(6))) == [6]


def test_what_was_there_before_is_ignored() -> None:
    assert started(5).on_event(event(5)) == Step()


def test_a_hole_is_read_and_what_came_early_follows_it() -> None:
    feed = started(5)
    assert feed.on_event(event(7)) == Step(read_after=5)
    assert feed.on_event(event(8)) == Step()
    assert seqs(feed.on_page(5, [event(6), event(7)], 7)) == [6, 7, 8]
    assert feed.is_synced


def test_news_that_came_while_the_first_page_was_read_follow_it() -> None:
    feed = Feed()
    assert feed.on_event(event(3)) == Step()
    assert seqs(feed.start([event(1), event(2)], 2)) == [3]


def test_a_lost_connection_holds_everything_until_a_page_was_read() -> None:
    feed = started(5)
    feed.on_lost()
    assert feed.on_event(event(6)) == Step()
    assert seqs(feed.on_page(5, [event(6), event(7)], 7)) == [6, 7]


def test_a_full_page_asks_for_the_next() -> None:
    feed = started(5)
    feed.on_lost()
    step = feed.on_page(5, [event(6), event(7)], 9)
    assert (seqs(step), step.read_after) == ([6, 7], 7)
    assert seqs(feed.on_page(7, [event(8), event(9)], 9)) == [8, 9]


def test_an_old_page_that_was_overtaken_resets_nothing() -> None:
    feed = started(5)
    feed.on_event(event(6))
    assert feed.on_page(4, [event(5)], 5) == Step()
    assert feed.head == 6


def test_an_old_page_that_ends_before_the_head_says_nothing_of_what_lies_behind_it() -> None:
    feed = started(5)
    feed.on_lost()
    assert seqs(feed.on_page(5, [event(6), event(7)], 9)) == [6, 7]
    assert feed.on_page(5, [event(6), event(7)], 9) == Step(read_after=7)
    assert seqs(feed.on_page(7, [event(8), event(9)], 9)) == [8, 9]


def test_a_store_that_lost_events_resets_the_readers() -> None:
    feed = started(5)
    feed.on_lost()
    assert feed.on_page(5, [], 3) == Step(reset_to=3, read_after=3)
    assert feed.on_page(3, [], 3) == Step()
    assert seqs(feed.on_event(event(4))) == [4]


def test_news_that_came_while_the_page_of_a_store_that_lost_events_was_on_its_way_are_read() -> None:
    """Their numbers were those of events that were there before."""
    feed = started(5)
    assert feed.on_event(event(4)) == Step()
    assert feed.on_page(5, [], 3) == Step(reset_to=3, read_after=3)
    assert seqs(feed.on_page(3, [event(4)], 4)) == [4]


def test_a_page_that_was_asked_for_before_a_reset_says_nothing() -> None:
    feed = started(5)
    feed.on_lost()
    feed.on_page(5, [], 3)
    assert feed.on_page(5, [event(6)], 6) == Step(read_after=3)
    assert not feed.is_synced
    assert seqs(feed.on_page(3, [event(4), event(5), event(6)], 6)) == [4, 5, 6]


def test_a_page_without_need_that_does_not_hold_everything_leaves_the_rest_to_be_read() -> None:
    feed = started(5)
    assert feed.on_page(5, [event(6), event(7)], 9).read_after == 7
    assert not feed.is_synced, "whoever reads goes on until it is"


def test_trimmed_events_leave_no_hole_to_wait_for() -> None:
    feed = started(5)
    feed.on_lost()
    assert feed.on_page(5, [], 9) == Step()
    assert (feed.head, feed.is_synced) == (9, True)


def test_more_early_news_than_can_be_held_are_read_again() -> None:
    feed = started(1)
    feed.on_lost()
    for seq in range(3, MAX_EARLY + 5):
        feed.on_event(event(seq))
    assert feed.on_page(1, [event(2)], 2).read_after is not None
    assert not feed.is_synced


def test_a_reader_who_comes_gets_what_was_delivered_meanwhile() -> None:
    feed = started(5)
    feed.on_event(event(6))
    assert [each.seq for each in feed.since(4) or ()] == [5, 6]
    assert feed.since(6) == ()
    assert started(500).since(3) is None


def test_a_withdrawn_message_is_not_shown_to_those_who_come_later() -> None:
    feed = started(5)
    feed.on_event(event(6, "withdrawal", target=5))
    shown = feed.since(4) or ()
    assert [(each.seq, each.body) for each in shown if each.kind == "message"] == [(5, {})]


@dataclass
class World:
    """A store, news that may be lost, and one reader."""

    feed: Feed = field(default_factory=Feed)
    stored: list[Event] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)

    def act(self, step: Step) -> None:
        self.got += seqs(step)
        assert step.reset_to is None
        if step.read_after is not None:
            self.reads.append(step.read_after)

    def page(self, after: int, size: int) -> None:
        self.act(self.feed.on_page(after, self.stored[after : after + size], len(self.stored)))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(["append", "append", "drop", "news", "lost", "ready", "read"]),
                          st.integers(0, 30)), max_size=120))  # fmt: skip
def test_any_order_of_news_losses_and_pages_delivers_everything_once(steps: list[tuple[str, int]]) -> None:
    world = World()
    world.act(world.feed.start([], 0))
    flying: list[Event] = []
    for what, number in steps:
        if what in ("append", "drop"):
            world.stored.append(event(len(world.stored) + 1))
            if what == "append":
                flying.append(world.stored[-1])
        elif what == "news" and flying:
            news = flying.pop(number % len(flying))
            world.act(world.feed.on_event(news))
            if number % 3 == 0:
                world.act(world.feed.on_event(news))
        elif what == "lost":
            flying.clear()
            world.feed.on_lost()
        elif what == "ready":
            world.page(world.feed.head, 1 + number)
        elif what == "read" and world.reads:
            world.page(world.reads.pop(number % len(world.reads)), 1 + number)
    world.feed.on_lost()
    for _ in range(len(world.stored) + 1):
        world.page(world.feed.head, 7)
    assert world.got == [each.seq for each in world.stored]
