"""Roles that administrators give in the companion: asked for at logins, and sessions end when one is taken."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, Field, ValidationError

from auth.principal import Role
from auth.session_store import SessionStore
from auth.staff_roles import GivenRole, RolesUnknownError
from signalling.companion_answers import CompanionError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, text_of

MAX_ROLES: Final = 1000
"""More than anybody has."""

_log = structlog.get_logger(__name__)


class _Given(BaseModel):
    role: Role
    unit_hsa_id: str
    provider_hsa_id: str
    commission_hsa_id: str | None


class _Roles(BaseModel):
    roles: Annotated[list[_Given], Field(max_length=MAX_ROLES)]


class CompanionRoles:
    """The ``RoleDirectory`` of the logins. Nothing is kept: a role that was taken is gone with the next question."""

    def __init__(self, client: CompanionClient, sessions: SessionStore, *, clock: Callable[[], float]) -> None:
        self._client = client
        self._sessions = sessions
        self._clock = clock

    async def roles(self, staff_hsa_id: str) -> Sequence[GivenRole]:
        """What the companion says now; ``RolesUnknownError`` when it says nothing that can be used."""
        try:
            answer: Any = (await self._client.get(f"/staff/{staff_hsa_id}/roles", FRONT)).body
            return [GivenRole(**one.model_dump()) for one in _Roles.model_validate(answer).roles]
        except (CompanionError, ValidationError) as error:
            _log.warning("companion_roles_unknown", error=type(error).__name__)
            raise RolesUnknownError from None

    async def taken(self, event: CompanionEvent) -> None:
        """``role.taken``: who works in the unit with it logs in anew. Sessions that cannot have it go on."""
        staff, unit = text_of(event.payload, "staff"), text_of(event.payload, "unit")
        for session in await self._sessions.of_person(staff, self._clock()):
            if any(item.unit_hsa_id == unit for item in session.commissions):
                await self._sessions.end_grant(session.grant_id, "role_taken")

    async def given(self, event: CompanionEvent) -> None:
        """``role.given``: it counts from the next login or choice of a commission on."""
        text_of(event.payload, "staff")
