"""The README's own commands, as a reader would paste them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

README = Path(__file__).parents[2] / "README.md"
WORK_S_MAX = 60.0
STOP_S_MAX = 10.0

pytestmark = pytest.mark.timeout(120)


def test_first_workflow_of_the_readme_completes(server: Server, tmp_path: Path) -> None:
    """Registers and starts by the curl commands, works by the Python worker, with only the port changed."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    calls, worker = (_block(mark, server) for mark in ("curl -X POST", "@worker_task"))
    shell = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=f"{calls}\necho; echo id=$id",
        capture_output=True,
        text=True,
        check=True,
        timeout=WORK_S_MAX,
    )
    workflow_id = shell.stdout.rpartition("id=")[2].strip()
    assert f'"workflowId":"{workflow_id}"' in shell.stdout
    script = tmp_path / "worker.py"
    script.write_text(worker)
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(script)], stdout=log, stderr=log, start_new_session=True
        )
    try:
        execution = _ended(server, workflow_id, tmp_path / "worker.log")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_S_MAX)
    assert (execution["status"], execution["output"]) == ("COMPLETED", {"text": "Hello, world!"})


def _block(mark: str, server: Server) -> str:
    """Returns the one block of code with that text, for the server at hand."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if mark in block]
    assert ":8080" in block
    return str(block).replace(":8080", f":{server.port}")


def _ended(server: Server, workflow_id: str, log: Path) -> dict[str, object]:
    until = time.monotonic() + WORK_S_MAX
    while time.monotonic() < until:
        execution: dict[str, object] = server.call("GET", f"/api/workflow/{workflow_id}").json()
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)
    raise AssertionError(f"the workflow does not end; the worker says:\n{log.read_text()[-2000:]}")
