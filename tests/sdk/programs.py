"""How the parcel example of each language is fetched, built and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.sdk.packages import EXAMPLES, NotRun, fetched, program, run

if TYPE_CHECKING:
    from collections.abc import Callable

RUN_S_MAX = 240.0
JAVA_MIN = 21


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


def java(api: str) -> list[str]:
    """The package is made for Java 21, so the newest JDK there is."""
    maven = program("mvn", "install Maven")
    jdk = newest_jdk()
    build = [maven, "-q", "-B", "package", "dependency:copy-dependencies"]
    folder = fetched("java", lambda folder: _discard(run(build, folder, env={"JAVA_HOME": str(jdk)})))
    classes = f"{folder}/target/classes:{folder}/target/dependency/*"
    return [str(jdk / "bin" / "java"), "-cp", classes, "Parcels", api]


def go(api: str) -> list[str]:
    """The newest version that the module proxy hands out to everybody."""
    compiler = program("go", "install Go 1.22 or later")

    def build(folder: Path) -> None:
        run([compiler, "mod", "tidy"], folder)
        run([compiler, "build", "-o", "parcels", "."], folder)

    return [str(fetched("go", build) / "parcels"), api]


def rust(api: str) -> list[str]:
    """A crate of its own: its dependencies are none of the repository's."""
    cargo = program("cargo", "install a Rust toolchain")
    folder = fetched("rust", lambda folder: _discard(run([cargo, "build", "--target-dir", "target"], folder)))
    return [str(folder / "target" / "debug" / "parcels"), api]


def newest_jdk() -> Path:
    """Return the home of the newest JDK, under /usr/lib/jvm and JAVA_HOME. Raises NotRun below 21."""
    homes = [Path(home) for home in (os.environ.get("JAVA_HOME"),) if home]
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    found: list[tuple[int, Path]] = []
    for home in homes:
        release = home / "release"
        text = (
            release.read_text(encoding="utf-8")
            if (home / "bin" / "javac").exists() and release.is_file()
            else ""
        )
        if version := re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE):
            found.append((int(version.group(1)), home))
    if not found or max(found)[0] < JAVA_MIN:
        raise NotRun(f"there is no JDK {JAVA_MIN} or later: install one, or set JAVA_HOME")
    return max(found)[1]


PROGRAMS: dict[str, Callable[[str], list[str]]] = {
    "python": python,
    "javascript": javascript,
    "java": java,
    "go": go,
    "rust": rust,
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
