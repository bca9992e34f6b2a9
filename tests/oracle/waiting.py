"""WAIT: reading its deadline (S-32)."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.oracle.definitions import duration_ms
from tests.oracle.model import FATAL, IN_PROGRESS, Task


def start_wait(task: Task, now: int) -> None:
    """Starts a WAIT: sets its deadline, or fails it for good (S-32.2 to S-32.6, S-32.9)."""
    duration, until = task.inputs.get("duration"), task.inputs.get("until")
    task.status, task.wait_until = IN_PROGRESS, 0
    if duration is not None and until is not None:
        _fail(task, now, reason="duration and until are both given")
    elif duration is not None:
        length = duration_ms(str(duration))
        if length is None:
            _fail(task, now, reason=f"{duration!r} is not a duration")
        else:
            task.wait_until = now + length
            task.callback = length // 1000
    elif until is not None:
        moment = _moment(str(until))
        if moment is None:
            _fail(task, now, reason=f"{until!r} is not a time")
        else:
            task.wait_until = max(moment, 1)
            task.callback = max(0, (moment - now) // 1000)


def _fail(task: Task, now: int, *, reason: str) -> None:
    task.status, task.reason, task.end = FATAL, reason, now


def _moment(text: str) -> int | None:
    """Epoch milliseconds of an `until`; the oracle's zone is UTC (S-32.3)."""
    plain = text.strip().removesuffix(" UTC").removesuffix(" GMT")
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return int(datetime.strptime(plain, form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    return None
