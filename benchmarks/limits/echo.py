"""The raw echo of the HTTP layer: fastcond's own sockets, parser and framing, answering at once.

`rust/node/examples/echo.rs`: no Python, no engine, no journal. What lies between this and the server is what
deciding and durability cost; what lies above this is the kernel's sockets.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.targets import Load, Report, build, conductor_server, drive

if TYPE_CHECKING:
    from pathlib import Path


def build_echo() -> Path:
    """Build the echo with optimisation and say where it is."""
    return build("-p", "fastcond-node", "--example", "echo") / "examples" / "echo"


def measure(program: Path, echo: Path, load: Load) -> Report:
    """Drive the load through a new echo; its client is the one of the null server."""
    with conductor_server(f"{shlex.quote(str(echo))} {{port}} {{dir}}") as target:
        url = target.url.removesuffix("/api") + "/echo"
        return drive(program, replace(target, kind="null", url=url), load)
