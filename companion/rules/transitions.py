"""State machines as tables: what is not in the table is refused."""

from collections.abc import Mapping
from typing import TypeVar

from companion.errors import Problem, ProblemKind

State = TypeVar("State", bound=str)
Event = TypeVar("Event", bound=str)


def following(table: Mapping[tuple[State, Event], State], state: State, event: Event, kind: ProblemKind) -> State:
    """The state after an event; ``Problem`` of that kind when there is none."""
    found = table.get((state, event))
    if found is None:
        raise Problem(kind, detail=f"{event} in state {state}")
    return found
