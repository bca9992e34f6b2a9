"""Nothing acknowledged is lost under SIGKILL at random moments (quality T4: G1, G3, G5, G6, G8, G11, G12)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.durability.kill import Run
from tests.durability.server import Server

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 20
SEED = 1


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("core")
def test_nothing_acknowledged_is_lost_or_doubled_under_kills(tmp_path: Path) -> None:
    outcome = asyncio.run(Run(Server(tmp_path), seed=SEED, kills=KILLS).under_kills())
    print(outcome.line())
    assert outcome.ok, "\n".join([*outcome.complaints, outcome.line()])
    assert outcome.writes_lost > 0
    assert outcome.updates_repeated > 0
