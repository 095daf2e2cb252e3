"""Meetings, and browsers of those who have to do with them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from auth.sessions import Session
from signalling.front import Front
from signalling.meetings import Meeting
from tests.signalling.browsing import PROVIDER, UNIT, Browser, browser_of
from tests.signalling.conftest import KEYS, NOW

PATIENT = "p-" + "a" * 26
OTHER_PATIENT = "p-" + "c" * 26
HOST = "SE5555555555-K1"

MakeBrowser = Callable[..., Awaitable[Browser]]


def meeting(meeting_id: str = "m1", **changes: Any) -> Meeting:
    """A visit of the patient at the unit, which begins in ten minutes."""
    values: dict[str, Any] = {
        "meeting_id": meeting_id,
        "title": "Återbesök",
        "kind": "one_to_one",
        "provider_hsa_id": PROVIDER,
        "unit_hsa_id": UNIT,
        "unit_name": "Mottagningen",
        "starts_at": int(NOW) + 600,
        "ends_at": int(NOW) + 2400,
        "patient": PATIENT,
        "phone": "08-123 45 67",
    }
    return Meeting(**values | changes)


def service(*scopes: str) -> dict[str, str]:
    """The headers of a service with these scopes."""
    token = KEYS.sign_service(service="companion", scopes=frozenset(scopes), now=NOW, lifetime_s=60)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def make_browser(front: Front) -> AsyncIterator[MakeBrowser]:
    """Browsers that are closed in the end; ``make(session, front)``."""
    browsers: list[Browser] = []

    async def make(session: Session | None = None, at: Front | None = None) -> Browser:
        browsers.append(await browser_of(at or front, session))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


def error(body: Any) -> str:
    """The code of a refusal."""
    return str(body["error"]["code"])
