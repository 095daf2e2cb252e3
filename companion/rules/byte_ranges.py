"""Parts of files (RFC 9110 section 14): one range of bytes. Several at once, and what is no range, get the whole."""

import re
from dataclasses import dataclass
from typing import Final

from companion.errors import Problem, define

RANGE_NOT_SATISFIABLE: Final = define(
    "range_not_satisfiable", 416, sv="Filen är inte så lång.", en="The file is not that long."
)
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """From the first byte to the last, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """In bytes."""
        return self.last - self.first + 1


def range_of(header: str | None, size: int) -> ByteRange | None:
    """Which part of a file of ``size`` bytes is asked for; None: all of it. ``Problem`` when there is no such part."""
    match = _RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:  # the last so many bytes
        length = min(int(match[2]), size)
        if length == 0:
            raise Problem(RANGE_NOT_SATISFIABLE)
        return ByteRange(size - length, size - 1)
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        return None  # not a range at all
    if first >= size:
        raise Problem(RANGE_NOT_SATISFIABLE)
    return ByteRange(first, last)
