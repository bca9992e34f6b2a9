"""The core and the oracle agree on small cases without exception; the whole is `make model-exhaustive`."""

from __future__ import annotations

import pytest
from tests.oracle.exhaustive import explore_all, shapes
from tests.oracle.run import model_maker

# How deep for how many tasks: about half a minute in all. The definitions are counted by hand.
SLICES = ((1, 5, 2), (2, 4, 10), (3, 3, 56))


@pytest.mark.parametrize(("tasks", "commands", "definitions"), SLICES)
def test_core_agrees_with_the_oracle_on_every_small_case(tasks: int, commands: int, definitions: int) -> None:
    count = explore_all(model_maker(), tasks_max=tasks, commands_max=commands)
    assert count.definitions == definitions
    assert count.states > 10 * definitions
    assert count.doubtful <= count.commands // 50


def test_the_whole_has_every_definition_of_four_tasks_without_loops_in_loops() -> None:
    assert [sum(1 for _ in shapes(size)) for size in range(1, 5)] == [2, 8, 46, 308]
