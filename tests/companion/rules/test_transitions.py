"""State machines as tables."""

import pytest

from companion.errors import CONFLICT, Problem
from companion.rules.transitions import following

TABLE = {("asleep", "wake"): "awake", ("awake", "tire"): "asleep"}


def test_what_stands_in_the_table_happens() -> None:
    assert following(TABLE, "asleep", "wake", CONFLICT) == "awake"


def test_anything_else_is_the_problem_that_is_named() -> None:
    for state, event in (("awake", "wake"), ("dead", "wake"), ("asleep", "fly")):
        with pytest.raises(Problem) as caught:
            following(TABLE, state, event, CONFLICT)
        assert (caught.value.code, caught.value.detail) == ("conflict", f"{event} in state {state}")
