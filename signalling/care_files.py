"""Files of the companion on their way to a browser: piece by piece, of any length, or a part where one is asked for.

The companion decides who may have one and writes that down before the first byte. Nothing of it is kept here: what the
browser does not take holds the file up, and after a while ends it. Whatever it is, it is saved and not shown.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from auth.principal import Principal
from signalling.attachment_api import SAFE_HEADERS, disposition
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_client import CompanionClient, FileAnswer
from signalling.http_errors import HttpError

STREAMED: Final = frozenset(
    {
        "/cases/archived/{conversation_id}/files/{attachment_id}",
        "/export/{extract_id}/json",
        "/export/{extract_id}/pdf",
        "/letter-batches/{batch_id}/pdf",
        "/summons/{summons_id}/attachments/{attachment_id}",
    }
)
"""Routes of the companion that give files of any length."""
MAX_AT_ONCE: Final = 64
"""Files on their way at one front: each holds a connection to the companion."""
STALLED_S: Final = 60.0
"""A browser that takes nothing for so long has gone."""
PROBLEM_JSON: Final = "application/problem+json"
_TYPES: Final = {"application/json": "utdrag.json", "application/pdf": "dokument.pdf"}
"""Types that are told, and what such files are called when the companion does not say; others are octets."""
_PASSED: Final = ("Accept-Ranges", "Content-Length", "Content-Range", "ETag", "X-Request-Id")
_PARTS: Final = {
    "Range": re.compile(r"bytes=\d{0,18}-\d{0,18}", re.ASCII),
    "If-Range": re.compile(r'"[A-Za-z0-9]{1,128}"'),
}
_NAME: Final = re.compile(r"attachment; filename\*=UTF-8''([A-Za-z0-9%._~-]{1,800})")
_PLAIN_NAME: Final = re.compile(r'attachment; filename="([A-Za-z0-9._-]{1,100})"')


class CareFiles:
    """Streams files, a bounded number at once."""

    def __init__(self, *, stalled_s: float = STALLED_S) -> None:
        self._places = MAX_AT_ONCE
        self._stalled_s = stalled_s

    async def send(
        self,
        request: web.Request,
        client: CompanionClient,
        target: str,
        principal: Principal,
        *,
        address: str,
        language: str,
    ) -> web.StreamResponse:
        """Ask for a file and hand it on."""
        if self._places == 0:
            raise HttpError("unavailable", cause="files_at_once")
        self._places -= 1
        try:
            async with client.fetch_file(
                target, principal, language, address=address, part=_part(request.headers)
            ) as answer:
                return await self._pass_on(request, answer)
        except CompanionRefusedError as error:
            if error.status == 401:  # our own signature: nothing that logging in again would mend
                raise HttpError("unavailable", cause="signature") from None
            return web.json_response(error.problem, status=error.status, content_type=PROBLEM_JSON)
        except CompanionUnavailableError as error:
            raise HttpError("unavailable", cause=f"companion_{error.cause}") from None
        finally:
            self._places += 1

    async def _pass_on(self, request: web.Request, answer: FileAnswer) -> web.StreamResponse:
        passed = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=SAFE_HEADERS | passed)
        kind = answer.content_type if answer.content_type in _TYPES else "application/octet-stream"
        response.content_type = kind
        name = _name(answer.headers.get("Content-Disposition", "")) or _TYPES.get(kind, "fil.bin")
        response.headers["Content-Disposition"] = disposition(name, is_shown=False)
        await response.prepare(request)
        try:
            async for piece in answer.chunks:
                async with asyncio.timeout(self._stalled_s):
                    await response.write(piece)
        except (CompanionUnavailableError, TimeoutError):
            # The head has gone out: cutting the connection is the only way to say that the rest will not come.
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


def _part(headers: Mapping[str, str]) -> dict[str, str]:
    """What is asked for of the file, as far as it is of the form that the companion reads; else all of it."""
    asked = {name: headers[name] for name, form in _PARTS.items() if form.fullmatch(headers.get(name, ""))}
    if "If-Range" in headers and "If-Range" not in asked:
        return {}  # of another file, as far as we know
    return asked if "Range" in asked else {}


def _name(said: str) -> str | None:
    encoded, plain = _NAME.fullmatch(said), _PLAIN_NAME.fullmatch(said)
    if encoded is not None:
        name = unquote(encoded[1], errors="replace")
        return "".join(character if character.isprintable() else "_" for character in name)[:200]
    return plain[1] if plain is not None else None
