"""Failing and interrupted system calls on the journal of a real process (quality T4: G1, G8, G9)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.durability.burst import Sent, burst, lost_or_half, register
from tests.durability.server import Server
from tests.durability.strace import KILL, SYNCS, WRITES, Injection, Strace, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

UNHEALTHY_S = 1.0
SIGKILL_EXIT = -9

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("core")]

JOURNAL_FAULTS = [
    Injection(SYNCS, "error=EIO", "1"),
    Injection(SYNCS, "error=EIO", "2"),
    Injection(SYNCS, "error=EIO", "5"),
    Injection(WRITES, "error=ENOSPC", "1+"),
    Injection(WRITES, "error=ENOSPC", "3+"),
    Injection(WRITES, "error=EIO", "2"),
    Injection(WRITES, "error=EDQUOT", "4"),
]
"""A fault without `+` happens once: what comes after would succeed and must not be believed."""

JOURNAL_KILLS = [
    Injection(calls, KILL, when)
    for calls, whens in ((SYNCS, ("1", "2", "4", "7")), (WRITES, ("1", "2", "3", "6")))
    for when in whens
]

ARCHIVE_FAULTS = [Injection(WRITES, "error=ENOSPC", "1+"), Injection(SYNCS, "error=EIO", "1+")]


@pytest.fixture(scope="module", autouse=True)
def _strace_works() -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One store for the whole module, so that it lives through one fault after the other."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    server = Server(tmp_path_factory.mktemp("faults"))
    server.start()
    try:
        register(server)
        yield server
    finally:
        server.kill()


@pytest.fixture
def store(folder: Server) -> Server:
    """The store with a server that runs and is well, whatever an earlier test left of it."""
    if folder.exit_code is not None:
        folder.start()
    assert folder.call("GET", "/health").status == 200, folder.log_tail()
    return folder


@pytest.mark.parametrize("injection", JOURNAL_FAULTS, ids=str)
def test_nothing_is_acknowledged_after_the_first_journal_fault(store: Server, injection: Injection) -> None:
    """G9: the server goes read-only and says so; earlier acknowledgements survive a reopen."""
    earlier = burst(store, "earlier", clients=2, each=5)
    assert all(sent.is_acked for sent in earlier), earlier
    strace = _attach(store, injection, folder="journal")
    try:
        during = burst(store, "during")
        _assert_unhealthy(store)
        later = burst(store, "later", clients=2, each=5)
        injected = strace.injected()
    finally:
        strace.end()
    assert injected > 0, "the fault did not bite"
    _assert_no_ack_after_refusal(during)
    assert [sent for sent in during if not sent.is_acked], "the fault was hidden from the clients"
    assert not [sent for sent in later if sent.is_acked], "acknowledged although the journal has failed"
    for sent in (*during, *later):
        _assert_says_unavailable(sent)
    store.kill()
    store.start()
    assert lost_or_half(store, [*earlier, *during, *later]) == []
    again = burst(store, "again", clients=1, each=3)
    assert all(sent.is_acked for sent in again), again


@pytest.mark.parametrize("injection", JOURNAL_KILLS, ids=str)
def test_kill_at_a_journal_system_call_loses_no_acknowledgement(store: Server, injection: Injection) -> None:
    """G8, F1: death exactly in the n-th sync or write of the journal."""
    strace = _attach(store, injection, folder="journal")
    try:
        sents = burst(store, "during", each=40)
        assert store.wait_exit() == SIGKILL_EXIT, "the kill did not bite"
    finally:
        strace.end()
    store.start()
    assert lost_or_half(store, sents) == []


@pytest.mark.parametrize("injection", ARCHIVE_FAULTS, ids=str)
def test_archive_fault_loses_no_acknowledgement(store: Server, injection: Injection) -> None:
    """G9 for the part behind the journal: it may stop the server, never lose what the journal holds."""
    strace = _attach(store, injection, folder=".")
    try:
        sents = burst(store, "during") + burst(store, "later", clients=2, each=5)
        # The last batch and its checkpoint: by now at the latest the archive makes each of the calls.
        store.stop()
        injected = strace.injected()
    finally:
        strace.end()
    assert injected > 0, "the fault did not bite"
    store.start()
    assert lost_or_half(store, sents) == []


def _attach(server: Server, injection: Injection, *, folder: str) -> Strace:
    """Attaches to the open files of the journal, or (folder `.`) to those of the archive beside it."""
    files = [
        file
        for file in server.open_files(server.data_dir)
        if (file.parent.name == "journal") == (folder == "journal") and file.suffix != ".lock"
    ]
    if folder == "journal":
        # Segments made ready for later count too.
        files += [file for file in (server.data_dir / "journal").iterdir() if file not in files]
    else:
        files = [file for file in files if file.name.startswith("archive.sqlite")]
    return Strace(server.pid, injection, files=files, out=server.home / "strace.out")


def _assert_no_ack_after_refusal(sents: list[Sent]) -> None:
    refused_at = min((sent.answered_at for sent in sents if not sent.is_acked), default=None)
    assert refused_at is not None, "no request saw the fault"
    after = [sent for sent in sents if sent.is_acked and sent.sent_at > refused_at]
    assert not after, f"acknowledged after a refusal: {after[:3]}"


def _assert_says_unavailable(sent: Sent) -> None:
    """A refusal is a 503 with the contract's error body (rest-api 2.1)."""
    if sent.is_acked:
        return
    assert sent.answer is not None, f"the connection of {sent.token} broke instead of an answer"
    assert sent.answer.status == 503, sent.answer
    assert sent.answer.content_type == "application/json"
    body = sent.answer.json()
    assert body["status"] == 503
    assert body["message"]
    assert isinstance(body["retryable"], bool)


def _assert_unhealthy(server: Server) -> None:
    def is_unhealthy() -> bool:
        reply = server.call("GET", "/health")
        return reply.status == 503 and reply.json()["healthy"] is False

    _wait_for(is_unhealthy, "/health does not say that the store has failed")


def _wait_for(holds: object, complaint: str) -> None:
    assert callable(holds)
    until = time.monotonic() + UNHEALTHY_S + 4.0
    while not holds():
        assert time.monotonic() < until, complaint
        time.sleep(0.02)
