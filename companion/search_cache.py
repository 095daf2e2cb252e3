"""Answers to public searches, kept for a moment: in a rush thousands ask the same and one asks the database.

An answer is kept as the bytes and headers that go out, and found by the query as it came: a hit reads, checks and
serialises nothing, and whoever has it already (``If-None-Match``, RFC 9110 section 13.1.2) is told so in a few bytes.
It is good until a commit of this process changes what it says (``companion.slot_news``), and never for longer than its
lifetime, within which other processes may have changed it.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from companion.slot_news import SlotNews

MAX_ANSWERS: Final = 2000
MAX_QUERY_BYTES: Final = 512
"""Longer queries are read anew each time: what is remembered stays small whatever is asked."""
_ETAG_BYTES: Final = 16
_NOT_MODIFIED: Final = 304

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True)
class Question:
    """What is searched: whatever changes of these places may change the answer."""

    unit_hsa_id: str | None = None
    time_type_id: str | None = None
    rest: tuple[Any, ...] = ()


class Answer:
    """An answer ready to be sent, to whoever asks."""

    def __init__(self, body: bytes, version: int, good_until: datetime, max_age_s: int) -> None:
        self.body = body
        self.version = version
        self.good_until = good_until
        self._etag = f'"{hashlib.blake2b(body, digest_size=_ETAG_BYTES).hexdigest()}"'
        headers = {"ETag": self._etag, "Cache-Control": f"public, max-age={max_age_s}"}
        self._whole = Response(body, media_type="application/json", headers=headers)
        self._not_modified = Response(status_code=_NOT_MODIFIED, headers=headers)

    def to(self, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """The body, or that it is what they have already."""
        for name, value in headers:
            if name == b"if-none-match" and self._matches(value):
                return self._not_modified
        return self._whole

    def _matches(self, value: bytes) -> bool:
        text = value.decode("latin-1")
        return text.strip() == "*" or any(one.strip().removeprefix("W/") == self._etag for one in text.split(","))


class SearchCache:
    """By question. Of several who ask at once for what is not there, one looks it up and the others wait."""

    def __init__(self, lifetime_s: float, news: SlotNews) -> None:
        self._lifetime = timedelta(seconds=lifetime_s)
        self._max_age_s = int(lifetime_s)
        self._news = news
        self._answers: OrderedDict[Question, Answer] = OrderedDict()
        self._questions: OrderedDict[bytes, Question] = OrderedDict()
        """By the query of the address, as it came."""
        self._asking: dict[tuple[Question, int], asyncio.Task[Answer]] = {}

    def known(self, query: bytes, now: datetime) -> Answer | None:
        """The answer to a query that came before, letter by letter; None when it is not good any more."""
        question = self._questions.get(query)
        return None if question is None else self._good(question, now)

    async def get(
        self, question: Question, query: bytes, now: datetime, look_up: Callable[[], Awaitable[bytes]]
    ) -> Answer:
        """The answer, at most the lifetime old, and no older than the last change made here."""
        answer = self._good(question, now) or await self._ask(question, now, look_up)
        if len(query) <= MAX_QUERY_BYTES:
            _keep(self._questions, query, question)
        return answer

    def _version(self, question: Question) -> int:
        return self._news.version(question.unit_hsa_id, question.time_type_id)

    def _good(self, question: Question, now: datetime) -> Answer | None:
        answer = self._answers.get(question)
        if answer is None or now >= answer.good_until or answer.version != self._version(question):
            return None
        return answer

    async def _ask(self, question: Question, now: datetime, look_up: Callable[[], Awaitable[bytes]]) -> Answer:
        # The version before the look-up: what is committed while it runs makes the answer old at once.
        place = (question, self._version(question))
        asking = self._asking.get(place) if self._lifetime else None
        if asking is None:
            asking = asyncio.create_task(self._look_up(place, now, look_up))
            self._asking[place] = asking
        return await asyncio.shield(asking)  # whoever goes away meanwhile leaves it to the others

    async def _look_up(
        self, place: tuple[Question, int], now: datetime, look_up: Callable[[], Awaitable[bytes]]
    ) -> Answer:
        question, version = place
        try:
            answer = Answer(await look_up(), version, now + self._lifetime, self._max_age_s)
            if version == self._version(question):
                _keep(self._answers, question, answer)
            return answer
        finally:
            if self._asking.get(place) is asyncio.current_task():
                del self._asking[place]


def _keep(kept: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MAX_ANSWERS:
        kept.popitem(last=False)


class KeptAnswers:
    """Middleware: a search that was made before is answered before the router sees it."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] == self._path and scope["method"] == "GET":
            state = scope["app"].state
            answer: Answer | None = state.search_cache.known(scope["query_string"], state.services.clock())
            if answer is not None:
                await answer.to(scope["headers"])(scope, receive, send)
                return
        await self._app(scope, receive, send)
