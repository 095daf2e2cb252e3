"""A load test from joins to the report: what ``python -m loadtest`` does."""

import asyncio
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.clip import Clip
from loadtest.crowd import Crowd
from loadtest.frames import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, encoded_audio, encoded_video
from loadtest.offer import OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE
from loadtest.participant import JoinTimes, Participant, Publication
from loadtest.processes import CpuTime, cpu_time, pin, proportional_bytes, socket_drops
from loadtest.rooms import RoomService
from loadtest.runreport import run_page, text_report

SETTLE_S = 2.0
"""After the last join: keyframes have come, slots are filled, nothing of the joins is in the figures."""


@dataclass(frozen=True)
class Plan:
    """What to do; see the command line's help."""

    url: str
    token: str = field(repr=False)
    rooms: int = 1
    publishers: int = 2
    subscribers: int = 8
    slots: int = 8
    seconds: float = 30.0
    paced: bool = True
    bitrate_bps: int = 1_000_000
    worker_pid: int | None = None
    cpu: int | None = None
    verify_certificate: bool = True
    html: Path | None = None


@dataclass
class Outcome:
    """What happened."""

    plan: Plan
    crowd: Crowd
    times: list[JoinTimes]
    failures: Counter[str]
    seconds: float = 0.0
    packets: int = 0
    streams: list[dict[str, int]] = field(default_factory=list)
    lost_in_client: int = 0
    events: Counter[str] = field(default_factory=Counter)
    consent_lost: int = 0
    without_video: int = 0
    """Participants that should have seen somebody and did not."""
    cpu: CpuTime | None = None
    bytes_per_participant: float | None = None

    @property
    def lost(self) -> int:
        """Sequence gaps over all streams."""
        return sum(entry["lost"] for entry in self.streams)

    @property
    def is_good(self) -> bool:
        """Everybody joined, everybody who should sees somebody, nothing lost but by our own sockets."""
        return not self.failures and not self.without_video and self.lost <= self.lost_in_client and self.packets > 0


async def run(plan: Plan) -> bool:
    """Carry the plan out; returns whether all went well."""
    pin(plan.cpu)
    _say("Encoding the test picture and tone ...")
    publication = Publication(
        Clip(encoded_video(bitrate_bps=plan.bitrate_bps), VIDEO_CLOCK_RATE, VP8_PAYLOAD_TYPE, is_video=True),
        Clip(encoded_audio(), AUDIO_CLOCK_RATE, OPUS_PAYLOAD_TYPE, is_video=False),
        paced=plan.paced,
    )
    rooms = RoomService(plan.url, plan.token, verify_certificate=plan.verify_certificate)
    people = plan.publishers + plan.subscribers
    crowd = Crowd(plan.rooms * people)
    crowd.driver.start()
    ids = [await rooms.create_room(f"load {number}", people) for number in range(plan.rooms)]
    try:
        memory = proportional_bytes(plan.worker_pid) if plan.worker_pid else 0
        for room in ids:
            await _fill(plan, rooms, room, crowd, publication)
            _say(f"{len(crowd.participants)} participants joined, {len(crowd.failures)} could not")
        outcome = Outcome(plan, crowd, crowd.times, Counter(crowd.failures))
        if plan.worker_pid and crowd.participants:
            outcome.bytes_per_participant = (proportional_bytes(plan.worker_pid) - memory) / len(crowd.participants)
        await _measure(plan, crowd, outcome)
        _say(text_report(outcome))
        if plan.html:
            plan.html.write_text(run_page(outcome))
            _say(f"Pictures: {plan.html}")
        return outcome.is_good
    finally:
        await crowd.leave()
        crowd.driver.stop()
        for room in ids:
            await rooms.delete_room(room)


async def _fill(plan: Plan, rooms: RoomService, room: str, crowd: Crowd, publication: Publication) -> None:
    """Publishers first, each starting at another moment of a frame, then those who only watch."""
    run_id = secrets.token_hex(4)
    names = [f"load-{run_id}-{number}" for number in range(plan.publishers + plan.subscribers)]
    tokens = await rooms.create_tokens(room, names)
    groups: tuple[tuple[list[str], Publication | None], ...] = (
        (tokens[: plan.publishers], publication),
        (tokens[plan.publishers :], None),
    )
    for group, what in groups:
        joined = await crowd.join(
            plan.url, group, publication=what, slots=plan.slots, verify_certificate=plan.verify_certificate
        )
        for participant in joined:
            if what is not None:
                participant.start_sending(secrets.randbelow(1000) / 1000)


async def _measure(plan: Plan, crowd: Crowd, outcome: Outcome) -> None:
    await asyncio.sleep(SETTLE_S)
    bank = crowd.bank
    ports = frozenset(bank.address(participant.number)[1] for participant in crowd.participants)
    drops = socket_drops(ports)
    sees_nobody = [participant for participant in crowd.participants if not _sees_somebody(crowd, participant)]
    expected = plan.publishers > 1 or plan.subscribers > 0
    outcome.without_video = len([p for p in sees_nobody if plan.publishers > 1 or not p.senders]) if expected else 0
    bank.clear()
    cpu = cpu_time(plan.worker_pid) if plan.worker_pid else None
    start = time.perf_counter()
    while (left := plan.seconds - (time.perf_counter() - start)) > 0:
        await asyncio.sleep(min(5.0, left + 0.001))
        _say(f"  {time.perf_counter() - start:5.1f} s  {bank.packets} packets received")
    outcome.seconds, outcome.packets = time.perf_counter() - start, bank.packets
    if cpu is not None and plan.worker_pid:
        outcome.cpu = cpu_time(plan.worker_pid).since(cpu)
    outcome.lost_in_client = socket_drops(ports) - drops
    for participant in crowd.participants:
        outcome.streams += bank.streams(participant.number)
        outcome.events += participant.events
        outcome.consent_lost += participant.transport.consent_lost


def _sees_somebody(crowd: Crowd, participant: Participant) -> bool:
    return any(entry["keyframes"] for entry in crowd.bank.streams(participant.number))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
