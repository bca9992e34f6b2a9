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
    rate: float | None
    """Starts per second of an open loop; None of a closed one."""
    executions: int
    missed: int
    refused: int
    tasks: int
    executions_per_s: float
    executions_per_cpu_s: float | None
    tasks_per_cpu_s: float | None
    device_bytes_per_execution: float | None
    stored_bytes_per_execution: float | None
    resident_bytes_before: float | None
    resident_bytes: float | None
    resident_bytes_per_execution: float | None
    idle_cpu_share: float | None
    start_p50_us: float
    start_p99_us: float
    completed_p50_us: float
    completed_p99_us: float
    refused_p99_us: float | None
    late_p99_us: float | None
    holds: bool

    @property
    def idle_cpu_percent(self) -> float | None:
        """What an idle server used, in percent of one core."""
        return None if self.idle_cpu_share is None else 100 * self.idle_cpu_share


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
    # Reports of earlier versions lack what came later.
    refused: dict[str, Any] = found.get("refused") or {}
    late: dict[str, Any] = latency.get("late") or {}
    return Report(
        profile=found["settings"]["profile"],
        payload_bytes=found["settings"]["payload_bytes"],
        rate=found["settings"].get("rate"),
        executions=found["executions"]["count"],
        missed=found["executions"].get("missed", 0),
        refused=refused.get("count", 0),
        tasks=found["tasks"]["count"],
        executions_per_s=found["executions"]["per_s"],
        executions_per_cpu_s=found["executions"].get("per_server_cpu_s"),
        tasks_per_cpu_s=found["tasks"].get("per_server_cpu_s"),
        device_bytes_per_execution=server.get("device_bytes_per_execution"),
        stored_bytes_per_execution=server.get("stored_bytes_per_execution"),
        resident_bytes_before=server.get("resident_bytes_before"),
        resident_bytes=server.get("resident_bytes"),
        resident_bytes_per_execution=server.get("resident_bytes_per_execution"),
        idle_cpu_share=server.get("idle_cpu_share"),
        start_p50_us=latency["start"]["p50"],
        start_p99_us=latency["start"]["p99"],
        completed_p50_us=latency["start_to_completed"]["p50"],
        completed_p99_us=latency["start_to_completed"]["p99"],
        refused_p99_us=refused["latency_us"]["p99"] if refused.get("count") else None,
        late_p99_us=late.get("p99"),
        holds=found["conservation"]["holds"],
    )
