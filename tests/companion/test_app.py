"""The application's frame: health, problems in two languages, limits."""

from collections.abc import AsyncIterator

import pytest

from auth.principal_tokens import sign_principal
from companion.each_request import MAX_BODY_BYTES
from companion.errors import PROBLEM_JSON
from tests.companion.people import TOKEN_KEYS, Api, patient


async def test_it_says_that_it_runs(api: Api) -> None:
    answer = await api.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "language", "title"),
    [("", "sv", "Det finns inte."), ("en", "en", "There is no such thing."), ("sv;q=0.2,en-GB;q=0.9", "en", None)],
)
async def test_problems_are_told_in_both_languages(api: Api, accepted: str, language: str, title: str | None) -> None:
    answer = await api.get("/nothing-here", Accept_Language=accepted)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM_JSON
    assert answer.headers["content-language"] == language
    assert answer.json()["code"] == "not_found"
    assert title is None or answer.json()["title"] == title


async def test_another_method_is_a_problem_too(api: Api) -> None:
    answer = await api.post("/healthz")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.attack
async def test_a_huge_body_is_refused_unread(api: Api) -> None:
    answer = await api.http.post("/healthz", content=b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_every_answer_has_an_id_of_its_own(api: Api) -> None:
    first, second = await api.get("/healthz"), await api.get("/healthz")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.attack
async def test_a_huge_body_that_hides_its_length_is_refused_too(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    token = sign_principal(TOKEN_KEYS, patient(), now=api.clock.now.timestamp())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = await api.http.post("/bookings", content=endless(), headers=headers)
    assert answer.status_code in (400, 413)
    assert answer.json()["code"] in ("malformed", "too_large")
