"""SMS through a gateway over HTTP.

``POST <url>`` with ``{"id", "from", "to", "text"}``, a bearer token, and the notice's id as ``Idempotency-Key``. A 2xx
answer has the gateway's own reference as ``id`` (or none). Gateways report deliveries to ``/api/notices/reports/sms``.
What speaks otherwise needs a translator in front, or a sender of its own.
"""

from typing import Any, Final

import aiohttp

from chat.notice_sender import Outgoing, SendError
from chat.notices import Channel

TIMEOUT: Final = aiohttp.ClientTimeout(total=20, sock_connect=5)
_NO_SUCH_NUMBER: Final = frozenset({404, 410, 422})


class SmsSender:
    """Sends SMS. The gateway takes a notice with the same id once."""

    channel: Channel = "sms"
    repeats_safely = True

    def __init__(self, url: str, token: str, sender: str) -> None:
        self._url = url
        self._token = token
        self._sender = sender
        self._session: aiohttp.ClientSession | None = None

    async def send(self, outgoing: Outgoing) -> str:
        """Hand it to the gateway; the gateway's reference, or the notice's id."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT)
        body = {"id": outgoing.notice_id, "from": self._sender, "to": outgoing.to, "text": outgoing.text}
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": outgoing.notice_id}
        try:
            async with self._session.post(self._url, json=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                answer: Any = await response.json(content_type=None) if 200 <= status < 300 else None
        except ValueError:
            answer = None  # taken, with an answer that is no JSON
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SendError("temporary", type(error).__name__) from None
        if status in _NO_SUCH_NUMBER:
            raise SendError("bounced", f"gateway_{status}")
        if not 200 <= status < 300:
            # 401 and 403 are faults of ours: notices wait for them to be mended.
            passing = status >= 500 or status in (401, 403, 408, 425, 429)
            raise SendError("temporary" if passing else "permanent", f"gateway_{status}")
        reference = answer.get("id") if isinstance(answer, dict) else None
        return str(reference) if reference else outgoing.notice_id

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
