"""The fuzzer: ``make fuzz SECONDS=600 TARGET=stun``. An input that is found is kept in a file and can be replayed.

The mutation engine needs nothing but Python and repeats itself exactly for the same seed. The atheris engine
(``pip install atheris`` first) is guided by the coverage of the pure Python parsers; it cannot see into compiled code.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import Target, find_targets

FINDINGS = Path("build/fuzz")
PROGRESS_S = 10.0
ROUND = 500
"""Inputs per look at the clock."""


class FuzzFindingError(AssertionError):
    """A target raised what it must not raise; ``data`` is the input."""

    def __init__(self, target: str, data: bytes, path: Path) -> None:
        super().__init__(
            f"{target} failed on {len(data)} bytes, kept in {path}; "
            f"replay: .venv/bin/python -m tests.fuzz.harness --target {target} --replay {path}"
        )
        self.data = data


def keep(target: Target, data: bytes) -> Path:
    """Writes an input to the findings' folder and returns its path."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    path = FINDINGS / f"{target.name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    return path


def run_one(target: Target, data: bytes) -> None:
    """Gives one input to the target; raises FuzzFindingError, input kept, when an error comes out."""
    try:
        target.run(data)
    except Exception as error:
        raise FuzzFindingError(target.name, data, keep(target, data)) from error


def run_rounds(target: Target, rng: random.Random, iterations: int) -> None:
    """Runs that many mutated inputs; what a crash of the whole process was fed stands in ``last`` (see ``main``)."""
    for _ in range(iterations):
        run_one(target, mutated(rng, target.seeds))


def fuzz(targets: list[Target], seconds: float, seed: int) -> None:
    """Takes turns between the targets until the time is over, telling how far it is."""
    begin = told = time.monotonic()
    runs = dict.fromkeys((target.name for target in targets), 0)
    for target in targets:
        for data in (b"", *target.seeds):
            run_one(target, data)
    turn = 0
    while time.monotonic() - begin < seconds:
        for target in targets:
            rng = random.Random(f"{seed}/{turn}/{target.name}")
            # A compiled target can take the process down with it: the turn's number then finds the input again.
            (FINDINGS / "last").write_text(f"--target {target.name} --seed {seed} --turn {turn}\n")
            run_rounds(target, rng, ROUND)
            runs[target.name] += ROUND
        turn += 1
        if time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            print(
                f"{told - begin:6.0f} s  " + "  ".join(f"{name} {count:,}" for name, count in runs.items()), flush=True
            )
    print(f"no findings in {sum(runs.values()):,} inputs to {len(targets)} targets (seed {seed})")


def fuzz_with_atheris(target: Target, seconds: float) -> None:
    """Coverage-guided fuzzing of one pure Python target; the corpus grows in build/fuzz/corpus-<name>."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: .venv/bin/pip install atheris")
    corpus = FINDINGS / f"corpus-{target.name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds:.0f}", f"-artifact_prefix={FINDINGS}/{target.name}-", str(corpus)],
        target.run,
    )
    atheris.Fuzz()


def main() -> None:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.harness", description=__doc__)
    parser.add_argument("--target", help="only this target")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", choices=("mutation", "atheris"), default="mutation")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run; a new one each time when not given")
    parser.add_argument(
        "--turn", type=int, help="only this turn of a run, one input per line of output (after a crash)"
    )
    parser.add_argument("--replay", type=Path, help="run one kept input, with its traceback")
    options = parser.parse_args()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    found = find_targets()
    if options.target and options.target not in found:
        parser.error(f"no such target; there are: {', '.join(found)}")
    chosen = [found[options.target]] if options.target else list(found.values())
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    if options.replay or options.turn is not None or options.engine == "atheris":
        if len(chosen) != 1:
            parser.error("name one --target")
        target = chosen[0]
        if options.replay:
            target.run(options.replay.read_bytes())
            print("the input does no harm")
        elif options.turn is not None:
            rng = random.Random(f"{seed}/{options.turn}/{target.name}")
            for _ in range(ROUND):
                data = mutated(rng, target.seeds)
                print(data.hex(), flush=True)
                run_one(target, data)
        else:
            fuzz_with_atheris(target, options.seconds)
        return
    try:
        fuzz(chosen, options.seconds, seed)
    except FuzzFindingError as finding:
        traceback.print_exception(finding.__cause__)
        sys.exit(str(finding))


if __name__ == "__main__":
    main()
