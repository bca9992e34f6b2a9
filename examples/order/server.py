"""Starts and stops a fastcond server of one's own for the demo, and the worker processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent

BANNER = re.compile(r"^fastcond \S+ (http://\S+)", re.MULTILINE)
"""What the server prints once it takes requests. Asking the port would not tell whose server answers."""

READY_S = 30.0
STOP_S = 15.0


class NotReadyError(Exception):
    """The server did not come up; the message holds the end of its log."""


class Server:
    """A fastcond server on a loopback port (0: a free one), with its data in `home`."""

    def __init__(self, home: Path, *, port: int) -> None:
        self.home = home
        self.url = ""
        """The API base, known once the server has started."""
        self._port = port
        self._log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "started before"
        return self._process.pid

    def start(self) -> None:
        """Starts the server and returns once it takes requests; raises `NotReadyError` after `READY_S`."""
        fastcond = Path(sys.executable).parent / "fastcond"
        if not fastcond.exists():
            raise NotReadyError(f"{fastcond} does not exist: run `make demo`, or `make build` first")
        command = [str(fastcond), "server", "start", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--data-dir", str(self.home / "store"), "--store", "embedded"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self._process.poll() is None:
            if (banner := BANNER.search(self._log.read_text(errors="replace"))) is not None:
                self.url = f"{banner[1]}/api"
                return
            time.sleep(0.05)
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
        code = self._process.poll()
        what = f"is not ready after {READY_S:.0f} s" if code is None else f"ended with exit code {code}"
        raise NotReadyError(f"{' '.join(command)}\n{what}. Its log ends:\n{tail}")

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
