"""How the parcel example of each language is fetched, built and run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.sdk.packages import EXAMPLES, fetched, program, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN_S_MAX = 240.0


def python(api: str) -> list[str]:
    """The package is one of this environment's own, locked with the others."""
    return [sys.executable, str(EXAMPLES / "python" / "parcels.py"), "--url", api]


def javascript(api: str) -> list[str]:
    """No script of a package is run; peers that only its AI agents need are left away."""
    node = program("node", "install Node.js 20 or later")
    npm = program("npm", "install Node.js 20 or later")
    quiet = ["--legacy-peer-deps", "--no-fund", "--no-audit", "--no-package-lock", "--ignore-scripts"]
    folder = fetched("javascript", lambda folder: _discard(run([npm, "install", *quiet], folder)))
    return [node, str(folder / "parcels.js"), api]


PROGRAMS: dict[str, Callable[[str], list[str]]] = {
    "python": python,
    "javascript": javascript,
}


def counted(language: str, api: str, cwd: Path) -> dict[str, Any]:
    """Run a language's program against a server and return what it counted; its complaints fail the caller.

    Raises NotRun when the SDK or what builds it cannot be had.
    """
    command = PROGRAMS[language](api)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    summary: dict[str, Any] = json.loads(lines[-1])
    return summary


def _discard(_: str) -> None:
    """Let a step whose output does not matter stand where nothing is returned."""
