"""Credentials for a TURN server that end by themselves, as coturn's ``use-auth-secret`` checks them.

The scheme (draft-uberti-behave-turn-rest-00): the user name is the time of its end and an id, the password is the
HMAC-SHA1 of the user name under a secret that this service and the TURN server share. No list of users exists, and
the id says nothing of who it is.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MIN_SECRET_BYTES: Final = 16
"""A secret that can be guessed gives everybody a relay."""
SCHEMES: Final = ("turn:", "turns:")


class TurnSettingsError(ValueError):
    """TURN settings that cannot be used; the message never contains the secret."""


@dataclass(frozen=True)
class TurnCredentials:
    """What a client shows to the TURN server."""

    urls: tuple[str, ...]
    username: str
    credential: str = field(repr=False)
    expires_at: int
    """Seconds since the epoch. What was allocated before then may go on."""


class TurnServer:
    """The servers that share one secret."""

    def __init__(self, urls: Sequence[str], secret: str, lifetime_s: int) -> None:
        if not urls or not all(url.startswith(SCHEMES) for url in urls):
            raise TurnSettingsError("a TURN address begins with turn: or turns:")
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise TurnSettingsError(f"the TURN secret is shorter than {MIN_SECRET_BYTES} bytes")
        self._urls = tuple(urls)
        self._secret = secret.encode()
        self._lifetime_s = lifetime_s

    @classmethod
    def parse(cls, urls: str, secret: str, lifetime_s: int) -> "TurnServer | None":
        """From settings: addresses separated by commas; None when there are none."""
        found = [url.strip() for url in urls.split(",") if url.strip()]
        return cls(found, secret, lifetime_s) if found else None

    def __repr__(self) -> str:
        return f"TurnServer({', '.join(self._urls)})"

    def credentials(self, opaque_id: str, now: float) -> TurnCredentials:
        """Fresh credentials. ``opaque_id`` appears in the server's logs: a random id, never a person's."""
        expires_at = int(now) + self._lifetime_s
        username = f"{expires_at}:{opaque_id}"
        digest = hmac.new(self._secret, username.encode(), hashlib.sha1).digest()
        return TurnCredentials(self._urls, username, base64.b64encode(digest).decode(), expires_at)
