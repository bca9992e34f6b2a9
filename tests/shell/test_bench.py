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
