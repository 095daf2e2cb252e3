"""Kills, cuts and stalls a running chat service, and writes down what its clients saw.

``python -m tests.chat.fault_run --seconds 60 --store valkey``: fronts are real processes, the data server is Valkey or
Debian's Redis, clients are real sockets. What happens when follows from ``--seed`` (the machine's timing does not).
The history is JSON lines; ``tests/chat/checker.py`` judges it.

What SIGKILL cannot show is a power failure: that the store syncs before it answers is its own promise
(``appendfsync always``), checked here only as a setting.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import aiohttp
import uvloop

from auth.tokens import TokenKeys
from loadtest.ports import HeldPort
from sfu.bus import connect
from sfu.registry import Registry
from tests.chat.checker import check
from tests.chat.fault_cases import CaseOfRun, Cases, Person
from tests.chat.fault_clients import Device
from tests.chat.fault_proxy import FaultProxy
from tests.chat.servers import Store, StoreKind

Fault = Literal["kill_front", "kill_store", "cut_clients", "stall_clients", "cut_store", "stall_store"]

WEIGHTS: dict[Fault, float] = {
    "cut_clients": 5, "stall_clients": 3, "cut_store": 2, "stall_store": 1, "kill_front": 1.5, "kill_store": 1,
}  # fmt: skip
FAULTS_PER_S = 1.2
SETTLE_S = 60.0
"""After the last fault everything must arrive, and something new at least this often until it has."""
SETTLE_IN_ALL_S = 600.0
"""What a slow machine has heaped up in a long run is waited for so long."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    seconds: float
    seed: int
    store: StoreKind
    fronts: int = 3
    rooms: int = 20
    people_per_room: int = 8
    devices: int = 2
    """Sockets of each person; one of them sends."""
    messages_per_s: float = 120.0
    cases: int = 6
    """Each with a patient and a nurse, who have as many devices."""
    case_messages_per_s: float = 20.0


def schedule(plan: Plan) -> list[tuple[float, Fault]]:
    """When which fault happens: seeded; every kind at least once."""
    chance = random.Random(plan.seed)
    count = max(int(plan.seconds * FAULTS_PER_S), len(WEIGHTS))
    kinds: list[Fault] = [*WEIGHTS]
    kinds += chance.choices([*WEIGHTS], [*WEIGHTS.values()], k=count - len(kinds))
    times = sorted(chance.uniform(0.5, plan.seconds) for _ in kinds)
    chance.shuffle(kinds)
    return list(zip(times, kinds, strict=True))


class FaultRun:
    """The service, its clients, and what befalls them."""

    def __init__(self, plan: Plan, directory: Path, history: IO[str]) -> None:
        self.plan = plan
        self.counts: Counter[str] = Counter()
        self._directory = directory
        self._history = history
        self._chance = random.Random(plan.seed + 1)
        self._began = time.monotonic()
        self._store = Store(plan.store, directory)
        self._proxy = FaultProxy(self._store.port)
        self._keys = TokenKeys.generate_text()
        self._held = [HeldPort() for _ in range(plan.fronts)]
        self._ports = [held.number for held in self._held]
        self._fronts: list[asyncio.subprocess.Process | None] = [None] * plan.fronts
        self._devices: list[Device] = []
        self._cases: list[CaseOfRun] = []
        self._making: Cases | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._faults: list[asyncio.Task[None]] = []
        self._store_lock = asyncio.Lock()

    def write(self, **line: Any) -> None:
        line["t"] = round(time.monotonic() - self._began, 4)
        self._history.write(json.dumps(line, ensure_ascii=False) + "\n")

    async def run(self) -> None:
        """Everything, to the end."""
        self.write(op="plan", **self.plan.__dict__)
        try:
            await self._start()
            await self._befall()
            await self._settle()
        finally:
            await self._stop()

    async def _start(self) -> None:
        self._store.start()
        await self._proxy.start()
        redis = connect(self._store.url)
        registry = Registry(redis)
        for number in range(self.plan.rooms):
            await registry.create_room(f"room{number}", "Fault run", 1000)
        await redis.aclose()
        self._making = Cases(connect(self._store.url))
        self._cases = await self._making.make(self.plan.cases)
        self._tasks = [asyncio.create_task(self._keep_front(number)) for number in range(self.plan.fronts)]
        self._make_devices()
        self._tasks += [asyncio.create_task(device.run()) for device in self._devices]
        deadline = time.monotonic() + 40
        while any(not device.me for device in self._devices):
            if time.monotonic() > deadline:
                logs = [path.read_text()[-2000:] for path in sorted(self._directory.glob("front*.log"))]
                raise RuntimeError("not every client got in before the first fault\n" + "\n".join(logs))
            await asyncio.sleep(0.1)
        self.write(op="all_connected", sockets=len(self._devices))

    def _make_devices(self) -> None:
        keys = TokenKeys.parse(self._keys)
        for room in range(self.plan.rooms):
            for person in range(self.plan.people_per_room):
                identity = f"p{room}-{person}"
                token = keys.sign_meeting(
                    identity=identity, display_name=identity, room_id=f"room{room}", role="participant",
                    now=time.time(), lifetime_s=24 * 3600,
                )  # fmt: skip
                for device in range(self.plan.devices):
                    name = f"{identity}-{device}"
                    chance = random.Random(f"{self.plan.seed}-{name}")
                    self._devices.append(
                        Device(name, identity, f"meeting-room{room}", token, self._ports, chance, self.write)
                    )

        for case in self._cases:
            for person in (case.patient, case.nurse):
                for device in range(self.plan.devices):
                    self._devices.append(self._device_of_case(f"{person.name}-{device}", case.case_id, person))

    def _device_of_case(self, name: str, case_id: str, person: Person) -> Device:
        chance = random.Random(f"{self.plan.seed}-{name}")
        cookie = f"__Host-session={person.cookie}"
        return Device(name, person.name, case_id, "", self._ports, chance, self.write, cookie=cookie)

    async def _keep_front(self, number: int) -> None:
        """A front that dies is started again, as a supervisor does."""
        environment = os.environ | {
            "ALLTID_REDIS_URL": f"redis://127.0.0.1:{self._proxy.port}/0",
            "ALLTID_TOKEN_KEYS": self._keys,
            "ALLTID_HTTP_PORT": str(self._ports[number]),
            "ALLTID_MESSAGES_PER_S": "10000",
            "ALLTID_MESSAGES_BURST": "10000",
            "ALLTID_CHAT_MESSAGES_PER_S": "10000",
            "ALLTID_CHAT_MESSAGES_BURST": "10000",
            "ALLTID_LOG_LEVEL": "error",
            "ALLTID_MODE": "development",
            "ALLTID_AUDIT_KEY": self._keys,
            "ALLTID_ATTACHMENTS_DIR": str(self._directory / "attachments"),
        }
        log = (self._directory / f"front{number}.log").open("ab")
        with log:
            while True:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "signalling.front", env=environment, stdout=log, stderr=log
                )
                self._fronts[number] = process
                try:
                    await process.wait()
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
                self.counts["front_starts"] += 1
                await asyncio.sleep(0.1)

    # --- faults ------------------------------------------------------------------------------------------------

    async def _befall(self) -> None:
        senders = [device for device in self._devices if device.name.endswith("-0")]
        of_meetings = [device for device in senders if device.token]
        of_cases = [device for device in senders if device.cookie]
        in_all_per_s = self.plan.messages_per_s + self.plan.case_messages_per_s
        faults = schedule(self.plan)
        begin = time.monotonic()
        next_say = begin
        while (now := time.monotonic()) < begin + self.plan.seconds:
            while next_say <= now:
                is_case = of_cases and self._chance.random() < self.plan.case_messages_per_s / in_all_per_s
                self._chance.choice(of_cases if is_case else of_meetings).say()
                next_say += self._chance.expovariate(in_all_per_s)
            while faults and begin + faults[0][0] <= now:
                _, kind = faults.pop(0)
                self._faults.append(asyncio.create_task(self._do(kind)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*self._faults)
        self._proxy.flow()
        self.write(op="faults_over", **self.counts)

    async def _do(self, kind: Fault) -> None:
        self.counts[kind] += 1
        chance = self._chance
        detail: Any = None
        if kind == "kill_front":
            detail = chance.randrange(len(self._fronts))
            process = self._fronts[detail]
            if process is not None and process.returncode is None:
                process.send_signal(signal.SIGKILL)
        elif kind == "kill_store":
            detail = round(chance.uniform(0.05, 1.5), 2)
            async with self._store_lock:
                self._store.kill()
                self.write(op="fault", kind=kind, detail=detail)
                await asyncio.sleep(detail)
                await asyncio.to_thread(self._store.start)
        elif kind == "cut_clients":
            chosen = chance.sample(self._devices, chance.randrange(1, max(2, len(self._devices) // 3)))
            detail = len(chosen)
            for device in chosen:
                device.cut()
        elif kind == "stall_clients":
            chosen = chance.sample(self._devices, chance.randrange(1, max(2, len(self._devices) // 4)))
            detail = len(chosen)
            self.write(op="fault", kind=kind, detail=detail)
            await asyncio.gather(*(device.stall(chance.uniform(0.2, 4)) for device in chosen))
        elif kind == "cut_store":
            detail = self._proxy.cut(chance.uniform(0.2, 1), chance)
        else:
            detail = round(chance.uniform(0.2, 5), 2)
            self.write(op="fault", kind=kind, detail=detail)
            self._proxy.stall()
            await asyncio.sleep(detail)
            self._proxy.flow()
        self.write(op="fault_done", kind=kind, detail=detail)

    # --- the end -----------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Without faults everything arrives; then each reader says where it ended, and a fresh one reads it all."""
        fresh = [self._fresh_reader(room) for room in range(self.plan.rooms)]
        fresh += [self._device_of_case(f"fresh-{case.case_id}", case.case_id, case.patient) for case in self._cases]
        await _while_it_goes_on(self._devices, lambda: not any(device.unsent for device in self._devices))
        await self._finish_cases()
        for device in fresh:
            self.write(op="begin", client=device.name, conversation=device.conversation)
        self._tasks += [asyncio.create_task(device.run()) for device in fresh]
        everybody = [*self._devices, *fresh]

        def is_even() -> bool:
            ends: dict[str, set[int]] = {}
            for device in everybody:
                ends.setdefault(device.conversation, set()).add(device.last_seq)
            return all(len(seqs) == 1 for seqs in ends.values()) and all(device.me for device in fresh)

        await _while_it_goes_on(everybody, is_even)
        for device in everybody:
            self.write(op="end", client=device.name, conversation=device.conversation, seq=device.last_seq)
            self.counts.update(device.counts)
            self.counts["left_unsent"] += device.unsent
        for number, port in enumerate(self._ports):
            self.write(op="front", number=number, counted=await _counted(port))
        self.write(op="done", **self.counts)

    async def _finish_cases(self) -> None:
        """What fronts that died have left is followed by another, as each does after a while."""
        assert self._making is not None
        deadline = time.monotonic() + SETTLE_S
        while await self._making.finish() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        for case in self._cases:
            found = await self._making.record(case.case_id)
            self.write(
                op="case", conversation=case.case_id, state=found.state.value, version=found.version,
                last_patient_seq=found.last_patient_seq, last_staff_seq=found.last_staff_seq,
            )  # fmt: skip

    def _fresh_reader(self, room: int) -> Device:
        model = next(device for device in self._devices if device.conversation == f"meeting-room{room}")
        chance = random.Random(room)
        name = f"fresh-{room}"
        return Device(name, name, model.conversation, model.token, self._ports, chance, self.write)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._making is not None:
            await self._making.stop()
        await self._proxy.stop()
        self._store.kill()


async def _while_it_goes_on(devices: Sequence[Device], is_done: Callable[[], bool]) -> None:
    """Until it is done, or nothing has arrived anywhere for ``SETTLE_S``: then something is stuck, or lost."""
    last, since = -1, time.monotonic()
    until = since + SETTLE_IN_ALL_S
    while not is_done() and time.monotonic() < min(since + SETTLE_S, until):
        arrived = sum(device.last_seq - device.unsent for device in devices)
        if arrived != last:
            last, since = arrived, time.monotonic()
        await asyncio.sleep(0.1)


async def _counted(port: int) -> dict[str, float]:
    """What a front says of its chat."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        lines = (await response.text()).splitlines()
    found = (re.fullmatch(r'ao_chat_counted\{what="(\w+)"\} (\S+)', line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


def run(plan: Plan, history: Path) -> Counter[str]:
    """Carry a plan out; what was counted."""
    with tempfile.TemporaryDirectory(prefix="ao-faults-") as directory, history.open("w", encoding="utf-8") as file:
        fault_run = FaultRun(plan, Path(directory), file)
        with contextlib.closing(file):
            uvloop.run(fault_run.run())
        return fault_run.counts


def main() -> int:
    """Run, judge, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.chat.fault_run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=("valkey", "redis"), default="valkey")
    parser.add_argument("--fronts", type=int, default=3)
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--people", type=int, default=8, help="per room, with two sockets each")
    parser.add_argument("--rate", type=float, default=120.0, help="messages per second, all together")
    parser.add_argument("--history", type=Path, default=Path("fault-history.jsonl"))
    options = parser.parse_args()
    plan = Plan(
        options.seconds, options.seed, options.store, options.fronts, options.rooms, options.people,
        messages_per_s=options.rate,
    )  # fmt: skip
    counts = run(plan, options.history)
    with options.history.open() as file:
        verdict = check(json.loads(line) for line in file)
    for text in verdict.faults:
        sys.stdout.write(f"FAULT {text}\n")
    sys.stdout.write(
        f"{options.store}, seed {options.seed}, {options.seconds:.0f} s: {dict(counts)}\n"
        f"{verdict.acknowledged} messages acknowledged after {verdict.attempts} attempts, {verdict.received} received "
        f"by {verdict.readers} readers, {verdict.edits} edits, {verdict.withdrawals} withdrawals, "
        f"{verdict.cases} cases, {len(verdict.faults)} faults found; history: {options.history}\n"
    )
    return 1 if verdict.faults or counts["left_unsent"] else 0


if __name__ == "__main__":
    sys.exit(main())
