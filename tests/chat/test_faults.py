"""Half a minute of kills, cuts and stalls for each data server; longer with ``make chat-faults SECONDS=600``."""

import json
from pathlib import Path

import pytest

from tests.chat.checker import check
from tests.chat.fault_run import WEIGHTS, Plan, run, schedule
from tests.chat.servers import StoreKind, binary


def test_the_same_seed_plans_the_same_faults_and_every_kind_of_them() -> None:
    plan = Plan(30, 7, "valkey")
    assert schedule(plan) == schedule(plan)
    assert schedule(plan) != schedule(Plan(30, 8, "valkey"))
    assert {kind for _, kind in schedule(Plan(1, 7, "valkey"))} == set(WEIGHTS)


@pytest.mark.faults
@pytest.mark.timeout(180)
@pytest.mark.parametrize("store", ["valkey", "redis"])
def test_every_acknowledged_message_is_there_once_in_one_order_at_every_reader(
    store: StoreKind, tmp_path: Path
) -> None:
    if binary(store) is None:
        pytest.skip("redis-server is not installed (ALLTID_REDIS=skip)")
    history = tmp_path / "history.jsonl"
    counts = run(Plan(24, 20261123, store), history)
    with history.open() as file:
        verdict = check(json.loads(line) for line in file)
    assert verdict.faults == []
    assert counts["left_unsent"] == 0
    assert counts["kill_front"]
    assert counts["kill_store"]
    assert verdict.acknowledged > 1000
    assert min(verdict.edits, verdict.withdrawals, verdict.cases)
