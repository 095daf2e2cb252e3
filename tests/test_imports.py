"""Who may import whom: the table of ARCHITECTURE.md, held against the imports and cimports of every file."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("auth", "chat", "companion", "loadtest", "rtc", "sfu", "signalling")

ALLOWED = {
    "auth": (),
    "chat": ("auth",),
    # It runs where no media is; logs look the same in every process.
    "companion": ("auth", "sfu.logs"),
    "rtc": (),
    "sfu": ("rtc",),
    # The front speaks with the workers through the bus; it never imports what carries media.
    "signalling": (
        "auth",
        "chat",
        "rtc.sdp",
        "sfu.bus",
        "sfu.client",
        "sfu.logs",
        "sfu.registry",
        "sfu.settings",
        "sfu.stay_store",
    ),
    # A black box: it knows the protocols on the wire and nothing of the server's inside; logins it measures in parts.
    "loadtest": ("auth", "rtc", "signalling.protocol"),
}
"""For each folder the modules of the others (with everything below them) that it may import."""

STANDALONE_FILES = {
    # Generators of documents read the settings and the metrics of all programs.
    "signalling/documents.py": ("sfu", "rtc.dtls_certificate"),
}
"""Files with wider rights than their folder, each with its reason."""

CIMPORT = re.compile(r"^\s*(?:cimport\s+([\w.]+)|from\s+([\w.]+)\s+c?import\s+(\(?[\w\s,]+))", re.MULTILINE)
PLAIN_IMPORT = re.compile(r"^\s*import\s+([\w.]+)", re.MULTILINE)


def python_imports(text: str, package: str) -> set[str]:
    """The dotted names that a Python file imports, `from a import b` as a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def cython_imports(text: str) -> set[str]:
    """The dotted names that a Cython file imports or cimports."""
    found = set(PLAIN_IMPORT.findall(text))
    for plain, module, names in CIMPORT.findall(text):
        if plain:
            found.add(plain)
        else:
            words = re.split(r"[\s,(]+", names.strip("( \n"))
            found.update(f"{module}.{word}" for word in words if word)
    return found


def our_imports(path: Path) -> set[str]:
    """What one file takes of our own folders."""
    text = path.read_text()
    package = path.relative_to(ROOT).parts[0]
    names = python_imports(text, package) if path.suffix in {".py", ".pyi"} else cython_imports(text)
    return {name for name in names if name.split(".")[0] in OURS}


def is_allowed(name: str, importer: Path) -> bool:
    """Whether that file may import that dotted name."""
    file = importer.as_posix()
    folder = importer.parts[0]
    allowed = (folder, *ALLOWED[folder], *STANDALONE_FILES.get(file, ()))
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in allowed)


def source_files(folder: str) -> list[Path]:
    return [path for suffix in ("py", "pyi", "pyx", "pxd") for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))]


@pytest.mark.parametrize("folder", OURS)
def test_folder_imports_only_what_the_table_allows(folder: str) -> None:
    forbidden = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in source_files(folder)
        for name in sorted(our_imports(path))
        if not is_allowed(name, path.relative_to(ROOT))
    ]
    assert not forbidden


@pytest.mark.parametrize(
    ("file", "text", "refused"),
    [
        ("rtc/a.py", "import sfu.room", True),
        ("rtc/a.py", "from rtc import stun", False),
        ("sfu/a.pyx", "from rtc.rtp cimport parse_rtp", False),
        ("sfu/a.pyx", "    from signalling.protocol import Join", True),
        ("signalling/a.py", "from sfu import room", True),
        ("signalling/a.py", "from sfu import client", False),
        ("signalling/a.py", "from rtc.sdp import parse_offer", False),
        ("signalling/a.py", "def f():\n    from rtc import srtp", True),
        ("loadtest/a.pyx", "cimport sfu.walk", True),
        ("loadtest/a.pyx", "from sfu.walk cimport (\n    forward,\n)", True),
        ("loadtest/a.pxd", "from rtc.srtp cimport SrtpSession", False),
        ("auth/a.py", "from signalling import protocol", True),
    ],
)
def test_the_check_tells_forbidden_from_allowed(file: str, text: str, refused: bool) -> None:
    path = Path(file)
    names = python_imports(text, path.parts[0]) if path.suffix == ".py" else cython_imports(text)
    assert any(not is_allowed(name, path) for name in names if name.split(".")[0] in OURS) is refused


def test_tests_are_not_imported_by_the_product() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in OURS
        for path in source_files(folder)
        if re.search(r"^\s*(from|import|cimport)\s+tests\b", path.read_text(), re.MULTILINE)
    ]
    assert not found
