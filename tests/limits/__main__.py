"""`make limits-test`: the largest workflows on a live server, and what a small one notices. See `--help`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import start_server
from tests.http.calls import define, simple, start
from tests.limits.hostile import Hostile, everything
from tests.limits.victim import Victim

if TYPE_CHECKING:
    from tests.conftest import Server

END_S_MAX = 300.0
PAUSE_S = 0.1
NOISE_S = 0.005
"""Below this a p99 is the scheduler's, not ours: with 0.4 ms quiet, 1 ms is no harm done."""
ENDS = {"COMPLETED", "FAILED"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.limits", description=__doc__)
    parser.add_argument("--width", type=int, default=100_000, help="branches of a fork, iterations of a loop")
    parser.add_argument(
        "--quiet-seconds", type=float, default=10.0, help="how long the quiet server is watched"
    )
    parser.add_argument("--ratio", type=float, default=2.0, help="how much the p99 of the victim may grow")
    parser.add_argument("--only", nargs="*", default=[], help="workflows whose name holds one of these words")
    return parser.parse_args()


def _resident_mib(server: Server) -> float:
    text = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _run(server: Server, hostile: Hostile) -> tuple[str, str]:
    """Run one to its end; its status and reason."""
    workflow = start(server, hostile.name, hostile.input)
    deadline = time.monotonic() + END_S_MAX
    while time.monotonic() < deadline:
        state = server.call("GET", f"/api/workflow/{workflow}?includeTasks=false").json()
        if state["status"] in ENDS:
            return state["status"], state.get("reasonForIncompletion", "")
        if not hostile.ends and _is_made(server, len(hostile.input["items"])):
            server.call("DELETE", f"/api/workflow/{workflow}")
            return "TERMINATED", ""
        time.sleep(PAUSE_S)
    raise AssertionError(f"{hostile.name} does not end within {END_S_MAX} s")


def _is_made(server: Server, width: int) -> bool:
    waiting: int = server.call("GET", "/api/tasks/queue/sizes?taskType=branch").json()["branch"]
    return waiting == width


def _measure(server: Server, hostile: Hostile, quiet_s: float) -> dict[str, Any]:
    """Watch the victim before one, and while it runs."""
    with Victim(server) as victim:
        time.sleep(quiet_s)
        before = len(victim.seconds)
        began = time.monotonic()
        status, reason = _run(server, hostile)
        took = time.monotonic() - began
        # Whoever was late has its answer by now.
        time.sleep(max(0.0, 1.0 - took))
    quiet, meanwhile = victim.p99(0, before), victim.p99(before)
    return {
        "workflow": hostile.name,
        "status": status,
        "reason": reason,
        "seconds": round(took, 2),
        "p99_quiet_ms": round(1e3 * quiet, 2),
        "p99_meanwhile_ms": round(1e3 * meanwhile, 2),
        "max_meanwhile_ms": round(1e3 * max(victim.seconds[before:]), 2),
        "ratio": round(max(meanwhile, NOISE_S) / max(quiet, NOISE_S), 2),
        "resident_mib": round(_resident_mib(server)),
    }


def main() -> int:
    """Run all; 1 when the p99 of the victim grew more than it may."""
    options = _options()
    harmed = []
    with tempfile.TemporaryDirectory(prefix="limits-") as folder:
        server = start_server(Path(folder) / "data")
        try:
            define(server, "victim", [simple("victim")])
            for hostile in everything(options.width):
                if options.only and not any(word in hostile.name for word in options.only):
                    continue
                define(server, hostile.name, hostile.tasks)
                found = _measure(server, hostile, options.quiet_seconds)
                print(json.dumps(found), flush=True)
                if found["ratio"] > options.ratio:
                    harmed.append(hostile.name)
        finally:
            server.stop()
    print(json.dumps({"harmed": harmed}))
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
