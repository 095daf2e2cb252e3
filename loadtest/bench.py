"""``make bench``: the server against the least that forwarding can cost, cell by cell, in one run.

Every cell measures the bare loop (plain, with segmentation trains, with equalised packets) and the server one after
the other, in an order that turns with each repeat so that drift cancels; medians are printed. Forwarder on one core,
clients on the other. After the cells, unless some are chosen, come the figures of logins (``loadtest/auth_bench.py``),
of messages (``loadtest/chat_bench.py``) and of bookings (``loadtest/companion_bench.py``).
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import uvloop

from loadtest.auth_bench import auth_report
from loadtest.barerun import Traffic, bare_stage
from loadtest.benchreport import text_report
from loadtest.cells import VARIANTS, Cell, CellResult, choose
from loadtest.chat_bench import chat_report
from loadtest.companion_bench import companion_report
from loadtest.measure import Sample, Stage, find_limit, measure
from loadtest.pictures import bench_page
from loadtest.processes import core_busy_s, cpu_time, pin
from loadtest.profiling import is_available, profile_process
from loadtest.serverrun import NoMediaError, server_stage
from loadtest.service import Service, running_service

SETTLE_S = 0.6
"""Between the first packet and the measurement: caches and the keyframe at the start are over."""
FIRST_RATE = 6.0
"""Where the search for the limit begins: six times 30 frames/s."""
STEP_S, STEPS = 1.5, 16
"""Length and number of the steps of that search."""
QUICK_STEP_S, QUICK_STEPS = 0.7, 6


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cells, one repeat, about a minute")
    parser.add_argument("--cells", default="", help="cells separated by commas: 10x3 50x10 200x10 50x10-flat ...")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="which of: " + ", ".join(VARIANTS))
    parser.add_argument("--repeats", type=int, default=0, help="default 3, with --quick 1")
    parser.add_argument("--seconds", type=float, default=0.0, help="of each measurement; default 5, with --quick 3")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    parser.add_argument("--perf", action="store_true", help="also show where the time goes")
    parser.add_argument("--html", type=Path, help="write the report with pictures to this file")
    options = parser.parse_args()
    options.repeats = options.repeats or (1 if options.quick else 3)
    options.seconds = options.seconds or (3.0 if options.quick else 5.0)
    try:
        cells = choose([name for name in options.cells.split(",") if name], quick=options.quick)
    except ValueError as error:
        parser.error(str(error))
    variants = tuple(options.variants.split(","))
    if not set(variants) <= set(VARIANTS):
        parser.error(f"variants are {', '.join(VARIANTS)}")
    if options.perf and not is_available():
        parser.error("perf is not installed")
    if (os.cpu_count() or 1) < 2:
        _say("One core only: clients and server share it, and the figures mean little.")
    with contextlib.suppress(asyncio.CancelledError):
        uvloop.run(_run(options, cells, variants))
        if not options.cells:
            _say(
                uvloop.run(
                    auth_report(quick=options.quick, server_cpu=options.server_cpu, client_cpu=options.client_cpu)
                )
            )
            _say(
                uvloop.run(
                    chat_report(quick=options.quick, server_cpu=options.server_cpu, store_cpu=options.client_cpu)
                )
            )
            _say(
                uvloop.run(
                    companion_report(quick=options.quick, server_cpu=options.server_cpu, client_cpu=options.client_cpu)
                )
            )


async def _run(options: argparse.Namespace, cells: tuple[Cell, ...], variants: tuple[str, ...]) -> None:
    task = asyncio.current_task()
    if task is not None:
        # Ended from outside: the programs under test must end with us.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    pin(options.client_cpu)
    results = [CellResult(cell) for cell in cells]
    if "server" in variants:
        async with running_service(worker_cpu=options.server_cpu, other_cpu=options.client_cpu) as service:
            for result in results:
                await _run_cell(options, result, variants, service)
    else:
        for result in results:
            await _run_cell(options, result, variants, None)
    _say(text_report(results))
    if options.html:
        options.html.write_text(bench_page(results))
        _say(f"Pictures: {options.html}")


async def _run_cell(
    options: argparse.Namespace, result: CellResult, variants: tuple[str, ...], service: Service | None
) -> None:
    for repeat in range(options.repeats):
        turn = repeat % len(variants)
        for variant in variants[turn:] + variants[:turn]:
            try:
                sample = await _run_variant(options, result, variant, service, with_profile=repeat == 0)
            except NoMediaError as error:
                _say(f"{result.cell.name:12} {variant:14} {error}")
                continue
            result.add(variant, sample)
            _say(f"{result.cell.name:12} {variant:14} " + (_one_line(sample) if sample else "no lossless rate found"))


async def _run_variant(
    options: argparse.Namespace, result: CellResult, variant: str, service: Service | None, *, with_profile: bool
) -> Sample | None:
    traffic = Traffic(result.cell.packets_per_frame)
    if variant == "server":
        if service is None:
            raise RuntimeError("no service")
        async with server_stage(service, result.cell.subscribers, traffic) as server:
            result.joins.append(server.joins)
            return await _sample(options, result, variant, server.stage, with_profile=with_profile)
    async with bare_stage(
        result.cell.subscribers,
        traffic,
        segment=variant != "bare",
        equalise=variant == "bare+padding",
        cpu=options.server_cpu,
    ) as stage:
        return await _sample(options, result, variant, stage, with_profile=with_profile)


async def _sample(
    options: argparse.Namespace, result: CellResult, variant: str, stage: Stage, *, with_profile: bool
) -> Sample | None:
    await asyncio.sleep(SETTLE_S)
    if result.cell.flat_out:
        return await find_limit(
            stage,
            stage.senders[0],
            step_s=QUICK_STEP_S if options.quick else STEP_S,
            first_rate=FIRST_RATE,
            steps=QUICK_STEPS if options.quick else STEPS,
        )
    busy, own = core_busy_s(options.server_cpu), cpu_time(stage.pid)
    sample = await measure(stage, options.seconds)
    others = core_busy_s(options.server_cpu) - busy - cpu_time(stage.pid).since(own).total_s
    if others > 0.05 * options.seconds:
        _say(f"  (other processes used {others / options.seconds:.0%} of core {options.server_cpu} meanwhile)")
    if options.perf and with_profile:
        result.shares[variant] = await profile_process(stage.pid, options.seconds)
    return sample


def _one_line(sample: Sample) -> str:
    return (
        f"{sample.cpu_us_per_packet:6.2f} us/packet  {sample.packets / sample.seconds:8.0f} packets/s  "
        f"{sample.cpu_share:4.0%} of a core  p50 {sample.latency_us(0.5) / 1000:6.2f} ms  "
        f"p99 {sample.latency_us(0.99) / 1000:6.2f} ms  lost {sample.lost}"
        + (f" ({sample.lost_in_client} in the client)" if sample.lost_in_client else "")
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
