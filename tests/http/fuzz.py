"""Property-based requests from the OpenAPI document against a live server: `make fuzz-http`.

Schemathesis is fetched by name into a cache outside the checkout, an environment of its own. Its checks for
faults, types of answers and unsupported methods are on. That a refused request is one the document forbids is
not checked: the document says little about bodies. Nor is `Allow` checked against it: a path such as
`/api/workflow/search` is also an id, so it has the methods of both, and a document cannot say that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import running
from tests.sdk.packages import CACHE, run

SCHEMATHESIS = "schemathesis==4.32.5"
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance,unsupported_method"


def main() -> int:
    """Fuzz for so many seconds from a seed; the exit status is that of schemathesis."""
    parser = argparse.ArgumentParser(prog="python -m tests.http.fuzz")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server:
        command = [str(installed() / "bin" / "schemathesis"), "run", f"{server.url}/api-docs"]
        command += ["--checks", CHECKS, "--phases", "coverage,fuzzing,stateful", "--seed", str(asked.seed)]
        # The body of a bulk start is lines, which no generator of values writes.
        command += ["--exclude-path", "/api/workflow/bulk/start", "--max-time", str(asked.seconds)]
        command += ["--continue-on-failure", "--warnings", "off", "--no-color", "--request-timeout", "10"]
        done = subprocess.run(command, cwd=folder, check=False)
        health = server.call("GET", "/health").status
    print(f"health afterwards: {health}")
    return done.returncode or int(health != 200)


def installed() -> Path:
    """Return an environment with schemathesis."""
    folder = CACHE / SCHEMATHESIS
    complete = folder / ".complete"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", "--clear", str(folder)], folder.parent)
        run([str(folder / "bin" / "pip"), "install", "-q", SCHEMATHESIS], folder)
        complete.touch()
    return folder


if __name__ == "__main__":
    sys.exit(main())
