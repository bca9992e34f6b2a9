"""The server as tests use it: a real process on a free port with its own data folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READY_S_MAX = 20.0
STOP_S_MAX = 20.0


@dataclass
class Server:
    """A running `fastcond server start`, and a plain client for it."""

    process: subprocess.Popen[str]
    url: str
    banner: str
    data_dir: Path
    log: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"{self.url}/api"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def call(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; a body that is not bytes goes as JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=raw, method=method)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def stop(self, *, number: int = signal.SIGTERM) -> int:
        """Send a signal; return the exit status once all the process wrote is in `log`; bounded."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=STOP_S_MAX)
        for reader in self.readers:
            reader.join(timeout=STOP_S_MAX)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return status


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def content_type(self) -> str | None:
        value: str | None = self.headers.get("content-type")
        return value

    def json(self) -> Any:
        return json.loads(self.body)


def command() -> list[str]:
    """Return how the server is run: the installed script beside this interpreter."""
    script = Path(sys.executable).with_name("fastcond")
    return [str(script)] if script.exists() else [sys.executable, "-m", "fastcond"]


def spawn(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[str]:
    """Start the command with pipes for both outputs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FASTCOND_")}
    return subprocess.Popen(
        [*command(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, **(env or {})},
        cwd=cwd,
    )


def finished(*arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """Run the command to its end and return (exit status, output, errors); killed when it does not end."""
    process = spawn(*arguments, cwd=cwd)
    try:
        out, err = process.communicate(timeout=READY_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, err


def start_server(data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Server:
    """Start a server on a free port and wait until it answers /health."""
    process = spawn("server", "start", "--port", "0", "--data-dir", str(data_dir), *arguments, env=env)
    log: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [threading.Thread(target=_collect, args=(process.stderr, log), daemon=True)]
    readers[0].start()
    # The banner is the signal that requests are accepted; an end of the output means it did not come up.
    watchdog = threading.Timer(READY_S_MAX, process.kill)
    watchdog.start()
    banner = process.stdout.readline().strip()
    watchdog.cancel()
    if not banner:
        process.wait(timeout=STOP_S_MAX)
        raise AssertionError(f"the server did not start (exit {process.returncode}):\n{''.join(log)}")
    readers.append(threading.Thread(target=_collect, args=(process.stdout, []), daemon=True))
    readers[1].start()
    server = Server(process, banner.split()[2], banner, data_dir, log, readers)
    deadline = time.monotonic() + READY_S_MAX
    while server.call("GET", "/health").status != 200:
        assert time.monotonic() < deadline, f"not healthy after {READY_S_MAX} s: {''.join(log)}"
    return server


@contextlib.contextmanager
def running(data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server for the length of a block; whatever happens in it, the process is gone afterwards."""
    server = start_server(data_dir, *arguments, env=env)
    try:
        yield server
    finally:
        server.stop(number=signal.SIGKILL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server per test module, on its own empty data folder; tests use names of their own in it."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    with running(tmp_path_factory.mktemp("data")) as started:
        yield started


@pytest.fixture
def core() -> None:
    """Skip a test that starts a server of its own when the core is not built."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")


def _collect(stream: IO[str], lines: list[str]) -> None:
    with contextlib.suppress(ValueError):
        lines.extend(stream)
