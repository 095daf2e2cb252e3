"""Who a request or a socket is, once a cookie, a link or a token has been checked.

A ``Principal`` is what permissions are decided on (``auth/permissions.py``) and what the audit log names. It is
made once per request by the part that checked the credential; nothing in it is taken from what a client merely says.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["patient", "staff", "guest", "interpreter", "service"]
"""By which door somebody came in: patient and staff by login, guest and interpreter by link, service by token."""

Role = Literal[
    "patient",
    "proxy",
    "staff",
    "scheduler",
    "viewer",
    "unit_admin",
    "region_admin",
    "guest",
    "interpreter",
    "sre",
    "service",
]
"""What somebody may be in the table of permissions. ``staff`` is a clinician (vårdpersonal)."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)

ProxyScope = Literal["book", "messages", "meetings"]
"""What a proxy (ombud) may do for the patient: bookings, messages, meetings."""

PROXY_SCOPES: Final[frozenset[ProxyScope]] = frozenset(get_args(ProxyScope))


@dataclass(frozen=True)
class Commission:
    """A commission (medarbetaruppdrag) of a staff member: where, for whom and as what they work."""

    commission_hsa_id: str
    unit_hsa_id: str
    """The care unit (vårdenhet)."""
    provider_hsa_id: str
    """The care provider (vårdgivare) that the unit belongs to."""
    name: str
    """Unit and commission, to show."""
    roles: frozenset[Role]

    def __repr__(self) -> str:
        return f"Commission(unit_hsa_id={self.unit_hsa_id!r}, roles={sorted(self.roles)})"


@dataclass(frozen=True)
class Principal:
    """Who a request or a socket is. ``repr`` shows no personal data.

    Roles: a patient has ``patient``; while acting for somebody else only ``proxy``, so that nothing of the two
    people is mixed. Staff have the roles of the chosen commission; before they choose one, ``staff`` alone, which
    without a commission opens nothing but the session itself.
    """

    kind: Kind
    roles: frozenset[Role]
    actor: str
    """Opaque id of who acts: a patient's person id, a staff member's HSA-id, a guest's link id, a service's name."""
    subject: str | None
    """Person id of the patient concerned: ``actor``, or another one's when acting as proxy. None for all others."""
    display_name: str
    proxy_scopes: frozenset[ProxyScope]
    """Empty unless acting as proxy."""
    commission: Commission | None
    """The chosen one (staff)."""
    meeting_id: str | None
    """The only meeting this principal is about: that of a guest's link, or of the meeting token on a socket."""
    acr: str
    """How the login was made (an OpenID Connect ``acr``), in the names of ``auth.permissions.ACR_LEVELS``."""
    authenticated_at: int
    """Seconds since the epoch."""
    grant_id: str
    """Opaque id of what lets them in (hash of the session's id, link id, token id); revocation names it."""
    service_scopes: frozenset[str] = frozenset()
    """What a service token allows (``rooms:write``...); empty for people."""
    proxy_until: int | None = None
    """When the right to act for the other one ends by itself, in seconds since the epoch; None when not a proxy."""

    @property
    def is_proxy(self) -> bool:
        """Whether somebody acts for another one."""
        return self.subject is not None and self.subject != self.actor

    @property
    def unit_hsa_id(self) -> str | None:
        """The unit of the chosen commission."""
        return self.commission.unit_hsa_id if self.commission is not None else None

    @property
    def provider_hsa_id(self) -> str | None:
        """The care provider of the chosen commission."""
        return self.commission.provider_hsa_id if self.commission is not None else None

    def __repr__(self) -> str:
        return f"Principal(kind={self.kind!r}, roles={sorted(self.roles)}, is_proxy={self.is_proxy})"
