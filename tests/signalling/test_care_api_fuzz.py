"""Every route below ``/api/care`` with something wrong in its address, its query and its body: refused, never a fault.

What the companion itself makes of hostile requests is in tests/companion/test_schema.py.
"""

import random
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
from yarl import URL

from signalling.care_table import CARE_ROUTES
from tests.companion.people import ANNA, PROVIDER, UNIT
from tests.signalling.browsing import patient, staff
from tests.signalling.conftest import MakeFront
from tests.signalling.meeting_people import MakeBrowser
from tests.signalling.real_companion import RealCompanion

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.attack]
SEED: Final = 1
VALUES: Final = (
    "\x00", "a\x00b", "\x1f", "ÅÄÖ", "\U0001f9d1", "-1", "0", "9" * 30, "1e400", "NaN", "null", "../..", "a/b", "?",
    "#", ";", "%", " ", "x" * 127, "x" * 600, "p-" + "a" * 26, "bk-" + "a" * 26, "SE5555555555-1001", "2027-02-30",
    "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-W60", "A", "٣",
)  # fmt: skip
BODIES: Final = (
    b"", b"{}", b"[]", b"null", b"{", b"\xff", b'"\\ud800"', b'{"text": "\\u0000", "name": "\\ud800"}', b"1" * 5_000,
    b"[" * 20_000, b'{"a":' * 20_000, b'{"ends_at": "9999-12-31T23:59:59.999-14:00", "version": 1e400}', b"NaN",
)  # fmt: skip
TYPES: Final = ("application/json", "application/json; charset=utf-16", "text/plain", "multipart/form-data", "")


def requests(chance: random.Random) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path with a query, and body with its type: two of each route."""
    for method, path, _ in CARE_ROUTES:
        for _ in range(2):
            filled = re.sub(r"\{\w+\}", lambda _match: quote(chance.choice(VALUES), safe=""), path)
            names = ("limit", "day", "first", "before", "kind", "unit", "patient_person_id", "begins_at", "x\x00")
            pairs = [(chance.choice(names), chance.choice(VALUES)) for _ in range(chance.randrange(3))]
            query = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
            sent: dict[str, Any] = {}
            if method not in ("GET", "DELETE"):
                sent = {"data": chance.choice(BODIES), "type": chance.choice(TYPES[:1] * 4 + TYPES[1:])}
            yield method, f"{filled}?{query}", sent


async def test_nothing_malformed_is_a_fault(
    make_front: MakeFront, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    limits = {"care_requests_per_minute": 100_000, "care_public_per_minute": 100_000}
    front = await make_front(companion_url=real_companion.url, **limits)
    unit = staff("staff", "scheduler", "unit_admin", "region_admin", unit=UNIT, provider=PROVIDER)
    browsers = [await make_browser(session, front) for session in (patient(ANNA), unit)]
    chance, statuses = random.Random(SEED), set()
    for method, path, sent in requests(chance):
        browser = chance.choice(browsers)
        headers = {"X-CSRF-Token": browser.csrf, "Origin": browser.url}
        body = sent.get("data")
        if body is not None:
            headers["Content-Type"] = sent["type"]
        address = URL(f"{front.http_url}/api/care{path}", encoded=True).relative()
        status, answer, response = await browser.ask(method, address, headers=headers, data=body)
        statuses.add(status)
        assert status < 500, (method, path, body, answer)
        if status >= 400:
            assert response.content_type in ("application/problem+json", "application/json"), (method, path, answer)
            text = str(answer)
            assert "code" in text, (method, path, answer)
    assert {200, 400, 403, 404, 415, 422} <= statuses
