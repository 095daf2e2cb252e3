# ruff: noqa: INP001
"""Translates every .pyx file to C and fails on any warning or performance hint.

A performance hint on the packet path is a hidden call into Python or a hidden grab of the GIL (most often a
``cdef`` function that lacks ``noexcept``), so it is an error here, not advice.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("chat", "rtc", "sfu", "signalling", "loadtest")
COMPLAINTS = ("performance hint:", "warning:", "error:")
IGNORED = "Unused entry"
"""Said of loop variables and of generator expressions too; ruff finds what is unused in Python."""


def complaints_of(source: Path, into: Path) -> list[str]:
    """The lines in which Cython complains of one file; empty when it has nothing to say."""
    command = [
        sys.executable,
        "-m",
        "cython",
        "-3",
        "-Wextra",
        "--output-file",
        str(into / f"{source.stem}.c"),
        str(source),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (result.stderr + result.stdout).splitlines()
    found = [line for line in lines if line.startswith(COMPLAINTS) and IGNORED not in line]
    if result.returncode and not found:
        found = lines or [f"{source}: cython ended with status {result.returncode}"]
    return found


def main() -> int:
    """Checks all packages; the exit status says whether Cython was silent."""
    sources = [path for package in PACKAGES for path in sorted(Path(package).glob("*.pyx"))]
    with tempfile.TemporaryDirectory() as folder:
        found = [line for source in sources for line in complaints_of(source, Path(folder))]
    for line in found:
        print(line)
    print(f"cython: {len(sources)} files, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
