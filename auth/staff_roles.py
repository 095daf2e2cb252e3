"""Roles that administrators give to staff in this service, beside those that the claims of a login carry.

A role counts in a unit, and there with the commissions (medarbetaruppdrag) that its holder has for that unit: it gives
nobody a way in where they do not work. It is asked for at the login and at each choice of a commission. When nobody can
say which roles there are, the claims alone count: never more than they give.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from auth.principal import Commission, Role

GRANTABLE: Final[frozenset[Role]] = frozenset({"staff", "scheduler", "viewer", "unit_admin", "region_admin"})
"""What can be given in this way; anything else that a directory names is nobody's."""


class RolesUnknownError(Exception):
    """The directory cannot be asked now."""


@dataclass(frozen=True)
class GivenRole:
    """A role that somebody was given, and that stands today."""

    role: Role
    unit_hsa_id: str
    provider_hsa_id: str
    commission_hsa_id: str | None = None
    """Only with this commission; None: with each that they have for the unit."""


class RoleDirectory(Protocol):
    """Who was given which roles."""

    async def roles(self, staff_hsa_id: str) -> Sequence[GivenRole]:
        """What somebody has today; ``RolesUnknownError`` when it cannot be asked."""


def with_given(commission: Commission, given: Iterable[GivenRole]) -> Commission:
    """The commission with what was given for it. Unit and care provider must both be the same."""
    added = {
        one.role
        for one in given
        if one.role in GRANTABLE
        and (one.unit_hsa_id, one.provider_hsa_id) == (commission.unit_hsa_id, commission.provider_hsa_id)
        and one.commission_hsa_id in (None, commission.commission_hsa_id)
    }
    return replace(commission, roles=commission.roles | added)
