"""A session of somebody who logged in: what it holds, its limits, its CSRF token. Pure; ``session_store`` keeps it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgpack

from auth.principal import Commission, Principal, ProxyScope, Role

EndReason = Literal[
    "logout", "replaced", "idle", "absolute", "backchannel", "ended_elsewhere", "proxy_ended", "role_taken"
]
"""Why a session ended: ``logout`` by the person, ``replaced`` by a new login in the same browser, ``idle`` and
``absolute`` by the limits, ``backchannel`` by the identity provider, ``ended_elsewhere`` by the person from another
device or by somebody who may revoke, ``proxy_ended`` because acting for the other one is over, ``role_taken`` because
an administrator took a role away or it has ended."""

Revoke = Callable[[str, EndReason], Awaitable[None]]
"""Told the grant of each session that ends, so that running meetings are left too."""


@dataclass(frozen=True)
class Limits:
    """How long a session lasts, in seconds."""

    idle_s: int
    """Without any request."""
    absolute_s: int
    """In all, since the login."""


@dataclass(frozen=True)
class ProviderLogin:
    """The login at the identity provider, which its back-channel logout names."""

    issuer: str
    sub: str
    sid: str | None

    def __repr__(self) -> str:
        return "ProviderLogin()"


@dataclass(frozen=True)
class ActingFor:
    """For whom the person acts (ombud)."""

    subject: str
    name: str
    scopes: frozenset[ProxyScope]

    def __repr__(self) -> str:
        return "ActingFor()"


@dataclass(frozen=True)
class Session:
    """One login. ``repr`` shows no personal data."""

    kind: Literal["patient", "staff"]
    actor: str
    """Person id of a patient, HSA-id of staff."""
    display_name: str
    acr: str
    authenticated_at: int
    created_at: int
    seen_at: int
    grant_id: str
    number: str | None = None
    """The patient's identity number, 12 characters; it stands nowhere but here."""
    number_system: str | None = None
    commissions: tuple[Commission, ...] = ()
    commission: Commission | None = None
    claimed_roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    """By commission: what the login's claims gave, when roles given in this service came on top (``staff_roles``)."""
    acting_for: ActingFor | None = None
    login: ProviderLogin | None = None
    """None: they came by a portal link."""

    def __repr__(self) -> str:
        return f"Session(kind={self.kind!r}, grant_id={self.grant_id!r})"

    def principal(self) -> Principal:
        """Who requests with this session are."""
        acting = self.acting_for
        if self.kind == "patient":
            return Principal(
                kind="patient",
                roles=frozenset({"proxy"}) if acting else frozenset({"patient"}),
                actor=self.actor,
                subject=acting.subject if acting else self.actor,
                display_name=self.display_name,
                proxy_scopes=acting.scopes if acting else frozenset(),
                commission=None,
                meeting_id=None,
                acr=self.acr,
                authenticated_at=self.authenticated_at,
                grant_id=self.grant_id,
            )
        return Principal(
            kind="staff",
            roles=self.commission.roles if self.commission else frozenset({"staff"}),
            actor=self.actor,
            subject=None,
            display_name=self.display_name,
            proxy_scopes=frozenset(),
            commission=self.commission,
            meeting_id=None,
            acr=self.acr,
            authenticated_at=self.authenticated_at,
            grant_id=self.grant_id,
        )

    def expires_at(self, limits: Limits) -> int:
        """When it ends if nothing more is asked, in seconds since the epoch."""
        return min(self.seen_at + limits.idle_s, self.created_at + limits.absolute_s)


def new_grant_id() -> str:
    """A name for what lets somebody in, not a secret."""
    return f"s-{secrets.token_hex(12)}"


def csrf_token(secret: str) -> str:
    """The token that requests with this cookie must carry; who has not read it from us cannot know it."""
    digest = hmac.new(secret.encode(), b"alltid-oppet:csrf", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def pack(session: Session) -> bytes:
    """The session as bytes for the store."""
    document: dict[str, Any] = dict(vars(session))
    document["commissions"] = [_pack_commission(item) for item in session.commissions]
    document["claimed_roles"] = {name: sorted(roles) for name, roles in session.claimed_roles.items()}
    document["commission"] = session.commission and session.commission.commission_hsa_id
    acting, login = session.acting_for, session.login
    document["acting_for"] = acting and [acting.subject, acting.name, sorted(acting.scopes)]
    document["login"] = login and [login.issuer, login.sub, login.sid]
    packed: bytes = msgpack.packb(document)
    return packed


def unpack(packed: bytes) -> Session:
    """The session that ``pack`` wrote."""
    document = msgpack.unpackb(packed)
    commissions = tuple(_unpack_commission(item) for item in document["commissions"])
    claimed = document.get("claimed_roles", {})  # sessions of before the update have none
    chosen = document["commission"]
    acting, login = document["acting_for"], document["login"]
    return Session(
        **document
        | {
            "commissions": commissions,
            "claimed_roles": {name: frozenset(roles) for name, roles in claimed.items()},
            "commission": next((item for item in commissions if item.commission_hsa_id == chosen), None),
            "acting_for": acting and ActingFor(acting[0], acting[1], frozenset(acting[2])),
            "login": login and ProviderLogin(*login),
        }
    )


def _pack_commission(item: Commission) -> list[Any]:
    return [item.commission_hsa_id, item.unit_hsa_id, item.provider_hsa_id, item.name, sorted(item.roles)]


def _unpack_commission(item: list[Any]) -> Commission:
    commission_hsa_id, unit_hsa_id, provider_hsa_id, name, roles = item
    return Commission(commission_hsa_id, unit_hsa_id, provider_hsa_id, name, frozenset(roles))
