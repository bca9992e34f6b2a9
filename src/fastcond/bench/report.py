"""One report of the load generator, as far as it is compared and planned with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from fastcond.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Report:
    """What a run measured; figures are None where the run was not told the server's process or folder."""

    profile: str
    payload_bytes: int
    executions: int
    tasks: int
    executions_per_s: float
    executions_per_cpu_s: float | None
    tasks_per_cpu_s: float | None
    device_bytes_per_execution: float | None
    resident_bytes: float | None
    start_p50_us: float
    start_p99_us: float
    completed_p50_us: float
    completed_p99_us: float
    holds: bool


def read(path: Path) -> Report:
    """Read a report; raises ConfigError when the file is none."""
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
        return _report(found)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is no report of fastcond bench run --json") from error


def _report(found: dict[str, Any]) -> Report:
    server: dict[str, Any] = found.get("server") or {}
    latency = found["latency_us"]
    return Report(
        profile=found["settings"]["profile"],
        payload_bytes=found["settings"]["payload_bytes"],
        executions=found["executions"]["count"],
        tasks=found["tasks"]["count"],
        executions_per_s=found["executions"]["per_s"],
        executions_per_cpu_s=found["executions"].get("per_server_cpu_s"),
        tasks_per_cpu_s=found["tasks"].get("per_server_cpu_s"),
        device_bytes_per_execution=server.get("device_bytes_per_execution"),
        resident_bytes=server.get("resident_bytes"),
        start_p50_us=latency["start"]["p50"],
        start_p99_us=latency["start"]["p99"],
        completed_p50_us=latency["start_to_completed"]["p50"],
        completed_p99_us=latency["start_to_completed"]["p99"],
        holds=found["conservation"]["holds"],
    )
