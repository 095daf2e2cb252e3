"""The figures of the chat bench as text."""

from dataclasses import dataclass
from typing import Final

from loadtest.chat_load import ChatCell, Times, percentile_ms
from loadtest.chat_servers import has_jemalloc
from loadtest.chat_turns import Contender

GOAL_RATIO: Final = 0.5
"""Of bare XADD."""
GOAL_P99_MS: Final = 50.0


@dataclass
class CellFigures:
    """One cell."""

    cell: ChatCell
    appends: Contender
    """Bare XADD."""
    delivering: Contender
    """Bare XADD and SPUBLISH."""
    plain: Contender
    chat: Contender
    connect_s: float
    sync_us: float
    """What one sync to the disk cost then."""


def text(figures: list[CellFigures]) -> str:
    """The whole report."""
    syncs_us = sorted(each.sync_us for each in figures)
    lines = [
        "",
        "Messages: stored and synced to disk before they are acknowledged. One front on one core (or two, see there).",
        "Rates are of all turns; ratios are the median of the turns, and in brackets the least and the greatest.",
        f"One sync of the disk alone took {syncs_us[0]:.0f} to {syncs_us[-1]:.0f} us.",
        f"Memory of the stores: {'jemalloc, as packaged ones have' if has_jemalloc() else 'the C library'}.",
        "",
        _HEADER,
    ]
    for each in figures:
        lines.append(_row(each.cell.name, "bare XADD", each.appends))
        lines.append(_row("", "bare delivering", each.delivering))
        lines.append(_row("", "plain sockets", each.plain))
        lines.append(_row("", "chat", each.chat))
    lines.append("")
    lines += [_goals(each) for each in figures]
    lines += [_fronts(each) for each in figures if each.cell.fronts > 1]
    lines += [_bytes(figures[0])]
    connected = max(figures, key=lambda each: each.cell.sockets)
    lines.append(
        f"{connected.cell.sockets} sockets opened, said hello and opened a conversation in {connected.connect_s:.1f} s"
    )
    return "\n".join([*lines, ""])


_HEADER: Final = (
    f"{'cell':20} {'who':15} {'messages/s':>10} {'deliveries/s':>12} {'ack p50':>8} {'p99 ms':>7} "
    f"{'read p50':>8} {'p99 ms':>7} {'half load p50':>13} {'p99 ms':>7} {'core':>5} "
    "CPU us per message: server, store, clients"
)


def _row(cell: str, who: str, contender: Contender) -> str:
    whole, half, costs = contender.whole, contender.half or Times(), contender.costs_us
    return (
        f"{cell:20} {who:15} {whole.per_s:10.0f} {_of(whole.delivered / whole.seconds, 12, 0)} "
        f"{_pair(whole.acknowledgements, 8)} {_pair(whole.deliveries, 8)} {_pair(half.deliveries, 13)} "
        f"{f'{contender.core_share:.0%}' if contender.cpus else '-':>5} "
        + ", ".join(_of(costs.get(role, 0.0), 0, 0) for role in ("server", "store", "clients"))
    )


def _of(value: float, width: int, digits: int) -> str:
    """Nothing is shown as a dash."""
    return f"{value:{width}.{digits}f}" if value else f"{'-':>{width}}"


def _pair(times: list[float], width: int) -> str:
    return f"{_of(percentile_ms(times, 0.5), width, 2)} {_of(percentile_ms(times, 0.99), 7, 2)}"


def _goals(each: CellFigures) -> str:
    """The issue's goals: half of bare XADD, p99 at half load. Beside them, the same share of what also delivers."""
    half = each.chat.half or Times()
    p99_ms = percentile_ms(half.deliveries, 0.99)
    return (
        f"{each.cell.name:20} with {each.cell.senders} on their way {_share(each, each.appends)} of bare XADD "
        f"(goal {GOAL_RATIO}): {_met(each.chat.ratio(each.appends) >= GOAL_RATIO)}; {_share(each, each.delivering)} of "
        f"bare delivering: {_met(each.chat.ratio(each.delivering) >= GOAL_RATIO)}; "
        f"{each.chat.ratio(each.plain):.2f} of plain sockets; half load p99 {p99_ms:.1f} ms "
        f"(goal {GOAL_P99_MS:.0f}): {_met(p99_ms <= GOAL_P99_MS)}{_bound(each.chat)}"
    )


def _share(each: CellFigures, of: Contender) -> str:
    ratios = each.chat.ratios(of)
    return f"{each.chat.ratio(of):.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]"


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _bound(chat: Contender) -> str:
    """Whether clients and store, which share a core, had more to do than the front on its own."""
    costs = chat.costs_us
    if not costs or costs["store"] + costs["clients"] <= costs["server"]:
        return ""
    return "; bounded by the core of clients and store"


def _fronts(each: CellFigures) -> str:
    cores = ", ".join(map(str, each.chat.cpus))
    how = f"share core {cores}" if len(each.chat.cpus) < each.cell.fronts else f"have the cores {cores}"
    return (
        f"{each.cell.name}: {each.cell.fronts} fronts {how}; of each conversation's readers one is at each, and every "
        "message reached each of them once"
    )


def _bytes(each: CellFigures) -> str:
    """What is compared is of one size."""
    return (
        f"{each.cell.name}: bytes of the append-only file per message: bare XADD {each.appends.file_bytes:.0f}, "
        f"bare delivering {each.delivering.file_bytes:.0f}, chat {each.chat.file_bytes:.0f}; bytes received per "
        f"delivery, with acknowledgements: plain sockets {each.plain.wire_bytes:.0f}, chat {each.chat.wire_bytes:.0f}"
    )
