"""Those that are compared take turns, each compared with the others of the same turn."""

from collections.abc import Callable

import pytest

from loadtest.chat_load import Times
from loadtest.chat_turns import TURNS, WARM_UP_S, Contender, take_turns


async def test_everyone_is_warmed_up_and_every_other_turn_goes_the_other_way_round() -> None:
    ran: list[tuple[str, float]] = []

    def runs(name: str) -> Callable[[float], Times]:
        def run(seconds: float) -> Times:
            ran.append((name, seconds))
            return Times(seconds, 10, 10)

        return run

    contenders = [Contender(runs(name)) for name in "abc"]
    await take_turns(contenders, 3.0)
    assert ran[:3] == [("a", WARM_UP_S), ("b", WARM_UP_S), ("c", WARM_UP_S)]
    assert "".join(name for name, _ in ran[3:]) == "abccbaabc"
    assert all(seconds == 3.0 / TURNS for _, seconds in ran[3:])
    assert contenders[0].whole.sent == 10 * TURNS
    assert contenders[0].costs_us["clients"] >= 0


def test_ratios_are_of_runs_beside_each_other() -> None:
    def contender(*rates: int) -> Contender:
        return Contender(lambda _: Times(), turns=[Times(1.0, rate) for rate in rates])

    ours, theirs = contender(10, 20, 5), contender(20, 20, 50)
    assert ours.ratios(theirs) == pytest.approx([0.1, 0.5, 1.0])
    assert ours.ratio(theirs) == pytest.approx(0.5)
