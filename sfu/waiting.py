"""The waiting room outside one room: who stands in the queue, and what they are told. Sans-I/O.

Those who wait have no transport: nothing of the room reaches them but their own place in the queue and whether a host
is there. Their events carry ``waiting: True``, which a front delivers to sockets that wait and to no others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final

from sfu.bus import RpcError
from sfu.transport import Local

RESUME_TOKEN_BYTES: Final = 16
REMEMBERED_ADMISSIONS: Final = 5
ADMISSIONS_MAX_AGE_US: Final = 30 * 60 * 1_000_000
"""What was longer ago says nothing of how long the next one takes."""
ESTIMATE_STEP_S: Final = 60
"""Estimates are told in whole minutes, rounded up: more would be a promise."""


@dataclass(slots=True)
class Waiter:
    """Somebody who asked to be let in."""

    participant_id: str
    identity: str = field(repr=False)
    grant_id: str = field(repr=False)
    display_name: str = field(repr=False)
    role: str
    front_id: str
    socket_id: str
    resume_token: str = field(repr=False)
    since: int
    """Seconds since the epoch, to show."""
    lost_us: int | None = None
    told: dict[str, Any] | None = None
    """The place that the client knows."""

    def public(self) -> dict[str, Any]:
        """What hosts see."""
        return {
            "participant_id": self.participant_id,
            "display_name": self.display_name,
            "role": self.role,
            "since": self.since,
            "state": "connected" if self.lost_us is None else "lost",
        }


class WaitingRoom:
    """The queue. ``outbox`` gathers (front id, participant id, event, payload) for those who wait."""

    def __init__(self, local: Local) -> None:
        self.people: dict[str, Waiter] = {}
        self.outbox: list[tuple[str, str, str, dict[str, Any]]] = []
        self.departed: list[tuple[str, str]] = []
        """Whose wait is over without admission, and why."""
        self._local = local
        self._admissions_us: list[int] = []
        self._changed = False
        self._host_present = False

    def public(self) -> list[dict[str, Any]]:
        """The queue as hosts see it, the longest waiting first."""
        return [waiter.public() for waiter in self.people.values()]

    def wait(self, params: Mapping[str, Any], host_present: bool, now_us: int) -> dict[str, Any]:
        """Stand in the queue, or come back to one's place in it. Raise RpcError when that is not possible."""
        old = next((waiter for waiter in self.people.values() if waiter.identity == params["identity"]), None)
        token = params.get("resume_token")
        if old is not None and old.lost_us is None and not (token and compare_digest(token, old.resume_token)):
            raise RpcError("identity_in_use")
        if old is None and len(self.people) >= params["max_participants"]:
            raise RpcError("room_full")
        replaced_front_id = old.front_id if old is not None and old.lost_us is None else None
        waiter = Waiter(
            participant_id=old.participant_id if old else params["participant_id"],
            identity=params["identity"],
            grant_id=params["grant_id"],
            display_name=params["display_name"],
            role=params["role"],
            front_id=params["front_id"],
            socket_id=params["socket_id"],
            resume_token=self._local.random_bytes(RESUME_TOKEN_BYTES).hex(),
            since=old.since if old else params["since"],
        )
        self.people[waiter.participant_id] = waiter
        self._changed = True
        self._host_present = host_present
        waiter.told = self._place(list(self.people).index(waiter.participant_id), now_us)
        return {
            "participant_id": waiter.participant_id,
            "resume_token": waiter.resume_token,
            "replaced_front_id": replaced_front_id,
            **waiter.told,
        }

    def admit(self, participant_id: str, now_us: int) -> Waiter:
        """Let somebody in; ``unknown_participant`` when nobody of that id waits."""
        waiter = self.people.pop(participant_id, None)
        if waiter is None:
            raise RpcError("unknown_participant")
        self._admissions_us = [*self._admissions_us, now_us][-REMEMBERED_ADMISSIONS:]
        self._changed = True
        self._tell(waiter, "admitted", {})
        return waiter

    def turn_away(self, waiter: Waiter, code: str, message: str) -> None:
        """Somebody is told that the wait is over, and why."""
        if self.people.pop(waiter.participant_id, None) is not None:
            self._changed = True
            self.departed.append((waiter.identity, code))
            self._tell(waiter, "closed", {"code": code, "message": message})

    def leave(self, participant_id: str, cause: str = "left") -> None:
        """Somebody gives up."""
        waiter = self.people.pop(participant_id, None)
        if waiter is not None:
            self._changed = True
            self.departed.append((waiter.identity, cause))

    def close(self, code: str, message: str) -> None:
        """Everybody is told that the wait is over."""
        for waiter in list(self.people.values()):
            self.turn_away(waiter, code, message)

    def lose(self, front_id: str, socket_id: str | None, now_us: int) -> list[Waiter]:
        """A socket is gone, or with None all of a front's: the places are kept for a while. Returns whose."""
        lost = []
        for waiter in self.people.values():
            if waiter.front_id == front_id and socket_id in (None, waiter.socket_id) and waiter.lost_us is None:
                waiter.lost_us = now_us
                self._changed = True
                lost.append(waiter)
        return lost

    def check(self, now_us: int, lost_after_us: int) -> None:
        """Once a second: the places of those who did not come back go to the next."""
        for waiter in list(self.people.values()):
            if waiter.lost_us is not None and now_us - waiter.lost_us >= lost_after_us:
                self.leave(waiter.participant_id, "lost")

    def tick(self, host_present: bool, now_us: int) -> list[dict[str, Any]] | None:
        """Tell those who wait what has changed for them; return the queue when hosts have to be told too."""
        if not self._changed and host_present == self._host_present:
            return None
        changed, self._changed, self._host_present = self._changed, False, host_present
        for index, waiter in enumerate(self.people.values()):
            place = self._place(index, now_us)
            if place != waiter.told:
                waiter.told = place
                self._tell(waiter, "waiting_changed", place)
        return self.public() if changed else None

    def _place(self, index: int, now_us: int) -> dict[str, Any]:
        return {
            "position": index + 1,
            "people_before": index,
            "host_present": self._host_present,
            "estimated_wait_s": estimate_s(index + 1, self._admissions_us, now_us),
        }

    def _tell(self, waiter: Waiter, event: str, payload: dict[str, Any]) -> None:
        if waiter.lost_us is None:
            self.outbox.append((waiter.front_id, waiter.participant_id, event, payload))


def estimate_s(position: int, admissions_us: Sequence[int], now_us: int) -> int | None:
    """How long somebody at ``position`` will wait, from how far apart the latest admissions were; None: unknown.

    The time since the latest one counts as a distance as soon as it is longer than the others were: when nobody is
    let in any more, the estimate grows.
    """
    recent = [at for at in admissions_us if now_us - at <= ADMISSIONS_MAX_AGE_US]
    if len(recent) < 2:
        return None
    mean_us = max((recent[-1] - recent[0]) / (len(recent) - 1), now_us - recent[-1])
    steps = -(-position * mean_us // (ESTIMATE_STEP_S * 1_000_000))
    return max(1, round(steps)) * ESTIMATE_STEP_S
