"""A small OpenID Connect provider for tests, with real keys over real HTTP, and a switch for every fault.

``faults`` names what is wrong from now on; without any it does everything right. Nobody logs in by hand: the
authorization endpoint answers at once for ``person``.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID = "front"
CLIENT_SECRET = "a secret of the test"
LOA3 = "http://id.elegnamnden.se/loa/1.0/loa3"
FIRST_KEY = RSAKey.generate_key(2048, {"kid": "first"})
"""Made once: it takes a while."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
PATIENT = {
    "sub": "subject-anna",
    "name": "Anna Testsson",
    "https://id.oidc.se/claim/personalIdentityNumber": "199001012385",
}
STAFF = {
    "sub": "subject-karin",
    "name": "Karin Lindvall",
    "employeeHsaId": "SE5555555555-K001",
    "commissions": [
        {
            "commissionHsaId": "SE5555555555-C1",
            "commissionName": "Läkare",
            "commissionPurpose": "Vård och behandling",
            "healthCareUnitHsaId": "SE5555555555-U1",
            "healthCareUnitName": "Björkens vårdcentral",
            "healthCareProviderHsaId": "SE5555555555-P1",
        },
        {
            "commissionHsaId": "SE5555555555-C2",
            "commissionName": "Administration",
            "commissionPurpose": "Administration",
            "systemRole": ["alltid-oppet;unit_admin", "other;doctor"],
            "healthCareUnitHsaId": "SE5555555555-U2",
            "healthCareUnitName": "Ekens barnmorskemottagning",
            "healthCareProviderHsaId": "SE5555555555-P1",
        },
    ],
}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _part(content: dict[str, Any]) -> str:
    return _base64url(json.dumps(content).encode())


class FaultyProvider:
    """One issuer. ``now`` is the time in its tokens."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.issuer = ""
        self.faults: set[str] = set()
        self.person: dict[str, Any] = dict(PATIENT)
        self.changes: dict[str, Any] = {}
        """Claims of the ID token that are other than they should be; None leaves one out."""
        self.acr = LOA3
        self.sid = "sid-1"
        self.key: Any = FIRST_KEY
        self.algorithm = "RS256"
        self.published: list[Any] = [self.key]
        self.requests: list[str] = []
        """Paths that were asked, in order."""
        self.released = asyncio.Event()
        """Set: what is ``slow`` answers now."""
        self._codes: dict[str, dict[str, str]] = {}
        self._used: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/jwks", self._jwks)
        return app

    def rotate(self, key: Any = None, algorithm: str = "RS256") -> None:
        """A new key; the old one is not published any more."""
        self.key = key or RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})
        self.algorithm = algorithm
        self.published = [self.key]

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token of this provider's, with the signature that the faults say."""
        if "alg_none" in self.faults:
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if "alg_hs256" in self.faults:  # the public key as the secret
            signed = f"{_part({'alg': 'HS256', 'kid': self.key.kid, **header})}.{_part(claims)}"
            tag = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{_base64url(tag)}"
        key = self.key
        if "other_key" in self.faults:
            key = RSAKey.generate_key(2048)
        token = jwt.encode({"alg": self.algorithm, "kid": self.key.kid, **header}, claims, key, [self.algorithm])
        return token[:-8] + "AAAAAAAA" if "bad_signature" in self.faults else token

    def id_token(self, nonce: str, **changes: Any) -> str:
        """An ID token for the person."""
        now = int(self.now)
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "auth_time": now - 5}
        claims |= {"nonce": nonce, "acr": self.acr, "sid": self.sid, **self.person, **self.changes, **changes}
        return self.sign({name: value for name, value in claims.items() if value is not None})

    def logout_token(self, **changes: Any) -> str:
        """A logout token for the login ``sid``."""
        now = int(self.now)
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        claims |= {"sub": self.person["sub"], "sid": self.sid, "events": {LOGOUT_EVENT: {}}, **changes}
        return self.sign({name: value for name, value in claims.items() if value is not None}, typ="logout+jwt")

    # --- over HTTP ---------------------------------------------------------------------------------------------

    async def _metadata(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        document = {
            "issuer": "https://somebody.else" if "metadata_issuer" in self.faults else self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "authorization_response_iss_parameter_supported": "no_iss_metadata" not in self.faults,
        }
        if "plain_http" in self.faults:
            document["token_endpoint"] = "http://provider.example/token"
        return web.json_response(document)

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        if "denied" in self.faults:
            answer = {"error": "access_denied", "state": query["state"], "iss": self.issuer}
        if "answer_iss" in self.faults:
            answer["iss"] = "https://mix-up.example"
        if "no_answer_iss" in self.faults:
            del answer["iss"]
        if "no_code" in self.faults:
            del answer["code"]
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    async def _token(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        if "down" in self.faults:
            return web.Response(status=503, text="down")
        if "slow" in self.faults:
            await self.released.wait()
        if "hangs" in self.faults:
            request.transport.abort()  # type: ignore[union-attr]
        if "not_json" in self.faults:
            return web.Response(text="<html>")
        form = await request.post()
        begun = self._codes.get(str(form.get("code")))
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = _base64url(digest)
        is_right = (
            begun is not None
            and form["code"] not in self._used
            and begun["code_challenge"] == challenge
            and begun["code_challenge_method"] == "S256"
            and begun["redirect_uri"] == form["redirect_uri"]
            and request.headers.get("Authorization") == f"Basic {basic}"
        )
        if not is_right or begun is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._used.add(str(form["code"]))
        access_token = secrets.token_urlsafe(16)
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        nonce = "another login's" if "nonce" in self.faults else begun["nonce"]
        at_hash = _base64url(b"x" * 16 if "at_hash" in self.faults else half)
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
        if "no_id_token" not in self.faults:
            tokens["id_token"] = self.id_token(nonce, at_hash=at_hash)
        return web.json_response(tokens)

    async def _jwks(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        if "jwks_down" in self.faults:
            return web.Response(status=500)
        if "jwks_empty" in self.faults:
            return web.json_response({"keys": []})
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.published]})


def ec_key() -> ECKey:
    """A key for ES256."""
    return ECKey.generate_key("P-256", {"kid": "ec"})


@asynccontextmanager
async def running_provider(now: float) -> AsyncIterator[FaultyProvider]:
    """A provider on a free port."""
    provider = FaultyProvider(now)
    runner = web.AppRunner(provider.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield provider
    provider.released.set()
    await runner.cleanup()
