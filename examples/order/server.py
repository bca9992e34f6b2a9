"""Starts and stops a fastcond server of one's own for the demo, and the worker processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

HERE = Path(__file__).parent

READY_S = 30.0
STOP_S = 15.0


class NotReadyError(Exception):
    """The server did not come up; the message holds the end of its log."""


class Server:
    """A fastcond server on a free loopback port, with its data in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = _free_port()
        self.log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The API base."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "started before"
        return self._process.pid

    def start(self) -> None:
        """Starts the server and returns once it is healthy; raises `NotReadyError` after `READY_S`."""
        command = [str(Path(sys.executable).parent / "fastcond"), "server", "start", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data-dir", str(self.home / "store"), "--store", "embedded"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self._process.poll() is None:
            if _is_healthy(f"http://127.0.0.1:{self.port}/health"):
                return
            time.sleep(0.05)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise NotReadyError(
            f"{' '.join(command)}\nis not healthy (exit code {self._process.poll()}). Its log ends:\n{tail}"
        )

    def stop(self) -> None:
        """Stops the server gracefully, by force after `STOP_S`."""
        if self._process is not None:
            _end(self._process, signal.SIGTERM)


class Workers:
    """Worker processes of the example."""

    def __init__(self, home: Path, *, url: str, ledger: Path) -> None:
        self._home = home
        self._command = [sys.executable, str(HERE / "workers.py"), "--url", url, "--ledger", str(ledger)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int, *, hang_after: int | None = None) -> None:
        """Starts worker processes; with `hang_after` they stop answering after so many tasks each."""
        extra = [] if hang_after is None else ["--hang-after", str(hang_after)]
        for _ in range(count):
            with (self._home / "workers.log").open("ab") as log:
                process = subprocess.Popen(
                    self._command + extra,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, "CONDUCTOR_LOG_LEVEL": "WARNING"},
                )
            self._processes.append(process)

    def died(self) -> bool:
        """Tells whether a worker process ended without being asked to."""
        return any(process.poll() is not None for process in self._processes)

    def kill(self) -> None:
        """Kills all worker processes, whatever they are doing."""
        for process in self._processes:
            _end(process, signal.SIGKILL)
        self._processes.clear()

    def stop(self) -> None:
        """Stops all worker processes."""
        for process in self._processes:
            _end(process, signal.SIGTERM)
        self._processes.clear()


def _end(process: subprocess.Popen[bytes], signum: int) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signum)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).is_success
    except httpx.TransportError:
        return False
