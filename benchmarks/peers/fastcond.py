"""fastcond itself, the row that the others are compared with."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.client import drive_of
from benchmarks.peers.peer import Drive, Peer, Plan
from benchmarks.peers.processes import run_folder, running
from benchmarks.targets import BenchmarkError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "fastcond"


def fastcond(shapes: tuple[str, ...]) -> Peer:
    """Make the row for these shapes."""
    return Peer(
        name=NAME,
        shapes=shapes,
        counted="the server with its embedded store; every acknowledgement after a sync",
        prepare=lambda: None,
        serving=_serving,
    )


@contextlib.contextmanager
def _serving(plan: Plan) -> Iterator[Drive]:
    with run_folder() as folder:
        port, state = free_port(), folder / "state"
        state.mkdir()
        words = shlex.split(plan.fastcond_command)
        command = [word.replace("{port}", str(port)).replace("{dir}", str(state)) for word in words]
        # The server runs inside the folder, so a relative program has to be made absolute.
        found = shutil.which(command[0])
        if found is None:
            raise BenchmarkError(f"there is no program {command[0]}")
        command[0] = str(Path(found).absolute())
        with running(command, folder=folder, port=port, health="/health") as process:
            yield drive_of(plan, plan.fastcond, port=port, roots=(process.pid,), folder=folder)
