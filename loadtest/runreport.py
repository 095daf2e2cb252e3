"""The report of a load test, as text and as a page with pictures."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from loadtest.histogram import LatencyHistogram
from loadtest.pictures import bars, latency_picture, page

if TYPE_CHECKING:
    from loadtest.run import Outcome

_QUANTILES = (0.5, 0.9, 0.99, 0.999)


def text_report(outcome: Outcome) -> str:
    """Everything in lines for a terminal."""
    plan, bank = outcome.plan, outcome.crowd.bank
    people = len(outcome.crowd.participants)
    failed = "".join(f", {count} failed with {code}" for code, count in outcome.failures.items())
    rate, bits = outcome.packets / outcome.seconds, bank.bytes * 8 / outcome.seconds / 1e6
    by_us = f"{outcome.lost_in_client} of them by full sockets of this load generator"
    lines = [
        "",
        f"{plan.rooms} rooms, {people} participants joined{failed}",
        *_join_lines(outcome),
        f"Received {outcome.packets} packets in {outcome.seconds:.1f} s ({rate:.0f}/s), {bits:.1f} Mbit/s",
        f"Lost {outcome.lost} ({by_us})",
        f"Duplicates {_sum(outcome, 'duplicates')}, reordered {_sum(outcome, 'reordered')}",
        f"Keyframes {_sum(outcome, 'keyframes')}, participants that saw nobody {outcome.without_video}",
        f"Consent checks without answer {outcome.consent_lost}",
        _latency_line("video", bank.latency(video=True)),
        _latency_line("audio", bank.latency(video=False)),
    ]
    if outcome.cpu is not None:
        cost = outcome.cpu.total_s * 1e6 / max(outcome.packets, 1)
        lines.append(
            f"Worker: {outcome.cpu.total_s / outcome.seconds:.0%} of a core, {cost:.2f} us per forwarded packet "
            "(on the loopback interface delivery to the clients included)"
        )
    if outcome.bytes_per_participant is not None:
        lines.append(f"Worker memory per participant: {outcome.bytes_per_participant / 1024:.0f} KiB")
    if outcome.events:
        lines.append("Events: " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.events.items())))
    return "\n".join([*lines, "", "All well." if outcome.is_good else "NOT WELL: see above."])


def run_page(outcome: Outcome) -> str:
    """A self-contained page: figures, latency histograms, join times, loss."""
    bank = outcome.crowd.bank
    sections = [
        ("Figures", f"<pre>{html.escape(text_report(outcome))}</pre>"),
        ("Forwarding latency of video", latency_picture(bank.latency(video=True), "Latency of video")),
        ("Forwarding latency of audio", latency_picture(bank.latency(video=False), "Latency of audio")),
        ("Join time", latency_picture(_join_histogram(outcome), "Join time")),
        (
            "Loss",
            bars(
                [("received", outcome.packets), ("lost", outcome.lost), ("lost by ourselves", outcome.lost_in_client)],
                "packets",
                "Packets received and lost",
            ),
        ),
    ]
    if outcome.cpu is not None:
        per_packet = 1e6 / max(outcome.packets, 1)
        sections.append(
            (
                "Worker CPU per packet",
                bars(
                    [("user", outcome.cpu.user_s * per_packet), ("kernel", outcome.cpu.system_s * per_packet)],
                    "us/packet",
                    "Worker CPU time per forwarded packet",
                ),
            )
        )
    return page("Load test", sections)


def _join_lines(outcome: Outcome) -> list[str]:
    if not outcome.times:
        return []
    lines = []
    for name in ("total_s", "socket_s", "reply_s", "ice_s", "dtls_s"):
        values = sorted(getattr(times, name) for times in outcome.times)
        shown = ", ".join(f"p{100 * q:g} {values[int(q * (len(values) - 1))] * 1000:.0f} ms" for q in (0.5, 0.9, 0.99))
        lines.append(f"Join {name.removesuffix('_s'):6} {shown}")
    return lines


def _join_histogram(outcome: Outcome) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for times in outcome.times:
        histogram.record(int(times.total_s * 1e9))
    return histogram


def _latency_line(name: str, histogram: LatencyHistogram) -> str:
    shown = ", ".join(f"p{100 * q:g} {histogram.quantile_ns(q) / 1e6:.2f} ms" for q in _QUANTILES)
    return f"Latency of {name}: {shown}"


def _sum(outcome: Outcome, name: str) -> int:
    return sum(entry[name] for entry in outcome.streams)
