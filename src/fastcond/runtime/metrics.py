"""The server's own metrics: counters, gauges and histograms in the Prometheus text format.

Everything is touched on the event-loop thread only, so an increment is a dictionary update without a lock.
The core brings the metrics of the engine and the store; this registry has those of the shell around it.
"""

from __future__ import annotations

import bisect
import os
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Labels = tuple[tuple[str, str], ...]

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS_BUCKETS) + 1))
    total: float = 0.0


class Metrics:
    """A small registry; a family is declared by its first use, gauges are read when the text is made."""

    def __init__(self) -> None:
        self._counters: dict[str, dict[Labels, float]] = {}
        self._totals: dict[tuple[str, Labels], Callable[[], float]] = {}
        self._histograms: dict[str, dict[Labels, _Histogram]] = {}
        self._gauges: dict[str, tuple[str, Callable[[], Mapping[Labels, float]]]] = {}
        self._help: dict[str, str] = {}

    def describe(self, name: str, text: str) -> None:
        """Give a family its help text."""
        self._help[name] = text

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter; the name ends in `_total`."""
        family = self._counters.setdefault(name, {})
        key = tuple(sorted(labels.items()))
        family[key] = family.get(key, 0) + amount

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add an observation to a histogram of seconds."""
        family = self._histograms.setdefault(name, {})
        histogram = family.setdefault(tuple(sorted(labels.items())), _Histogram())
        histogram.counts[bisect.bisect_left(SECONDS_BUCKETS, seconds)] += 1
        histogram.total += seconds

    def total(self, name: str, read: Callable[[], float], /, **labels: str) -> None:
        """Register a counter that somebody else keeps; it is read on each scrape."""
        self._totals[name, tuple(sorted(labels.items()))] = read

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Register a gauge that is read on each scrape."""
        self._gauges[name] = (text, lambda: {(): read()})

    def gauges(self, name: str, text: str, read: Callable[[], Mapping[Labels, float]]) -> None:
        """Register a family of labelled gauges that is read on each scrape."""
        self._gauges[name] = (text, read)

    def text(self) -> bytes:
        """Return all families in the text exposition format, in a stable order."""
        lines: list[str] = []
        for (name, key), total in self._totals.items():
            self._counters.setdefault(name, {})[key] = total()
        for name, values in sorted(self._counters.items()):
            self._head(lines, name, "counter")
            lines.extend(f"{name}{_labels(key)} {_number(value)}" for key, value in sorted(values.items()))
        for name, (text, read) in sorted(self._gauges.items()):
            self._help[name] = text
            self._head(lines, name, "gauge")
            lines.extend(f"{name}{_labels(key)} {_number(value)}" for key, value in sorted(read().items()))
        for name, histograms in sorted(self._histograms.items()):
            self._head(lines, name, "histogram")
            for key, histogram in sorted(histograms.items()):
                lines.extend(_histogram_lines(name, key, histogram))
        return ("\n".join(lines) + "\n").encode() if lines else b""

    def _head(self, lines: list[str], name: str, kind: str) -> None:
        if name in self._help:
            lines.append(f"# HELP {name} {self._help[name]}")
        lines.append(f"# TYPE {name} {kind}")


def watch_process(metrics: Metrics) -> None:
    """Register the process's own gauges: memory, processor time, descriptors, start time."""
    started = time.time()
    page = resource.getpagesize()
    metrics.gauge(
        "process_resident_memory_bytes",
        "Memory of this process that is resident.",
        lambda: int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page,
    )
    metrics.gauge(
        "process_cpu_seconds",
        "User and system processor time of this process.",
        lambda: sum(os.times()[:2]),
    )
    metrics.gauge(
        "process_open_fds", "Open file descriptors.", lambda: sum(1 for _ in Path("/proc/self/fd").iterdir())
    )
    metrics.gauge("process_start_time_seconds", "Start of this process, epoch seconds.", lambda: started)


def _histogram_lines(name: str, key: Labels, histogram: _Histogram) -> list[str]:
    lines: list[str] = []
    running = 0
    for bound, count in zip((*map(str, SECONDS_BUCKETS), "+Inf"), histogram.counts, strict=True):
        running += count
        lines.append(f"{name}_bucket{_labels((*key, ('le', bound)))} {running}")
    lines.append(f"{name}_sum{_labels(key)} {_number(histogram.total)}")
    lines.append(f"{name}_count{_labels(key)} {running}")
    return lines


def _labels(key: Labels) -> str:
    if not key:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in key) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
