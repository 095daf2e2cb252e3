"""As whom the front asks the companion on its own account, when no person does."""

from typing import Final

from signalling.guard import service_principal

FRONT: Final = service_principal(
    "front",
    frozenset(
        {
            "contacts:write",
            "meetings:read",
            "meetings:report",
            "notices:write",
            "persons:login",
            "persons:protection",
            "proxies:read",
            "roles:read",
        }
    ),
    "front",
)
"""Signed anew for each request; the companion's table of permissions says what the scopes open."""
