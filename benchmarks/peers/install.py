"""Fetch what a peer needs, by package name, into a cache outside the checkout.

A folder of the cache is named after what was asked for, so that another version never meets an old one. It is
used only when its fetching came to its end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.peer import PeerMissingError

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastcond-bench"

FETCH_SECONDS_MAX = 900.0


def python_packages(peer: str, requirements: Path) -> Path:
    """Return the folder of programs of a virtual environment with these packages."""

    def fetch(folder: Path) -> None:
        _run(peer, [sys.executable, "-m", "venv", str(folder / "venv")], folder)
        _run(peer, [str(folder / "venv/bin/pip"), "install", "-q", "-r", str(requirements)], folder)

    return _cached(peer, requirements, fetch) / "venv/bin"


def node_packages(peer: str, manifest: Path) -> Path:
    """Return a folder with ``node_modules`` of this ``package.json``; no script of a package is run."""
    if shutil.which("npm") is None:
        raise PeerMissingError(f"{peer}: there is no npm: install Node.js 20 or later")

    def fetch(folder: Path) -> None:
        shutil.copy(manifest, folder / "package.json")
        quiet = ["--no-fund", "--no-audit", "--no-package-lock", "--ignore-scripts"]
        _run(peer, ["npm", "install", *quiet], folder)

    return _cached(peer, manifest, fetch)


def program(peer: str, name: str, remedy: str) -> str:
    """Find an installed program."""
    found = shutil.which(name)
    if found is None:
        raise PeerMissingError(f"{peer}: there is no {name}: {remedy}")
    return found


def _cached(peer: str, wanted: Path, fetch: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / peer / digest
    complete = folder / ".complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        fetch(folder)
        complete.touch()
    return folder


def _run(peer: str, command: list[str], folder: Path) -> None:
    print(f"{peer}: {' '.join(command)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissingError(f"{peer}: {error}") from error
    if done.returncode != 0:
        raise PeerMissingError(f"{peer}: {command[0]} failed: {(done.stdout + done.stderr)[-800:].strip()}")
