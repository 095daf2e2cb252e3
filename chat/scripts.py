"""The Lua scripts: each is one atomic step on the keys of one conversation, in commands of Redis 7.0."""

import hashlib
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
        """From the file beside this one."""
        text = (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")
        return cls(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


APPEND: Final = Script.load("append")
SAY: Final = Script.load("say")
READ: Final = Script.load("read")
RECEIPT: Final = Script.load("receipt")
TOUCH: Final = Script.load("touch")
TRIM: Final = Script.load("trim")
FORGET: Final = Script.load("forget")
TELL: Final = Script.load("tell")
