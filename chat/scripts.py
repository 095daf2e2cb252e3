"""The Lua scripts: each is one atomic step on the keys of one conversation, in commands of Redis 7.0."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Script:
    """A script and the name (SHA-1) by which a server that has seen it calls it."""

    name: str
    text: str
    sha: str

    @classmethod
    def load(cls, name: str) -> "Script":
        """From the file beside this one. A line ``-- other.lua`` brings in what several scripts share."""
        text = _read(f"{name}.lua")
        return cls(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return _SHARED.sub(lambda found: _read(found[1]), text)


_SHARED: Final = re.compile(r"^-- (\w+\.lua)$", re.MULTILINE)

APPEND: Final = Script.load("append")
SAY: Final = Script.load("say")
READ: Final = Script.load("read")
RECEIPT: Final = Script.load("receipt")
TOUCH: Final = Script.load("touch")
TRIM: Final = Script.load("trim")
TELL: Final = Script.load("tell")
