"""Start the servers under test and drive them with the compiled load generator."""

from __future__ import annotations

import contextlib
import http.client
import json
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
    from collections.abc import Iterator

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
    """One closed-loop run."""

    profile: str
    seconds: float
    payload_bytes: int
    starters: int
    workers: int
    drain_seconds: float = 300.0
    inflight: int | None = None
    """Executions unfinished at any time; what keeps the workers busy when not given."""


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
def conductor_server(command: str) -> Iterator[Target]:
    """Run a Conductor-compatible server on a new folder for the length of the block.

    ``command`` is one line in which ``{port}`` and ``{dir}`` stand for its port and its folder. It runs
    inside that folder.
    """
    with _serving(shlex.split(command)) as (port, data, process):
        yield Target(kind="conductor", url=f"http://127.0.0.1:{port}/api", pid=process.pid, data=data)


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
    options = {
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
    if load.inflight is not None:
        options["--inflight"] = load.inflight
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
def _serving(command: list[str]) -> Iterator[tuple[int, Path, subprocess.Popen[bytes]]]:
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK) as folder:
        data, log = Path(folder, "data"), Path(folder, "log")
        data.mkdir()
        port = free_port()
        filled = [word.replace("{port}", str(port)).replace("{dir}", str(data)) for word in command]
        # The server runs inside its folder, so a relative program has to be made absolute.
        found = shutil.which(filled[0])
        if found is None:
            raise BenchmarkError(f"there is no program {filled[0]}")
        filled[0] = str(Path(found).absolute())
        with (
            log.open("wb") as output,
            subprocess.Popen(filled, cwd=data, stdout=output, stderr=subprocess.STDOUT) as process,
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
