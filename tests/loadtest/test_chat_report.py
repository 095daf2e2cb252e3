"""The report of the chat bench tells goals met from goals missed, and what bounds a figure."""

import pytest

from loadtest.chat_load import ChatCell, Times
from loadtest.chat_report import CellFigures, text
from loadtest.chat_turns import Contender


def figures(sent: int, late_s: float, *, cell: ChatCell | None = None, store_us: float = 10.0) -> CellFigures:
    """Bare XADD has 1,000 messages per second, bare delivering 800, and the front costs 50 us of CPU a message."""

    def contender(rate: int) -> Contender:
        full = Times(1.0, rate, rate, [0.001] * rate, [0.002] * rate)
        return Contender(lambda _: full, turns=[full], half=Times(1.0, 10, 10, [late_s], [late_s]), cpus=[0])

    chat = contender(sent)
    chat._used_s = {"server": 50e-6 * sent, "store": store_us * 1e-6 * sent, "clients": 30e-6 * sent}
    cell = cell or ChatCell("cell", 1, 1, 8)
    return CellFigures(cell, contender(1000), contender(800), contender(900), chat, 1.0, 200.0)


def test_goals_met_are_told_from_goals_missed() -> None:
    good, between, bad = text([figures(600, 0.01)]), text([figures(450, 0.01)]), text([figures(300, 0.06)])
    assert "with 8 on their way 0.60 [0.60-0.60] of bare XADD (goal 0.5): met" in good
    assert "MISSED" not in good
    assert "of bare XADD (goal 0.5): MISSED; 0.56 [0.56-0.56] of bare delivering: met" in between
    assert bad.count("MISSED") == 3


@pytest.mark.parametrize(("store_us", "is_bound"), [(30.0, True), (10.0, False)])
def test_it_is_told_when_clients_and_store_are_the_bound(store_us: float, is_bound: bool) -> None:
    report = text([figures(600, 0.01, store_us=store_us)])
    assert ("bounded by the core" in report) is is_bound
    assert f"50, {store_us:.0f}, 30" in report


def test_it_is_told_when_fronts_share_a_core() -> None:
    cell = ChatCell("two", 1, 2, 2, fronts=2)
    shared, apart = figures(600, 0.01, cell=cell), figures(600, 0.01, cell=cell)
    apart.chat.cpus = [0, 2]
    assert "2 fronts share core 0" in text([shared])
    assert "2 fronts have the cores 0, 2" in text([apart])
