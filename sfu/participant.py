"""What a room knows of its people: plain records, changed only by ``room.py``."""

from dataclasses import dataclass, field
from typing import Any, Final

from sfu.slots import Pair, Shown
from sfu.transport import Transport

SOURCES: Final = ("microphone", "camera", "screen")


@dataclass(slots=True)
class Producer:
    """One thing that a participant publishes. ``encodings`` maps a rid ("" without simulcast) to a source id."""

    source: str
    mid: str
    kind: str
    rids: tuple[str, ...] = ()
    encodings: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class SlotState:
    """One recvonly m-line of a participant and the consumer behind it."""

    mid: str
    kind: str
    consumer_id: int
    ssrc: int
    rtx_ssrc: int | None
    shown: Shown | None = None


@dataclass(slots=True)
class Participant:
    """One place in a room. Its id outlives sockets, page loads and transports."""

    participant_id: str
    identity: str = field(repr=False)
    display_name: str = field(repr=False)
    role: str
    front_id: str
    socket_id: str
    resume_token: str = field(repr=False)
    transport: Transport
    grant_id: str = field(default="", repr=False)
    """What let them in; a revocation names it."""
    lost_us: int | None = None
    producers: dict[str, Producer] = field(default_factory=dict)
    active: dict[str, bool] = field(default_factory=dict)
    slots: dict[str, SlotState] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    wanted: list[tuple[str, str, str]] = field(default_factory=list)
    hidden: bool = False
    """Nobody looks at the videos at present."""
    slots_version: int = 0
    told_to_reconnect: bool = False

    def public(self) -> dict[str, Any]:
        """What the others may see."""
        return {
            "participant_id": self.participant_id,
            "display_name": self.display_name,
            "role": self.role,
            "state": "connected" if self.lost_us is None else "lost",
            "sources": {source: bool(self.active.get(source)) for source in SOURCES},
        }

    def slots_state(self) -> dict[str, Any]:
        """The participant's slots as the wire protocol shows them."""
        return {
            "slots": [
                {
                    "mid": slot.mid,
                    "participant_id": slot.shown[0] if slot.shown else None,
                    "source": slot.shown[1] if slot.shown else None,
                }
                for slot in self.slots.values()
            ],
            "slots_version": self.slots_version,
        }
