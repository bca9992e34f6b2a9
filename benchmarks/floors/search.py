"""P10: what the search index costs, and how soon a start is found."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from benchmarks.floors.api import Api, api_of, workflow
from benchmarks.floors.bench import median_of_ratios, per_cpu
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import BenchmarkError, conductor_server

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

LOSS = Bound("P10", "loss of exec per server CPU second with the search index", 0.25, 0.05, is_ceiling=True)
FRESHNESS = Bound("P10", "start acknowledged to found by a search, p99, s", None, 1.0, is_ceiling=True)

FOUND_SECONDS_MAX = 30.0
OFF = " --search-index off"


def index_cost(bench: Bench) -> Found:
    """Drive servers with and without the index in interleaved rounds, then look for starts."""
    waits = freshness(bench)
    p99 = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    rows = [FRESHNESS.found(p99, f"{len(waits)} starts; p50 {waits[len(waits) // 2] * 1e3:,.1f} ms")]
    rounds: list[dict[str, Report]] = []
    try:
        for number in range(bench.scale.rounds):
            commands = {"on": bench.server_command, "off": bench.server_command + OFF}
            names = list(commands) if number % 2 == 0 else list(reversed(commands))
            rounds.append({name: bench.fresh(bench.exec_load(), command=commands[name]) for name in names})
        kept = median_of_ratios((per_cpu(each["on"]), per_cpu(each["off"])) for each in rounds)
        rows.insert(0, LOSS.found(1 - kept))
    except BenchmarkError as error:
        # A server without the switch still shows how fresh its index is.
        rows.insert(0, LOSS.found(None, str(error).strip()[-200:]))
    return Found(rows, {"rounds": rounds, "freshness_s": waits})


def freshness(bench: Bench) -> list[float]:
    """Start executions one by one, each of a type of its own, and search until found; seconds, ascending."""
    waits = []
    with conductor_server(bench.server_command) as target, api_of(target.url) as api:
        for number in range(bench.scale.search_tries):
            name = f"fresh_{number}"
            wait = {"name": "w", "taskReferenceName": "w", "type": "WAIT"}
            api.call("POST", "/metadata/workflow", workflow(name, [wait]))
            api.call("POST", f"/workflow/{name}", {})
            waits.append(_until_found(api, name))
    return sorted(waits)


def _until_found(api: Api, name: str) -> float:
    began = time.monotonic()
    while (waited := time.monotonic() - began) < FOUND_SECONDS_MAX:
        answer = json.loads(api.call("GET", f"/workflow/search?query=workflowType%3D{name}&size=1"))
        if answer["totalHits"] > 0:
            return time.monotonic() - began
    raise BenchmarkError(f"{name} is not found {waited:.0f} s after its start")
