"""The demo room: a room and two links that ``alltid-oppet serve`` prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.tokens import Role, TokenKeys
from sfu.registry import Registry

ROOM_ID: Final = "demo"
ROOM_NAME: Final = "Demo"
MAX_PARTICIPANTS: Final = 50
TOKEN_LIFETIME_S: Final = 12 * 3600
PEOPLE: Final[Sequence[tuple[str, str, Role]]] = (
    ("demo-host", "Vera Värd", "host"),
    ("demo-participant", "Dan Deltagare", "participant"),
)
"""Identity, name and role of the two, all invented."""


@dataclass(frozen=True)
class DemoLink:
    """One person's way in."""

    display_name: str
    role: Role
    path: str
    """Path and fragment, to be put after an address of the front."""


async def create_demo(registry: Registry, keys: TokenKeys, now: float) -> list[DemoLink]:
    """Make the room and a link for each of ``PEOPLE``."""
    await registry.create_room(ROOM_ID, ROOM_NAME, MAX_PARTICIPANTS)
    links = []
    for identity, display_name, role in PEOPLE:
        token = keys.sign_meeting(
            identity=identity,
            display_name=display_name,
            room_id=ROOM_ID,
            role=role,
            now=now,
            lifetime_s=TOKEN_LIFETIME_S,
        )
        links.append(DemoLink(display_name, role, f"/meeting#token={token}"))
    return links
