"""What a provider knows of a login: the request, the session, what follows a logout, and the refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.development.claims import Subject
from auth.development.clients import Client


class AuthorizeError(Exception):
    """A request that is refused on a page: its client or its redirect URI cannot be trusted."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class RedirectError(Exception):
    """A request that is refused by a redirect with ``error`` (RFC 6749 section 4.1.2.1)."""

    def __init__(self, code: str, location: str) -> None:
        super().__init__(code)
        self.code = code
        self.location = location


class TokenEndpointError(Exception):
    """A refused token request (RFC 6749 section 5.2)."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked request of a client that waits for somebody to log in."""

    request_id: str
    client: Client
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    acr_values: tuple[str, ...]
    prompt: frozenset[str]
    parameters: Mapping[str, str]
    made_at: float


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in at the provider."""

    session_id: str
    subject: Subject
    acr: str
    authenticated_at: int
    redirect_uri: str
    client_id: str


@dataclass(frozen=True)
class Logout:
    """What follows a logout: where to go, and whom to tell."""

    location: str | None
    notices: tuple[tuple[str, str], ...] = field(repr=False)
    """Address and logout token, for each client that had a session."""
