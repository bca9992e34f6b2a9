"""The order example end to end: every order ends as it should, also when its workers die."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "order" / "demo.py"
ORDERS = 40
RUN_S_MAX = 150.0

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("core")]


def test_orders_end_as_expected_when_workers_are_killed_and_restarted(tmp_path: Path) -> None:
    """S-55.6, S-54.5: tasks that died with their worker come back after the response timeout, once each."""
    summary = _run(tmp_path, "--crash-workers")
    assert summary["tasks_lost_by_workers"] > 0
    assert summary["attempts_timed_out"] > 0


def test_orders_end_as_expected(tmp_path: Path) -> None:
    """S-7.9, S-30.9, S-38.2, S-54.4: delivered, declined, rejected and unshippable orders."""
    summary = _run(tmp_path)
    assert summary["attempts_timed_out"] == 0
    assert summary["work_repeated"] == 0
    assert summary["compensations"] == summary["statuses"]["FAILED"]


def _run(tmp_path: Path, *options: str) -> dict[str, Any]:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(DEMO), "--orders", str(ORDERS), "--json", str(figures), *options]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_S_MAX, check=False, cwd=tmp_path
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    summary: dict[str, Any] = json.loads(figures.read_text())
    assert summary["complaints"] == []
    assert summary["orders"] == ORDERS
    return summary
