"""How each stay in a room went: from the queue or the join to the end, with the reconnections in between. Sans-I/O.

Counters are read from the walk every few seconds and once more at the end (``Reading``); what only a browser knows it
reports itself (``report``). A stay ends in a record, one flat map for the companion: numbers, causes, instants and who
it was; never media, never a name, never an address.

A stay that ended by a fault and not by anybody's wish is a *technical abort*: who was cut off has not stayed away. In
doubt it is one: a note by staff is cheaper than a fee for somebody whose connection broke.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STAY_ID_BYTES: Final = 16
MAX_LOG: Final = 100
"""Entries of one stay; the end always gets in. A path that flaps for an hour makes more, and they say nothing new."""
NEVER_CONNECTED_US: Final = 10_000_000
"""Who was in the room for so long without media could not connect; who left sooner may have changed their mind."""
ADMITTED_US: Final = 120_000_000
"""Whom a host has let in has a minute to come in (``ADMITTED_JOIN_TIMEOUTS``); then something has failed."""

FAULTS: Final = frozenset({"lost", "worker_lost", "worker_stopped", "room_moved", "never_joined"})
"""Causes that are faults whatever else was."""
DECISIONS: Final = frozenset({"denied", "revoked", "cancelled", "moved"})
"""Causes that somebody decided on, whatever the connection did."""
CAUSES: Final = FAULTS | DECISIONS | {"left", "gone", "removed", "room_closed"}
"""``gone``: the page was closed, or the wait given up with it. ``moved``: the meeting got another time;
``room_moved``: another worker took the room over."""
PATHS: Final = ("udp", "tcp", "relay_udp", "relay_tcp", "relay_tls")


@dataclass(slots=True)
class Reading:
    """What the walk has counted for one transport since it began."""

    received_packets: int = 0
    lost_packets: int = 0
    received_octets: int = 0
    sent_packets: int = 0
    sent_octets: int = 0
    fraction_lost: float = 0.0
    """The worst of the slots' latest receiver reports."""
    round_trip_us: int = 0
    """The longest of the same; 0: none yet."""


@dataclass(slots=True)
class PageReport:
    """What the participant's browser has counted since its peer connection began."""

    freezes: int = 0
    frozen_ms: int = 0
    jitter_ms: int = 0
    path: str = ""


@dataclass(slots=True)
class Stay:
    """One stay. Times are the worker's, in microseconds."""

    stay_id: str
    room_id: str
    identity: str = field(repr=False)
    role: str
    began_us: int
    log: list[tuple[int, str]] = field(default_factory=list)
    joined_us: int | None = None
    connected_us: int | None = None
    admitted_us: int | None = None
    lost_us: int | None = None
    """Without a socket since then."""
    is_cut: bool = False
    """The socket did not say goodbye."""
    reconnects: int = 0
    ice_restarts: int = 0
    lost_total_us: int = 0
    worst_fraction_lost: float = 0.0
    round_trip_sum_us: int = 0
    round_trips: int = 0
    before: Reading = field(default_factory=Reading)
    """Of earlier transports."""
    now: Reading = field(default_factory=Reading)
    page_before: PageReport = field(default_factory=PageReport)
    page: PageReport = field(default_factory=PageReport)

    def note(self, now_us: int, what: str) -> None:
        """Write down that something happened."""
        if len(self.log) < MAX_LOG - 1:
            self.log.append((now_us, what))

    def lose(self, now_us: int, *, in_order: bool, has_failed: bool = False) -> None:
        """The socket is gone; ``in_order``: closed, as when a page is. ``has_failed``: media had broken off before."""
        if self.lost_us is None:
            self.lost_us, self.is_cut = now_us, has_failed or not in_order
            self.note(now_us, "lost" if self.is_cut else "gone")

    def come_back(self, now_us: int, how: str) -> None:
        """A socket is there again."""
        if self.lost_us is not None:
            self.lost_total_us += now_us - self.lost_us
        self.lost_us, self.is_cut = None, False
        self.reconnects += 1
        self.note(now_us, how)

    def read(self, reading: Reading) -> None:
        """Take what the walk has counted by now."""
        self.now = reading
        self.worst_fraction_lost = max(self.worst_fraction_lost, reading.fraction_lost)
        if reading.round_trip_us:
            self.round_trip_sum_us += reading.round_trip_us
            self.round_trips += 1

    def change_transport(self) -> None:
        """The next reading is another transport's."""
        for name in ("received_packets", "lost_packets", "received_octets", "sent_packets", "sent_octets"):
            setattr(self.before, name, getattr(self.before, name) + getattr(self.now, name))
        self.now = Reading()

    def report(self, report: Mapping[str, Any]) -> None:
        """Take what the browser has counted. Numbers that have become smaller are another page's."""
        new = PageReport(int(report["freezes"]), int(report["frozen_ms"]), int(report["jitter_ms"]), report["path"])
        if new.freezes < self.page.freezes or new.frozen_ms < self.page.frozen_ms:
            self.page_before.freezes += self.page.freezes
            self.page_before.frozen_ms += self.page.frozen_ms
        new.jitter_ms = max(new.jitter_ms, self.page.jitter_ms)
        new.path = new.path or self.page.path
        self.page = new

    def is_technical_abort(self, cause: str, now_us: int, *, has_failed: bool) -> bool:
        """Whether it ended by a fault. ``has_failed``: the transport was dead when it ended."""
        if cause in FAULTS:
            return True
        if cause in DECISIONS:
            return False
        never_connected = self.joined_us is not None and self.connected_us is None
        return (
            self.is_cut or has_failed or (never_connected and now_us - (self.joined_us or now_us) >= NEVER_CONNECTED_US)
        )

    def record(self, cause: str, now_us: int, epoch_us: int, *, has_failed: bool = False) -> dict[str, Any]:
        """All of it, as of now. ``epoch_us``: the time of day less the worker's clock."""

        def at_ms(at_us: int) -> int:
            return (at_us + epoch_us) // 1000

        person, _, way = self.identity.partition("~")
        lost_us = self.lost_total_us + (now_us - self.lost_us if self.lost_us is not None else 0)
        connected_s = (now_us - self.connected_us) / 1e6 if self.connected_us is not None else 0.0
        received_octets = self.before.received_octets + self.now.received_octets
        sent_octets = self.before.sent_octets + self.now.sent_octets
        return {
            "meeting_id": self.room_id,
            "stay_id": self.stay_id,
            "person": person,
            "role": way or self.role,
            "joined_at_ms": at_ms(self.began_us),
            "connected_at_ms": at_ms(self.connected_us) if self.connected_us is not None else None,
            "left_at_ms": at_ms(now_us),
            "end_cause": cause,
            "is_technical_abort": self.is_technical_abort(cause, now_us, has_failed=has_failed),
            "path": self.page.path,
            "reconnects": self.reconnects,
            "ice_restarts": self.ice_restarts,
            "lost_ms": lost_us // 1000,
            "freezes": self.page_before.freezes + self.page.freezes,
            "frozen_ms": self.page_before.frozen_ms + self.page.frozen_ms,
            "packets_received": self.before.received_packets + self.now.received_packets,
            "packets_lost": self.before.lost_packets + self.now.lost_packets,
            "packets_sent": self.before.sent_packets + self.now.sent_packets,
            "received_bps": _bps(received_octets, connected_s),
            "sent_bps": _bps(sent_octets, connected_s),
            "worst_fraction_lost": round(self.worst_fraction_lost, 4),
            "round_trip_ms": round(self.round_trip_sum_us / self.round_trips / 1000) if self.round_trips else None,
            "jitter_ms": self.page.jitter_ms,
            "log": [[at_ms(at_us), what] for at_us, what in (*self.log, (now_us, cause))],
        }


def _bps(octets: int, seconds: float) -> int:
    """A mean rate; a connection of less than a second has none."""
    return round(8 * octets / seconds) if seconds >= 1 else 0


@dataclass(frozen=True, slots=True)
class EndedStay:
    """A stay that is over, until its record is written."""

    stay: Stay
    cause: str
    at_us: int
    has_failed: bool

    def record(self, epoch_us: int) -> dict[str, Any]:
        """The record."""
        return self.stay.record(self.cause, self.at_us, epoch_us, has_failed=self.has_failed)


class Stays:
    """The stays of one room, by identity: nobody is in a room twice. ``ended`` gathers those that are over."""

    def __init__(self, room_id: str, random_bytes: Callable[[int], bytes]) -> None:
        self.ended: list[EndedStay] = []
        self._room_id = room_id
        self._random_bytes = random_bytes
        self._open: dict[str, Stay] = {}

    def __iter__(self) -> Iterator[Stay]:
        return iter(self._open.values())

    def get(self, identity: str) -> Stay | None:
        """The stay of somebody who is there."""
        return self._open.get(identity)

    def wait(self, identity: str, role: str, now_us: int) -> None:
        """Somebody stands in the queue, or is back in it."""
        stay = self._open.get(identity)
        if stay is None:
            self._begin(identity, role, now_us).note(now_us, "waiting")
        else:
            stay.come_back(now_us, "waiting")

    def admit(self, identity: str, now_us: int) -> None:
        """A host lets somebody in, who joins next."""
        stay = self._open.get(identity)
        if stay is not None:
            stay.admitted_us = now_us
            stay.note(now_us, "admitted")

    def join(self, identity: str, role: str, now_us: int) -> None:
        """Somebody comes into the room, or comes back to their place with another transport."""
        stay = self._open.get(identity) or self._begin(identity, role, now_us)
        if stay.joined_us is None:
            stay.joined_us, stay.role = now_us, role
            stay.note(now_us, "joined")
        else:
            stay.change_transport()
            stay.come_back(now_us, "rejoined")

    def connect(self, identity: str, now_us: int) -> None:
        """Media can flow."""
        stay = self._open.get(identity)
        if stay is not None:
            stay.connected_us = stay.connected_us if stay.connected_us is not None else now_us
            stay.note(now_us, "connected")

    def end(self, identity: str, cause: str, now_us: int, *, has_failed: bool = False) -> None:
        """It is over. Lost, but after a goodbye: they went. ``has_failed``: the transport was dead by itself."""
        stay = self._open.pop(identity, None)
        if stay is None:
            return
        if stay.lost_us is not None:  # a page that is closed answers no checks either
            has_failed = False
        if cause == "lost" and not stay.is_cut and not has_failed:
            cause = "gone"
        self.ended.append(EndedStay(stay, cause, now_us, has_failed))

    def end_strays(self, present: frozenset[str], now_us: int, patience_us: int = ADMITTED_US) -> None:
        """End the stays of those who were let in and never came."""
        for stay in list(self._open.values()):
            since_us = stay.admitted_us if stay.admitted_us is not None else stay.began_us
            if stay.identity not in present and now_us - since_us >= patience_us:
                self.end(stay.identity, "never_joined", now_us)

    def end_all(self, cause: str, now_us: int) -> None:
        """The room is no longer here."""
        for identity in list(self._open):
            self.end(identity, cause, now_us)

    def _begin(self, identity: str, role: str, now_us: int) -> Stay:
        stay = Stay(self._random_bytes(STAY_ID_BYTES).hex(), self._room_id, identity, role, now_us)
        self._open[identity] = stay
        return stay
