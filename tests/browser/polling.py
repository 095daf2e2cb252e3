"""Waiting for a condition with a deadline: asked again and again, never slept for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.patience import PATIENCE_S

T = TypeVar("T")
INTERVAL_S = 0.1
"""Between two questions; a call's state does not change faster than a person would notice."""


async def until(question: Callable[[], Awaitable[T]], what: str, deadline_s: float = PATIENCE_S) -> T:
    """The first truthy answer; AssertionError naming what was awaited, and the last answer, after the deadline."""
    answer: T | None = None
    try:
        async with asyncio.timeout(deadline_s):
            while not (answer := await question()):
                await asyncio.sleep(INTERVAL_S)
            return answer
    except TimeoutError:
        raise AssertionError(f"after {deadline_s} s still not: {what} (last answer {answer!r})") from None
