"""Who may use the development provider: clients, their secrets and where their answers may go."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Client:
    """A registered client. URIs on this machine match with any port (as in RFC 8252 section 7.3)."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    post_logout_uris: tuple[str, ...] = ()
    backchannel_logout_path: str = ""
    """Path at the origin of the redirect URI in use, so that a front on any port hears of logouts."""

    def has_secret(self, secret: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self.secret.encode(), secret.encode())

    def may_redirect(self, uri: str) -> bool:
        """Is that one of its redirect URIs?"""
        return matches(uri, self.redirect_uris)

    def may_return_after_logout(self, uri: str) -> bool:
        """Is that one of the places to go to after logout?"""
        return matches(uri, self.post_logout_uris)


Clients = Mapping[str, Client]


def matches(uri: str, registered: tuple[str, ...]) -> bool:
    """Exactly one of the registered URIs, or one on this machine that differs only in host name and port."""
    return uri in registered or any(_same_on_loopback(uri, one) for one in registered)


def origin_of(uri: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def _same_on_loopback(uri: str, registered: str) -> bool:
    try:
        given, known = urlsplit(uri), urlsplit(registered)
        given.port  # noqa: B018  # raises when it is no port
    except ValueError:
        return False
    on_loopback = {given.hostname, known.hostname} <= LOOPBACK_HOSTS and given.username is None and not given.fragment
    return on_loopback and (given.scheme, given.path, given.query) == (known.scheme, known.path, known.query)
