"""Makes chosen system calls of a running server fail, or kills it in one, without a hook in its code."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ATTACH_S = 10.0
SYNCS = "fdatasync,fsync,sync_file_range"
WRITES = "write,writev,pwrite64,pwritev,pwritev2"


KILL = "signal=KILL"
_DEATH = "+++ killed by SIGKILL +++"


@dataclass(frozen=True)
class Injection:
    """What shall happen, in strace's words: the calls, the effect, and at which of them (`3` or `3+`)."""

    calls: str
    effect: str
    when: str

    def __str__(self) -> str:
        return f"{self.calls.partition(',')[0]}:{self.effect}:when={self.when}"

    def options(self, files: Sequence[Path]) -> list[str]:
        """Returns the options of strace that make it happen on these files only."""
        assert files, "an injection needs files"
        paths = [argument for file in files for argument in ("-P", str(file))]
        what = f"inject={self.calls}:{self.effect}:when={self.when}"
        return ["-e", f"trace={self.calls}", "-e", what, *paths]


def wrapped(injection: Injection, *, files: Sequence[Path], out: Path) -> list[str]:
    """Returns what to put before a command so that the injection acts from its first system call on.

    The command stays the direct child: strace runs beside it (`-D`) and ends when it does.
    """
    return ["strace", "-D", "-f", "-q", "-o", str(out), *injection.options(files), "--"]


def why_not() -> str | None:
    """Returns why strace cannot be used here, None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO:when=1", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode != 0:
        return f"strace cannot inject faults here: {probe.stderr.strip()[-200:]}"
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if scope.exists() and scope.read_text().strip() != "0" and not _may_trace_anything():
        return f"attaching to a running process is forbidden here ({scope} is {scope.read_text().strip()})"
    return None


class Strace:
    """strace attached to a process, injecting into the system calls on the given files only."""

    def __init__(self, pid: int, injection: Injection, *, files: Sequence[Path], out: Path) -> None:
        self._out = out
        self._pid = pid
        self._is_deadly = injection.effect == KILL
        out.unlink(missing_ok=True)
        command = ["strace", "-f", "-q", "-p", str(pid), "-o", str(out), *injection.options(files)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._wait_attached()

    def injected(self) -> int:
        """Returns how many system calls were made to fail, or to be late, so far."""
        said = self._out.read_text(errors="replace") if self._out.exists() else ""
        return said.count("(INJECTED)") + said.count("(DELAYED)")

    def end(self) -> None:
        """Detaches; the process goes on undisturbed."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate(timeout=ATTACH_S)

    def _saw_death(self) -> bool:
        return self._out.exists() and _DEATH in self._out.read_text(errors="replace")

    def _wait_attached(self) -> None:
        until = time.monotonic() + ATTACH_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                _, error = self._process.communicate()
                if self._is_deadly and self._saw_death():
                    # The process made its fatal call before this look: the fault is delivered already.
                    return
                raise AssertionError(f"strace ended: {error.decode(errors='replace')}")
            if all(_is_traced(thread) for thread in Path(f"/proc/{self._pid}/task").iterdir()):
                return
            time.sleep(0.01)
        self.end()
        raise AssertionError(f"strace was not attached to {self._pid} after {ATTACH_S} s")


def _is_traced(thread: Path) -> bool:
    try:
        status = (thread / "status").read_text()
    except OSError:
        return True
    return "TracerPid:\t0\n" not in status


def _may_trace_anything() -> bool:
    """Whether this process holds CAP_SYS_PTRACE (bit 19)."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("CapEff"))
    return bool(int(line.split()[1], 16) >> 19 & 1)
