"""A fake record system (journalsystem): ``python -m auth.development.record_system``.

One chooses a desk (a staff member in a commission), sees today's visits of the unit and clicks into a meeting: by a
portal link that it asks the front for, or by SMART App Launch.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime
from html import escape
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from auth.development import pages
from auth.development.appointments import Appointment, by_meeting, of_unit
from auth.development.authorization import AuthorizationServer
from auth.development.clients import Client, origin_of
from auth.development.desk import (
    Desk,
    SmartLaunches,
    desk_of,
    fhir_appointment,
    fhir_patient,
    portal_request,
    smart_configuration,
)
from auth.development.grants import AuthorizeError, RedirectError, TokenEndpointError
from auth.development.issuer_http import html, own_forms_only, parameters_of, refused_page
from auth.development.persons import CARE, EMPLOYEES, ORGANISATION_NAMES, Patient, patients
from auth.development.process import main
from auth.development.settings import TestBenchSettings
from auth.development.signing import SigningKeys

SMART_CLIENT_ID: Final = "alltid-oppet"
SMART_CALLBACK_PATH: Final = "/smart/callback"
FRONT_TIMEOUT_S: Final = 10.0
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
_NOT_CLINICAL: Final = f" ({pages.both('inget vårduppdrag: ska nekas', 'not clinical: must be refused')})"


class RecordSystem:
    """The application."""

    def __init__(self, settings: TestBenchSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._started_at = clock()
        self.base = settings.development_record_system_url
        self.front = settings.development_front_url
        self.keys = SigningKeys("ES256")
        self._http: aiohttp.ClientSession | None = None
        origins = ["http://localhost", "https://localhost", *settings.redirect_origins()]
        client = Client(
            client_id=SMART_CLIENT_ID,
            secret=settings.client_secret(),
            redirect_uris=tuple(f"{origin}{SMART_CALLBACK_PATH}" for origin in origins),
        )
        server = AuthorizationServer(self.base, {SMART_CLIENT_ID: client}, self.keys)
        self.launches = SmartLaunches(server, f"{self.base}/fhir")

    def app(self) -> web.Application:
        """The application's routes."""
        app = web.Application(middlewares=[own_forms_only], client_max_size=64 * 1024)
        app.cleanup_ctx.append(self._with_http)
        router = app.router
        router.add_get("/", self.index)
        router.add_get("/desk/{commission}", self.desk)
        router.add_post("/desk/{commission}/open", self.open)
        router.add_post("/desk/{commission}/show", self.show)
        router.add_post("/desk/{commission}/launch", self.launch)
        router.add_get("/jwks", self.jwks)
        router.add_get("/smart/authorize", self.authorize)
        router.add_post("/smart/token", self.token)
        router.add_get("/fhir/.well-known/smart-configuration", self.configuration)
        router.add_get("/fhir/Patient/{id}", self.patient)
        router.add_get("/fhir/Appointment/{id}", self.appointment)
        return app

    # --- pages -------------------------------------------------------------------------------------------------

    async def index(self, _request: web.Request) -> web.Response:
        """Who sits at the screen?"""
        desks = (
            f'<a class="card" href="/desk/{commission.hsa_id}"><span class="name">{escape(employee.name)}, '
            f"{escape(employee.title)}</span>{escape(ORGANISATION_NAMES[commission.unit])}, "
            f"{escape(commission.name)}{'' if commission.purpose == CARE else _NOT_CLINICAL}</a>"
            for employee in EMPLOYEES
            for commission in employee.commissions
        )
        body = pages.heading("Testjournalen", "The test record system")
        body += pages.paragraph("Välj vem som sitter vid skärmen.", "Choose who sits at the screen.")
        return html("Testjournalen", body + pages.cards(desks))

    async def desk(self, request: web.Request) -> web.Response:
        """Today's visits of the unit."""
        desk = _desk(request)
        people = self._patients()
        unit = ORGANISATION_NAMES[desk.commission.unit]
        body = pages.heading(f"Dagens besök, {unit}", "Today's visits")
        body += f"<p>{escape(desk.employee.name)}, {escape(desk.commission.name)}. "
        body += f'<a href="/">{pages.both("Byt plats", "Change desk")}</a></p>'
        body += pages.cards(self._visit(desk, one, people) for one in of_unit(desk.commission.unit))
        body += f"<h2>{pages.both('Utan besök', 'Without a visit')}</h2>"
        body += self._form(desk, "open", "", "Öppna Vårdportalen", "Open the staff portal")
        return html(f"Dagens besök, {unit}", body, form_targets=(origin_of(self.front),))

    def _visit(self, desk: Desk, appointment: Appointment, people: Mapping[str, Patient]) -> str:
        starts = datetime.fromtimestamp(appointment.starts_at(self._started_at), _STOCKHOLM)
        who = [people[key] for key in appointment.patients]
        names = ", ".join(f"{one.name} ({one.number[:8]}-{one.number[8:]})" for one in who)
        is_protected = any(one.protected for one in who)
        tag = f' <span class="tag">{pages.both("Skyddad identitet", "Protected")}</span>' if is_protected else ""
        meeting_id = appointment.meeting_id
        return (
            f'<div class="card"><h2 class="name">{starts:%H.%M} {escape(appointment.title)}</h2>'
            f'{escape(names)}{tag}<div class="row">'
            + self._form(desk, "open", meeting_id, "Öppna mötet", "Open the meeting")
            + self._form(desk, "launch", meeting_id, "Starta med SMART", "Launch with SMART", quiet=True)
            + self._form(desk, "show", meeting_id, "Visa länken", "Show the link", quiet=True)
            + "</div></div>"
        )

    def _form(self, desk: Desk, what: str, meeting_id: str, swedish: str, english: str, *, quiet: bool = False) -> str:
        look = ' class="quiet"' if quiet else ""
        return (
            f'<form method="post" action="/desk/{desk.commission.hsa_id}/{what}">{pages.hidden("meeting", meeting_id)}'
            f"<button{look}>{pages.both(swedish, english)}</button></form>"
        )

    # --- portal links ------------------------------------------------------------------------------------------

    async def open(self, request: web.Request) -> web.Response:
        """Ask the front for a portal link and send the browser there: one click."""
        reply, status = await self._ask(request)
        if status != 201:
            return self._no_link(reply)
        raise web.HTTPSeeOther(str(reply["url"]))

    async def show(self, request: web.Request) -> web.Response:
        """The link itself, to try it twice, late, or in another browser."""
        reply, status = await self._ask(request)
        if status != 201:
            return self._no_link(reply)
        body = pages.heading("Länken", "The link") + pages.paragraph(
            "Gäller en gång, i en minut.", "Works once, for a minute."
        )
        url = escape(str(reply["url"]))
        return html("Länken", f'{body}<p><a id="link" href="{url}" rel="noreferrer">{url}</a></p>')

    async def _ask(self, request: web.Request) -> tuple[dict[str, Any], int]:
        assert self._http is not None
        desk, appointment = _desk(request), await _appointment(request)
        is_single = appointment is not None and appointment.kind != "group"
        patient = self._patients()[appointment.patients[0]] if appointment is not None and is_single else None
        token = portal_request(self.keys, self.base, desk, appointment, patient, self._clock())
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._http.post(f"{self.front}/api/portal/links", headers=headers) as response:
                return await response.json(), response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"error": {"code": type(error).__name__}}, 0

    def _no_link(self, reply: Mapping[str, Any]) -> web.Response:
        error = reply.get("error", {})
        body = pages.heading("Ingen länk", "No link")
        body += f"<p><code>{escape(str(error.get('code')))} {escape(str(error.get('field', '')))}</code></p>"
        body += f'<p><a href="/">{pages.both("Byt plats", "Change desk")}</a></p>'
        return html("Ingen länk", body, status=502)

    # --- SMART App Launch --------------------------------------------------------------------------------------

    async def launch(self, request: web.Request) -> web.Response:
        """Start the app with a launch context."""
        appointment = await _appointment(request)
        if appointment is None:
            raise web.HTTPNotFound
        launch = self.launches.make(_desk(request), appointment, self._clock())
        query = urlencode({"iss": self.launches.fhir_base, "launch": launch})
        raise web.HTTPSeeOther(f"{self.front}/smart/launch?{query}")

    async def configuration(self, _request: web.Request) -> web.Response:
        """What the app finds out first."""
        return web.json_response(smart_configuration(self.base, self.launches.fhir_base, self.keys.algorithm))

    async def authorize(self, request: web.Request) -> web.Response:
        """Nobody is asked: whoever sits at the screen has started the app."""
        try:
            location = self.launches.authorize(parameters_of(request.query), self._clock())
        except RedirectError as error:
            location = error.location
        except AuthorizeError as error:
            return refused_page(error.cause)
        raise web.HTTPFound(location)

    async def token(self, request: web.Request) -> web.Response:
        """Code for tokens."""
        form, authorization = parameters_of(await request.post()), request.headers.get("Authorization", "")
        headers = {"Cache-Control": "no-store"}
        try:
            body: Mapping[str, Any] = self.launches.server.token(form, authorization, self._clock())
        except TokenEndpointError as error:
            return web.json_response({"error": error.code}, status=error.status, headers=headers)
        return web.json_response(body, headers=headers)

    async def jwks(self, _request: web.Request) -> web.Response:
        """The public keys."""
        return web.json_response(self.keys.jwks())

    async def patient(self, request: web.Request) -> web.Response:
        """FHIR read of a Patient."""
        key = request.match_info["id"]
        patient = self._patients().get(key)
        if patient is None or not self._may_read(request, None, key):
            raise web.HTTPNotFound
        return web.json_response(fhir_patient(patient), content_type="application/fhir+json")

    async def appointment(self, request: web.Request) -> web.Response:
        """FHIR read of an Appointment."""
        appointment = by_meeting(request.match_info["id"])
        if appointment is None or not self._may_read(request, appointment, None):
            raise web.HTTPNotFound
        return web.json_response(fhir_appointment(appointment), content_type="application/fhir+json")

    def _may_read(self, request: web.Request, appointment: Appointment | None, key: str | None) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        session = self.launches.server.session_of(token, self._clock()) if scheme.lower() == "bearer" else None
        return self.launches.may_read(session, appointment, key)

    def _patients(self) -> dict[str, Patient]:
        return {one.key: one for one in patients(self._today())}

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), _STOCKHOLM).date()

    async def _with_http(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FRONT_TIMEOUT_S)) as self._http:
            yield


def _desk(request: web.Request) -> Desk:
    desk = desk_of(request.match_info["commission"])
    if desk is None:
        raise web.HTTPNotFound
    return desk


async def _appointment(request: web.Request) -> Appointment | None:
    """The visit of a form; None when it names none."""
    meeting_id = parameters_of(await request.post()).get("meeting", "")
    appointment = by_meeting(meeting_id)
    if meeting_id and appointment is None:
        raise web.HTTPNotFound
    return appointment


def make_app(settings: TestBenchSettings) -> web.Application:
    """The application of the process."""
    return RecordSystem(settings).app()


if __name__ == "__main__":
    sys.exit(main("the fake record system", make_app, "development_record_system_url"))
