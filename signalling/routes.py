"""How a route is documented (docs/http.md is made of these); a test compares them with the router's own."""

from dataclasses import dataclass

from auth.permissions import Action
from signalling.guard import Public
from signalling.protocol import Message


@dataclass(frozen=True)
class Route:
    """A documented route. Refusals by the guard (401, 403, and 404 for what is not theirs) go without saying."""

    method: str
    path: str
    action: Action | Public
    summary: str
    body: type[Message] | None = None
    reply: type[Message] | None = None
    statuses: tuple[int, ...] = (200,)
    auth: str = ""
    """Credentials, where they are neither a session nor a service token."""
