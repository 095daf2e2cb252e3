"""A browser without a window: keeps cookies as the rules of ``__Host-`` say, and sends what a page of ours sends."""

from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
from yarl import URL

from auth.permissions import LOA3
from auth.principal import Commission, Role
from auth.sessions import ActingFor, Session, csrf_token, new_grant_id
from signalling.front import Front
from tests.signalling.conftest import NOW

SESSION = "__Host-session"
UNIT = "SE5555555555-U1"
PROVIDER = "SE5555555555-P1"


class Browser:
    """One person's browser at one front."""

    def __init__(self, front: Front) -> None:
        self.url = front.http_url
        self.cookies: dict[str, str] = {}
        self.http = aiohttp.ClientSession(front.http_url, cookie_jar=aiohttp.DummyCookieJar())
        self.set_cookies: SimpleCookie = SimpleCookie()
        """The cookies that the last answer set, with their attributes."""

    @property
    def csrf(self) -> str:
        """The token that a page reads from ``GET /api/session``."""
        return csrf_token(self.cookies[SESSION]) if SESSION in self.cookies else ""

    async def ask(self, method: str, path: str | URL, **options: Any) -> tuple[int, Any, aiohttp.ClientResponse]:
        """Status, JSON or text, and the response."""
        headers = dict(options.pop("headers", {}))
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.http.request(method, path, headers=headers, allow_redirects=False, **options) as response:
            self.set_cookies = SimpleCookie()
            for line in response.headers.getall("Set-Cookie", []):
                self.set_cookies.load(line)
            for name, morsel in self.set_cookies.items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
            body = await response.json() if response.content_type == "application/json" else await response.text()
            return response.status, body, response

    async def send(self, method: str, path: str, json: Any = None, **headers: str) -> tuple[int, Any]:
        """What a page of ours sends: JSON with the CSRF token, from our origin."""
        own = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf}
        status, body, _ = await self.ask(method, path, json=json, headers=own | headers)
        return status, body

    async def log_in(self, audience: str = "patient", return_to: str = "") -> tuple[int, Any, aiohttp.ClientResponse]:
        """Through the provider, which answers at once; the answer of the callback."""
        query = {"return_to": return_to} if return_to else {}
        status, body, response = await self.ask("GET", URL(f"/login/{audience}").with_query(query))
        if status != 302:
            return status, body, response
        answer = await self.at_provider(response.headers["Location"])
        return await self.ask("GET", answer)

    async def at_provider(self, location: str) -> URL:
        """Where the provider sends the browser: path and query at the front."""
        there = URL(location, encoded=True)
        async with aiohttp.ClientSession() as http, http.get(there, allow_redirects=False) as response:
            return URL(response.headers["Location"], encoded=True).relative()

    async def close(self) -> None:
        await self.http.close()


def patient(person_id: str = "p-" + "a" * 26, **changes: Any) -> Session:
    """A patient's session, as a login makes it."""
    session = Session(
        kind="patient",
        actor=person_id,
        display_name="Anna Testsson",
        acr=LOA3,
        authenticated_at=int(NOW),
        created_at=int(NOW),
        seen_at=int(NOW),
        grant_id=new_grant_id(),
        number="199001012385",
        number_system="http://electronichealth.se/identifier/personnummer",
    )
    return replace(session, **changes)


def staff(*roles: Role, unit: str = UNIT, provider: str = PROVIDER, hsa_id: str = "SE5555555555-K1") -> Session:
    """A staff member's session with one commission that gives these roles."""
    commission = Commission(f"{unit}C", unit, provider, "Enheten", frozenset(roles or ("staff",)))
    return replace(
        patient(hsa_id),
        kind="staff",
        display_name="Karin Lindvall",
        number=None,
        number_system=None,
        commissions=(commission,),
        commission=commission,
    )


def acting(subject: str, *scopes: Any) -> ActingFor:
    """Acting for somebody."""
    return ActingFor(subject, "Alva Testsson", frozenset(scopes or ("book", "messages", "meetings")))


async def browser_of(front: Front, session: Session | None = None) -> Browser:
    """A browser that is logged in already."""
    browser = Browser(front)
    if session is not None:
        browser.cookies[SESSION] = await front.identity.sessions.start(session)
    return browser
