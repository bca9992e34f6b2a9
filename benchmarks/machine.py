"""Say on what a benchmark ran: processor, kernel, file system, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The parts of a machine that decide what a figure means."""

    cpu: str
    cores: int
    kernel: str
    memory_mib: int
    file_system: str
    python: str


def describe(folder: Path) -> Machine:
    """Describe this machine; the file system is that of ``folder``."""
    return Machine(
        cpu=_first_field(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        file_system=_file_system(folder),
        python=platform.python_version(),
    )


def commit(root: Path) -> str:
    """Name the commit of the checkout, with a mark when files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _first_field(path: Path, name: str) -> str | None:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _file_system(folder: Path) -> str:
    """Find the type of the mount that is nearest above the folder."""
    resolved = folder.resolve()
    found, depth = "unknown", -1
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        point = Path(mount.replace("\\040", " "))
        # The last of several mounts on one point is the visible one.
        if (resolved == point or point in resolved.parents) and len(point.parts) >= depth:
            found, depth = kind, len(point.parts)
    return found
