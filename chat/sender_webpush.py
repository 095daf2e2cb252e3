"""Web push through the browsers' push services.

The address to send to comes from a browser, that is, from anybody: only hosts of known push services are ever called,
and no redirect is followed, so that nobody can make us ask something inside the house.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec

from chat.notice_sender import Outgoing, SendError
from chat.notices import Channel
from chat.web_push import Subscription, SubscriptionError, authorization, encrypt

TIMEOUT: Final = aiohttp.ClientTimeout(total=20, sock_connect=5)
KNOWN_HOSTS: Final = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    ".push.apple.com",
    ".notify.windows.com",
)
"""Push services of today's browsers; a name that begins with a dot means everything below it."""
_GONE: Final = frozenset({404, 410})


def is_known_endpoint(endpoint: str, hosts: Sequence[str], *, schemes: Sequence[str] = ("https",)) -> bool:
    """May we be made to call this address?"""
    try:
        parts = urlsplit(endpoint)
        host = (parts.hostname or "").lower()
        has_login = parts.username is not None or parts.password is not None
        is_usual_port = parts.port in (None, 443) or "http" in schemes
    except ValueError:
        return False
    is_known = any(host.endswith(known) if known.startswith(".") else host == known for known in hosts)
    return parts.scheme in schemes and is_known and is_usual_port and not has_login


class WebPushSender:
    """Sends web push. A browser shows notices with the same topic once: a repeated one replaces the first."""

    channel: Channel = "push"
    repeats_safely = True

    def __init__(
        self,
        private_key: ec.EllipticCurvePrivateKey,
        subject: str,
        *,
        hosts: Sequence[str] = KNOWN_HOSTS,
        schemes: Sequence[str] = ("https",),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``subject``: a ``mailto:`` or ``https:`` address where push services can reach us."""
        self._private_key = private_key
        self._subject = subject
        self._hosts = tuple(hosts)
        self._schemes = tuple(schemes)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, outgoing: Outgoing) -> str:
        """Hand it to the push service; no delivery is reported."""
        try:
            subscription = Subscription.parse(outgoing.to)
        except SubscriptionError:
            raise SendError("bounced", "subscription") from None
        if not is_known_endpoint(subscription.endpoint, self._hosts, schemes=self._schemes):
            raise SendError("bounced", "unknown_service")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT)
        plain = json.dumps({"title": outgoing.subject, "body": outgoing.text}, ensure_ascii=False).encode()
        one_time_key = ec.generate_private_key(ec.SECP256R1())
        headers = {
            "Authorization": authorization(self._private_key, subscription.endpoint, self._subject, self._clock()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(outgoing.lifetime_s),
            "Topic": outgoing.notice_id[-32:],  # RFC 8030 section 5.4
        }
        body = encrypt(plain, subscription, private_key=one_time_key, salt=os.urandom(16))
        try:
            async with self._session.post(
                subscription.endpoint, data=body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SendError("temporary", type(error).__name__) from None
        if status in _GONE:
            raise SendError("bounced", f"service_{status}")
        if not 200 <= status < 300:
            passing = status >= 500 or status in (401, 403, 408, 429)
            raise SendError("temporary" if passing else "permanent", f"service_{status}")
        return ""

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
