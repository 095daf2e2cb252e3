"""The benchmark's results as text."""

import statistics
from collections.abc import Sequence

from loadtest.cells import VARIANTS, CellResult

_HEADER = (
    f"{'cell':12} {'who':14} {'us/packet':>9} {'ratio':>6} {'packets/s':>10} {'core':>5} "
    f"{'p50 ms':>7} {'p99 ms':>7} {'p99.9':>7} {'lost':>6}"
)


def text_report(results: Sequence[CellResult]) -> str:
    """A table of medians, then joins, then where the time goes, then the goals."""
    lines = [
        "",
        "Server CPU time per packet that a subscriber received; ratio to the cheapest bare loop of the same run.",
        "Cells are subscribers x packets per frame. CPU is the forwarding process's scheduler run time, which on the",
        "loopback interface includes delivery into the clients' sockets.",
        "",
        _HEADER,
    ]
    for result in results:
        lines += [_row(result, variant) for variant in VARIANTS if result.samples.get(variant)]
    lines += _join_lines(results)
    for result in results:
        for variant, shares in result.shares.items():
            lines += ["", f"Where the time goes, {result.cell.name} {variant}:"]
            cost = result.cost_us(variant) or 0.0
            lines += [f"  {share:6.1%}  {share * cost:6.2f} us/packet  {group}" for group, share in shares.items()]
    return "\n".join([*lines, "", *_goal_lines(results)])


def _row(result: CellResult, variant: str) -> str:
    samples = result.samples[variant]
    ratio = result.ratio(variant)
    rate = statistics.median(sample.packets / sample.seconds for sample in samples)
    share = statistics.median(sample.cpu_share for sample in samples)
    latencies = (result.latency_us(variant, fraction) / 1000 for fraction in (0.5, 0.99, 0.999))
    return (
        f"{result.cell.name:12} {variant:14} {result.cost_us(variant) or 0:9.2f} "
        f"{f'{ratio:.2f}' if ratio else '-':>6} {rate:10.0f} {share:5.0%} "
        + " ".join(f"{latency:7.2f}" for latency in latencies)
        + f" {sum(sample.lost for sample in samples):6}"
    )


def _join_lines(results: Sequence[CellResult]) -> list[str]:
    joins = [join for result in results for join in result.joins]
    if not joins:
        return []
    most = max(join.joined for join in joins)
    largest = [join for join in joins if join.joined == most]
    per_core = statistics.median(join.joined / join.cpu_s for join in joins if join.cpu_s)
    times = sorted(time for join in joins for time in join.total_s)
    # The first crowd of its size: later ones use again what the earlier ones gave back to the heap.
    memory = max(join.bytes_per_subscriber for join in largest) / 1024
    median_ms, late_ms = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
    return [
        "",
        f"Memory per subscriber (worker PSS, {most} subscribers): {memory:.0f} KiB",
        f"Joins per second of one worker core (SDP, ICE, DTLS; {joins[0].profile}): {per_core:.0f}",
        f"Join time seen by clients, 20 at once: median {median_ms:.0f} ms, p99 {late_ms:.0f} ms",
    ]


def _goal_lines(results: Sequence[CellResult]) -> list[str]:
    """Issue 2's goals and whether this run meets them."""
    lines = []
    for result in results:
        ratio, best = result.ratio("server"), _best_bare(result)
        if ratio is None or best is None:
            continue
        later_ms = (result.latency_us("server", 0.99) - result.latency_us(best, 0.99)) / 1000
        verdict = "met" if ratio <= result.cell.goal else "MISSED"
        goal = f"ratio {ratio:.2f}, goal {result.cell.goal}: {verdict}"
        lines.append(f"{result.cell.name:12} {goal}; p99 {later_ms:+.2f} ms")
    return lines


def _best_bare(result: CellResult) -> str | None:
    costs = {name: cost for name in VARIANTS if name != "server" and (cost := result.cost_us(name)) is not None}
    return min(costs, key=costs.__getitem__, default=None)
