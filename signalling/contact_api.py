"""One's own contact over HTTP: where and in which language one is told; places are confirmed by a code."""

import secrets
from typing import Final

from aiohttp import web

from auth.permissions import Action
from chat.contact_codes import CodeError, ContactCodes
from chat.contacts import ContactError, Contacts
from signalling.guard import guarded, principal_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.notice_views import ChangeContact, ConfirmCode, OwnContact, SendCode
from signalling.routes import Route

ROUTES: Final = (
    Route("GET", "/api/contact", Action.NOTICE_SUBSCRIBE, OwnContact.__doc__ or "", reply=OwnContact),
    Route("PATCH", "/api/contact", Action.NOTICE_SUBSCRIBE, ChangeContact.__doc__ or "", ChangeContact, OwnContact,
          (200, 400)),
    Route("POST", "/api/contact/codes", Action.NOTICE_SUBSCRIBE, SendCode.__doc__ or "", SendCode,
          statuses=(202, 400, 429)),
    Route("POST", "/api/contact/confirm", Action.NOTICE_SUBSCRIBE, ConfirmCode.__doc__ or "", ConfirmCode, OwnContact,
          (200, 400, 409)),
)  # fmt: skip


class ContactApi:
    """The handlers."""

    def __init__(self, contacts: Contacts, codes: ContactCodes) -> None:
        self._contacts = contacts
        self._codes = codes

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get("/api/contact", self.read)
        app.router.add_patch("/api/contact", self.change)
        app.router.add_post("/api/contact/codes", self.send_code)
        app.router.add_post("/api/contact/confirm", self.confirm)

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/contact."""
        return await self._answer(request)

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def change(self, request: web.Request) -> web.Response:
        """PATCH /api/contact."""
        body, person = await read_body(request, ChangeContact), principal_of(request).actor
        await self._contacts.change(
            person,
            language=body.language,
            phone="" if body.forget == "sms" else None,
            email="" if body.forget == "email" else None,
        )
        return await self._answer(request)

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def send_code(self, request: web.Request) -> web.Response:
        """POST /api/contact/codes."""
        body = await read_body(request, SendCode)
        code = f"{secrets.randbelow(10**6):06}"
        try:
            await self._codes.send(principal_of(request).actor, body.channel, body.to, code)
        except ContactError as error:
            raise HttpError("invalid_request", error.field) from None
        except CodeError as error:
            raise HttpError("too_many", cause=error.code) from None
        return web.Response(status=202)

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def confirm(self, request: web.Request) -> web.Response:
        """POST /api/contact/confirm."""
        body = await read_body(request, ConfirmCode)
        try:
            await self._codes.confirm(principal_of(request).actor, body.code)
        except CodeError as error:
            if error.code == "wrong_code":
                raise HttpError("invalid_request", "code", cause=error.code) from None
            raise HttpError("conflict", cause=error.code) from None
        return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.Response:
        contact = await self._contacts.get(principal_of(request).actor)
        view = OwnContact(
            phone=contact.phone, email=contact.email, language=contact.language, browsers=len(contact.subscriptions)
        )
        return web.json_response(view.model_dump())
