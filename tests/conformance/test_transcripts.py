"""Every transcript prints what it says: on the core, the oracle, and a live server (CONFORMANCE_URL)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.conformance import transcript
from tests.conformance.backends import make
from tests.conformance.session import Session
from tests.conformance.words import WORDS

ROOT = Path(__file__).parent
URL = os.environ.get("CONFORMANCE_URL")
BACKENDS = os.environ.get("CONFORMANCE_BACKENDS", "model,oracle").split(",")
CASES = [
    pytest.param(path, kind, id=f"{path.relative_to(ROOT).with_suffix('')}-{kind}")
    for path in transcript.files(ROOT)
    for kind in (*BACKENDS, *(["http"] if URL else []))
    if kind != "http" or not transcript.read(path).needs_clock
    # The oracle is about executions; what makes handlers act on them is not in it.
    if kind != "oracle" or path.parent.name != "events"
]


@pytest.mark.parametrize(("path", "kind"), CASES)
def test_transcript_prints_what_it_says(path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    script = transcript.read(path)
    session = Session(make(kind, URL), WORDS)
    outputs = []
    try:
        outputs = [session.run(block.commands, block.expected) for block in script.blocks]
    finally:
        if kind == "http":
            session.forget()
    printed = transcript.write(script, outputs)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(printed, encoding="utf-8")
        return
    assert printed == transcript.write(script, [b.expected for b in script.blocks])


def test_every_transcript_cites_rules() -> None:
    silent = [str(p.relative_to(ROOT)) for p in transcript.files(ROOT) if not transcript.read(p).rules]
    assert not silent, f"the first line of a transcript cites the rules it shows: {silent}"
