"""The published SDKs, unmodified, against a live server: the parcel example of each language.

Each registers definitions, starts fifty workflows (chain, fork, switch, sub-workflow, dynamic fork, human),
works on them with the package's own worker loop, polls a domain, logs, lets tasks fail and be retried,
retries, pauses, terminates and searches, and checks every result. Here the server is asked once more, by
other means. Schedules are not part of it yet.

What costs a compiler and minutes is run by `make sdk-test` (`tests/sdk/__main__.py`); these two take seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sdk.packages import NotRun
from tests.sdk.programs import counted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Server

KINDS = ("chain", "fork", "switch", "sub", "dynamic", "human")

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_fifty_parcels_arrive(server: Server, tmp_path: Path, language: str) -> None:
    prefix = {"python": "py", "javascript": "js"}[language]
    try:
        summary = counted(language, server.api, tmp_path)
    except NotRun as reason:
        pytest.skip(f"not run: {reason}")
    assert summary["started"] == 50
    # Eight sub-workflows began a chain each, two executions were terminated.
    assert (summary["completed"], summary["terminated"], summary["running"]) == (56, 2, 0)
    assert summary["retried"] == 3
    for status, wanted in (("COMPLETED", 56), ("TERMINATED", 2), ("FAILED", 0)):
        names = ",".join(
            f"{prefix}_{kind}" for kind in ("chain", "fork", "switch", "sub", "dynamic", "human")
        )
        query = f"workflowType IN ({names}) AND status = '{status}'".replace(" ", "%20")
        found = server.call("GET", f"/api/workflow/search?size=100&query={query}").json()
        assert (found["totalHits"], len(found["results"])) == (wanted, wanted)
