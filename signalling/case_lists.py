"""Which cases a list shows: a page of those of a patient or a unit, one of them, or those that a search finds."""

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from auth.principal import Principal
from chat.case_store import PAGE, CaseStore, patient_key, unit_key
from chat.cases import Case, CaseState
from chat.history import MAX_QUERY_CHARACTERS, MIN_QUERY_CHARACTERS, folded, words_of
from signalling.http_errors import HttpError

MAX_FOUND: Final = 100
"""Of one search: more than that nobody reads; more words find fewer."""
MAX_SCANNED: Final = 5_000
"""Open cases that a search looks at, and as many closed ones, the newest first."""
_CASE_ID: Final = re.compile(r"case-[a-z2-7]{26}")


@dataclass(frozen=True)
class Wanted:
    """What a list is asked for."""

    is_closed: bool = False
    offset: int = 0
    case_id: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """Cases, and where the next page begins."""

    cases: list[Case]
    next_offset: int | None = None


def wanted_of(request: web.Request) -> Wanted:
    """The query of a request; ``HttpError`` names the parameter that is wrong."""
    query = request.query
    offset, case_id, text = query.get("offset", "0"), query.get("case", ""), query.get("q")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 9):
        raise HttpError("invalid_request", "offset")
    if case_id and not _CASE_ID.fullmatch(case_id):
        raise HttpError("invalid_request", "case")
    words: tuple[str, ...] = ()
    if text is not None:
        words = words_of(text)
        if not words or not MIN_QUERY_CHARACTERS <= len(text) <= MAX_QUERY_CHARACTERS:
            raise HttpError("invalid_request", "q")
    return Wanted(query.get("closed") == "1", int(offset), case_id, words)


class CaseLists:
    """The lists of those who may see them."""

    def __init__(self, cases: CaseStore, protected: Callable[[Collection[str]], Awaitable[frozenset[str]]]) -> None:
        """``protected``: who of some people has a protected identity: nobody finds them by their name."""
        self._cases = cases
        self._protected = protected

    async def page(self, principal: Principal, wanted: Wanted) -> Listed:
        """What is on the list of a patient (or of whom a proxy acts for), or of the unit where staff work."""
        if wanted.case_id:
            case = await self._cases.get(wanted.case_id)
            return Listed([case] if case is not None and is_listed(principal, case) else [])
        if wanted.words:
            return await self._search(principal, wanted.words)
        if principal.kind == "staff":
            unit = _unit(principal)
            found = await self._cases.of_unit(*unit, is_closed=wanted.is_closed, offset=wanted.offset)
            key = unit_key(*unit, is_closed=wanted.is_closed)
        else:
            patient = principal.subject or ""
            of_patient = await self._cases.of_patient(patient, offset=wanted.offset)
            found = [case for case in of_patient if (case.state is CaseState.CLOSED) is wanted.is_closed]
            key = patient_key(patient)
        following = wanted.offset + PAGE
        return Listed(found, following if await self._cases.has_more(key, following) else None)

    async def _search(self, principal: Principal, words: tuple[str, ...]) -> Listed:
        found: list[Case] = []
        if principal.kind != "staff":
            patient = principal.subject or ""
            await self._scan(
                lambda offset: self._cases.of_patient(patient, offset=offset), patient_key(patient), words, found
            )
            return Listed([case for case in found if is_listed(principal, case)])
        unit = _unit(principal)
        for is_closed in (False, True):

            async def read(offset: int, is_closed: bool = is_closed) -> list[Case]:
                return await self._cases.of_unit(*unit, is_closed=is_closed, offset=offset)

            await self._scan(read, unit_key(*unit, is_closed=is_closed), words, found, with_name=True)
        protected = await self._protected([case.patient for case in found])
        return Listed(
            [case for case in found if case.patient not in protected or matches(case, words, with_name=False)]
        )

    async def _scan(
        self,
        read: Callable[[int], Awaitable[list[Case]]],
        key: str,
        words: tuple[str, ...],
        found: list[Case],
        *,
        with_name: bool = False,
    ) -> None:
        """Add what has all the words, page by page."""
        for offset in range(0, MAX_SCANNED, PAGE):
            for case in await read(offset):
                if len(found) < MAX_FOUND and matches(case, words, with_name=with_name):
                    found.append(case)
            if len(found) >= MAX_FOUND or not await self._cases.has_more(key, offset + PAGE):
                return


def is_listed(principal: Principal, case: Case) -> bool:
    """Is the case on this person's list?"""
    if principal.kind == "staff":
        return (case.provider_hsa_id, case.unit_hsa_id) == _unit(principal)
    return case.patient == principal.subject


def matches(case: Case, words: tuple[str, ...], *, with_name: bool) -> bool:
    """Whether subject (and the patient's name) have all the words."""
    text = folded(f"{case.subject} {case.patient_name if with_name else ''}")
    return all(word in text for word in words)


def _unit(principal: Principal) -> tuple[str, str]:
    return principal.provider_hsa_id or "", principal.unit_hsa_id or ""
