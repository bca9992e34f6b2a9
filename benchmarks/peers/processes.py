"""Processes of a peer that live as long as a block, and a folder for what they leave."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.targets import READY_SECONDS_MAX, STOP_SECONDS_MAX, WORK, BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOOK_SECONDS = 0.05


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """Make a folder on the disk of the checkout, removed at the end."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=WORK, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def running(
    command: list[str],
    *,
    folder: Path,
    port: int,
    health: str | None = None,
    ready_seconds_max: float = READY_SECONDS_MAX,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process inside the folder, wait until it is ready, and end it after the block.

    It is ready when its port answers, or when the path ``health`` there answers with 200. Its output goes to
    a file of its name in the folder; the end of it stands in the error of a failed start.
    """
    log = folder / f"{Path(command[0]).name}.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        ) as process,
    ):
        try:
            if not _becomes_ready(process, port, health, ready_seconds_max):
                raise BenchmarkError(f"{command[0]} is not ready: {log.read_text(errors='replace')[-2000:]}")
            yield process
        finally:
            _end(process)


def _becomes_ready(
    process: subprocess.Popen[bytes], port: int, health: str | None, seconds_max: float
) -> bool:
    deadline = time.monotonic() + seconds_max
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _answers(port, health):
                return True
        time.sleep(_LOOK_SECONDS)
    return False


def _answers(port: int, health: str | None) -> bool:
    if health is None:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", health)
        return connection.getresponse().status == 200


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
