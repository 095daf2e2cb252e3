"""SMART App Launch 2 from within a record system (EHR launch), with us as the app.

The record system opens ``/smart/launch?iss=<its FHIR service>&launch=<opaque>``. Only configured FHIR services are
asked anything. The rest is OpenID Connect's code flow with PKCE; the ID token says who the clinician is, in the claims
of ``auth/portal_requests.py``, and the launch context which patient and appointment are open. What comes out is a
``PortalLink``, so that both ways in have the same last steps. Time (``now``: seconds since the epoch) is an argument.

A launch that is under way is kept in Redis under ``ao:smart:<digest of state>`` for five minutes, bound to a random
value in the browser's cookie.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode

import httpx2
import msgpack
from redis.asyncio import Redis

from auth.id_tokens import IdTokenError, Party, authenticated_at, check_id_token
from auth.identity_numbers import IdentityNumber
from auth.jwks import SignatureError
from auth.oidc import is_endpoint
from auth.permissions import LOA3, acr_level
from auth.portal_links import PortalLink
from auth.portal_requests import PortalRequestError, read_clinician
from auth.pseudonyms import Pseudonyms
from auth.record_keys import TIMEOUT_S, KeysUnavailableError, RecordSystemKeys, fetch_json
from auth.record_systems import RecordSystem, SmartClient
from auth.smart_context import appointment_id, identity_number, is_fhir_id, meeting_id

PENDING_S: Final = 300
SCOPE: Final = "launch openid fhirUser"
MAX_PARAMETER_CHARACTERS: Final = 2048


class SmartError(Exception):
    """A launch that led nowhere. ``code`` chooses the page; ``cause`` is for counters and tests, without data."""

    def __init__(self, code: Literal["launch_failed", "unavailable"], cause: str) -> None:
        super().__init__(code, cause)
        self.code: Literal["launch_failed", "unavailable"] = code
        self.cause = cause


@dataclass(frozen=True)
class _Pending:
    issuer: str
    state: str
    nonce: str
    redirect_uri: str
    code_verifier: str = field(repr=False)


@dataclass(frozen=True)
class _Configuration:
    authorization_endpoint: str
    token_endpoint: str


class SmartLaunches:
    """The launches of all record systems that have SMART configured."""

    def __init__(
        self,
        redis: "Redis",
        systems: Mapping[str, RecordSystem],
        keys: RecordSystemKeys,
        http: httpx2.AsyncClient,
        pseudonyms: Pseudonyms | None,
    ) -> None:
        self._redis = redis
        self._systems = {issuer: (system, system.smart) for issuer, system in systems.items() if system.smart}
        self._by_base = {smart.fhir_base: issuer for issuer, (_, smart) in self._systems.items()}
        self._keys = keys
        self._http = http
        self._pseudonyms = pseudonyms

    async def begin(self, fhir_base: str, launch: str, *, binding: str, redirect_uri: str) -> str:
        """Where to send the browser; it must come back with the same ``binding``."""
        issuer = self._by_base.get(fhir_base.rstrip("/"))
        if issuer is None:
            raise SmartError("launch_failed", "iss")
        if not 1 <= len(launch) <= MAX_PARAMETER_CHARACTERS:
            raise SmartError("launch_failed", "launch")
        system, smart = self._systems[issuer]
        configuration = await self._configuration(system, smart)
        state, nonce, verifier = (secrets.token_urlsafe(36) for _ in range(3))
        document = [issuer, nonce, redirect_uri, verifier, _digest(binding)]
        await self._redis.set(_key(state), msgpack.packb(document), ex=PENDING_S)
        parameters = {
            "response_type": "code",
            "client_id": smart.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "aud": smart.fhir_base,
            "launch": launch,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in configuration.authorization_endpoint else "?"
        return f"{configuration.authorization_endpoint}{separator}{urlencode(parameters)}"

    async def complete(self, answer: Mapping[str, str], *, binding: str, now: float) -> PortalLink:
        """Who came, in which commission, for which patient and meeting; ``SmartError`` otherwise."""
        pending = await self._pending(answer.get("state", ""), binding)
        if answer.get("iss", pending.issuer) != pending.issuer:  # RFC 9207
            raise SmartError("launch_failed", "answer_iss")
        code = answer.get("code", "")
        if "error" in answer or not 1 <= len(code) <= MAX_PARAMETER_CHARACTERS:
            raise SmartError("launch_failed", "refused")
        entry = self._systems.get(pending.issuer)
        if entry is None:
            raise SmartError("launch_failed", "iss")
        system, smart = entry
        token = await self._exchange(await self._configuration(system, smart), smart, pending, code)
        claims = await self._claims(system, smart, pending, token, now)
        try:
            staff_hsa_id, display_name, commission = read_clinician(claims, claims.get("employeeHsaId"), system)
        except PortalRequestError as error:
            raise SmartError("launch_failed", error.claim) from None
        number, meeting = await self._context(smart, token, now)
        return PortalLink(
            link_id=f"sl-{secrets.token_hex(8)}",
            issuer=system.issuer,
            staff_hsa_id=staff_hsa_id,
            display_name=display_name,
            acr=str(claims["acr"]),
            authenticated_at=authenticated_at(claims),
            commission=commission,
            patient_person_id=None if number is None else self._person_id(number),
            meeting_id=meeting,
            expires_at=int(now),
        )

    # --- the steps ---------------------------------------------------------------------------------------------

    async def _pending(self, state: str, binding: str) -> _Pending:
        """The launch that an answer belongs to. It is forgotten with this: no answer counts twice."""
        packed = await self._redis.getdel(_key(state))
        if not isinstance(packed, bytes):
            raise SmartError("launch_failed", "unknown_state")
        issuer, nonce, redirect_uri, verifier, bound = msgpack.unpackb(packed)
        if not hmac.compare_digest(bound, _digest(binding)):
            raise SmartError("launch_failed", "other_browser")
        return _Pending(issuer, state, nonce, redirect_uri, verifier)

    async def _configuration(self, system: RecordSystem, smart: SmartClient) -> _Configuration:
        document = await self._get(f"{smart.fhir_base}/.well-known/smart-configuration")
        if not isinstance(document, dict) or document.get("issuer", system.issuer) != system.issuer:
            raise SmartError("unavailable", "configuration_issuer")
        authorization, token = document.get("authorization_endpoint"), document.get("token_endpoint")
        if not is_endpoint(authorization) or not is_endpoint(token):
            raise SmartError("unavailable", "configuration_endpoints")
        methods = document.get("code_challenge_methods_supported")
        if not isinstance(methods, list) or "S256" not in methods:
            raise SmartError("unavailable", "configuration_pkce")
        return _Configuration(str(authorization), str(token))

    async def _exchange(
        self, configuration: _Configuration, smart: SmartClient, pending: _Pending, code: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.code_verifier,
        }
        credentials = (quote_plus(smart.client_id), quote_plus(smart.client_secret))  # RFC 6749 section 2.3.1
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._http.post(configuration.token_endpoint, data=form, auth=credentials)
            document = response.json() if response.status_code == 200 else None
        except (httpx2.HTTPError, TimeoutError) as error:
            raise SmartError("unavailable", type(error).__name__) from None
        except (ValueError, RecursionError):
            raise SmartError("unavailable", "json") from None
        if not isinstance(document, dict) or not isinstance(document.get("access_token"), str):
            raise SmartError("launch_failed", "code_refused")
        return document

    async def _claims(
        self, system: RecordSystem, smart: SmartClient, pending: _Pending, token: Mapping[str, Any], now: float
    ) -> dict[str, Any]:
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise SmartError("launch_failed", "id_token")
        party = Party(system.issuer, smart.client_id)
        try:
            signer, signed = await self._keys.check(id_token)
            if signer is not system:
                raise SmartError("launch_failed", "issuer")
            claims = check_id_token(signed, party, nonce=pending.nonce, access_token=token["access_token"], now=now)
        except (SignatureError, IdTokenError) as error:
            raise SmartError("launch_failed", error.cause) from None
        except KeysUnavailableError as error:
            raise SmartError("unavailable", error.cause) from None
        acr = claims.get("acr")
        if not isinstance(acr, str) or acr_level(acr) < acr_level(LOA3):
            raise SmartError("launch_failed", "acr")
        return claims

    async def _context(
        self, smart: SmartClient, token: Mapping[str, Any], now: float
    ) -> tuple[IdentityNumber | None, str | None]:
        """Patient and meeting of the launch, read from the record system's FHIR service."""
        headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/fhir+json"}
        number, meeting = None, None
        if (patient_id := token.get("patient")) is not None:
            if not is_fhir_id(patient_id):
                raise SmartError("launch_failed", "patient")
            number = identity_number(await self._get(f"{smart.fhir_base}/Patient/{patient_id}", headers), now)
            if number is None:
                raise SmartError("launch_failed", "patient")
        if (appointment := appointment_id(token.get("fhirContext"))) is not None:
            meeting = meeting_id(await self._get(f"{smart.fhir_base}/Appointment/{appointment}", headers))
        return number, meeting

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        try:
            return await fetch_json(self._http, url, headers)
        except KeysUnavailableError as error:
            raise SmartError("unavailable", error.cause) from None

    def _person_id(self, number: IdentityNumber) -> str:
        if self._pseudonyms is None:
            raise SmartError("unavailable", "pseudonym_key")
        return self._pseudonyms.person_id(number)


def _challenge(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _key(state: str) -> str:
    return f"ao:smart:{_digest(state)}"
