"""What a check of an audit log found, in words; and the file of signed heads that checks keep. Reads no entry aloud."""

import sys
from collections.abc import Sequence
from pathlib import Path

from auth.audit import FaultCause, SignedHead, Verification

CAUSES: dict[FaultCause, str] = {
    "malformed": "is no entry of an audit log",
    "missing": "is missing",
    "out_of_place": "is followed by an entry that belongs elsewhere",
    "unknown_key": "was made with a key that is not among the given ones",
    "changed": "or its link to the one before was changed",
    "truncated": "is missing: a signed head tells that it and perhaps more were there",
    "head_forged": "is named by a signed head whose signature is wrong",
    "head_missing": "is the last one, but the signed head of the log is missing or unreadable",
}


def report(result: Verification, name: str = "audit log") -> int:
    """Say it; 0 when the log is whole, else 1."""
    if result.fault is not None:
        text = CAUSES[result.fault.cause]
        sys.stderr.write(f"The {name} is broken: entry {result.fault.number} {text} ({result.fault.cause}).\n")
        sys.stderr.write(f"It is whole up to entry {result.head.number}.\n")
        return 1
    sys.stdout.write(f"The {name} is whole: {result.head.number} entries.\n")
    return 0


def read_heads(path: Path | None) -> list[SignedHead]:
    """The signed heads of earlier checks, or of the lines ``audit_head`` of an application's log."""
    if path is None or not path.exists():
        return []
    lines = path.read_text(encoding="ascii").splitlines()
    return [SignedHead.parse(line) for line in lines if line.strip()]


def add_head(path: Path | None, head: SignedHead | None, known: Sequence[SignedHead]) -> None:
    """Keep the head of a log that was found whole."""
    if path is not None and head is not None and head.to_text() not in {one.to_text() for one in known}:
        with path.open("a", encoding="ascii") as file:
            file.write(f"{head.to_text()}\n")
