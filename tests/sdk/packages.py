"""Published SDKs, fetched by name into a cache outside the checkout.

A folder of the cache is named after what was asked for, so that another version never meets an old one, and
it is used only when its fetching came to its end. What cannot be had is said with a reason, not passed over.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[2] / "examples" / "workers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastcond-sdk"
FETCH_S_MAX = 900.0


class NotRun(Exception):
    """An SDK cannot be run here; the text says why."""


def program(name: str, remedy: str) -> str:
    """Return the path of an installed program. Raises NotRun."""
    found = shutil.which(name)
    if found is None:
        raise NotRun(f"there is no {name}: {remedy}")
    return found


def fetched(language: str, make: Callable[[Path], None]) -> Path:
    """Return a folder with a copy of the language's example that `make` has completed. Raises NotRun."""
    sources = EXAMPLES / language
    digest = hashlib.sha256()
    for path in sorted(path for path in sources.rglob("*") if path.is_file()):
        digest.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    folder = CACHE / language / digest.hexdigest()[:12]
    complete = folder / ".complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sources, folder)
        make(folder)
        complete.touch()
    return folder


def run(command: list[str], folder: Path, *, env: dict[str, str] | None = None) -> str:
    """Run a step of fetching or building and return its output. Raises NotRun with the last it said."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=FETCH_S_MAX,
            check=False,
            env={**os.environ, **(env or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRun(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise NotRun(f"{' '.join(command)} failed: {(done.stdout + done.stderr)[-1500:].strip()}")
    return done.stdout
