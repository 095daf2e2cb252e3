"""The written documents: what they point at exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)|src=\"([^\"]+)\"")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:auth|chat|rtc|sfu|signalling|loadtest|tests|web)/[\w./-]+\.\w+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_named_files_exist(document: Path) -> None:
    text = document.read_text()
    linked = [document.parent / (first or second) for first, second in LINK.findall(text)]
    named = [ROOT / name for name in FILE.findall(text)]
    assert [str(path) for path in linked + named if not path.exists()] == []


@pytest.mark.parametrize("document", ["threats.md", "asvs.md"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    named = TEST.findall((ROOT / "docs" / document).read_text())
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert len(named) > 40
    assert missing == []


def test_the_make_commands_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z-]+)", path.read_text())}
    assert named <= targets
