"""An OpenID provider's decisions without its HTTP: requests, codes, tokens, sessions.

OpenID Connect Core 1.0 (code flow), RFC 7636 (PKCE, S256 only), RFC 9207 (``iss`` in the answer), RP-Initiated Logout
and Back-Channel Logout 1.0. Everything is kept in memory; time (``now``: seconds since the epoch) is an argument.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode, urlsplit

from auth.development.claims import ACR_VALUES, Subject
from auth.development.clients import Client, Clients, origin_of
from auth.development.grants import (
    AuthorizationRequest,
    AuthorizeError,
    Logout,
    RedirectError,
    Session,
    TokenEndpointError,
)
from auth.development.signing import SigningKeys

REQUEST_LIFETIME_S: Final = 900.0
CODE_LIFETIME_S: Final = 60.0
TOKEN_LIFETIME_S: Final = 300
LOGOUT_TOKEN_LIFETIME_S: Final = 120
MAX_KEPT: Final = 10_000
"""Requests, codes, tokens and sessions that are kept, each; beyond it the oldest goes."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class _Code:
    request: AuthorizationRequest
    session: Session
    extra: Mapping[str, Any]
    made_at: float
    is_used: bool = False
    access_token: str = ""


class AuthorizationServer:
    """One issuer."""

    def __init__(self, issuer: str, clients: Clients, keys: SigningKeys) -> None:
        self.issuer = issuer
        self.keys = keys
        self.sessions: dict[str, Session] = {}
        self._clients = clients
        self._requests: dict[str, AuthorizationRequest] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[Session, float]] = {}

    # --- the browser's way -------------------------------------------------------------------------------------

    def begin(self, parameters: Mapping[str, str], now: float) -> AuthorizationRequest:
        """Check an authorization request and keep it until somebody has logged in."""
        client = self._clients.get(parameters.get("client_id", ""))
        redirect_uri = parameters.get("redirect_uri", "")
        if client is None:
            raise AuthorizeError("unknown_client")
        if not client.may_redirect(redirect_uri):
            raise AuthorizeError("redirect_uri")
        request = AuthorizationRequest(
            request_id=secrets.token_urlsafe(24),
            client=client,
            redirect_uri=redirect_uri,
            state=parameters.get("state", ""),
            nonce=parameters.get("nonce", ""),
            code_challenge=parameters.get("code_challenge", ""),
            acr_values=tuple(parameters.get("acr_values", "").split()),
            prompt=frozenset(parameters.get("prompt", "").split()),
            parameters=dict(parameters),
            made_at=now,
        )
        if parameters.get("response_type") != "code":
            raise self.refusal(request, "unsupported_response_type")
        if "openid" not in parameters.get("scope", "").split():
            raise self.refusal(request, "invalid_scope")
        if parameters.get("code_challenge_method") != "S256" or len(request.code_challenge) != 43:
            raise self.refusal(request, "invalid_request")
        _keep(self._requests, request.request_id, request)
        return request

    def waiting(self, request_id: str, now: float) -> AuthorizationRequest:
        """The request that a page was shown for; it can be answered once."""
        request = self._requests.get(request_id)
        if request is None or now > request.made_at + REQUEST_LIFETIME_S:
            raise AuthorizeError("request_expired")
        return request

    def complete(
        self,
        request: AuthorizationRequest,
        subject: Subject,
        acr: str,
        now: float,
        extra: Mapping[str, Any] | None = None,
    ) -> tuple[str, Session]:
        """Somebody logged in: where the browser goes with its code, and the new session.

        ``extra`` is added to the token response (launch context of SMART App Launch).
        """
        session = Session(
            secrets.token_urlsafe(16), subject, acr, int(now), request.redirect_uri, request.client.client_id
        )
        _keep(self.sessions, session.session_id, session)
        return self.answer(request, session, now, extra), session

    def answer(
        self, request: AuthorizationRequest, session: Session, now: float, extra: Mapping[str, Any] | None = None
    ) -> str:
        """Where the browser goes with a code for a session that exists."""
        self._requests.pop(request.request_id, None)
        code = secrets.token_urlsafe(32)
        _keep(self._codes, code, _Code(request, session, extra or {}, now))
        return self._location(request, {"code": code})

    def refusal(self, request: AuthorizationRequest, code: str) -> RedirectError:
        """The error answer to a request; it cannot be used any more."""
        self._requests.pop(request.request_id, None)
        return RedirectError(code, self._location(request, {"error": code}))

    def silent(self, request: AuthorizationRequest, session_id: str) -> Session:
        """The session that answers ``prompt=none``; ``RedirectError`` when there is none."""
        session = self.sessions.get(session_id)
        if session is None or (request.acr_values and session.acr not in request.acr_values):
            raise self.refusal(request, "login_required")
        return session

    def _location(self, request: AuthorizationRequest, answer: Mapping[str, str]) -> str:
        values = {**answer, "state": request.state, "iss": self.issuer}
        separator = "&" if urlsplit(request.redirect_uri).query else "?"
        return request.redirect_uri + separator + urlencode({key: value for key, value in values.items() if value})

    # --- the client's way --------------------------------------------------------------------------------------

    def token(self, form: Mapping[str, str], authorization: str, now: float) -> dict[str, Any]:
        """Exchange a code for tokens; ``TokenEndpointError`` otherwise. A code that comes twice ends its token too."""
        client = self._authenticate(form, authorization)
        if form.get("grant_type") != "authorization_code":
            raise TokenEndpointError("unsupported_grant_type")
        code = self._codes.get(form.get("code", ""))
        if code is None or code.request.client.client_id != client.client_id:
            raise TokenEndpointError("invalid_grant")
        if code.is_used:
            self._access.pop(code.access_token, None)
            raise TokenEndpointError("invalid_grant")
        code.is_used = True
        if (
            now > code.made_at + CODE_LIFETIME_S
            or form.get("redirect_uri") != code.request.redirect_uri
            or not _is_challenge_met(form.get("code_verifier", ""), code.request.code_challenge)
        ):
            raise TokenEndpointError("invalid_grant")
        code.access_token = secrets.token_urlsafe(32)
        _keep(self._access, code.access_token, (code.session, now + TOKEN_LIFETIME_S))
        return {
            "access_token": code.access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME_S,
            "scope": code.request.parameters.get("scope", ""),
            "id_token": self._id_token(code, now),
            **code.extra,
        }

    def userinfo(self, access_token: str, now: float) -> dict[str, Any] | None:
        """The claims behind an access token; None when it is unknown or expired."""
        session = self.session_of(access_token, now)
        return None if session is None else {"sub": self.subject_id(session.subject), **session.subject.claims}

    def session_of(self, access_token: str, now: float) -> Session | None:
        """Whose access token that is."""
        session, expires_at = self._access.get(access_token, (None, 0.0))
        return session if now < expires_at else None

    def subject_id(self, subject: Subject) -> str:
        """``sub``: stable and opaque, another one at each issuer."""
        return hashlib.sha256(f"{self.issuer} {subject.key}".encode()).hexdigest()[:32]

    def _id_token(self, code: _Code, now: float) -> str:
        session = code.session
        claims = {
            **session.subject.claims,
            **self._common_claims(session, now, TOKEN_LIFETIME_S),
            "acr": session.acr,
            "auth_time": session.authenticated_at,
            "sid": session.session_id,
            "at_hash": _at_hash(code.access_token),
        }
        return self.keys.sign(claims | ({"nonce": code.request.nonce} if code.request.nonce else {}))

    def _common_claims(self, session: Session, now: float, lifetime_s: int) -> dict[str, Any]:
        times = {"iat": int(now), "exp": int(now) + lifetime_s}
        return {"iss": self.issuer, "aud": session.client_id, "sub": self.subject_id(session.subject), **times}

    def _authenticate(self, form: Mapping[str, str], authorization: str) -> Client:
        """``client_secret_basic`` or ``client_secret_post`` (RFC 6749 section 2.3.1)."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                raise TokenEndpointError("invalid_client", 401) from None
            client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        client = self._clients.get(client_id)
        if client is None or not client.has_secret(secret):
            raise TokenEndpointError("invalid_client", 401)
        return client

    # --- logout ------------------------------------------------------------------------------------------------

    def end_session(self, session_id: str, post_logout_uri: str, state: str, now: float) -> Logout:
        """Log somebody out here and tell the client. An address that is not registered is not followed."""
        session = self.sessions.pop(session_id, None)
        notices = () if session is None else self._notice(session, now)
        known = any(client.may_return_after_logout(post_logout_uri) for client in self._clients.values())
        if not post_logout_uri or not known:
            return Logout(None, notices)
        separator = "&" if urlsplit(post_logout_uri).query else "?"
        return Logout(post_logout_uri + (separator + urlencode({"state": state}) if state else ""), notices)

    def _notice(self, session: Session, now: float) -> tuple[tuple[str, str], ...]:
        path = self._clients[session.client_id].backchannel_logout_path
        if not path:
            return ()
        claims = {
            **self._common_claims(session, now, LOGOUT_TOKEN_LIFETIME_S),
            "jti": secrets.token_urlsafe(16),
            "sid": session.session_id,
            "events": {LOGOUT_EVENT: {}},
        }
        return ((origin_of(session.redirect_uri) + path, self.keys.sign(claims, typ="logout+jwt")),)


def choose_acr(request: AuthorizationRequest) -> str:
    """The level that a page offers first: the first known one that the client asks for."""
    return next((acr for acr in request.acr_values if acr in ACR_VALUES), ACR_VALUES[0])


def _is_challenge_met(verifier: str, challenge: str) -> bool:
    """RFC 7636 section 4.6."""
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return False
    return hmac.compare_digest(_base64url(hashlib.sha256(verifier.encode()).digest()), challenge)


def _at_hash(access_token: str) -> str:
    """OpenID Connect Core section 3.1.3.6, for algorithms with SHA-256."""
    return _base64url(hashlib.sha256(access_token.encode()).digest()[:16])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _keep(store: dict[str, Any], key: str, value: Any) -> None:
    store[key] = value
    while len(store) > MAX_KEPT:
        store.pop(next(iter(store)))
