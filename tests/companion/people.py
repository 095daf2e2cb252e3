"""Who asks in the companion's tests, and a client that speaks for them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from auth.permissions import ACR_LINK, ACR_TOKEN, LOA3
from auth.principal import PROXY_SCOPES, Commission, Principal, ProxyScope, Role
from auth.principal_tokens import sign_principal
from auth.tokens import TokenKeys

PROVIDER, UNIT = "SE5555555555-0001", "SE5555555555-1001"
OTHER_UNIT = "SE5555555555-1002"
OTHER_PROVIDER, FOREIGN_UNIT = "SE5566778899-0001", "SE5566778899-2001"
ANNA, BO, CHILD = "p-" + "a" * 26, "p-" + "b" * 26, "p-" + "c" * 26
START = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
"""A Monday, 08:00 in Stockholm."""
TOKEN_KEYS = TokenKeys({"test": b"k" * 32})


@dataclass
class VirtualClock:
    """Time that a test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        """Later by ``hours=1``..."""
        self.now += timedelta(**delta)


def patient(person_id: str = ANNA, *, acr: str = LOA3) -> Principal:
    """A patient who acts in person."""
    return Principal(
        "patient", frozenset({"patient"}), person_id, person_id, "A", frozenset(), None, None, acr, 0, f"g-{person_id}"
    )


def proxy(actor: str = ANNA, subject: str = CHILD, scopes: frozenset[ProxyScope] = PROXY_SCOPES) -> Principal:
    """A patient who acts for another."""
    return Principal("patient", frozenset({"proxy"}), actor, subject, "A", scopes, None, None, LOA3, 0, f"g-{actor}")


def staff(*roles: Role, unit: str = UNIT, provider: str = PROVIDER, actor: str = "SE5555555555-K1") -> Principal:
    """An employee with a commission in a unit."""
    held: frozenset[Role] = frozenset(roles or ("staff",))
    commission = Commission("SE5555555555-C1", unit, provider, "Unit", held)
    return Principal("staff", held, actor, None, "S", frozenset(), commission, None, LOA3, 0, f"g-{actor}")


def guest(role: Role = "guest") -> Principal:
    """Somebody with a link."""
    kind: Any = role
    return Principal(kind, frozenset({role}), "link", None, "G", frozenset(), None, "m", ACR_LINK, 0, "g-link")


def service(*scopes: str, name: str = "record-system") -> Principal:
    """A program."""
    held: frozenset[str] = frozenset(scopes)
    return Principal(
        "service", frozenset({"service"}), name, None, name, frozenset(), None, None, ACR_TOKEN, 0, f"g-{name}", held
    )


@dataclass
class Api:
    """Asks the companion on behalf of somebody."""

    http: httpx2.AsyncClient
    clock: VirtualClock
    headers: dict[str, str] = field(default_factory=dict)
    keys: TokenKeys = TOKEN_KEYS

    async def ask(
        self, method: str, path: str, who: Principal | None = None, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """One request."""
        sent = dict(self.headers)
        if who is not None:
            sent["Authorization"] = f"Bearer {sign_principal(self.keys, who, now=self.clock.now.timestamp())}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, who: Principal | None = None, **headers: str) -> httpx2.Response:
        """GET."""
        return await self.ask("GET", path, who, **headers)

    async def post(self, path: str, who: Principal | None = None, body: Any = None, **headers: str) -> httpx2.Response:
        """POST."""
        return await self.ask("POST", path, who, {} if body is None else body, **headers)

    async def made(self, path: str, who: Principal, body: Any = None, **headers: str) -> Any:
        """POST something that must succeed; what it gives."""
        answer = await self.post(path, who, body, **headers)
        assert answer.status_code < 300, (answer.status_code, answer.text)
        return answer.json()
