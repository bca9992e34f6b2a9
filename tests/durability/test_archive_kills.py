"""Death of the server while its archive writes: nothing that has ended is lost or told differently (G8, F1).

Finished executions leave memory once the archive holds them. After a restart they come from its file as far
as it reaches, and from the journal after that. A kill in a batch, in the checkpoint at the end or in the one
at the next start must leave the two fitting together.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.durability.finished import Told, finish, opened, unfaithful
from tests.durability.server import Server
from tests.durability.strace import KILL, SYNCS, Injection, Strace, why_not, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGKILL_EXIT = -9
ENDS = 150
UNTIL_KILLED = 100_000
ROUNDS = 2
SEED = 1
GROWTH_S_MAX = 10.0

ARCHIVE = "archive.sqlite"
LOG = "archive.sqlite-wal"

SLOWLY = Injection("pwrite64", "delay_enter=4000", "1+")
IN_A_BATCH = [Injection("pwrite64", KILL, when) for when in ("2", "100")]
AT_THE_END = [(Injection("pwrite64", KILL, "2"), ARCHIVE), (Injection(SYNCS, KILL, "1"), ARCHIVE)]
AT_THE_START = [(Injection("pwrite64", KILL, "2"), ARCHIVE), (Injection("ftruncate", KILL, "1"), LOG)]

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("core")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Told]]:
    """One store for the whole module, so that it lives through one death after the other."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    server = Server(tmp_path_factory.mktemp("archive"))
    try:
        opened(server)
        yield server, Told()
    finally:
        server.kill()


@pytest.fixture
def store(folder: tuple[Server, Told]) -> tuple[Server, Told]:
    """The store with a running server, whatever an earlier test left of it, and all it ever acknowledged."""
    server, told = folder
    if server.exit_code is not None:
        server.start()
    return server, told


@pytest.fixture
def _strace_works() -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)


def test_kill_while_the_archive_grows(store: tuple[Server, Told], tmp_path: Path) -> None:
    """Kills at random moments after the archive has begun to take over what ends."""
    server, told = store
    dice = random.Random(SEED)
    for number in range(ROUNDS):
        before = len(told.ended)
        killer = threading.Thread(target=_kill_once_it_grew, args=(server, told, dice.uniform(0, 0.4)))
        killer.start()
        finish(server, told, ends_max=UNTIL_KILLED)
        killer.join()
        held = _ended_rows(server, tmp_path / f"copy-{number}")
        assert before < held, "the archive had not taken over anything of this round"
        server.start()
        assert unfaithful(server, told) == []
    _demand_that_all_comes_from_the_archive(server, told)


@pytest.mark.usefixtures("_strace_works")
def test_archive_that_lags_behind_tells_nothing_old(store: tuple[Server, Told]) -> None:
    """G7: with each write of the archive slowed down, what has ended is read back as ended at once."""
    server, told = store
    strace = _attach(server, SLOWLY, LOG)
    try:
        finish(server, told, ends_max=8 * ENDS)
    finally:
        strace.end()
    assert strace.injected() > 0, "nothing was slowed down"
    assert unfaithful(server, told) == []


@pytest.mark.usefixtures("_strace_works")
@pytest.mark.parametrize("injection", IN_A_BATCH, ids=str)
def test_kill_in_a_batch(store: tuple[Server, Told], injection: Injection) -> None:
    """Dies exactly in the n-th write of the archive's log, under load."""
    server, told = store
    strace = _attach(server, injection, LOG)
    try:
        finish(server, told, ends_max=UNTIL_KILLED)
        assert server.wait_exit() == SIGKILL_EXIT, "the kill did not bite"
    finally:
        strace.end()
    server.start()
    assert unfaithful(server, told) == []


@pytest.mark.usefixtures("_strace_works")
@pytest.mark.parametrize(("injection", "name"), AT_THE_END, ids=str)
def test_kill_in_the_checkpoint_at_the_end(
    store: tuple[Server, Told], injection: Injection, name: str
) -> None:
    """Dies while a graceful stop copies the archive's log into its file."""
    server, told = store
    finish(server, told, ends_max=ENDS)
    strace = _attach(server, injection, name)
    try:
        assert server.stop() == SIGKILL_EXIT, "the kill did not bite"
    finally:
        strace.end()
    server.start()
    assert unfaithful(server, told) == []


@pytest.mark.usefixtures("_strace_works")
@pytest.mark.parametrize(("injection", "name"), AT_THE_START, ids=str)
def test_kill_in_the_checkpoint_at_the_start(
    store: tuple[Server, Told], injection: Injection, name: str
) -> None:
    """Dies while a start copies the log that a killed server left into the archive's file."""
    server, told = store
    finish(server, told, ends_max=ENDS)
    _wait_archived(server)
    server.kill()
    server.launch(wrapper=wrapped(injection, files=[server.data_dir / name], out=server.home / "strace.out"))
    assert server.wait_exit() == SIGKILL_EXIT, "the kill did not bite"
    server.start()
    assert unfaithful(server, told) == []


def _attach(server: Server, injection: Injection, name: str) -> Strace:
    return Strace(server.pid, injection, files=[server.data_dir / name], out=server.home / "strace.out")


def _kill_once_it_grew(server: Server, told: Told, later_s: float) -> None:
    """Kills the server so long after the archive has taken over the first executions that end now."""
    enough, until = len(told.ended) + ENDS // 3, time.monotonic() + GROWTH_S_MAX
    while len(told.ended) < enough and time.monotonic() < until:
        time.sleep(0.002)
    _wait_archived(server)
    time.sleep(later_s)
    server.kill()


def _wait_archived(server: Server) -> None:
    """Returns once the archive's log holds, committed, what has ended: a search is answered behind it."""
    assert server.call("GET", "/api/workflow/search?size=1").status == 200


def _ended_rows(server: Server, copy: Path) -> int:
    """Returns how many ended executions the archive of a dead server holds, by plain SQLite on a copy."""
    copy.mkdir()
    for name in (ARCHIVE, LOG):
        shutil.copy(server.data_dir / name, copy / name)
    with closing(sqlite3.connect(copy / ARCHIVE)) as archive:
        (damage,) = archive.execute("PRAGMA integrity_check(1)").fetchone()
        assert damage == "ok"
        (count,) = archive.execute("SELECT count(*) FROM executions WHERE open = 0").fetchone()
        return int(count)


def _demand_that_all_comes_from_the_archive(server: Server, told: Told) -> None:
    """Stops and starts gracefully: now no ended execution is in memory, and each is still told truly."""
    assert server.stop() == 0
    server.start()
    in_memory = _gauge(server, "fastcond_executions_in_memory")
    assert in_memory <= len(told.started) - len(told.ended), f"{in_memory} executions in memory"
    assert unfaithful(server, told) == []


def _gauge(server: Server, name: str) -> int:
    reply = server.call("GET", "/actuator/prometheus")
    assert reply.status == 200, reply
    (line,) = [row for row in reply.body.decode().splitlines() if row.startswith(f"{name} ")]
    return int(line.split()[1])
