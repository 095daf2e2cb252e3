"""The demo room of ``make run`` and its two people: fictitious, with links that work for a day."""

from dataclasses import dataclass
from typing import Final

from auth.tokens import Role, TokenKeys
from sfu.registry import Registry

ROOM_ID: Final = "demo"
ROOM_NAME: Final = "Provsamtal"
MAX_PARTICIPANTS: Final = 20
LINK_LIFETIME_S: Final = 24 * 3600


@dataclass(frozen=True)
class DemoPerson:
    """Somebody for whom a link is printed."""

    identity: str
    display_name: str
    role: Role


PEOPLE: Final = (
    DemoPerson("demo-clinician", "Karin Ek, sjuksköterska", "host"),
    DemoPerson("demo-patient", "Ali Lind", "participant"),
)


async def create_demo(registry: Registry, keys: TokenKeys, now: float) -> list[tuple[DemoPerson, str]]:
    """Create the room; return each person with the path (and fragment) of their meeting page."""
    await registry.create_room(ROOM_ID, ROOM_NAME, MAX_PARTICIPANTS)
    return [
        (
            person,
            "/meeting#token="
            + keys.sign_meeting(
                identity=person.identity,
                display_name=person.display_name,
                room_id=ROOM_ID,
                role=person.role,
                now=now,
                lifetime_s=LINK_LIFETIME_S,
            ),
        )
        for person in PEOPLE
    ]
