"""The development identity provider: ``python -m auth.development.provider``.

Real OpenID Connect over HTTP with invented persons. Two issuers, as there are two brokers in reality: ``/patients``
and ``/staff``. Its first page shows who is logged in, ends sessions by the back channel and rotates keys.
"""

import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from aiohttp import web

from auth.development import pages
from auth.development.authorization import AuthorizationServer
from auth.development.claims import employee_subject, patient_subject
from auth.development.clients import LOOPBACK_HOSTS, Client
from auth.development.custody_register import DevelopmentCustodyRegister
from auth.development.issuer_http import Choice, IssuerHttp, html, own_forms_only
from auth.development.persons import EMPLOYEES, patients
from auth.development.process import main
from auth.development.settings import TestBenchSettings
from auth.development.signing import SigningKeys

_log = structlog.get_logger(__name__)

CLIENT_ID: Final = "alltid-oppet"
CALLBACK_PATH: Final = "/login/callback"
BACKCHANNEL_PATH: Final = "/login/backchannel"
AFTER_LOGOUT_PATHS: Final = ("/", "/portal", "/login/ended")
NOTICE_TIMEOUT_S: Final = 5.0
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


class Provider:
    """Both issuers and the application that serves them."""

    def __init__(self, settings: TestBenchSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        client = self._client(settings)
        base = settings.development_provider_url
        self.custody = DevelopmentCustodyRegister(settings.client_secret(), self._today)
        self.issuers = [
            self._issuer(base, "/patients", ("Logga in som invånare", "Log in as a patient"), client, self._patients),
            self._issuer(base, "/staff", ("Logga in som personal", "Log in as staff"), client, self._staff),
        ]

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(middlewares=[own_forms_only], client_max_size=64 * 1024)
        app.cleanup_ctx.append(self._with_http)
        app.router.add_get("/", self.index)
        for issuer in self.issuers:
            issuer.add_routes(app)
        self.custody.add_routes(app)
        return app

    async def index(self, _request: web.Request) -> web.Response:
        """What runs here, and its buttons."""
        body = pages.heading("Utvecklingens inloggningstjänst", "Development identity provider")
        return html("Inloggningstjänst", body + "".join(issuer.overview() for issuer in self.issuers))

    def _client(self, settings: TestBenchSettings) -> Client:
        origins = ["http://localhost", "https://localhost", *settings.redirect_origins()]
        return Client(
            client_id=CLIENT_ID,
            secret=settings.client_secret(),
            redirect_uris=tuple(f"{origin}{CALLBACK_PATH}" for origin in origins),
            post_logout_uris=tuple(f"{origin}{path}" for origin in origins for path in AFTER_LOGOUT_PATHS),
            backchannel_logout_path=BACKCHANNEL_PATH,
        )

    def _issuer(
        self, base: str, prefix: str, title: tuple[str, str], client: Client, choices: Callable[[], dict[str, Choice]]
    ) -> IssuerHttp:
        server = AuthorizationServer(base + prefix, {client.client_id: client}, SigningKeys())
        return IssuerHttp(server, prefix, title, choices, self._send_notice, clock=self._clock)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), _STOCKHOLM).date()

    def _patients(self) -> dict[str, Choice]:
        return {
            one.key: Choice(patient_subject(one), one.name, one.note, one.note_en, is_protected=one.protected)
            for one in patients(self._today())
            if one.has_eid
        }

    def _staff(self) -> dict[str, Choice]:
        return {
            one.hsa_id: Choice(employee_subject(one), f"{one.name}, {one.title}", one.note, one.note_en)
            for one in EMPLOYEES
        }

    async def _with_http(self, _app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=NOTICE_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as self._http:
            yield

    async def _send_notice(self, address: str, logout_token: str) -> None:
        """Back-Channel Logout 1.0 section 2.5. A client that does not answer is not asked again.

        A front on this machine may have a certificate that it made itself.
        """
        assert self._http is not None
        is_local = urlsplit(address).hostname in LOOPBACK_HOSTS
        form = {"logout_token": logout_token}
        try:
            async with self._http.post(address, data=form, allow_redirects=False, ssl=not is_local) as response:
                _log.info("backchannel_logout", status=response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("backchannel_logout_failed", error=type(error).__name__)


def make_app(settings: TestBenchSettings) -> web.Application:
    """The application of the process."""
    return Provider(settings).app()


if __name__ == "__main__":
    sys.exit(main("the development identity provider", make_app, "development_provider_url"))
