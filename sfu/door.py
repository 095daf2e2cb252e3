"""The door of one room: who waits outside, whom a host lets in or takes out, whose grant was withdrawn. Sans-I/O."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sfu.bus import RpcError
from sfu.participant import Participant
from sfu.transport import Local
from sfu.waiting import WaitingRoom

if TYPE_CHECKING:
    from sfu.room import Room

REMOVED_MESSAGE: Final = "You were removed from the room."
REVOKED_MESSAGE: Final = "What let you in has been withdrawn."


class Door:
    """Every method raises RpcError with a code of the wire protocol."""

    def __init__(self, room: "Room", local: Local) -> None:
        self.waiting = WaitingRoom(local)
        self.removed: set[str] = set()
        """Grants of those whom a host removed: they come in no more, whatever token they still have."""
        self._room = room

    def wait(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Somebody asks to be let in."""
        self.refuse_removed(params)
        place = self.waiting.wait(params, self._has_host(), now_us)
        self._room.stays.wait(params["identity"], params["role"], now_us)
        return place

    def admit(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """A host lets somebody in, who may join from now on; returns whose grant that was."""
        self._require_host(params)
        waiter = self.waiting.admit(params["participant_id"], now_us)
        self._room.stays.admit(waiter.identity, now_us)
        return {"grant_id": waiter.grant_id}

    def lose(self, front_id: str, socket_id: str | None, now_us: int, *, in_order: bool) -> None:
        """A socket of somebody who waits is gone, or with None all of a front's."""
        for waiter in self.waiting.lose(front_id, socket_id, now_us):
            stay = self._room.stays.get(waiter.identity)
            if stay is not None:
                stay.lose(now_us, in_order=in_order)

    def remove(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A host turns somebody away, or out with all that they sent in; returns whose grant lost its worth."""
        host, participant_id = self._require_host(params), params["participant_id"]
        if participant_id == host.participant_id:
            raise RpcError("forbidden", "hosts leave by themselves")
        waiter, person = self.waiting.people.get(participant_id), self._room.people.get(participant_id)
        if waiter is not None:
            self.removed.add(waiter.grant_id)
            self.waiting.turn_away(waiter, "denied", "You were not let in.")
            return {"grant_id": waiter.grant_id}
        if person is None:
            raise RpcError("unknown_participant")
        if person.grant_id == host.grant_id:  # the host's own player or encoder: no reason to lock the host out
            self._room.expel(person, "removed", REMOVED_MESSAGE)
            return {"grant_id": None}
        self.removed.add(person.grant_id)
        for one in [other for other in self._room.people.values() if other.grant_id == person.grant_id]:
            self._room.expel(one, "removed", REMOVED_MESSAGE)
        return {"grant_id": person.grant_id}

    def revoke(self, grant_id: str) -> None:
        """What let somebody in was withdrawn: out, wherever their socket is."""
        for waiter in [one for one in self.waiting.people.values() if one.grant_id == grant_id]:
            self.waiting.turn_away(waiter, "revoked", REVOKED_MESSAGE)
        for person in [one for one in self._room.people.values() if one.grant_id == grant_id]:
            self._room.expel(person, "revoked", REVOKED_MESSAGE)

    def refuse_removed(self, params: Mapping[str, Any]) -> None:
        """Raise ``removed`` for a grant that a host removed from here."""
        if params.get("grant_id") in self.removed:
            raise RpcError("removed")

    def queue_for(self, person: Participant) -> list[dict[str, Any]]:
        """Who waits, for a host; nothing for anybody else."""
        return self.waiting.public() if person.role == "host" else []

    def tick(self, now_us: int) -> None:
        """Tell hosts and those who wait what has changed since the last tick."""
        queue = self.waiting.tick(self._has_host(), now_us)
        if queue is not None:
            for person in self._room.people.values():
                if person.role == "host":
                    self._room.tell(person, "waiting", {"people": queue})
        self.collect()

    def collect(self) -> None:
        """Pass on what the waiting room has to tell, to those who wait and to nobody else."""
        for front_id, participant_id, event, payload in self.waiting.outbox:
            self._room.queue(front_id, [participant_id], None, event, payload, waiting=True)
        self.waiting.outbox.clear()
        for identity, cause in self.waiting.departed:
            self._room.departed.append((identity, cause, None))
        self.waiting.departed.clear()

    def _require_host(self, params: Mapping[str, Any]) -> Participant:
        """The host who asks. The front has checked the token's role; the room knows who sits here."""
        host = self._room.people.get(params["by"])
        if host is None:
            raise RpcError("not_joined")
        if host.role != "host":
            raise RpcError("forbidden")
        return host

    def _has_host(self) -> bool:
        return any(person.role == "host" and person.lost_us is None for person in self._room.people.values())
