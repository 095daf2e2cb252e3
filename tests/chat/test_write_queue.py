"""What waits for the store: in its order, bounded, and written at the end of the turn."""

from typing import Any

from chat.appends import Append
from chat.write_queue import WriteQueue


class Note(Append):
    """A message that notes what becomes of it."""

    def __init__(self, name: str) -> None:
        super().__init__("meeting-a", name.encode(), b"", b"anna")
        self.is_refused = False

    def refuse(self) -> None:
        self.is_refused = True


class Call:
    """Another write."""

    deadline = 0.0

    def refuse(self) -> None:
        raise AssertionError("it should have been taken")


def make(most: int = 3) -> tuple[WriteQueue, list[str]]:
    said: list[str] = []
    queue = WriteQueue(
        most, 5.0, write_soon=lambda: said.append("write"), on_full=lambda: said.append("full"), monotonic=lambda: 100.0
    )
    queue.is_open = True
    return queue, said


def test_each_waits_in_its_place_and_has_as_long_as_every_other() -> None:
    queue, said = make()
    writes: list[Any] = [Note("a"), Call(), Note("b")]
    for write in writes:
        queue.add(write)
    assert (queue.waiting, [write.deadline for write in writes], said) == (writes, [105.0] * 3, [])


def test_one_turns_writes_are_written_together() -> None:
    queue, said = make()
    queue.is_writable = True
    queue.add(Note("a"))
    queue.add(Note("b"))
    assert said == ["write"]
    queue.is_write_due = False
    queue.add(Note("c"))
    assert said == ["write", "write"]


def test_who_finds_it_full_or_closed_is_refused_and_nothing_of_theirs_waits() -> None:
    queue, said = make(most=1)
    first, second, third = Note("a"), Note("b"), Note("c")
    queue.add(first)
    queue.add(second)
    queue.is_open = False
    queue.add(third)
    assert ([each.is_refused for each in (first, second, third)], queue.waiting) == ([False, True, True], [first])
    assert said == ["full"]
