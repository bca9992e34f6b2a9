"""The null durable server: receives, logs durably in groups, answers, and does nothing else.

One thread, an epoll set, a preallocated log: `rust/bench/src/null.rs`. Every share of a limit is one of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.targets import Load, Report, drive, null_server

if TYPE_CHECKING:
    from pathlib import Path


def measure(program: Path, load: Load) -> Report:
    """Drive the load through a new null server."""
    with null_server(program) as target:
        return drive(program, target, load)
