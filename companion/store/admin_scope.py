"""How far an administrator sees: the own unit, or all units of the own care provider."""

from dataclasses import dataclass

from companion.errors import FORBIDDEN, Problem
from companion.identity import Caller


@dataclass(frozen=True)
class Scope:
    """Units that an administrator answers for."""

    provider_hsa_id: str
    own_unit_hsa_id: str
    """The unit of the chosen commission."""
    unit_hsa_id: str | None
    """The only unit; None: all of the care provider."""


def scope_of(caller: Caller) -> Scope:
    """From the roles of the chosen commission."""
    principal = caller.principal
    if principal.provider_hsa_id is None or principal.unit_hsa_id is None:
        raise Problem(FORBIDDEN)
    unit = None if "region_admin" in principal.roles else principal.unit_hsa_id
    return Scope(principal.provider_hsa_id, principal.unit_hsa_id, unit)
