"""The Prometheus text of the shell's own metrics."""

from __future__ import annotations

from fastcond.runtime.metrics import Metrics, watch_process


def test_counters_gauges_and_histograms_in_one_text() -> None:
    metrics = Metrics()
    metrics.describe("a_total", "What a counts.")
    metrics.count("a_total", uri="/x", status="200")
    metrics.count("a_total", 2, uri="/x", status="200")
    metrics.gauge("b", "What b shows.", lambda: 1.5)
    metrics.observe("c_seconds", 0.02)
    metrics.observe("c_seconds", 99.0)
    lines = metrics.text().decode().splitlines()
    assert lines[:3] == [
        "# HELP a_total What a counts.",
        "# TYPE a_total counter",
        'a_total{status="200",uri="/x"} 3',
    ]
    assert "b 1.5" in lines
    assert 'c_seconds_bucket{le="0.01"} 0' in lines
    assert 'c_seconds_bucket{le="0.025"} 1' in lines
    assert 'c_seconds_bucket{le="+Inf"} 2' in lines
    assert "c_seconds_count 2" in lines


def test_label_values_cannot_break_out_of_their_quotes() -> None:
    metrics = Metrics()
    metrics.count("a_total", name='x"\n\\')
    assert metrics.text().decode().splitlines()[1] == 'a_total{name="x\\"\\n\\\\"} 1'


def test_process_gauges_are_read_on_each_scrape() -> None:
    metrics = Metrics()
    watch_process(metrics)
    text = metrics.text().decode()
    for name in ("process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds"):
        value = float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))
        assert value > 0, name


def test_an_empty_registry_is_an_empty_text() -> None:
    assert Metrics().text() == b""
