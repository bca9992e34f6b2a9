"""What process trees have used, from ``/proc``: the same figures that the compiled load generator takes."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SECTOR_BYTES = 512

SETTLE_SECONDS_MAX = 3.0
"""As the load generator: work that the server put off counts, for at most this long."""

_LOOK_SECONDS = 0.25
_QUIET_SHARE = 0.05


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start of the processes, and bytes resident now."""

    cpu_s: float
    resident_bytes: int


def usage(roots: Iterable[int]) -> Usage:
    """Read the user and system time of these processes, of all their descendants and of ended children.

    Memory that processes share is counted in each of them.
    """
    children: dict[int, list[int]] = {}
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # A process may end between being listed and being read; its parent has its time by then.
        with contextlib.suppress(OSError):
            # The name in brackets may itself hold blanks and brackets.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            stats[int(entry.name)] = fields
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    ticks = pages = 0
    family = list(dict.fromkeys(roots))
    for pid in family:
        if pid not in stats:
            raise ProcessLookupError(f"process {pid} is gone")
        ticks += sum(map(int, stats[pid][11:15]))
        pages += int(stats[pid][21])
        family += [child for child in children.get(pid, ()) if child not in family]
    return Usage(cpu_s=ticks / _TICKS_PER_S, resident_bytes=pages * _PAGE_BYTES)


def settled(roots: Iterable[int]) -> Usage:
    """Read the usage once the processes are quiet, or after ``SETTLE_SECONDS_MAX``."""
    listed = list(roots)
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    before = usage(listed)
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        now = usage(listed)
        if now.cpu_s - before.cpu_s < _QUIET_SHARE * _LOOK_SECONDS:
            return now
        before = now
    return before


def device_written(folder: Path) -> int | None:
    """Read the bytes written to the disk under the folder, by whoever; None when it is no disk of its own."""
    number = folder.stat().st_dev
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(number), os.minor(number)):
            return int(fields[9]) * _SECTOR_BYTES
    return None
