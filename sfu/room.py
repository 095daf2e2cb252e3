"""One room: who is in it, who is told what, and what each slot shows. Sans-I/O: events gather in ``outbox``."""

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any

from sfu.bus import RpcError
from sfu.door import Door
from sfu.keyframes import KeyframeRequests
from sfu.negotiation import apply_offer, bind, bind_repair, check_tracks, clock_rate, read_offer
from sfu.participant import SOURCES, Participant, Producer, SlotState
from sfu.slots import Shown, allocate, rank
from sfu.speakers import SpeakerDetector
from sfu.stays import Reading, Stays
from sfu.transport import Local, Transport

RESUME_TOKEN_BYTES = 16
LAYER_SILENT_US = 1_000_000
"""An encoding without packets for this long is paused by its publisher; another is shown meanwhile."""
QUALITIES = ("low", "medium", "high")
Event = tuple[str, dict[str, Any]]
"""(front id, data of a "to_clients" event)"""


class Room:
    """A room on this worker. Every method takes ``now_us`` where time matters and raises RpcError."""

    def __init__(self, room_id: str, name: str, local: Local, keyframes: KeyframeRequests) -> None:
        self.room_id = room_id
        self.name = name
        self.people: dict[str, Participant] = {}
        self.outbox: list[Event] = []
        self.retired: list[Transport] = []
        self.speakers: list[str] = []
        self.departed: list[tuple[str, str, Transport | None]] = []
        """Who has gone since the last ``note_departures``: identity, cause, the transport."""
        self.stays = Stays(room_id, local.random_bytes)
        self.door = Door(self, local)
        self._local = local
        self._keyframes = keyframes
        self._detector = SpeakerDetector()
        self._needs_layout = False

    # -- coming and going ----------------------------------------------------------------------------------------

    def join(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Let somebody in, or give back the place that the resume token (or a lost socket) names."""
        self.door.refuse_removed(params)
        offer = read_offer(params["offer"])
        check_tracks(offer, params["tracks"])
        old = next((person for person in self.people.values() if person.identity == params["identity"]), None)
        token = params.get("resume_token")
        if old is not None and old.lost_us is None and not (token and compare_digest(token, old.resume_token)):
            raise RpcError("identity_in_use")
        if old is None and len(self.people) >= params["max_participants"]:
            raise RpcError("room_full")
        person = Participant(
            participant_id=old.participant_id if old else params["participant_id"],
            identity=params["identity"],
            display_name=params["display_name"],
            role=params["role"],
            front_id=params["front_id"],
            socket_id=params["socket_id"],
            resume_token=self._local.random_bytes(RESUME_TOKEN_BYTES).hex(),
            transport=Transport(self._local, offer, now_us),
            grant_id=params.get("grant_id") or "",
            active={source: bool(params["active"].get(source)) for source in SOURCES},
        )
        try:
            answer = apply_offer(self._local, person, offer, params["tracks"])
        except RpcError:
            self.retired.append(person.transport)
            raise
        if old is not None:
            self._retire(old)
        self.people[person.participant_id] = person
        self.stays.join(person.identity, person.role, now_us)
        self._tell_all(
            "participant_changed" if old else "participant_joined", {"participant": person.public()}, but=person
        )
        self._show_sources(person, now_us)
        self._lay_out(person, now_us)
        self._needs_layout = True
        return {
            "participant_id": person.participant_id,
            "resume_token": person.resume_token,
            "answer": answer,
            "participants": [other.public() for other in self.people.values()],
            "replaced_front_id": old.front_id if old and old.lost_us is None else None,
            "waiting": self.door.queue_for(person),
            **person.slots_state(),
        }

    def resume(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Bind a new socket to a participant whose transport lives on."""
        self.door.refuse_removed(params)
        person = self.people.get(params["participant_id"])
        if person is None or not compare_digest(params["resume_token"], person.resume_token):
            raise RpcError("resume_refused")
        if params.get("identity") not in (None, person.identity):
            raise RpcError("resume_refused", "the token is another person's")
        if person.transport.has_failed(now_us):
            raise RpcError("resume_refused", "the transport is gone: join again")
        was_lost, replaced = person.lost_us is not None, person.front_id
        person.front_id, person.socket_id, person.lost_us = params["front_id"], params["socket_id"], None
        stay = self.stays.get(person.identity)
        if stay is not None:
            stay.come_back(now_us, "resumed")
        if was_lost:
            self._tell_all("participant_changed", {"participant": person.public()}, but=person)
        return {
            "participants": [other.public() for other in self.people.values()],
            "replaced_front_id": None if was_lost else replaced,
            "waiting": self.door.queue_for(person),
            **person.slots_state(),
        }

    def negotiate(self, params: Mapping[str, Any], now_us: int) -> dict[str, Any]:
        """Answer another offer of a participant: an ICE restart, more slots, other tracks."""
        person = self._person(params)
        offer = read_offer(params["offer"])
        check_tracks(offer, params["tracks"])
        if offer.fingerprints != person.transport.fingerprints:
            raise RpcError("offer_invalid", "another certificate is another peer connection: join again")
        stay = self.stays.get(person.identity)
        if person.transport.restart_ice(offer, now_us) and stay is not None:
            stay.ice_restarts += 1
            stay.note(now_us, "ice_restart")
        person.told_to_reconnect = False
        answer = apply_offer(self._local, person, offer, params["tracks"])
        self._show_sources(person, now_us)
        self._lay_out(person, now_us)
        self._needs_layout = True
        return {"answer": answer, **person.slots_state()}

    def detach(self, params: Mapping[str, Any], now_us: int) -> None:
        """A socket is gone; its participant's place and media stay for a while. ``in_order``: its client closed it.

        The socket decides, not the id: a front whose join timed out knows only the id that it proposed.
        """
        in_order = bool(params.get("in_order"))
        for person in self.people.values():
            if person.socket_id == params["socket_id"] and person.front_id == params["front_id"]:
                self._lose(person, now_us, in_order=in_order)
        self.door.lose(params["front_id"], params["socket_id"], now_us, in_order=in_order)

    def front_lost(self, front_id: str, now_us: int) -> None:
        """A front died, and every socket with it."""
        for person in self.people.values():
            if person.front_id == front_id:
                self._lose(person, now_us, in_order=False)
        self.door.lose(front_id, None, now_us, in_order=False)

    def _lose(self, person: Participant, now_us: int, *, in_order: bool) -> None:
        if person.lost_us is None:
            person.lost_us = now_us
            stay = self.stays.get(person.identity)
            if stay is not None:
                stay.lose(now_us, in_order=in_order, has_failed=person.transport.has_broken(now_us))
            self._tell_all("participant_changed", {"participant": person.public()}, but=person)

    def leave(self, participant_id: str, reason: str, cause: str = "") -> None:
        """Take somebody out and tell the others the reason; ``cause``: in the record, when it is another."""
        person = self.people.pop(participant_id, None)
        if person is None:
            return
        self._retire(person)
        self.departed.append((person.identity, cause or reason, person.transport))
        self._detector.forget(participant_id)
        self._tell_all("participant_left", {"participant_id": participant_id, "reason": reason})
        self._needs_layout = True

    def close(self, code: str, message: str) -> None:
        """Everybody out."""
        self.door.waiting.close(code, message)
        self._tell_all("closed", {"code": code, "message": message})
        for person in self.people.values():
            self._retire(person)
            self.departed.append((person.identity, code, person.transport))
        self.people.clear()

    def _retire(self, person: Participant) -> None:
        self._read(person)
        for producer in person.producers.values():
            for source_id in producer.encodings.values():
                self._keyframes.forget(source_id)
        person.producers.clear()
        person.slots.clear()
        self.retired.append(person.transport)

    def expel(self, person: Participant, code: str, message: str) -> None:
        """Tell somebody that it is over, then take them out."""
        self.tell(person, "closed", {"code": code, "message": message})
        self.leave(person.participant_id, "removed", code)

    # -- how it goes -------------------------------------------------------------------------------------------------

    def note_departures(self, now_us: int) -> None:
        """The stays of those who have gone are over."""
        for identity, cause, transport in self.departed:
            self.stays.end(identity, cause, now_us, has_failed=transport is not None and transport.has_broken(now_us))
        self.departed.clear()

    def read_counters(self, now_us: int) -> None:
        """Every few seconds: what the walk has counted, for the records."""
        for person in self.people.values():
            self._read(person)
        present = {person.identity for person in self.people.values()}
        waiting = {waiter.identity for waiter in self.door.waiting.people.values()}
        self.stays.end_strays(frozenset(present | waiting), now_us)

    def _read(self, person: Participant) -> None:
        stay = self.stays.get(person.identity)
        if stay is None or person.transport.closed:
            return
        walk = self._local.walk
        peer = walk.peer_stats(person.transport.peer_id)
        reading = Reading(sent_packets=peer["sent_packets"], sent_octets=peer["sent_octets"])
        for producer in person.producers.values():
            for source_id in producer.encodings.values():
                source = walk.source_stats(source_id)
                reading.received_packets += source["packets"]
                reading.received_octets += source["octets"]
                reading.lost_packets += max(0, source["lost"])
        for slot in person.slots.values():
            if slot.shown is not None:
                consumer = walk.consumer_stats(slot.consumer_id)
                reading.fraction_lost = max(reading.fraction_lost, consumer["fraction_lost"])
                reading.round_trip_us = max(reading.round_trip_us, consumer["round_trip_us"])
        stay.read(reading)

    def report(self, params: Mapping[str, Any]) -> None:
        """What a participant's page has counted."""
        stay = self.stays.get(self._person(params).identity)
        if stay is not None:
            stay.report(params["report"])

    # -- sources and slots -----------------------------------------------------------------------------------------

    def set_source(self, params: Mapping[str, Any]) -> None:
        """A source was muted, unmuted, started or stopped."""
        person = self._person(params)
        source, active = params["source"], bool(params["active"])
        if person.active.get(source) == active:
            return
        person.active[source] = active
        self._tell_all("participant_changed", {"participant": person.public()}, but=person)
        self._needs_layout = True

    def select(self, params: Mapping[str, Any], now_us: int) -> None:
        """Which videos the participant wants, most wanted first, and how large; none: automatic."""
        person = self._person(params)
        person.wanted = [(want["participant_id"], want["source"], want["quality"]) for want in params["wanted"]]
        person.hidden = bool(params.get("hidden", False))
        before = person.slots_version
        self._lay_out(person, now_us)
        if person.slots_version != before:
            self.tell(person, "slots", person.slots_state())
        for slot in person.slots.values():
            self._show(person, slot, now_us)

    def bind_ssrc(
        self, person: Participant, ssrc: int, is_rtx: bool, mid: str, rid: str, repaired: str, now_us: int
    ) -> bool:
        """Find the producer of a stream that the offer did not name (RFC 8852) and show it where it is waited for."""
        producer = next((one for one in person.producers.values() if one.mid == mid), None)
        if producer is None or (rid and rid not in producer.rids) or (repaired and repaired not in producer.rids):
            return False
        if is_rtx:
            return bind_repair(self._local, person, producer, repaired or rid, ssrc)
        if producer.rids and not rid:
            return False
        if not bind(self._local, person, producer, rid, ssrc, clock_rate(producer.kind)):
            return False
        self._show_everywhere((person.participant_id, producer.source), now_us)
        return True

    def reached(self, person: Participant, now_us: int) -> None:
        """The participant's transport is ready: what its slots wait for is asked for now."""
        self.stays.connect(person.identity, now_us)
        for slot in person.slots.values():
            self._show(person, slot, now_us)

    def _show_sources(self, person: Participant, now_us: int) -> None:
        """Where the person's slots stay as they are, new streams take the place of the old ones."""
        for source in person.producers:
            self._show_everywhere((person.participant_id, source), now_us)

    def _show_everywhere(self, shown: Shown, now_us: int) -> None:
        for viewer in self.people.values():
            for slot in viewer.slots.values():
                if slot.shown == shown:
                    self._show(viewer, slot, now_us)

    def _lay_out(self, viewer: Participant, now_us: int) -> None:
        """Decide anew what one viewer's slots show; the version grows where anything moved."""
        others = [person for person in self.people.values() if person is not viewer]
        people = [one.participant_id for one in others if {"camera", "microphone"} & one.producers.keys()]
        screens = [one.participant_id for one in others if one.active["screen"] and "screen" in one.producers]
        current = {mid: slot.shown for mid, slot in viewer.slots.items()}
        wanted = [who for who, source, _ in viewer.wanted if source != "screen"]
        held = [shown[0] for shown in current.values() if shown]
        result = allocate(viewer.pairs, rank(people, wanted, self.speakers, held), screens, current)
        changed = [mid for mid, shown in result.items() if viewer.slots[mid].shown != shown]
        for mid in changed:
            viewer.slots[mid].shown = result[mid]
        if changed:
            viewer.slots_version += 1
            for mid in changed:
                self._show(viewer, viewer.slots[mid], now_us)

    def _show(self, viewer: Participant, slot: SlotState, now_us: int) -> None:
        """Point one slot's consumer at the source it should carry, in the quality that fits."""
        source_id = None
        if slot.shown is not None and _is_seen(viewer, slot.shown):
            person = self.people.get(slot.shown[0])
            producer = person.producers.get(slot.shown[1]) if person else None
            if producer is not None:
                source_id = self._encoding(viewer, producer, slot.shown, now_us)
        if self._local.walk.select(slot.consumer_id, source_id) and source_id is not None:
            self.want_keyframe(source_id, now_us)

    def _encoding(self, viewer: Participant, producer: Producer, shown: Shown, now_us: int) -> int | None:
        """The encoding nearest to the wanted quality among those that are being sent."""
        sent = [rid for rid in producer.rids or ("",) if rid in producer.encodings]
        if len(sent) < 2:
            return producer.encodings[sent[0]] if sent else None
        stats = {rid: self._local.walk.source_stats(producer.encodings[rid]) for rid in sent}
        alive = [rid for rid in sent if now_us - stats[rid]["last_packet_us"] < LAYER_SILENT_US] or sent
        quality = next((q for who, source, q in viewer.wanted if (who, source) == shown), None)
        if quality is None:
            quality = "high" if len(self.people) <= 2 else "medium" if len(self.people) <= 5 else "low"
        ceiling = round(QUALITIES.index(quality) * (len(producer.rids) - 1) / 2)
        fitting = [rid for rid in alive if producer.rids.index(rid) <= ceiling]
        return producer.encodings[fitting[-1] if fitting else alive[0]]

    def want_keyframe(self, source_id: int, now_us: int) -> None:
        """Ask the source's publisher for a keyframe, unless one was asked for just now."""
        if self._keyframes.request(source_id, now_us):
            self._local.walk.request_keyframe(source_id)

    # -- a few times a second ----------------------------------------------------------------------------------------

    def hear(self, levels: Mapping[str, float], now_us: int) -> None:
        """Take one reading of {participant id: loudness}."""
        speakers = self._detector.update(levels, now_us)
        if speakers != self.speakers:
            self.speakers = speakers
            self._tell_all("speakers", {"participant_ids": speakers})
            self._needs_layout |= any(len(self.people) - 1 > len(person.pairs) for person in self.people.values())

    def check_people(self, now_us: int, lost_after_us: int) -> None:
        """Once a second: let go of the lost, and ask those whose transport failed to come anew."""
        self.door.waiting.check(now_us, lost_after_us)
        for person in list(self.people.values()):
            if (person.lost_us is not None and now_us - person.lost_us >= lost_after_us) or (
                not person.front_id and person.transport.has_failed(now_us)
            ):
                self.leave(person.participant_id, "lost")
            elif person.lost_us is None and not person.told_to_reconnect and person.transport.has_failed(now_us):
                person.told_to_reconnect = True
                self.tell(person, "reconnect", {"reason": "transport_failed"})

    def tick(self, now_us: int) -> None:
        """Lay out anew what has changed since the last tick: many joins at once cost one layout."""
        self.door.tick(now_us)
        if self._needs_layout:
            self._needs_layout = False
            for person in self.people.values():
                before = person.slots_version
                self._lay_out(person, now_us)
                if person.slots_version != before:
                    self.tell(person, "slots", person.slots_state())

    def check_encodings(self, now_us: int) -> None:
        """Once a second: move slots off encodings that their publisher paused, and back."""
        for viewer in self.people.values():
            for slot in viewer.slots.values():
                if slot.kind == "video" and slot.shown is not None:
                    self._show(viewer, slot, now_us)

    # -- telling -----------------------------------------------------------------------------------------------------

    def _person(self, params: Mapping[str, Any]) -> Participant:
        person = self.people.get(params["participant_id"])
        if person is None:
            raise RpcError("not_joined")
        return person

    def tell(self, person: Participant, event: str, payload: dict[str, Any]) -> None:
        """Leave an event for one person."""
        self.queue(person.front_id, [person.participant_id], None, event, payload)

    def _tell_all(self, event: str, payload: dict[str, Any], but: Participant | None = None) -> None:
        """One event per front, whoever many sit there."""
        for front_id in dict.fromkeys(person.front_id for person in self.people.values()):
            self.queue(front_id, None, but.participant_id if but else None, event, payload)

    def queue(
        self,
        front_id: str,
        people: Sequence[str] | None,
        but: str | None,
        event: str,
        payload: dict[str, Any],
        *,
        waiting: bool = False,
    ) -> None:
        """Leave an event for a front's sockets: those in the room, or with ``waiting`` those outside it."""
        if front_id:  # standard clients (WHIP, WHEP) have no socket that could be told
            data = {"room_id": self.room_id, "participant_ids": people, "except": but, "event": event}
            self.outbox.append((front_id, data | {"payload": payload} | ({"waiting": True} if waiting else {})))


def _is_seen(viewer: Participant, shown: Shown) -> bool:
    """Sound is always sent; a video only where the viewer has it on the screen, once it has said what it has there."""
    if shown[1] == "microphone":
        return True
    if viewer.hidden:
        return False
    return not viewer.wanted or any((who, source) == shown for who, source, _ in viewer.wanted)
