"""Start the servers under test and drive them with the compiled load generator."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".cache"
"""Inside the checkout: the system's temporary folder may be in memory, where a sync costs nothing."""

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0

Report = dict[str, Any]
"""One report of the load generator, as it wrote it."""


class BenchmarkError(Exception):
    """A server did not come up, or a run broke a promise."""


@dataclass(frozen=True)
class Target:
    """A running server."""

    kind: str
    """``null`` or ``conductor``, as the load generator calls it."""

    url: str
    """Base of the API."""

    pid: int
    """Root of its process tree."""

    data: Path
    """Folder of its data."""


@dataclass(frozen=True)
class Load:
    """One run; a closed loop without a rate. What is None is left to the load generator."""

    profile: str
    seconds: float
    payload_bytes: int
    starters: int
    workers: int
    drain_seconds: float = 300.0
    inflight: int | None = None
    """Executions unfinished at any time; what keeps the workers busy when not given."""
    executions: int | None = None
    """Stop starting after this many."""
    rate: float | None = None
    """Executions offered per second whatever the server does: an open loop."""
    poll_timeout_ms: int | None = None
    """How long a poll waits for work."""
    types: int | None = None
    """Task types, and definitions, over which starts are spread."""
    settle_seconds: float | None = None
    """Time given to the server, at most, for work it put off."""
    idle_seconds: float | None = None
    """How long an idle server is watched, by profiles that do."""
    series_seconds: float | None = None
    """Length of one entry of the series."""


def build_load_generator() -> Path:
    """Build the load generator with optimisation and say where it is."""
    return build("-p", "fastcond-bench") / "fastcond-bench"


def build(*what: str) -> Path:
    """Build something of the workspace with optimisation and return the folder of programs."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", *what], cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return Path(json.loads(metadata.stdout)["target_directory"], "release")


@contextlib.contextmanager
def null_server(program: Path) -> Iterator[Target]:
    """Run the null durable server on a new folder for the length of the block."""
    with _serving([str(program), "null", "--port", "{port}", "--dir", "{dir}"]) as (port, data, process):
        yield Target(kind="null", url=f"http://127.0.0.1:{port}/api", pid=process.pid, data=data)


@contextlib.contextmanager
def conductor_server(
    command: str, *, data: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """Run a Conductor-compatible server for the length of the block, on a new folder unless one is given.

    ``command`` is one line in which ``{port}`` and ``{dir}`` stand for its port and its folder. It runs
    inside that folder. ``environment`` is added to that of this process.
    """
    with _serving(shlex.split(command), data, environment) as (port, folder, process):
        yield Target(kind="conductor", url=f"http://127.0.0.1:{port}/api", pid=process.pid, data=folder)


def drive(program: Path, target: Target, load: Load) -> Report:
    """Make one run and give its report; a broken promise is an error."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK) as folder:
        path = Path(folder, "report.json")
        run = subprocess.run(
            [program, "run", "--json", path, *_options(target, load)],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise BenchmarkError(f"{load.profile} on {target.kind}: {run.stdout}{run.stderr}")
        report: Report = json.loads(path.read_text())
        return report


def _options(target: Target, load: Load) -> list[str]:
    options: dict[str, object] = {
        "--target": target.kind,
        "--url": target.url,
        "--pid": target.pid,
        "--data-dir": target.data,
        "--profile": load.profile,
        "--seconds": load.seconds,
        "--payload": load.payload_bytes,
        "--starters": load.starters,
        "--workers": load.workers,
        "--drain-seconds": load.drain_seconds,
    }
    asked = {
        "--inflight": load.inflight,
        "--executions": load.executions,
        "--rate": load.rate,
        "--poll-timeout-ms": load.poll_timeout_ms,
        "--types": load.types,
        "--settle-seconds": load.settle_seconds,
        "--idle-seconds": load.idle_seconds,
        "--series-seconds": load.series_seconds,
    }
    options |= {name: value for name, value in asked.items() if value is not None}
    return [str(word) for option in options.items() for word in option]


def sync_times(program: Path, *, seconds: float) -> dict[str, Any]:
    """Time small appends with a sync each on the disk that the servers use."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK) as folder:
        run = subprocess.run(
            [program, "fsync", "--dir", folder, "--seconds", str(seconds)], capture_output=True, check=True
        )
    times: dict[str, Any] = json.loads(run.stdout)
    return times


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """Make a folder that outlives one server, on the disk that all of them use."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK) as folder:
        data = Path(folder, "data")
        data.mkdir()
        yield data


@contextlib.contextmanager
def _serving(
    command: list[str], given: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, Path, subprocess.Popen[bytes]]]:
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(data_folder()) if given is None else given
        log = data.parent / "log"
        port = free_port()
        filled = [word.replace("{port}", str(port)).replace("{dir}", str(data)) for word in command]
        # The server runs inside its folder, so a relative program has to be made absolute.
        found = shutil.which(filled[0])
        if found is None:
            raise BenchmarkError(f"there is no program {filled[0]}")
        filled[0] = str(Path(found).absolute())
        with (
            log.open("wb") as output,
            subprocess.Popen(
                filled,
                cwd=data,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            ) as process,
        ):
            try:
                if not _becomes_ready(port, process):
                    raise BenchmarkError(f"{shlex.join(filled)} is not ready: {log.read_text()[-2000:]}")
                yield port, data, process
            finally:
                _stop(process)


def _becomes_ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.02)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
