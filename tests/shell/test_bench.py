"""`fastcond bench`: a short run against a live server, and what its report says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import Server, finished

if TYPE_CHECKING:
    from pathlib import Path

EXECUTIONS = 200


@pytest.fixture(scope="module")
def report(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a short run."""
    path = tmp_path_factory.mktemp("bench") / "report.json"
    options = ["--url", server.api, "--pid", str(server.process.pid), "--data-dir", str(server.data_dir)]
    load = ["--profile", "exec", "--executions", str(EXECUTIONS), "--starters", "2", "--workers", "4"]
    status, out, err = finished("bench", "run", *options, *load, "--json", str(path))
    assert status == 0, out + err
    return path


def test_a_run_counts_every_execution_and_checks_what_it_was_told(report: Path) -> None:
    found = json.loads(report.read_text())
    assert found["executions"]["count"] == EXECUTIONS
    assert found["conservation"]["holds"] is True
    assert found["conservation"]["outcomes"] == {"COMPLETED": EXECUTIONS}


def test_a_plan_is_the_measured_rate_and_arithmetic(report: Path) -> None:
    rate = json.loads(report.read_text())["executions"]["per_server_cpu_s"]
    status, out, _ = finished("bench", "plan", str(report))
    assert status == 0
    assert f"{rate:,.0f} executions per server CPU second" in out
    (row,) = [line.split() for line in out.splitlines() if line.strip().startswith("1,000,000,000")]
    assert float(row[2].replace(",", "")) == pytest.approx(1e9 / 86_400 / rate / 0.5, abs=0.1)


def test_a_report_compared_with_half_of_itself(report: Path, tmp_path: Path) -> None:
    halved: dict[str, Any] = json.loads(report.read_text())
    halved["executions"]["per_s"] /= 2
    halved["settings"]["payload_bytes"] = 7
    second = tmp_path / "half.json"
    second.write_text(json.dumps(halved))
    status, out, _ = finished("bench", "compare", str(report), str(second))
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith("executions/s")]
    assert line.split()[-1] == "0.50"
    assert "not the same load" in out


def _written(path: Path, **server: float) -> dict[str, Any]:
    """Write a report of a thousand executions with these figures of the server, and return it."""
    latency = {"p50": 100.0, "p99": 200.0}
    made: dict[str, Any] = {
        "settings": {"profile": "exec", "payload_bytes": 1024, "rate": 500.0},
        "executions": {"count": 1000, "per_s": 500.0, "per_server_cpu_s": 10_000.0, "missed": 7},
        "tasks": {"count": 1000, "per_s": 500.0, "per_server_cpu_s": 10_000.0},
        "refused": {"count": 20, "latency_us": latency},
        "server": server,
        "latency_us": {"start": latency, "start_to_completed": latency, "late": None},
        "conservation": {"holds": True},
    }
    path.write_text(json.dumps(made))
    return made


def test_a_plan_says_what_a_million_executions_take_and_how_that_was_worked_out(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    _written(
        path,
        device_bytes_per_execution=3000.0,
        stored_bytes_per_execution=400.0,
        resident_bytes_before=50e6,
        resident_bytes_per_execution=120.0,
    )
    status, out, err = finished("bench", "plan", str(path))
    assert status == 0, err
    rows = {line[:28].strip(): line[28:].split() for line in out.splitlines() if "   " in line[28:]}
    assert rows["disk written"][:2] == ["3.00", "GB"]
    assert rows["disk kept"][:2] == ["0.40", "GB"]
    assert rows["memory"][:6] == ["0.12", "GB", "1,000,000", "x", "120", "B"]
    assert rows["memory besides"][:2] == ["0.05", "GB"]
    assert rows["server CPU"][:2] == ["0.03", "h"]


def test_a_report_without_a_figure_is_planned_and_compared_without_it(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    made = _written(path, idle_cpu_share=0.001)
    # As an earlier version wrote it.
    del made["refused"], made["settings"]["rate"], made["executions"]["missed"]
    made["server"]["idle_cpu_share"] = 0.002
    other.write_text(json.dumps(made))
    status, out, err = finished("bench", "compare", str(path), str(other))
    assert status == 0, err
    lines = {line[:36].strip(): line.split()[-3:] for line in out.splitlines()}
    assert lines["idle CPU, percent of a core"] == ["0.1", "0.2", "2.00"]
    assert lines["starts refused"] == ["20.0", "0.0", "0.00"]
    assert "start to refused p99, us" not in lines
    assert "not the same load: exec with 1024 B at 500/s, exec with 1024 B" in out
    status, out, err = finished("bench", "plan", str(other))
    assert status == 0, err
    assert "disk written" not in out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "--profile", "tree", "--url", "http://127.0.0.1:1/api"], 2, "--profile"),
        (["plan", "/nowhere"], 2, "cannot read"),
        (["plan", "/etc/hostname"], 2, "no report"),
    ],
)
def test_what_cannot_be_done_is_said(core: None, arguments: list[str], status: int, words: str) -> None:
    del core
    code, out, err = finished("bench", *arguments)
    assert code == status
    assert words in out + err
