"""Finds the fuzz targets: every ``fuzz_<name>`` in a ``targets_*.py`` beside this file, with its seeds.

A target takes bytes and returns nothing. It swallows the one documented error of what it tests; whatever else
it raises is a finding. ``seeds_<name>()``, or else the file's ``seeds()``, gives valid inputs to start from.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """One function to be fuzzed, and the valid inputs that mutation starts from."""

    name: str
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def find_targets() -> dict[str, Target]:
    """All targets by name, in the order of their files."""
    targets: dict[str, Target] = {}
    for path in sorted(FOLDER.glob("targets_*.py")):
        module = importlib.import_module(f"tests.fuzz.{path.stem}")
        functions = {name.removeprefix("fuzz_"): run for name, run in vars(module).items() if name.startswith("fuzz_")}
        for name, run in functions.items():
            seeds = getattr(module, f"seeds_{name}", None) or module.seeds
            targets[name] = Target(name, run, tuple(seeds()))
    return targets
