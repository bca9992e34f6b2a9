"""What a running server uses, read from ``/proc``: CPU time, resident memory, bytes of its folder."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GLANCE_SECONDS = 1.0
IDLE_SHARE_MAX = 0.02
SETTLE_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Usage:
    """A process and all below it, at one moment."""

    cpu_s: float
    """User and system time."""
    resident_bytes: int


def usage(pid: int) -> Usage:
    """Read what a process tree has used since its start."""
    cpu_s, resident = 0.0, 0
    for each in _tree(pid):
        # A child may end between being listed and being read.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses may contain anything: the fields are counted from its end.
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            cpu_s += (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
            resident += int(fields[21]) * PAGE_BYTES
    return Usage(cpu_s, resident)


def _tree(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found += _tree(int(child))
    return found


def idle_share(pid: int, seconds: float) -> float:
    """Watch a server for some seconds and return its CPU time as a share of them."""
    before, began = usage(pid).cpu_s, time.monotonic()
    time.sleep(seconds)
    return (usage(pid).cpu_s - before) / (time.monotonic() - began)


@dataclass(frozen=True)
class Busy:
    """CPU time spent so far: by the whole machine, and by this process with its ended children."""

    machine_s: float
    ours_s: float

    def elsewhere_since(self, before: Busy) -> float:
        """Seconds of CPU that others have used since then."""
        return max(0.0, (self.machine_s - before.machine_s) - (self.ours_s - before.ours_s))


def busy() -> Busy:
    """Read both at this moment."""
    times = os.times()
    ours = times.user + times.system + times.children_user + times.children_system
    return Busy(machine_busy_s(Path("/proc/stat").read_text()), ours)


def machine_busy_s(stat: str) -> float:
    """Return the seconds that all cores together have worked, from the first line of ``/proc/stat``."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.split("\n", 1)[0].split()[1:])
    # Time stolen by the host counts as somebody else's; guest time is part of user time already.
    return (user + nice + system + sum(interrupts[:3])) / TICKS_PER_SECOND


def settle(pid: int) -> Usage:
    """Wait until a server has done what it put off, which shows in its CPU time, and return its usage.

    Raises TimeoutError after ``SETTLE_SECONDS_MAX``.
    """
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    calm = 0
    while calm < 2:
        calm = calm + 1 if idle_share(pid, GLANCE_SECONDS) <= IDLE_SHARE_MAX else 0
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} is not idle after {SETTLE_SECONDS_MAX:.0f} s")
    return usage(pid)


def folder_bytes(folder: Path) -> dict[str, int]:
    """Return the bytes on disk of each file below a folder, holes not counted."""
    return {
        str(path.relative_to(folder)): path.stat().st_blocks * 512
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
