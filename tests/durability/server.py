"""A real fastcond process that may be killed, started again on the same folder and port, and looked into."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FASTCOND = Path(sys.executable).parent / "fastcond"

PORT_MIN = 10_000
PORTS = 100
READY_S = 30.0
EXIT_S = 30.0


class NotReadyError(AssertionError):
    """The server did not become healthy in time; the message holds the end of its log."""


@dataclass(frozen=True)
class Reply:
    """Status and body of a plain blocking request."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Returns the parsed body."""
        return json.loads(self.body)


class Server:
    """One server process after the other on the same data folder and port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "data"
        self.log = home / "server.log"
        self.port = free_port()
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None, "launched before"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last process, None while it runs."""
        return None if self._process is None else self._process.poll()

    def launch(self, *, wrapper: Sequence[str] = ()) -> None:
        """Starts a process without waiting for it, behind the words of a wrapper that becomes the command."""
        assert self._process is None or self._process.poll() is not None, "one process at a time"
        self.starts += 1
        with self.log.open("ab") as log:
            log.write(f"--- start {self.starts}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                [*wrapper, *self.command()],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.home,
                env=clean_environment(),
            )

    def command(self, *, port: int | None = None) -> list[str]:
        """Returns the command line, for another port if one is given."""
        where = ["--host", "127.0.0.1", "--port", str(port or self.port)]
        return [
            str(FASTCOND),
            "server",
            "start",
            *where,
            "--data-dir",
            str(self.data_dir),
            "--store",
            "embedded",
        ]

    def start(self) -> None:
        """Starts a process and returns once it is healthy."""
        self.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Returns once `/health` answers 200; raises `NotReadyError` if it never does."""
        if not self.became_ready():
            raise NotReadyError(f"exit code {self.exit_code}; its log ends:\n{self.log_tail()}")

    def became_ready(self) -> bool:
        """Waits for the process to be healthy or to end, and tells which."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self.exit_code is None:
            try:
                if self.call("GET", "/health").status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def kill(self) -> None:
        """Ends the process with SIGKILL and returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends the process with SIGTERM and returns its exit code."""
        self._end(signal.SIGTERM)
        code = self.exit_code
        assert code is not None, "it ended"
        return code

    def wait_exit(self) -> int:
        """Waits for the process to end by itself and returns its exit code."""
        assert self._process is not None, "launched before"
        return self._process.wait(EXIT_S)

    def call(self, method: str, path: str, *, body: Any = None) -> Reply:
        """Sends one blocking request on a connection of its own; raises OSError when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def log_tail(self, lines: int = 25) -> str:
        """Returns the end of the log of all processes so far."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def last_log(self) -> str:
        """Returns what the last process wrote."""
        return self.log.read_text(errors="replace").rpartition("--- start ")[2]

    def open_files(self, folder: Path) -> list[Path]:
        """Returns the files below `folder` that the running process has open."""
        found = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                target = entry.readlink()
            except FileNotFoundError:
                continue
            if folder in target.parents:
                found.add(target)
        return sorted(found)

    def _end(self, signum: int) -> None:
        assert self._process is not None, "launched before"
        if self._process.poll() is None:
            self._process.send_signal(signum)
        try:
            self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise NotReadyError(f"did not end on signal {signum}; its log ends:\n{self.log_tail()}") from None


def clean_environment() -> dict[str, str]:
    """Returns the environment without settings that a developer may have for a server of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FASTCOND_")}


def free_port() -> int:
    """Returns a loopback port that was free a moment ago and that no outgoing connection is given.

    While a killed server is down nobody else may come to sit on its port by chance.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.SystemRandom().sample(range(PORT_MIN, max(lowest, PORT_MIN + PORTS)), PORTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port among {PORTS} tried")
