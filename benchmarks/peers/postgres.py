"""A private PostgreSQL with its default, durable settings, for the peers that keep their state in one."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.peer import PeerMissingError
from benchmarks.peers.processes import running
from benchmarks.targets import WORK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS_MAX = 200
USER = "bench"
DATABASE = "postgres"
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Cluster:
    """A running server that trusts whoever connects from this machine."""

    port: int
    pid: int


def programs() -> Path:
    """Find the folder of ``initdb`` and ``postgres``: on the path, then where Debian keeps them."""
    on_path = shutil.which("initdb")
    folders = [str(Path(on_path).parent)] if on_path else []
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)  # noqa: PTH207 - not below one folder
    for folder in folders:
        if all(Path(folder, name).exists() for name in ("initdb", "postgres")):
            return Path(folder)
    raise PeerMissingError("there is no PostgreSQL server: install the package postgresql")


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Make a cluster inside the folder and run it for the length of the block."""
    bin_folder, user = programs(), _user()
    home = folder / "postgres"
    home.mkdir()
    if user is not None:
        shutil.chown(home, user, user)
        _let_through(home)
    state = home / "state"
    made = subprocess.run(
        [
            bin_folder / "initdb",
            "--pgdata",
            state,
            "--username",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
        ],
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise PeerMissingError(f"initdb failed: {made.stderr[-800:]}")
    port = free_port()
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": CONNECTIONS_MAX,
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(bin_folder / "postgres"), "-D", str(state), *options]
    with running(command, folder=home, port=port, user=user) as process:
        yield Cluster(port=port, pid=process.pid)


def _user() -> str | None:
    """Name the user to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise PeerMissingError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)}"
    )


def _let_through(home: Path) -> None:
    """Let others pass to the folder through those that the benchmark made; the rest is not ours to open."""
    for above in home.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IXOTH:
            continue
        if WORK not in (above, *above.parents):
            raise PeerMissingError(f"PostgreSQL does not run as root, and {above} lets no other user pass")
        above.chmod(mode | stat.S_IXOTH)
