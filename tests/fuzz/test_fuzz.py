"""Each fuzz target on a fixed number of inputs from a fixed seed; longer: ``make fuzz``."""

import random

import pytest

from tests.fuzz import harness
from tests.fuzz.mutations import LARGEST_BYTES, mutated
from tests.fuzz.targets import Target, find_targets

ITERATIONS = 2000
"""A second or so for each target: enough to catch a parser broken by today's change."""

TARGETS = find_targets()


@pytest.mark.fuzz
@pytest.mark.attack
@pytest.mark.parametrize("name", TARGETS)
def test_target_parses_or_raises_its_one_error(name: str) -> None:
    target = TARGETS[name]
    for data in (b"", *target.seeds):
        harness.run_one(target, data)
    harness.run_rounds(target, random.Random(20), ITERATIONS)


def test_a_finding_is_kept_in_a_file_and_named_with_its_replay(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(harness, "FINDINGS", tmp_path)

    def fails_on_high_bytes(data: bytes) -> None:
        if any(byte > 0x80 for byte in data):
            raise IndexError

    target = Target("example", fails_on_high_bytes, (b"seed",))
    with pytest.raises(harness.FuzzFindingError, match="--target example --replay") as caught:
        harness.run_rounds(target, random.Random(1), 1000)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == caught.value.data


def test_mutations_repeat_for_one_seed_and_stay_within_the_size() -> None:
    corpus = (b"", b"\x00\x01" * 10, bytes(LARGEST_BYTES))

    def inputs(seed: int) -> list[bytes]:
        rng = random.Random(seed)
        return [mutated(rng, corpus) for _ in range(500)]

    assert inputs(3) == inputs(3) != inputs(4)
    assert all(len(data) <= LARGEST_BYTES for data in inputs(3))
