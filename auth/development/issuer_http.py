"""One issuer's HTTP: discovery, the page where one chooses who to be, tokens, keys, userinfo, logout."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from aiohttp import web

from auth.development import pages
from auth.development.authorization import AuthorizationServer, choose_acr
from auth.development.claims import ACR_VALUES, Subject
from auth.development.clients import origin_of
from auth.development.discovery import openid_configuration
from auth.development.grants import (
    AuthorizationRequest,
    AuthorizeError,
    Logout,
    RedirectError,
    TokenEndpointError,
)

SendNotice = Callable[[str, str], Awaitable[None]]
"""Posts a logout token (second) to an address (first)."""

_ACR_NAMES: Final = {
    ACR_VALUES[0]: ("Tillitsnivå 3 (vanlig)", "level 3, usual"),
    ACR_VALUES[1]: ("Tillitsnivå 2 (för svag)", "level 2, too weak"),
    ACR_VALUES[2]: ("Tillitsnivå 4", "level 4"),
}


@dataclass(frozen=True)
class Choice:
    """Somebody on the page."""

    subject: Subject
    name: str
    swedish: str
    english: str
    is_protected: bool = False


class IssuerHttp:
    """The routes of one issuer, below the path of its issuer URL."""

    def __init__(
        self,
        server: AuthorizationServer,
        prefix: str,
        title: tuple[str, str],
        choices: Callable[[], Mapping[str, Choice]],
        send_notice: SendNotice,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.server = server
        self.title = title
        self._prefix = prefix
        self._choices = choices
        self._send_notice = send_notice
        self._clock = clock
        self._cookie = f"test-bench{prefix.replace('/', '-')}"

    def add_routes(self, app: web.Application) -> None:
        """All routes."""
        router, prefix = app.router, self._prefix
        router.add_get(f"{prefix}/.well-known/openid-configuration", self.discovery)
        router.add_get(f"{prefix}/authorize", self.authorize)
        router.add_post(f"{prefix}/authorize", self.chosen)
        router.add_post(f"{prefix}/token", self.token)
        router.add_get(f"{prefix}/jwks", self.jwks)
        router.add_get(f"{prefix}/userinfo", self.userinfo)
        router.add_post(f"{prefix}/userinfo", self.userinfo)
        router.add_get(f"{prefix}/end_session", self.end_session)
        router.add_post(f"{prefix}/end_session", self.end_session)
        router.add_post(f"{prefix}/rotate", self.rotate)
        router.add_post(f"{prefix}/logout", self.logout)

    async def discovery(self, _request: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0 section 3."""
        return web.json_response(openid_configuration(self.server.issuer, self.server.keys.algorithm))

    # --- login -------------------------------------------------------------------------------------------------

    async def authorize(self, request: web.Request) -> web.Response:
        """The page with everybody; ``prompt=none`` is answered without it."""
        parameters = parameters_of(request.query)
        try:
            waiting = self.server.begin(parameters, self._clock())
            if "none" in waiting.prompt:
                session = self.server.silent(waiting, request.cookies.get(self._cookie, ""))
                raise web.HTTPFound(self.server.answer(waiting, session, self._clock()))
        except RedirectError as error:
            raise web.HTTPFound(error.location) from None
        except AuthorizeError as error:
            return refused_page(error.cause)
        return html(
            self.title[0],
            self._choice_form(waiting),
            form_targets=(origin_of(waiting.redirect_uri),),
        )

    async def chosen(self, request: web.Request) -> web.Response:
        """Somebody was chosen, or nobody."""
        form = await request.post()
        try:
            waiting = self.server.waiting(str(form.get("request", "")), self._clock())
        except AuthorizeError as error:
            return refused_page(error.cause)
        choice = self._choices().get(str(form.get("person", "")))
        if choice is None:
            raise web.HTTPSeeOther(self.server.refusal(waiting, "access_denied").location)
        acr = str(form.get("acr", ""))
        if acr not in ACR_VALUES:
            return refused_page("acr")
        location, session = self.server.complete(waiting, choice.subject, acr, self._clock())
        response = web.Response(status=303, headers={"Location": location})
        response.set_cookie(
            self._cookie, session.session_id, path=self._prefix or "/", httponly=True, samesite="Lax", max_age=12 * 3600
        )
        return response

    def _choice_form(self, waiting: AuthorizationRequest) -> str:
        first = choose_acr(waiting)
        options = "".join(
            f'<option value="{acr}"{" selected" if acr == first else ""}>{" / ".join(_ACR_NAMES[acr])}</option>'
            for acr in ACR_VALUES
        )
        people = (
            f'<button class="card" name="person" value="{key}"><span class="name">{escape(choice.name)}</span>'
            f"{pages.both(choice.swedish, choice.english)}"
            + (' <span class="tag">Skyddad identitet</span>' if choice.is_protected else "")
            + "</button>"
            for key, choice in self._choices().items()
        )
        return (
            pages.heading(*self.title)
            + pages.paragraph(
                "Välj vem du vill vara. Ingen riktig e-legitimation används.",
                "Choose who to be. No real e-ID is used.",
            )
            + f'<form method="post" action="{self._prefix}/authorize">'
            + pages.hidden("request", waiting.request_id)
            + f'<label for="acr">{pages.both("Inloggningens styrka", "Strength of the login")}</label>'
            + f'<select id="acr" name="acr">{options}</select>'
            + f"<h2>{pages.both('Personer', 'Persons')}</h2>{pages.cards(people)}"
            + f'<div class="row"><button class="quiet" name="person" value="">{pages.both("Avbryt", "Cancel")}'
            + "</button></div></form>"
        )

    # --- for clients -------------------------------------------------------------------------------------------

    async def token(self, request: web.Request) -> web.Response:
        """RFC 6749 section 5."""
        form = parameters_of(await request.post())
        try:
            body: Mapping[str, Any] = self.server.token(form, request.headers.get("Authorization", ""), self._clock())
            status = 200
        except TokenEndpointError as error:
            body, status = {"error": error.code}, error.status
        headers = {"Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = "Basic"
        return web.json_response(body, status=status, headers=headers)

    async def jwks(self, _request: web.Request) -> web.Response:
        """The public keys."""
        return web.json_response(self.server.keys.jwks())

    async def userinfo(self, request: web.Request) -> web.Response:
        """OpenID Connect Core section 5.3."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self.server.userinfo(token, self._clock()) if scheme.lower() == "bearer" else None
        if claims is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return web.json_response(claims, headers={"Cache-Control": "no-store"})

    # --- logout and the test bench's own buttons ---------------------------------------------------------------

    async def end_session(self, request: web.Request) -> web.Response:
        """RP-Initiated Logout 1.0: the session of ``id_token_hint`` or ``logout_hint`` (``sid``), else the cookie's."""
        values = request.query if request.method == "GET" else await request.post()
        parameters = parameters_of(values)
        hint = self.server.keys.check(parameters.get("id_token_hint", ""))
        named = str(hint.get("sid", "")) or parameters.get("logout_hint", "")
        session_id = named or request.cookies.get(self._cookie, "")
        target = parameters.get("post_logout_redirect_uri", "")
        logout = self.server.end_session(session_id, target, parameters.get("state", ""), self._clock())
        await self._tell(logout)
        if logout.location is not None:
            response = web.Response(status=303, headers={"Location": logout.location})
        else:
            response = html("Utloggad", pages.heading("Du är utloggad", "You are logged out"))
        response.del_cookie(self._cookie, path=self._prefix or "/")
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """The page's button: end a session here and tell the client by the back channel."""
        session_id = str((await request.post()).get("session", ""))
        await self._tell(self.server.end_session(session_id, "", "", self._clock()))
        raise web.HTTPSeeOther("/")

    async def rotate(self, _request: web.Request) -> web.Response:
        """The page's button: sign with a new key from now on."""
        self.server.keys.rotate()
        raise web.HTTPSeeOther("/")

    def overview(self) -> str:
        """The part of the first page about this issuer: who is logged in, and its buttons."""
        sessions = (
            f'<div class="card"><h3 class="name">{escape(str(session.subject.claims["name"]))}</h3>'
            f'<form method="post" action="{self._prefix}/logout">{pages.hidden("session", session.session_id)}'
            f'<button class="quiet">{pages.both("Logga ut överallt", "Log out everywhere")}</button></form></div>'
            for session in self.server.sessions.values()
        )
        listed = (
            pages.cards(sessions)
            if self.server.sessions
            else pages.paragraph("Ingen är inloggad.", "Nobody is logged in.")
        )
        return (
            f"<h2>{pages.both(*self.title)}</h2><p><code>{self.server.issuer}</code></p>{listed}"
            f'<form class="row" method="post" action="{self._prefix}/rotate">'
            f'<button class="quiet">{pages.both("Byt signeringsnyckel", "Rotate the signing key")}</button></form>'
        )

    async def _tell(self, logout: Logout) -> None:
        for address, token in logout.notices:
            await self._send_notice(address, token)


def html(title: str, body: str, *, status: int = 200, form_targets: tuple[str, ...] = ()) -> web.Response:
    """A page of the test bench with its headers."""
    headers = {**pages.HEADERS, "Content-Security-Policy": pages.content_policy(form_targets)}
    return web.Response(text=pages.document(title, body), content_type="text/html", status=status, headers=headers)


def refused_page(cause: str) -> web.Response:
    """A request that cannot be answered by a redirect."""
    body = pages.heading("Inloggningen går inte att påbörja", "The login cannot begin")
    return html("Går inte", f"{body}<p><code>{cause}</code></p>", status=400)


@web.middleware
async def own_forms_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A browser may post only from the test bench's own pages."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden
    return await handler(request)


def parameters_of(values: Mapping[str, object]) -> dict[str, str]:
    """Text parameters of a query or form; the first counts of those given twice."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, str):
            found.setdefault(key, value)
    return found
