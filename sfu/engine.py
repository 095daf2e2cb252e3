"""All rooms of one worker over one walk: datagrams and requests in, datagrams and events out. Sans-I/O.

The worker's shell calls ``on_batch`` with what the walk hands over, ``tick`` when it is due, and the request
handlers; each leaves in ``datagrams`` what to send and in ``events`` what to tell the fronts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from rtc.sdp import Address
from rtc.stun import peek_username
from sfu.bus import RpcError
from sfu.keyframes import KeyframeRequests
from sfu.participant import Participant
from sfu.room import Event, Room
from sfu.stays import EndedStay, Stay
from sfu.transport import Local, Transport
from sfu.walk import KEYFRAME, KEYFRAME_WANTED

TICK_US: Final = 20_000
"""NACKs go out this often: the reordering wait of 10 ms and half a tick are well under a video's jitter buffer."""
TRANSPORT_FEEDBACK_US: Final = 60_000
"""libwebrtc's own default is 50 to 100 ms."""
LEVELS_US: Final = 200_000
SECOND_US: Final = 1_000_000
READING_US: Final = 5_000_000
"""Subscribers report every second or so; the worst of a fifth of that is bad enough for a record."""
HANDSHAKES_US: Final = 100_000
"""DTLS retransmits after 400 ms at the earliest."""
REVOKED_KEPT_US: Final = 60_000_000
"""A join that was under way when its grant was revoked arrives within seconds, and is refused."""

CLOSED_MESSAGES: Final = {
    "room_closed": "The room was closed.",
    "cancelled": "The meeting was cancelled.",
    "moved": "The meeting was moved to another time.",
}
"""Why a room is closed -> English text for developers."""


class Interval:
    """What is to be done every so often, by ticks that come when they come."""

    def __init__(self, period_us: int) -> None:
        self._period_us = period_us
        self._due_us: int | None = None

    def is_due(self, now_us: int) -> bool:
        """Whether a period has passed since the last time that this said yes; lateness does not add up."""
        if self._due_us is None:
            self._due_us = now_us + self._period_us
        if now_us < self._due_us:
            return False
        self._due_us = max(self._due_us + self._period_us, now_us + self._period_us // 2)
        return True


class Engine:
    """Rooms, participants by transport, and the clockwork between them and the walk."""

    def __init__(self, local: Local, lost_after_ms: int) -> None:
        self.local = local
        self.lost_after_ms = lost_after_ms
        self.rooms: dict[str, Room] = {}
        self.keyframes = KeyframeRequests()
        self.datagrams: list[tuple[bytes, Address]] = []
        self.events: list[Event] = []
        self.ended_stays: list[EndedStay] = []
        self.drops: Counter[str] = Counter()
        self._by_ufrag: dict[str, tuple[Room, Participant]] = {}
        self._by_peer: dict[int, tuple[Room, Participant]] = {}
        self._revoked_us: dict[str, int] = {}
        self._feedback = Interval(TRANSPORT_FEEDBACK_US)
        self._hearing = Interval(LEVELS_US)
        self._checks = Interval(SECOND_US)
        self._handshakes = Interval(HANDSHAKES_US)
        self._reading = Interval(READING_US)
        local.walk.on_unknown_ssrc = self._bind

    # -- requests of the fronts ----------------------------------------------------------------------------------

    def join(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Let somebody into a room, which this makes if it is not there."""
        room, result = self._enter(params, now_us, "join")
        self._index(room, room.people[result["participant_id"]])
        return result | {"lost_after_ms": self.lost_after_ms}

    def wait(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Somebody asks to be let into a room, which this makes if it is not there."""
        return self._enter(params, now_us, "wait")[1]

    def _enter(
        self, params: Mapping[str, Any], now_us: int, how: Literal["join", "wait"]
    ) -> tuple[Room, dict[str, Any]]:
        if params.get("grant_id") in self._revoked_us:
            raise RpcError("revoked")
        room_id = params["room_id"]
        room = self.rooms.get(room_id)
        if room is None:
            room = Room(room_id, params.get("room_name") or "", self.local, self.keyframes)
        try:
            result = (room.join if how == "join" else room.door.wait)(params, now_us)
        finally:
            self._collect(room, now_us)
        self.rooms[room_id] = room
        return room, result

    def resume(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Bind a new socket to a participant."""
        if params.get("grant_id") in self._revoked_us:
            raise RpcError("revoked")
        room = self.rooms.get(params["room_id"])
        if room is None:
            raise RpcError("resume_refused")
        return self._do(room, now_us, room.resume, params, now_us)

    def negotiate(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Answer another offer."""
        room = self._room(params)
        result = self._do(room, now_us, room.negotiate, params, now_us)
        self._index(room, room.people[params["participant_id"]])
        return result

    def set_source(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """A source was muted, unmuted, started or stopped."""
        room = self._room(params)
        return self._do(room, now_us, room.set_source, params)

    def select(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Which videos the participant wants."""
        room = self._room(params)
        return self._do(room, now_us, room.select, params, now_us)

    def detach(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """The participant's socket is gone."""
        room = self.rooms.get(params["room_id"])
        return {} if room is None else self._do(room, now_us, room.detach, params, now_us)

    def front_lost(self, front_id: str, now_us: int) -> None:
        """A front died: its participants' places are kept for a while, as after any lost socket."""
        for room in list(self.rooms.values()):
            self._do(room, now_us, room.front_lost, front_id, now_us)

    def abandon(self, room_id: str, now_us: int) -> None:
        """Another worker is home to this room now: let go of it without a word."""
        room = self.rooms.get(room_id)
        if room is not None:
            room.stays.end_all("room_moved", now_us)
            room.close("room_closed", "The room has moved.")
            room.door.collect()
            room.outbox.clear()
            self._collect(room, now_us)

    def stop(self, now_us: int) -> None:
        """The worker is about to stop: nobody's stay goes on here."""
        for room in self.rooms.values():
            room.stays.end_all("worker_stopped", now_us)
            self.ended_stays += room.stays.ended
            room.stays.ended.clear()

    def open_stays(self) -> list[Stay]:
        """The stays that go on, waiting people's too."""
        return [stay for room in self.rooms.values() for stay in room.stays]

    def leave(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """The participant leaves."""
        room = self.rooms.get(params["room_id"])
        return {} if room is None else self._do(room, now_us, room.leave, params["participant_id"], "left")

    def report(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """What a participant's page has counted of how it goes."""
        room = self._room(params)
        return self._do(room, now_us, room.report, params)

    def admit(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """A host lets somebody in."""
        room = self._room(params)
        return self._do(room, now_us, room.door.admit, params, now_us)

    def remove(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """A host turns somebody away or takes somebody out."""
        room = self._room(params)
        return self._do(room, now_us, room.door.remove, params)

    def revoke(self, grant_id: str, now_us: int) -> None:
        """What let somebody in was withdrawn: out of every room, and no way back by a join that is under way."""
        self._revoked_us[grant_id] = now_us
        for room in list(self.rooms.values()):
            self._do(room, now_us, room.door.revoke, grant_id)

    def stop_waiting(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Somebody gives up waiting."""
        room = self.rooms.get(params["room_id"])
        return {} if room is None else self._do(room, now_us, room.door.waiting.leave, params["participant_id"])

    def waiting_counts(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:  # noqa: ARG002
        """How many wait outside each of the given rooms."""
        rooms = {room_id: self.rooms[room_id] for room_id in params["room_ids"] if room_id in self.rooms}
        counts = {room_id: len(room.door.waiting.people) for room_id, room in rooms.items()}
        return {room_id: number for room_id, number in counts.items() if number}

    def close_room(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Everybody out, those who wait too. ``code``: what they are told (``CLOSED_MESSAGES``)."""
        room = self.rooms.get(params["room_id"])
        code = params.get("code", "room_closed")
        message = CLOSED_MESSAGES[code]
        return {} if room is None else self._do(room, now_us, room.close, code, message)

    def stats(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:  # noqa: ARG002
        """Counters, for tests and SREs; no personal data."""
        return {
            "rooms": len(self.rooms),
            "participants": len(self._by_peer),
            "walk": self.local.walk.counters(),
            "sizes": self.local.walk.sizes(),
            "drops": {**self.local.walk.drop_counts(), **self.drops},
        }

    def _room(self, params: Mapping[str, Any]) -> Room:
        room = self.rooms.get(params["room_id"])
        if room is None:
            raise RpcError("not_joined")
        return room

    def _do(self, room: Room, now_us: int, action: Any, *arguments: Any) -> dict[str, Any]:
        try:
            return action(*arguments) or {}
        finally:
            self._collect(room, now_us)

    def _index(self, room: Room, person: Participant) -> None:
        if person.transport.peer_id in self._by_peer:
            self._forget_names(person.transport)  # of earlier ICE restarts
        self._by_peer[person.transport.peer_id] = (room, person)
        for name in person.transport.ice.usernames():
            self._by_ufrag[name] = (room, person)

    def _collect(self, room: Room, now_us: int) -> None:
        """Take over a room's events, ended stays and the transports it gave up; forget it when it is empty."""
        room.door.collect()
        self.events += room.outbox
        room.outbox.clear()
        is_empty = not room.people and not room.door.waiting.people
        room.note_departures(now_us)
        if is_empty:
            room.stays.end_all("never_joined", now_us)
        self.ended_stays += room.stays.ended
        room.stays.ended.clear()
        for transport in room.retired:
            self._close(transport)
        room.retired.clear()
        if is_empty:
            self.rooms.pop(room.room_id, None)

    def _close(self, transport: Transport) -> None:
        selected = transport.ice.selected
        for datagram in transport.close():
            if selected is not None:
                self.datagrams.append((datagram, selected))
        self._by_peer.pop(transport.peer_id, None)
        self._forget_names(transport)

    def _forget_names(self, transport: Transport) -> None:
        for name, (_, person) in list(self._by_ufrag.items()):
            if person.transport is transport:
                del self._by_ufrag[name]

    # -- datagrams -----------------------------------------------------------------------------------------------

    def on_batch(self, slow_lane: Sequence[tuple[bytes, Address, int]], now_us: int) -> None:
        """Take the STUN and DTLS datagrams that the walk set aside, and its events."""
        for data, address, peer_id in slow_lane:
            if data[0] < 20:
                self._on_stun(data, address, now_us)
            else:
                found = self._by_peer.get(peer_id)
                if found is not None:
                    self.datagrams += [(reply, address) for reply in found[1].transport.handle_dtls(data, now_us)]
                    self._greet(*found, now_us)
        for kind, source_id in self.local.walk.take_events():
            if kind == KEYFRAME:
                self.keyframes.received(source_id)
            elif kind == KEYFRAME_WANTED:
                self._request_keyframe(source_id, now_us)

    def _on_stun(self, data: bytes, address: Address, now_us: int) -> None:
        username = peek_username(data)
        found = self._by_ufrag.get(username.partition(":")[0]) if username else None
        if found is None:
            self.drops["stun_unknown_username"] += 1
            return
        replies, dropped = found[1].transport.handle_stun(data, address, now_us)
        self.datagrams += [(reply, address) for reply in replies]
        if dropped is not None:
            self.drops[f"stun_{dropped}"] += 1
        self._greet(*found, now_us)

    def _greet(self, room: Room, person: Participant, now_us: int) -> None:
        """As soon as somebody can be sent media, ask for the keyframes that they wait for."""
        if not person.transport.greeted and person.transport.is_ready:
            person.transport.greeted = True
            room.reached(person, now_us)

    def _request_keyframe(self, source_id: int, now_us: int) -> None:
        if self.keyframes.request(source_id, now_us):
            self._send_request(source_id)

    def _send_request(self, source_id: int) -> None:
        try:
            self.local.walk.request_keyframe(source_id)
        except KeyError:  # the source went meanwhile
            self.keyframes.forget(source_id)

    def _bind(self, peer_id: int, ssrc: int, payload_type: int, mid: bytes, rid: bytes, repaired: bytes) -> bool:
        """The walk met a stream that no source has: find out whose it is."""
        found = self._by_peer.get(peer_id)
        if found is None:
            return False
        room, person = found
        is_rtx = self.local.walk.is_repair(peer_id, payload_type)
        names = [name.decode("ascii", "replace") for name in (mid, rid, repaired)]
        return room.bind_ssrc(person, ssrc, is_rtx, names[0], names[1], names[2], self.local.walk.now_us)

    # -- time ----------------------------------------------------------------------------------------------------

    def tick(self, now_us: int) -> None:
        """Everything that is due; call every TICK_US while media comes, less often while none does."""
        per_second = self._checks.is_due(now_us)
        self.local.walk.tick(now_us, self._feedback.is_due(now_us), per_second)
        self.on_batch((), now_us)
        for source_id in self.keyframes.poll(now_us):
            self._send_request(source_id)
        if per_second:
            self._revoked_us = {grant: at for grant, at in self._revoked_us.items() if now_us - at < REVOKED_KEPT_US}
        levels = self._levels() if self._hearing.is_due(now_us) else None
        is_reading = self._reading.is_due(now_us)
        for room in list(self.rooms.values()):
            if levels is not None:
                room.hear(levels.get(room.room_id, {}), now_us)
            if per_second:
                room.check_people(now_us, self.lost_after_ms * 1000)
                room.check_encodings(now_us)
            if is_reading:
                room.read_counters(now_us)
            room.tick(now_us)
            self._collect(room, now_us)
        if self._handshakes.is_due(now_us):
            for _, person in self._by_peer.values():
                transport = person.transport
                if transport.connected_us is None and transport.ice.selected is not None:
                    self.datagrams += [(reply, transport.ice.selected) for reply in transport.handle_timeout(now_us)]

    def _levels(self) -> dict[str, dict[str, float]]:
        """Loudness by room and participant."""
        levels: dict[str, dict[str, float]] = {}
        by_source = {
            source_id: (room.room_id, person.participant_id)
            for room, person in self._by_peer.values()
            for producer in person.producers.values()
            if producer.kind == "audio"
            for source_id in producer.encodings.values()
        }
        for source_id, loudness, _ in self.local.walk.audio_levels():
            owner = by_source.get(source_id)
            if owner is not None:
                levels.setdefault(owner[0], {})[owner[1]] = loudness
        return levels
