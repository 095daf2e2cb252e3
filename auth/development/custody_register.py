"""The test bench's custody register: who the guardians of invented children are. Part of the development provider's
process, which refuses to start outside development mode.

======  =====================  =========================================================================================
POST    ``/custody-register``  ``{"number": "..."}`` to ``{"guardians": ["...", ...]}``; 404 for children it does not
                               know. With the test bench's secret as bearer token.
======  =====================  =========================================================================================
"""

import hmac
from collections.abc import Callable
from datetime import date
from typing import Final

from aiohttp import web

from auth.development.persons import CUSTODY, patients

PATH: Final = "/custody-register"


class DevelopmentCustodyRegister:
    """The register. ``secret``: what whoever asks must know."""

    def __init__(self, secret: str, today: Callable[[], date]) -> None:
        self._secret = secret
        self._today = today

    def add_routes(self, app: web.Application) -> None:
        """Its only one."""
        app.router.add_post(PATH, self.ask)

    async def ask(self, request: web.Request) -> web.Response:
        """POST /custody-register."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._secret.encode()):
            raise web.HTTPUnauthorized
        try:
            body = await request.json()
            number = body["number"]
        except (ValueError, KeyError, TypeError):
            raise web.HTTPBadRequest from None
        people = {person.key: person for person in patients(self._today())}
        child = next((person for person in people.values() if person.number == number), None)
        if child is None or child.key not in CUSTODY:
            raise web.HTTPNotFound
        return web.json_response({"guardians": [people[key].number for key in CUSTODY[child.key]]})
