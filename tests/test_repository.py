"""Rules for what is committed: sizes of files, and nothing that belongs to one machine."""

import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE_SUFFIXES = {".py", ".pyx", ".pxd", ".ts", ".tsx", ".lua"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".lock",
    ".txt",
    ".html",
    ".css",
    ".js",
    "",
}
LARGEST_LINES = 550
"""A file that outgrows this has more than one job."""
MEDIAN_LINES = 250
GENERATED = re.compile(r"generated (from|by)", re.IGNORECASE)

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|home|Users|opt/wheels|opt/pypi)/[\w.-]+"),
    "a registry's address": re.compile(
        r"registry\.npmjs\.org|registry\.yarnpkg\.com|files\.pythonhosted\.org|pypi\.org/simple|--(?:extra-)?index-url"
    ),
}
THIS = Path(__file__).relative_to(ROOT).as_posix()


def tracked_files() -> list[Path]:
    """What git tracks, or everything that is not built when this is no clone (an unpacked archive)."""
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip("not a git clone")
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


def lines_of(path: Path) -> int:
    return path.read_text().count("\n")


def written_sources() -> list[Path]:
    """Source files that people write and read; generated ones are not among them."""
    sources = [path for path in tracked_files() if path.suffix in SOURCE_SUFFIXES]
    return [path for path in sources if not GENERATED.search(path.read_text()[:300])]


def test_no_source_file_has_outgrown_one_job() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines_of(path) for path in written_sources() if lines_of(path) > LARGEST_LINES
    }
    assert not too_long


def test_most_source_files_are_short() -> None:
    assert statistics.median(lines_of(path) for path in written_sources()) < MEDIAN_LINES


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in TEXT_SUFFIXES or name == THIS:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if FORBIDDEN[what].search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert not found


def test_nothing_is_called_utils() -> None:
    vague = {"util", "utils", "helpers", "misc", "common"}
    assert not [path for path in tracked_files() if path.stem in vague and path.suffix in SOURCE_SUFFIXES]
