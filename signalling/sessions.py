"""The sockets of this front and the participants they speak for: a map, and what each socket may do now.

Those who wait to be admitted are in a map of their own: an event for a room's people cannot reach them.

The state of a call is the media worker's. A front knows only which socket speaks for whom, so any front can
take a participant over.
"""

import asyncio
import enum
from collections.abc import Collection, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from auth.tokens import MeetingClaims
from sfu.client import Seat
from signalling.connection import Connection, SocketServer
from signalling.metrics import FrontMetrics
from signalling.protocol import SERVER_EVENTS, ClosedCode
from signalling.token_bucket import TokenBucket

_log = structlog.get_logger(__name__)

ADMITTED_JOIN_TIMEOUTS: Final = 6.0
"""Who was just admitted has so many times the usual time to join: a page may have to ask for the camera first."""

CLOSED_MESSAGES: Final[dict[ClosedCode, str]] = {
    "room_closed": "The room was closed.",
    "cancelled": "The meeting was cancelled.",
    "moved": "The meeting was moved to another time.",
    "removed": "You were removed from the room.",
    "replaced": "You joined from somewhere else.",
    "denied": "You were not let in.",
    "revoked": "What let you in has been withdrawn.",
}


class State(enum.Enum):
    """Where a socket stands. Only ``JOINED`` may do more than enter, wait or leave; nothing leaves ``GONE``."""

    NEW = "new"
    JOINING = "joining"
    WAITING = "waiting"
    JOINED = "joined"
    GONE = "gone"


@dataclass(eq=False)
class Session:
    """One socket."""

    socket_id: str
    engine_id: str
    connection: Connection
    messages: TokenBucket
    offers: TokenBucket
    state: State = State.NEW
    seat: Seat | None = None
    """In the room, or while ``WAITING`` in its queue."""
    claims: MeetingClaims | None = None
    """What the newest token said with which the socket entered or waits."""
    held: list[tuple[str, Any]] | None = field(default=None, repr=False)
    """Packets that wait for the acknowledgement of the join to go first; None when nothing needs to wait."""


class Sessions:
    """All sockets of this front, and the rooms they are in."""

    def __init__(self, sockets: SocketServer, metrics: FrontMetrics) -> None:
        self._sockets = sockets
        self._metrics = metrics
        self._by_socket: dict[str, Session] = {}
        self._rooms: dict[str, dict[str, Session]] = {}
        self._queues: dict[str, dict[str, Session]] = {}
        self._maps = ((self._rooms, metrics.participants), (self._queues, metrics.waiting))
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._by_socket)

    def add(self, session: Session) -> None:
        """A socket opened."""
        self._by_socket[session.socket_id] = session
        self._sockets.eio.connections[session.engine_id] = session.connection

    def get(self, socket_id: str) -> Session | None:
        """The session of a socket."""
        return self._by_socket.get(socket_id)

    def remove(self, socket_id: str) -> Session | None:
        """A socket is gone; its session, with the seat it had."""
        session = self._by_socket.pop(socket_id, None)
        if session is None:
            return None
        self._sockets.eio.connections.pop(session.engine_id, None)
        session.state = State.GONE
        self._unseat(session)
        return session

    def seat(self, session: Session, seat: Seat, claims: MeetingClaims) -> None:
        """The socket speaks for a participant from now on; events wait until ``release``."""
        self._place(session, seat, claims, State.JOINED)

    def queue(self, session: Session, seat: Seat, claims: MeetingClaims) -> None:
        """The socket speaks for somebody who waits from now on; events wait until ``release``."""
        self._place(session, seat, claims, State.WAITING)

    def _place(self, session: Session, seat: Seat, claims: MeetingClaims, state: State) -> None:
        self._unseat(session)
        rooms, gauge = self._maps[state is State.WAITING]
        places = rooms.setdefault(seat.room_id, {})
        before = places.get(seat.participant_id)
        places[seat.participant_id] = session
        session.seat, session.claims, session.state, session.held = seat, claims, state, []
        session.connection.disarm_join_timer()
        if before is None:
            gauge.inc()
        else:
            before.seat = None
            self.close(before, "replaced")
        self._metrics.rooms.set(len(self._rooms))

    async def release(self, session: Session) -> None:
        """The join is acknowledged: send what had to wait."""
        held, session.held = session.held, None
        for event, packet in held or []:
            await self._send(session, event, packet)
            if event == "closed":
                self._end(session)

    def unseat(self, session: Session) -> None:
        """The socket speaks for nobody from now on, and has a while to join again."""
        self._unseat(session)
        session.seat = session.claims = session.held = None
        if session.state is not State.GONE:
            session.state = State.NEW
            session.connection.arm_join_timer()

    def at_worker(self, worker_id: str) -> list[Session]:
        """The sessions whose participants sit at a worker."""
        return [session for session in self._seated() if session.seat and session.seat.worker_id == worker_id]

    def of_grant(self, grant_id: str) -> list[Session]:
        """The sessions that a grant let in, or that wait with it."""
        return [session for session in self._seated() if session.claims and session.claims.grant_id == grant_id]

    def find(self, room_id: str, participant_id: str) -> Session | None:
        """The session of somebody in a room, or waiting outside it, at this front."""
        room, queue = self._rooms.get(room_id, {}), self._queues.get(room_id, {})
        return room.get(participant_id) or queue.get(participant_id)

    async def deliver(
        self,
        room_id: str,
        participant_ids: Collection[str] | None,
        except_id: str | None,
        event: str,
        payload: dict[str, Any],
    ) -> None:
        """Send a server event to participants of a room (None: all that are here), encoded once."""
        if event not in SERVER_EVENTS:
            _log.error("event_unknown", event_name=event)
            return
        room = self._rooms.get(room_id, {})
        if participant_ids is None:
            targets = [session for participant_id, session in room.items() if participant_id != except_id]
        else:
            targets = [room[participant_id] for participant_id in participant_ids if participant_id in room]
        if not targets:
            return
        packet = self._sockets.encode_event(event, payload)
        for session in targets:
            if session.held is not None:
                session.held.append((event, packet))
                continue
            await self._send(session, event, packet)
            if event == "closed":
                self._end(session)

    async def deliver_waiting(
        self, room_id: str, participant_ids: Collection[str], event: str, payload: dict[str, Any]
    ) -> None:
        """Send a server event to those who wait outside a room."""
        queue = self._queues.get(room_id, {})
        targets = [queue[participant_id] for participant_id in participant_ids if participant_id in queue]
        packet = self._sockets.encode_event(event, payload)
        for session in targets:
            if session.held is not None:
                session.held.append((event, packet))
                continue
            await self._send(session, event, packet)
            if event == "closed":
                self._end(session)

    async def let_in(self, session: Session, payload: dict[str, Any]) -> None:
        """The wait is over: the socket is told, and has a while to join."""
        packet = self._sockets.encode_event("admitted", payload)
        self._unseat(session)
        session.seat = session.claims = None
        session.state = State.NEW
        session.connection.arm_join_timer(ADMITTED_JOIN_TIMEOUTS)
        if session.held is not None:
            session.held.append(("admitted", packet))
        else:
            await self._send(session, "admitted", packet)

    async def tell(self, session: Session, event: str, payload: dict[str, Any]) -> None:
        """Send a server event to one socket."""
        await self._send(session, event, self._sockets.encode_event(event, payload))

    def close(self, session: Session, code: ClosedCode) -> None:
        """Tell a socket that its participation is over, and close it."""
        packet = self._sockets.encode_event("closed", {"code": code, "message": CLOSED_MESSAGES[code]})
        self._spawn(self._send(session, "closed", packet))
        self._end(session)

    def _end(self, session: Session) -> None:
        self._unseat(session)
        session.seat = session.claims = session.held = None
        session.state = State.GONE
        self._metrics.sockets_closed.labels("ended").inc()
        session.connection.cut_soon()
        self._by_socket.pop(session.socket_id, None)
        self._sockets.eio.connections.pop(session.engine_id, None)
        # After what was queued just now: the packet that tells a Socket.IO client not to come back by itself.
        self._spawn(self._sockets.disconnect(session.socket_id))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, session: Session, event: str, packet: Any) -> None:
        self._metrics.events_sent.labels(event).inc()
        await self._sockets.send_encoded(session.engine_id, packet)

    def _unseat(self, session: Session) -> None:
        seat = session.seat
        if seat is None:
            return
        for rooms, gauge in self._maps:
            places = rooms.get(seat.room_id, {})
            if places.get(seat.participant_id) is session:
                del places[seat.participant_id]
                gauge.dec()
                if not places:
                    del rooms[seat.room_id]
        self._metrics.rooms.set(len(self._rooms))

    def _seated(self) -> Iterator[Session]:
        for places in (self._rooms, self._queues):
            for found in places.values():
                yield from found.values()
