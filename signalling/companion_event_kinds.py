"""Kinds of the companion's events about which the front does nothing, each with its reason."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

IGNORED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "summons.confirmed": "The patient has done it and seen the answer.",
        "summons.rebooked": "The booking's own event tells of the new time.",
        "summons.declined": "The booking's own event tells that it is cancelled.",
        "custody.asked": "The companion asks the register itself; what comes of it is told as proxies.changed.",
    }
)
