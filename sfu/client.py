"""The front's view of the media workers: typed calls that find the room's home worker by themselves."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from sfu.bus import Bus, RpcError
from sfu.registry import Registry, Room


class SlotsState(TypedDict):
    """A participant's slots, as the wire protocol shows them."""

    slots: list[dict[str, Any]]
    slots_version: int


class JoinResult(SlotsState):
    """What a worker answers to ``join``."""

    participant_id: str
    resume_token: str
    answer: str
    participants: list[dict[str, Any]]
    lost_after_ms: int
    waiting: NotRequired[list[dict[str, Any]]]
    """Who waits to be let in; empty for all but hosts."""
    replaced_front_id: NotRequired[str | None]


class ResumeResult(SlotsState):
    """What a worker answers to ``resume``."""

    participants: list[dict[str, Any]]
    waiting: NotRequired[list[dict[str, Any]]]
    replaced_front_id: NotRequired[str | None]


class WaitResult(TypedDict):
    """What a worker answers to ``wait``."""

    participant_id: str
    resume_token: str
    position: int
    people_before: int
    host_present: bool
    estimated_wait_s: int | None
    replaced_front_id: NotRequired[str | None]


class NegotiateResult(SlotsState):
    """What a worker answers to ``negotiate``."""

    answer: str


@dataclass(frozen=True)
class Seat:
    """Where a socket's participant sits."""

    worker_id: str
    room_id: str
    participant_id: str


@dataclass(frozen=True)
class JoinRequest:
    """Everything a worker needs to let somebody in. ``repr`` shows no personal data."""

    participant_id: str
    """Proposed, random; the worker answers with another when the resume token names an existing place."""
    identity: str
    display_name: str
    role: str
    offer: str
    tracks: Mapping[str, str]
    active: Mapping[Any, bool]
    resume_token: str | None
    socket_id: str
    """Empty, as is the front, for a standard client that has no socket (WHIP, WHEP)."""
    grant_id: str = ""
    """What let them in; a revocation names it."""

    def __repr__(self) -> str:
        return f"JoinRequest(participant_id={self.participant_id!r})"


@dataclass(frozen=True)
class ResumeRequest:
    """Whose place a new socket wants back. ``repr`` shows no personal data and no secret."""

    resume_token: str
    identity: str
    grant_id: str
    socket_id: str

    def __repr__(self) -> str:
        return "ResumeRequest()"


@dataclass(frozen=True)
class WaitRequest:
    """Who asks to be let in. ``repr`` shows no personal data."""

    participant_id: str
    """Proposed, random, as in ``JoinRequest``."""
    identity: str
    display_name: str
    role: str
    grant_id: str
    resume_token: str | None
    socket_id: str
    since: int
    """Seconds since the epoch."""

    def __repr__(self) -> str:
        return f"WaitRequest(participant_id={self.participant_id!r})"


class MediaClient:
    """Calls to media workers. Every method may raise ``RpcError`` with a code of the wire protocol.

    ``observe(method, seconds, code)`` is told of every call (``code`` is ``ok`` or the error's).
    """

    def __init__(
        self,
        bus: Bus,
        registry: Registry,
        *,
        timeout_s: float = 5.0,
        observe: Callable[[str, float, str], None] | None = None,
    ) -> None:
        self._bus = bus
        self._registry = registry
        self._timeout_s = timeout_s
        self._observe = observe

    async def home(self, room: Room) -> str:
        """The room's home worker; ``no_worker`` when none lives."""
        worker_id = await self._registry.home_worker(room)
        if worker_id is None:
            raise RpcError("no_worker")
        return worker_id

    async def join(
        self, worker_id: str, room: Room, request: JoinRequest, on_reply: Callable[[JoinResult], None]
    ) -> JoinResult:
        """Let somebody in. ``on_reply`` runs before any event that the worker sent after its reply is handled."""
        params = {
            "room_id": room.room_id,
            "room_name": room.name,
            "max_participants": room.max_participants,
            "participant_id": request.participant_id,
            "identity": request.identity,
            "display_name": request.display_name,
            "role": request.role,
            "grant_id": request.grant_id,
            "front_id": self._bus.process_id if request.socket_id else "",
            "socket_id": request.socket_id,
            "offer": request.offer,
            "tracks": dict(request.tracks),
            "active": dict(request.active),
            "resume_token": request.resume_token,
        }
        result: Any = await self._call(worker_id, "join", params, on_reply)
        return result  # type: ignore[no-any-return]

    async def resume(
        self, seat: Seat, request: ResumeRequest, on_reply: Callable[[ResumeResult], None]
    ) -> ResumeResult:
        """Bind a new socket to a participant who is there."""
        params = vars(request) | {"front_id": self._bus.process_id}
        result: Any = await self._call(seat.worker_id, "resume", _of(seat) | params, on_reply)
        return result  # type: ignore[no-any-return]

    async def wait(
        self, worker_id: str, room: Room, request: WaitRequest, on_reply: Callable[[WaitResult], None]
    ) -> WaitResult:
        """Ask to be let in."""
        params = vars(request) | {
            "room_id": room.room_id,
            "room_name": room.name,
            "max_participants": room.max_participants,
            "front_id": self._bus.process_id,
        }
        result: Any = await self._call(worker_id, "wait", params, on_reply)
        return result  # type: ignore[no-any-return]

    async def stop_waiting(self, seat: Seat) -> None:
        """Somebody gives up waiting, or joins by another way."""
        await self._call(seat.worker_id, "stop_waiting", _of(seat))

    async def waiting_counts(self, worker_id: str, room_ids: Sequence[str]) -> dict[str, int]:
        """How many wait outside each of a worker's rooms; those without anybody are left out."""
        found = await self._call(worker_id, "waiting_counts", {"room_ids": list(room_ids)})
        return {str(room_id): int(number) for room_id, number in found.items()}

    async def admit(self, host: Seat, participant_id: str) -> str | None:
        """A host lets somebody in; whose grant that was."""
        return await self._at_door(host, "admit", participant_id)

    async def remove(self, host: Seat, participant_id: str) -> str | None:
        """A host turns somebody away or takes somebody out; whose grant lost its worth, if one did."""
        return await self._at_door(host, "remove", participant_id)

    async def _at_door(self, host: Seat, method: str, participant_id: str) -> str | None:
        params = {"room_id": host.room_id, "by": host.participant_id, "participant_id": participant_id}
        grant_id = (await self._call(host.worker_id, method, params))["grant_id"]
        return None if grant_id is None else str(grant_id)

    async def negotiate(self, seat: Seat, offer: str, tracks: Mapping[str, str]) -> NegotiateResult:
        """Pass on a new offer."""
        params = {"offer": offer, "tracks": dict(tracks)}
        result: Any = await self._call(seat.worker_id, "negotiate", _of(seat) | params)
        return result  # type: ignore[no-any-return]

    async def set_source(self, seat: Seat, source: str, *, active: bool) -> None:
        """A source was muted, unmuted, started or stopped."""
        await self._call(seat.worker_id, "set_source", _of(seat) | {"source": source, "active": active})

    async def select(self, seat: Seat, wanted: Sequence[Mapping[str, Any]], *, hidden: bool = False) -> None:
        """Which videos the participant wants; ``hidden``: none at present."""
        await self._call(seat.worker_id, "select", _of(seat) | {"wanted": list(wanted), "hidden": hidden})

    async def report(self, seat: Seat, report: Mapping[str, Any]) -> None:
        """What the participant's page has counted of how it goes."""
        await self._call(seat.worker_id, "report", _of(seat) | {"report": dict(report)})

    async def detach(self, seat: Seat, socket_id: str, *, in_order: bool = False) -> None:
        """The participant's socket is gone (ignored by the worker when another socket has taken its place).

        ``in_order``: the client closed it, as a page that is closed does; else the connection broke.
        """
        params = {"front_id": self._bus.process_id, "socket_id": socket_id, "in_order": in_order}
        await self._call(seat.worker_id, "detach", _of(seat) | params)

    async def leave(self, seat: Seat) -> None:
        """The participant leaves for good."""
        await self._call(seat.worker_id, "leave", _of(seat))

    async def close_room(
        self, worker_id: str, room_id: str, code: Literal["room_closed", "cancelled", "moved"] = "room_closed"
    ) -> None:
        """Everybody out; they are told ``code``."""
        await self._call(worker_id, "close_room", {"room_id": room_id, "code": code})

    async def _call(
        self, worker_id: str, method: str, params: Mapping[str, Any], on_reply: Callable[[Any], None] | None = None
    ) -> dict[str, Any]:
        started = time.perf_counter()
        code = "cancelled"
        try:
            result = await self._bus.call(worker_id, method, params, self._timeout_s, on_reply=on_reply)
            code = "ok"
        except RpcError as error:
            code = error.code
            raise
        finally:
            if self._observe is not None:
                self._observe(method, time.perf_counter() - started, code)
        return result


def _of(seat: Seat) -> dict[str, Any]:
    return {"room_id": seat.room_id, "participant_id": seat.participant_id}
