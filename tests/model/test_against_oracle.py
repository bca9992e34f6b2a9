"""The core and the oracle agree on random definitions, worker behaviour and operator commands (quality T2).

`MODEL_CHECK_N` and `MODEL_CHECK_SEED` choose how many cases and from which seed; a long run by hand is
`python -m tests.oracle.run --seed 1 --count 50000`. A failure prints the seed, a shrunk list of commands, and
the difference of the two states.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from tests.oracle.drive import run_case
from tests.oracle.generate import Case, cases
from tests.oracle.run import model_maker, sweep

COUNT = int(os.environ.get("MODEL_CHECK_N", "300"))
SEED = int(os.environ.get("MODEL_CHECK_SEED", "1"))
DOUBTFUL_SHARE_MAX = 20


def test_core_agrees_with_the_oracle_on_random_cases() -> None:
    totals, failures = sweep(range(SEED, SEED + COUNT), model_maker(), failures_max=3)
    assert not failures, f"{len(failures)} of {COUNT} cases differ; the first:\n{failures[0]}"
    assert totals["definitions"] == COUNT
    assert totals["doubtful"] <= 1 + COUNT // DOUBTFUL_SHARE_MAX


@settings(
    max_examples=COUNT,
    deadline=None,
    # The same cases in every run, to judge a change by its own effect; `make model-test` tries others.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(case=cases())
def test_core_agrees_with_the_oracle_on_cases_of_hypothesis(case: Case) -> None:
    run_case(case, model_maker())
