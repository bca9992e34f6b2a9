"""Plots: the same figures give the same text, and points lie where their values say."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from benchmarks.plots import (
    Axis,
    Series,
    chart,
    cost_against_size,
    latency_against_throughput,
    memory_against_parked,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

CURVE = [
    {"offered_per_s": 4_000.0, "finished_per_s": 3_990.0, "p50_ms": 2.0, "p99_ms": 9.0},
    {"offered_per_s": 1_000.0, "finished_per_s": 1_000.0, "p50_ms": 1.0, "p99_ms": 4.0},
]
COST = {"chain:1": 68.0, "chain:1000": 22.0, "fork:10": 55.0, "fork:10000": 30.0}
STEPS = [
    {"parked": 0, "resident_bytes": 50 << 20},
    {"parked": 100_000, "resident_bytes": 150 << 20},
]


def texts(svg: str) -> list[str]:
    drawn = ET.fromstring(svg)  # noqa: S314 - our own text
    return [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")]


def circles(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    return [(float(x), float(y)) for x, y in found]


@pytest.mark.parametrize(
    ("svg", "again", "legend"),
    [
        (latency_against_throughput(CURVE), latency_against_throughput(CURVE[::-1]), ["p50", "p99"]),
        (cost_against_size(COST), cost_against_size(dict(COST)), ["chain", "fork"]),
        (memory_against_parked(STEPS), memory_against_parked(STEPS[::-1]), ["resident"]),
    ],
)
def test_the_same_figures_give_the_same_plot(svg: str, again: str, legend: list[str]) -> None:
    assert svg == again
    assert set(legend) <= set(texts(svg))


def test_a_point_lies_where_its_value_says() -> None:
    svg = chart("t", Axis("x"), Axis("y", is_log=True), [Series("s", [(0, 1), (5, 10), (10, 100)])])
    (x0, y0), (x1, y1), (x2, y2) = circles(svg)
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(y1 - y2), "decades are equally far apart, and more is further up"
    assert y0 > y1


@pytest.mark.parametrize(
    ("axis", "values", "ticks"),
    [
        (Axis("linear"), [3.0, 68.0], [0, 20, 40, 60, 80, 100]),
        (Axis("linear"), [0.0], [0, 1, 2, 3, 4, 5]),
        (Axis("log", is_log=True), [3.0, 200.0], [1, 10, 100, 1_000]),
        (Axis("log", is_log=True), [10.0], [10, 100]),
    ],
)
def test_axes_end_at_round_numbers(axis: Axis, values: list[float], ticks: list[float]) -> None:
    assert axis.ticks(axis.span(values)) == pytest.approx(ticks)


def test_text_has_a_colour_for_a_light_and_for_a_dark_page() -> None:
    svg = cost_against_size(COST)
    assert "prefers-color-scheme:dark" in svg
    assert "prefers-color-scheme:light" in svg
    assert not re.search(r"<text[^>]* fill=", svg), "a fill of its own would win over the page's scheme"


def test_names_cannot_break_the_document() -> None:
    svg = chart("a < b & c", Axis("x"), Axis("y"), [Series("<s>", [(1, 1)])])
    assert "a < b & c" in texts(svg)
    assert "<s>" in texts(svg)


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        chart("t", Axis("x"), Axis("y"), [Series("s", [])])


def test_the_newest_records_are_drawn_and_missing_ones_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "first-day-2026-01-01.json").write_text("{}")
    (tmp_path / "first-day-2026-01-02.json").write_text(json.dumps({"summary": {"cpu_us_per_task": COST}}))
    floors = {"evidence": {"P6": {"error": "no server"}, "P8": {"steps": STEPS}}}
    (tmp_path / "floors-2026-01-01.json").write_text(json.dumps(floors))
    assert [path.name for path in write(tmp_path)] == ["cost.svg", "memory.svg"]
    assert (tmp_path / "cost.svg").read_text() == cost_against_size(COST)
