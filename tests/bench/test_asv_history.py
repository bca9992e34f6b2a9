"""What is kept of a run of asv names no path and no host of the machine that made it."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from benchmarks.asv_run import ENVIRONMENT, keep, machine_name

if TYPE_CHECKING:
    from pathlib import Path


def test_kept_figures_name_no_path(tmp_path: Path) -> None:
    environment = "existing-py_home_someone_checkout_.venv_bin_python3"
    results, kept = tmp_path / "results", tmp_path / "kept"
    (results / "box").mkdir(parents=True)
    python = "/home/someone/checkout/.venv/bin/python3"
    made = {"env_name": environment, "python": python, "params": {"python": python}, "results": {}}
    (results / "box" / f"cd0c4637-{environment}.json").write_text(json.dumps(made))
    (results / "box" / "machine.json").write_text('{"machine": "box"}')
    keep(results, kept)
    found = kept / "box" / f"cd0c4637-{ENVIRONMENT}.json"
    assert "home" not in found.read_text()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    same = {"env_name": ENVIRONMENT, "python": version, "params": {"python": version}, "results": {}}
    assert json.loads(found.read_text()) == same
    assert json.loads((kept / "box" / "machine.json").read_text()) == {"machine": "box"}


def test_a_machine_is_named_by_what_decides_its_figures() -> None:
    assert re.fullmatch(r"\d+-cores-[a-z0-9-]+", machine_name())
