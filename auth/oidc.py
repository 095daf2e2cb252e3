"""A client of one OpenID Connect provider: code flow with PKCE (S256), state and nonce.

authlib makes the requests and checks the standard claims; around it stand the checks that it leaves to its user:
the issuer of the discovery document and of the answer (RFC 9207), keys that change, the level of assurance, and one
error for everything. What a login is bound to (``Pending``) is kept by ``auth/login.py``.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from auth.id_tokens import IdTokenError, LogoutClaims, Party, check_id_token, check_logout_token
from auth.jwks import RemoteKeys, SignatureError, Signed

TIMEOUT_S: Final = 5.0
"""How long the provider may take for each answer; a person waits."""
METADATA_MAX_AGE_S: Final = 3600.0
MAX_PARAMETER_CHARACTERS: Final = 2048
"""Codes and states are shorter with every provider we know of."""

LoginErrorCode = Literal[
    "login_cancelled", "login_invalid", "login_expired", "login_too_weak", "login_no_access", "provider_unavailable"
]
"""``login_cancelled``: the person or the provider said no. ``login_invalid``: something in the answer is not what we
asked for. ``login_expired``: nobody asked, or too long ago. ``login_too_weak``: the level of assurance is below the
minimum. ``login_no_access``: the claims name no person or no commission that has anything here."""


class LoginError(Exception):
    """A login that led nowhere. ``code`` chooses the page; ``cause`` is for counters and tests, without data."""

    def __init__(self, code: LoginErrorCode, cause: str) -> None:
        super().__init__(code, cause)
        self.code: LoginErrorCode = code
        self.cause = cause


@dataclass(frozen=True)
class Provider:
    """What is configured about a provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scope: str
    acr_levels: Mapping[str, int]
    """The provider's names for levels of assurance, and how high each is."""
    min_level: int
    """Logins below this level are refused."""

    @property
    def acr_values(self) -> str:
        """The names to ask for, weakest first: what is enough is better than nothing at all."""
        enough = sorted((level, name) for name, level in self.acr_levels.items() if level >= self.min_level)
        return " ".join(name for _, name in enough)


@dataclass(frozen=True)
class Challenge:
    """What an answer of the provider must fit to; made anew for each login."""

    state: str
    nonce: str
    code_verifier: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Login:
    """Who logged in, as the provider says; the claims are checked."""

    claims: dict[str, Any] = field(repr=False)
    acr: str
    level: int


@dataclass(frozen=True)
class Metadata:
    """What the provider says about itself (OpenID Connect Discovery 1.0 section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    names_issuer: bool
    """Its answers carry ``iss`` (RFC 9207), so that one without it is not its own."""


class OidcClient:
    """One provider. ``monotonic``: seconds, for what is kept; the time of tokens is an argument."""

    def __init__(
        self,
        provider: Provider,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self._timeout_s = timeout_s
        self._party = Party(provider.issuer, provider.client_id)
        self._monotonic = monotonic
        self._http = AsyncOAuth2Client(
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            scope=provider.scope,
            code_challenge_method="S256",
            timeout=timeout_s,
            transport=transport,
        )
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys = RemoteKeys(self._fetch_keys, monotonic)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._http.aclose()

    async def authorization_url(self, challenge: Challenge, *, ui_locales: str = "sv") -> str:
        """Where to send the browser."""
        metadata = await self.metadata()
        url, _ = self._http.create_authorization_url(
            metadata.authorization_endpoint,
            redirect_uri=challenge.redirect_uri,
            state=challenge.state,
            nonce=challenge.nonce,
            code_verifier=challenge.code_verifier,
            acr_values=self.provider.acr_values,
            ui_locales=ui_locales,
        )
        return str(url)

    async def redeem(self, challenge: Challenge, answer: Mapping[str, str], *, now: float) -> Login:
        """Who logged in, from the parameters that the browser came back with; ``LoginError`` otherwise."""
        metadata = await self.metadata()
        if answer.get("state") != challenge.state:
            raise LoginError("login_invalid", "state")
        issuer = answer.get("iss")
        if issuer != self.provider.issuer and (issuer is not None or metadata.names_issuer):
            raise LoginError("login_invalid", "answer_iss")
        if "error" in answer:
            raise LoginError("login_cancelled", "refused_by_provider")
        code = answer.get("code", "")
        if not 1 <= len(code) <= MAX_PARAMETER_CHARACTERS:
            raise LoginError("login_invalid", "code")
        token = await self._exchange(metadata, code, challenge)
        id_token, access_token = token.get("id_token"), token.get("access_token")
        if not isinstance(id_token, str) or not (access_token is None or isinstance(access_token, str)):
            raise LoginError("login_invalid", "token_response")
        signed = await self._signed(id_token)
        try:
            claims = check_id_token(signed, self._party, nonce=challenge.nonce, access_token=access_token, now=now)
        except IdTokenError as error:
            raise LoginError("login_invalid", error.cause) from None
        acr = claims.get("acr")
        level = self.provider.acr_levels.get(acr, 0) if isinstance(acr, str) else 0
        if level < self.provider.min_level:
            raise LoginError("login_too_weak", "acr")
        return Login(claims, str(acr), level)

    async def logout_claims(self, logout_token: str, *, now: float) -> LogoutClaims:
        """What a checked logout token says; ``LoginError`` otherwise. Its ``jti`` is left to the caller."""
        signed = await self._signed(logout_token)
        try:
            return check_logout_token(signed, self._party, now=now)
        except IdTokenError as error:
            raise LoginError("login_invalid", error.cause) from None

    async def end_session_url(self, sid: str | None, return_url: str) -> str | None:
        """Where the browser ends its session at the provider (OpenID Connect RP-Initiated Logout 1.0).

        No ``id_token_hint``: ID tokens carry identity numbers, and URLs are logged along the way.
        """
        endpoint = (await self.metadata()).end_session_endpoint
        if endpoint is None:
            return None
        parameters = {"client_id": self.provider.client_id, "post_logout_redirect_uri": return_url}
        if sid is not None:
            parameters["logout_hint"] = sid
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def metadata(self) -> Metadata:
        """The provider's metadata, fetched when there is none or it is old."""
        if self._metadata is None or self._monotonic() - self._metadata_at >= METADATA_MAX_AGE_S:
            url = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            self._metadata = read_metadata(await self._get(url), self.provider.issuer)
            self._metadata_at = self._monotonic()
        return self._metadata

    # --- requests to the provider ------------------------------------------------------------------------------

    async def _exchange(self, metadata: Metadata, code: str, challenge: Challenge) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_s):  # of the whole answer; httpx limits each read only
                token = await self._http.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=challenge.code_verifier,
                    redirect_uri=challenge.redirect_uri,
                )
        except (httpx2.HTTPError, TimeoutError) as error:
            raise LoginError("provider_unavailable", type(error).__name__) from None
        except AuthlibBaseError:
            raise LoginError("login_invalid", "code_refused") from None
        except (ValueError, TypeError, KeyError):
            raise LoginError("provider_unavailable", "token_response") from None
        return dict(token)

    async def _signed(self, token: str) -> Signed:
        try:
            return await self._keys.check(token)
        except SignatureError as error:
            code: LoginErrorCode = "provider_unavailable" if error.cause == "jwks" else "login_invalid"
            raise LoginError(code, error.cause) from None

    async def _fetch_keys(self) -> Any:
        return await self._get((await self.metadata()).jwks_uri)

    async def _get(self, url: str) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.request("GET", url, withhold_token=True)
            response.raise_for_status()
            return response.json()
        except (httpx2.HTTPError, TimeoutError) as error:
            raise LoginError("provider_unavailable", type(error).__name__) from None
        except ValueError:
            raise LoginError("provider_unavailable", "json") from None


def read_metadata(document: Any, issuer: str) -> Metadata:
    """The parts of a discovery document that we use; ``LoginError`` when it is not of this issuer."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise LoginError("provider_unavailable", "metadata_issuer")
    endpoints = [document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    end_session = document.get("end_session_endpoint")
    if not all(is_endpoint(url) for url in endpoints) or not (end_session is None or is_endpoint(end_session)):
        raise LoginError("provider_unavailable", "metadata_endpoints")
    authorization, token, jwks = (str(url) for url in endpoints)
    names_issuer = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(authorization, token, jwks, end_session, names_issuer)


def is_endpoint(url: object) -> bool:
    """Whether logins may go there: HTTPS, or plain HTTP on this machine (development)."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_local))
