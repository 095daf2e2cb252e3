"""Documents and types that are generated from the code, so that they cannot drift from it.

``python -m signalling.documents`` writes them, ``--check`` only tells which ones are out of date (a test does
the same): docs/protocol.md, docs/http.md, docs/settings.md, docs/metrics.md and web/client/src/protocol.ts.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from signalling.typescript import typescript

GENERATED: Mapping[str, Callable[[], str]] = {
    "web/client/src/protocol.ts": typescript,
}
"""Path inside the repository -> what makes its text."""

_ROOT = Path(__file__).resolve().parent.parent


def outdated(root: Path = _ROOT) -> list[str]:
    """The generated files whose text is not what the code says now."""
    wrong = []
    for name, generate in GENERATED.items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != generate():
            wrong.append(name)
    return wrong


def write(root: Path = _ROOT) -> list[str]:
    """Write every file that is out of date; returns their names."""
    wrong = outdated(root)
    for name in wrong:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GENERATED[name](), encoding="utf-8")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 when ``--check`` found drift."""
    parser = argparse.ArgumentParser(prog="python -m signalling.documents", description="Write generated documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    options = parser.parse_args(arguments)
    names = outdated() if options.check else write()
    for name in names:
        sys.stdout.write(f"{'out of date' if options.check else 'written'}: {name}\n")
    return 1 if options.check and names else 0


if __name__ == "__main__":
    sys.exit(main())
