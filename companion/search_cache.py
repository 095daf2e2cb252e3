"""Answers to public searches, kept for a moment: in a rush thousands ask the same and one asks the database."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_ANSWERS: Final = 2000


@dataclass
class _Answer:
    body: bytes
    good_until: datetime


class SearchCache:
    """By question. Of several who ask at once for what is not there, one looks it up and the others wait."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime = timedelta(seconds=lifetime_s)
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._asking: dict[Hashable, asyncio.Task[bytes]] = {}

    async def get(self, question: Hashable, now: datetime, look_up: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer, at most the lifetime old."""
        known = self._answers.get(question)
        if known is not None and now < known.good_until:
            return known.body
        asking = self._asking.get(question) if self._lifetime else None
        if asking is None:
            asking = asyncio.create_task(self._ask(question, now, look_up))
            self._asking[question] = asking
        return await asyncio.shield(asking)  # whoever goes away meanwhile leaves it to the others

    async def _ask(self, question: Hashable, now: datetime, look_up: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            body = await look_up()
            self._keep(question, _Answer(body, now + self._lifetime))
            return body
        finally:
            if self._asking.get(question) is asyncio.current_task():
                del self._asking[question]

    def _keep(self, question: Hashable, answer: _Answer) -> None:
        self._answers[question] = answer
        self._answers.move_to_end(question)
        while len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
