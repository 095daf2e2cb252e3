"""Logins from beginning to end: a challenge for the browser, its answer, and the session that comes of it.

A login that is under way is kept in Redis for ten minutes under the digest of its ``state``, bound to a random value
in the browser's cookie ``__Host-login``: an answer counts once, and only in the browser that asked. Time (``now``:
seconds since the epoch) is an argument.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgpack
from redis.asyncio import Redis

from auth import identity_numbers, login_claims
from auth.id_tokens import authenticated_at, session_of, subject_of
from auth.oidc import Challenge, Login, LoginError, OidcClient
from auth.permissions import ACR_LEVELS
from auth.principal import Commission
from auth.pseudonyms import Pseudonyms
from auth.sessions import ProviderLogin, Session, new_grant_id
from auth.staff_roles import GivenRole, RoleDirectory, RolesUnknownError, with_given

Audience = Literal["patient", "staff"]
AUDIENCES: Final[tuple[Audience, ...]] = get_args(Audience)

PENDING_S: Final = 600
"""Time to find one's phone and identify oneself."""
MAX_RETURN_TO_CHARACTERS: Final = 512
_STOCKHOLM = ZoneInfo("Europe/Stockholm")
_LOCAL_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")
_BINDING = re.compile(r"[A-Za-z0-9_-]{43}")
_ACR_NAMES: Final = {level: name for name, level in ACR_LEVELS.items() if level > 0}
_HIGHEST: Final = max(_ACR_NAMES)
_NO_ROLE: Final = ("login_no_access", "systemRole")
_ROLES_UNKNOWN: Final = ("provider_unavailable", "roles_unknown")


def safe_return_to(text: str, default: str) -> str:
    """Where to go after the login: a path of ours, or ``default``. Never another host (open redirect)."""
    if len(text) > MAX_RETURN_TO_CHARACTERS or not _LOCAL_PATH.fullmatch(text):
        return default
    if text.startswith("//") or urlsplit(text).netloc or urlsplit(text).path.startswith(("/login", "/api/")):
        return default
    return text


def new_binding() -> str:
    """A value for the cookie ``__Host-login``."""
    return secrets.token_urlsafe(32)


def is_binding(text: str) -> bool:
    """Whether a cookie's value is one that we may have made."""
    return _BINDING.fullmatch(text) is not None


@dataclass(frozen=True)
class Pending:
    """A login that is under way."""

    audience: Audience
    challenge: Challenge
    return_to: str


class Logins:
    """The logins at all providers, one for each audience that has one."""

    def __init__(
        self,
        redis: "Redis",
        clients: Mapping[Audience, OidcClient],
        pseudonyms: Pseudonyms | None,
        number_claims: Sequence[str],
    ) -> None:
        """``pseudonyms`` makes patients' person ids; without it only staff can log in."""
        self._redis = redis
        self._clients = clients
        self._pseudonyms = pseudonyms
        self._number_claims = number_claims
        self.roles: RoleDirectory | None = None
        """Roles that are given in this service; None: the claims alone count."""

    async def close(self) -> None:
        """Close the connections to the providers."""
        for client in self._clients.values():
            await client.close()

    async def begin(
        self, audience: Audience, *, binding: str, redirect_uri: str, return_to: str, ui_locales: str
    ) -> str:
        """Where to send the browser; it must come back with the same ``binding``."""
        client = self._client(audience)
        challenge = Challenge(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
        )
        url = await client.authorization_url(challenge, ui_locales=ui_locales)
        document = {"audience": audience, "binding": _digest(binding), "return_to": return_to, **vars(challenge)}
        await self._redis.set(_pending_key(challenge.state), msgpack.packb(document), ex=PENDING_S)
        return url

    async def pending(self, answer: Mapping[str, str], binding: str) -> Pending:
        """The login that an answer belongs to. It is forgotten with this: no answer counts twice."""
        packed = await self._redis.getdel(_pending_key(answer.get("state", "")))
        if not isinstance(packed, bytes):
            raise LoginError("login_expired", "unknown_state")
        document: dict[str, Any] = msgpack.unpackb(packed)
        bound, audience, return_to = (document.pop(name) for name in ("binding", "audience", "return_to"))
        if not hmac.compare_digest(bound, _digest(binding)):
            raise LoginError("login_invalid", "other_browser")
        return Pending(audience, Challenge(**document), return_to)

    async def complete(self, pending: Pending, answer: Mapping[str, str], *, now: float) -> Session:
        """The session of whoever logged in; ``LoginError`` otherwise."""
        client = self._client(pending.audience)
        login = await client.redeem(pending.challenge, answer, now=now)
        session = self._session(pending.audience, login, client.provider.issuer, now)
        return session if session.kind == "patient" else await self._with_roles(session)

    async def _with_roles(self, session: Session) -> Session:
        """Staff with the roles that they were given here; ``LoginError`` when no commission has any."""
        given: Sequence[GivenRole] | None = ()
        if self.roles is not None:
            try:
                given = await self.roles.roles(session.actor)
            except RolesUnknownError:
                given = None
        claimed = {item.commission_hsa_id: item.roles for item in session.commissions}
        with_all = [with_given(item, given or ()) for item in session.commissions]
        commissions = tuple(item for item in with_all if item.roles)
        if not commissions:
            raise LoginError(*_NO_ROLE if given is not None else _ROLES_UNKNOWN)
        named = session.commission and session.commission.commission_hsa_id
        chosen = next((item for item in commissions if item.commission_hsa_id == named), None)
        if chosen is None and len(commissions) == 1:
            chosen = commissions[0]
        return replace(session, commissions=commissions, commission=chosen, claimed_roles=claimed)

    async def chosen(self, session: Session, commission: Commission) -> Commission:
        """A commission of the session, with the roles that it has now; ``RolesUnknownError`` when that is none as far
        as anybody knows. Who came from a record system has what that one gave.
        """
        if self.roles is None or session.login is None:
            return commission
        claimed = session.claimed_roles.get(commission.commission_hsa_id, commission.roles)
        base = replace(commission, roles=claimed)
        try:
            return with_given(base, await self.roles.roles(session.actor))
        except RolesUnknownError:
            if claimed:
                return base
            raise

    async def logged_out(self, logout_token: str, *, now: float) -> ProviderLogin:
        """Whose login a provider ended (back-channel logout); ``LoginError`` unless it is a provider's own word.

        ``sub`` is empty when only ``sid`` is named. A token counts once.
        """
        refusal = LoginError("login_invalid", "no_provider")
        for client in self._clients.values():
            try:
                claims = await client.logout_claims(logout_token, now=now)
            except LoginError as error:
                refusal = error
                continue
            key = f"ao:logout-token:{_digest(f'{claims.issuer}|{claims.jti}')}"
            keep_s = max(1, int(claims.expires_at - now)) + 2 * PENDING_S
            if not await self._redis.set(key, b"1", nx=True, ex=keep_s):
                raise LoginError("login_invalid", "jti")
            return ProviderLogin(claims.issuer, claims.sub or "", claims.sid)
        raise refusal

    async def end_session_url(self, session: Session, return_url: str) -> str | None:
        """Where the browser ends the provider's session too; None when there is nothing to end or no answer."""
        client = self._clients.get(session.kind)
        if client is None or session.login is None or session.login.issuer != client.provider.issuer:
            return None
        try:
            return await client.end_session_url(session.login.sid, return_url)
        except LoginError:  # the provider is away: the session here ends all the same
            return None

    def _client(self, audience: Audience) -> OidcClient:
        client = self._clients.get(audience)
        if client is None:
            raise LoginError("provider_unavailable", "not_configured")
        return client

    def _session(self, audience: Audience, login: Login, issuer: str, now: float) -> Session:
        origin = ProviderLogin(issuer, subject_of(login.claims), session_of(login.claims))
        try:
            return self._patient(login, origin, now) if audience == "patient" else self._staff(login, origin, now)
        except login_claims.ClaimsError as error:
            raise LoginError("login_no_access", error.claim) from None
        except identity_numbers.IdentityNumberError:
            raise LoginError("login_no_access", "identity_number") from None

    def _patient(self, login: Login, origin: ProviderLogin, now: float) -> Session:
        if self._pseudonyms is None:
            raise LoginError("provider_unavailable", "not_configured")
        patient = login_claims.read_patient(login.claims, self._number_claims)
        today = datetime.fromtimestamp(now, _STOCKHOLM).date()
        number = identity_numbers.parse(patient.number, today=today)
        return Session(
            kind="patient",
            actor=self._pseudonyms.person_id(number),
            display_name=patient.name,
            number=number.value,
            number_system=number.system.value,
            **_common(login, origin, now),
        )

    def _staff(self, login: Login, origin: ProviderLogin, now: float) -> Session:
        staff = login_claims.read_staff(login.claims, needs_role=self.roles is None)
        return Session(
            kind="staff",
            actor=staff.employee_hsa_id,
            display_name=staff.name,
            commissions=staff.commissions,
            commission=staff.chosen,
            **_common(login, origin, now),
        )


def _common(login: Login, origin: ProviderLogin, now: float) -> dict[str, Any]:
    return {
        "acr": _ACR_NAMES.get(min(login.level, _HIGHEST), ""),
        "authenticated_at": authenticated_at(login.claims),
        "created_at": int(now),
        "seen_at": int(now),
        "grant_id": new_grant_id(),
        "login": origin,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _pending_key(state: str) -> str:
    return f"ao:login:{_digest(state)}"
