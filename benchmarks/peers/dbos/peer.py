"""Have and run DBOS Transact on PostgreSQL."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import postgres
from benchmarks.peers.driver import client
from benchmarks.peers.install import python_packages
from benchmarks.peers.peer import CHAINS, Drive, Peer, Plan
from benchmarks.peers.processes import run_folder
from benchmarks.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# More only queue for the connections to PostgreSQL: 183 executions per CPU second at 16, 115 at 128.
INFLIGHT = 16

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def _programs() -> Path:
    return python_packages("dbos", _REQUIREMENTS)


def _prepare() -> None:
    postgres.programs()
    _programs()


@contextlib.contextmanager
def _serving(plan: Plan) -> Iterator[Drive]:
    programs = _programs()
    with run_folder() as folder, postgres.cluster(folder) as cluster:
        drive = [str(programs / "python"), "-m", "benchmarks.peers.dbos.drive", str(cluster.port)]
        with client(
            drive,
            folder=folder,
            plan=plan,
            roots=(cluster.pid,),
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            is_server=True,
            inflight=INFLIGHT,
        ) as driven:
            yield driven


PEERS = (
    Peer(
        name="dbos",
        shapes=tuple(CHAINS),
        counted=(
            "PostgreSQL with its default settings and the application process: the engine is a library in "
            "it, so the steps and the closed loop that starts workflows, both next to nothing, count too"
        ),
        prepare=_prepare,
        serving=_serving,
        floor=10.0,
    ),
)
