"""Curves of the records as SVG: latency by throughput, cost by size, memory by parked workflows.

``python -m benchmarks.plots`` draws what the newest records in bench_results/ hold. Each plot is a function
from plain figures to text, and the same figures give the same text. Colours are readable on a light and on
a dark page; nothing is drawn behind them.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from benchmarks.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RESULTS = ROOT / "bench_results"

_WIDTH_PX, _HEIGHT_PX = 720, 340
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 76, 150, 44, 52
_TICKS = 5
_COLOURS = ("#2b8a86", "#c2703d", "#7a6fc0", "#8a8f2b")
_STYLE = (
    # Where the page's scheme is not told, a grey that stands out from both.
    "text{fill:#6e7781}line{stroke:#6e7781}"
    "@media(prefers-color-scheme:light){text{fill:#24292f}}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


@dataclass(frozen=True)
class Series:
    """A named line through points of x and y, drawn in the order given."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """What is drawn along one side."""

    label: str
    is_log: bool = False
    """Logarithmic axes take no zero."""

    def span(self, values: Sequence[float]) -> tuple[float, float]:
        """Return the ends of the axis: whole decades, or 0 to a round number above the largest value."""
        if self.is_log:
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            return 10.0**low, 10.0 ** max(high, low + 1)
        return 0.0, _round_up(max(values) / _TICKS) * _TICKS

    def ticks(self, span: tuple[float, float]) -> list[float]:
        """Return where the axis is labelled."""
        low, high = span
        if self.is_log:
            first, last = round(math.log10(low)), round(math.log10(high))
            return [10.0**power for power in range(first, last + 1)]
        return [low + (high - low) * at / _TICKS for at in range(_TICKS + 1)]

    def share(self, value: float, span: tuple[float, float]) -> float:
        """Return where a value lies between the ends, as 0 to 1."""
        low, high = (math.log10(end) for end in span) if self.is_log else span
        return ((math.log10(value) if self.is_log else value) - low) / (high - low)


def latency_against_throughput(curve: Sequence[Mapping[str, float]]) -> str:
    """Draw start to COMPLETED against what was finished; points as ``benchmarks.floors`` records them.

    Each point has finished_per_s, p50_ms and p99_ms.
    """
    ordered = sorted(curve, key=lambda point: point["offered_per_s"])
    return chart(
        "Start to COMPLETED, open loop",
        Axis("executions finished per second"),
        Axis("ms", is_log=True),
        [
            Series(quantile, [(point["finished_per_s"], point[f"{quantile}_ms"]) for point in ordered])
            for quantile in ("p50", "p99")
        ],
    )


def cost_against_size(cpu_us_per_task: Mapping[str, float]) -> str:
    """Draw server CPU per task against width and depth; keys are a shape and its size, as ``fork:100``."""
    shapes: dict[str, list[tuple[float, float]]] = {}
    for name, cost in cpu_us_per_task.items():
        shape, _, size = name.partition(":")
        shapes.setdefault(shape, []).append((float(size), cost))
    return chart(
        "Server CPU per task",
        Axis("tasks of one execution", is_log=True),
        Axis("us of CPU per task"),
        [Series(shape, sorted(points)) for shape, points in shapes.items()],
    )


def memory_against_parked(steps: Sequence[Mapping[str, float]]) -> str:
    """Draw resident memory against parked workflows; each step has parked and resident_bytes."""
    points = [(step["parked"] / 1_000, step["resident_bytes"] / 2**20) for step in steps]
    return chart(
        "Resident memory with a timer each",
        Axis("parked workflows, thousands"),
        Axis("MiB"),
        [Series("resident", sorted(points))],
    )


def chart(title: str, x_axis: Axis, y_axis: Axis, lines: Sequence[Series]) -> str:
    """Draw lines over two axes.

    Raises ValueError when there is no point, and on a logarithmic axis when one is not above zero.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError(f"{title}: there is nothing to draw")
    x_span = x_axis.span([x for x, _ in points])
    y_span = y_axis.span([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (_WIDTH_PX - _LEFT_PX - _RIGHT_PX) * x_axis.share(x, x_span)
        up = (_HEIGHT_PX - _TOP_PX - _BOTTOM_PX) * y_axis.share(y, y_span)
        return round(_LEFT_PX + across, 1), round(_HEIGHT_PX - _BOTTOM_PX - up, 1)

    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX}" viewBox="0 0 {_WIDTH_PX} {_HEIGHT_PX}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        _text(_LEFT_PX, 20, title, size=14),
        _text((_LEFT_PX + _WIDTH_PX - _RIGHT_PX) / 2, _HEIGHT_PX - 12, x_axis.label, anchor="middle"),
        _text(_LEFT_PX - 8, _TOP_PX - 8, y_axis.label, anchor="end"),
    ]
    for tick in x_axis.ticks(x_span):
        x, y = place(tick, y_span[0])
        parts.append(_text(x, y + 18, _number(tick), anchor="middle"))
    for tick in y_axis.ticks(y_span):
        x, y = place(x_span[0], tick)
        parts.append(_text(x - 8, y + 4, _number(tick), anchor="end"))
        right = _WIDTH_PX - _RIGHT_PX
        parts.append(f'<line x1="{x}" y1="{y}" x2="{right}" y2="{y}" stroke-opacity="0.25"/>')
    for at, line in enumerate(lines):
        parts += _drawn(line.name, [place(x, y) for x, y in line.points], at)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(name: str, places: list[tuple[float, float]], at: int) -> list[str]:
    colour = _COLOURS[at % len(_COLOURS)]
    joined = " ".join(f"{x},{y}" for x, y in places)
    legend_x, legend_y = _WIDTH_PX - _RIGHT_PX + 16, _TOP_PX + 18 * at
    return [
        f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places),
        f'<rect x="{legend_x}" y="{legend_y}" width="14" height="4" fill="{colour}"/>',
        _text(legend_x + 20, legend_y + 6, name),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def _round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least the value."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value * (1 - 1e-9))


def write(results: Path) -> list[Path]:
    """Draw what the newest records of a folder hold into that folder, and return what was drawn."""
    plots: dict[str, str] = {}
    first_day, floors = _newest(results, "first-day"), _newest(results, "floors")
    if first_day is not None:
        plots["cost.svg"] = cost_against_size(first_day["summary"]["cpu_us_per_task"])
    evidence: dict[str, Any] = {} if floors is None else floors["evidence"]
    # A group that could not be measured has an error in place of its figures.
    if curve := evidence.get("P6", {}).get("curve"):
        plots["latency.svg"] = latency_against_throughput(curve)
    if steps := evidence.get("P8", {}).get("steps"):
        plots["memory.svg"] = memory_against_parked(steps)
    for name, text in plots.items():
        (results / name).write_text(text)
    return [results / name for name in plots]


def _newest(results: Path, kind: str) -> dict[str, Any] | None:
    found = sorted(results.glob(f"{kind}-*.json"))
    newest: dict[str, Any] | None = json.loads(found[-1].read_text()) if found else None
    return newest


def main() -> int:
    """Draw into bench_results/."""
    for path in write(RESULTS):
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
