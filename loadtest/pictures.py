"""Self-contained HTML reports: tables and SVG, no script, nothing loaded from anywhere."""

import html
from collections.abc import Sequence

from loadtest.benchreport import text_report
from loadtest.cells import VARIANTS, CellResult
from loadtest.histogram import LatencyHistogram

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1e2b3c}"
    "pre{background:#f4f5f6;padding:1rem;overflow-x:auto;font-size:13px}svg{max-width:100%;height:auto}"
    "h2{margin-top:2.5rem}text{font:12px system-ui,sans-serif;fill:#1e2b3c}"
)
_COLOURS = ("#0062ba", "#1e98f5", "#77c1f9", "#b3253a")
_WIDTH, _BAR, _LABEL = 800, 24, 190


def page(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A document of (heading, HTML) sections."""
    body = "".join(f"<section><h2>{html.escape(heading)}</h2>{content}</section>" for heading, content in sections)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><body><h1>{html.escape(title)}</h1>{body}</body></html>\n"
    )


def bars(values: Sequence[tuple[str, float]], unit: str, title: str) -> str:
    """Horizontal bars with their values."""
    largest = max((value for _, value in values), default=1.0) or 1.0
    rows = []
    for number, (label, value) in enumerate(values):
        width = (_WIDTH - _LABEL - 110) * value / largest
        top = number * (_BAR + 6)
        rows.append(
            f'<text x="{_LABEL - 8}" y="{top + 16}" text-anchor="end">{html.escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{_colour(label)}"/>'
            f'<text x="{_LABEL + width + 6:.1f}" y="{top + 16}">{value:.2f} {html.escape(unit)}</text>'
        )
    height = len(values) * (_BAR + 6)
    return _svg(title, height, "".join(rows))


def latency_picture(histogram: LatencyHistogram, title: str) -> str:
    """Counts over a logarithmic time axis, eight bars per doubling."""
    merged: dict[int, int] = {}
    for upper_ns, count in histogram.buckets():
        position = _log2_eighths(max(upper_ns, 1))
        merged[position] = merged.get(position, 0) + count
    if not merged:
        return "<p>Nothing received.</p>"
    first, last, most = min(merged), max(merged), max(merged.values())
    step = (_WIDTH - 40) / max(last - first + 1, 8)
    shapes = [
        f'<rect x="{20 + (position - first) * step:.1f}" y="{200 - 180 * count / most:.1f}" width="{step * 0.9:.1f}" '
        f'height="{180 * count / most:.1f}" fill="{_COLOURS[0]}"/>'
        for position, count in merged.items()
    ]
    shapes += [
        f'<text x="{20 + (position - first) * step:.1f}" y="218">{_time(2 ** (position / 8))}</text>'
        for position in range(first, last + 1)
        if position % 8 == 0
    ]
    quantiles = ", ".join(
        f"p{100 * fraction:g} {_time(histogram.quantile_ns(fraction))}" for fraction in (0.5, 0.9, 0.99, 0.999)
    )
    return _svg(title, 225, "".join(shapes)) + f"<p>{quantiles} ({histogram.total} packets)</p>"


def bench_page(results: Sequence[CellResult]) -> str:
    """The benchmark with a picture of each cell."""
    sections = [("Figures", f"<pre>{html.escape(text_report(results))}</pre>")]
    for result in results:
        costs = [(name, cost) for name in VARIANTS if (cost := result.cost_us(name)) is not None]
        content = bars(costs, "us/packet", f"CPU per packet, {result.cell.name}")
        for variant in ("server", *VARIANTS[:3]):
            if result.samples.get(variant):
                content += f"<h3>Latency of video, {html.escape(variant)}</h3>"
                content += latency_picture(result.samples[variant][0].video, f"Latency, {variant}")
                break
        sections.append(
            (
                f"{result.cell.subscribers} subscribers, {result.cell.packets_per_frame}-packet frames"
                + (", flat out" if result.cell.flat_out else ""),
                content,
            )
        )
    return page("Benchmark", sections)


def _svg(title: str, height: float, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" role="img" aria-label="{html.escape(title)}">'
        f"<title>{html.escape(title)}</title>{content}</svg>"
    )


def _colour(label: str) -> str:
    return _COLOURS[VARIANTS.index(label) if label in VARIANTS else 0]


def _log2_eighths(value: int) -> int:
    """Eight times the binary logarithm, rounded down."""
    whole = value.bit_length() - 1
    eighths = sum(value >= 2 ** (whole + step / 8) for step in range(1, 8))
    return whole * 8 + eighths


def _time(nanoseconds: float) -> str:
    if nanoseconds >= 1e9:
        return f"{nanoseconds / 1e9:.3g} s"
    if nanoseconds >= 1e6:
        return f"{nanoseconds / 1e6:.3g} ms"
    return f"{nanoseconds / 1e3:.3g} us"
