"""Names and words the house does not use, each with what to use instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.tidy.sources import ROOT, is_test, python_files, rust_files

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN_NAMES = {
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "service",
    "services",
    "facade",
    "misc",
    "common",
    "data",
    "info",
}
# The contract's own words win: PollData is a record of its API.
USERS_WORDS = {"poll_data"}
INSTEAD = {
    r"\b(TODO|FIXME|XXX|HACK)\b": "do it now, or file an issue and delete the remark",
    r"\b(unimplemented|todo)!\s*\(": "return a Rejection or a Fault with a reason",
    r"\btime\.sleep\(": "wait for a signal: an event, a descriptor, an answer",
    r"\bthread::sleep\(": "wait for a signal: a channel, a condition, an eventfd",
    r"\bprint\(|\bdbg!\s*\(": "log with structlog, or return the value",
}
FUNCTION_BODY_NAMES = re.compile(
    r"\b(?:class|struct|enum|trait)\s+(\w*(?:Manager|Helper|Utils?|Service|Facade))\b"
)


def files() -> list[Path]:
    return [*python_files("src"), *rust_files()]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_named_after_what_it_answers(path: Path) -> None:
    words = set() if path.stem in USERS_WORDS else set(re.split(r"[_.]", path.stem.lower()))
    found = words & FORBIDDEN_NAMES
    assert not found, (
        f"{path.relative_to(ROOT)}: {sorted(found)} says nothing. Name the question the file answers"
    )


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_hold_no_forbidden_word(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    found = FUNCTION_BODY_NAMES.search(text)
    assert not found, f"{name}: {found.group(1)}: call it by what it is in the user's words"
    for pattern, instead in INSTEAD.items():
        if is_test(path) or name.parts[:2] == ("rust", "bench"):
            continue
        hit = re.search(pattern, text)
        assert not hit, f"{name}: {hit.group()} is not used here; instead: {instead}"


def test_the_repository_does_not_speak_of_where_it_was_made() -> None:
    place = re.compile(r"/work/(?:main|shared)|/tmp/brief|\.library/")
    for path in [
        *python_files(),
        *rust_files(),
        *ROOT.glob("*.md"),
        *ROOT.glob("*.toml"),
        ROOT / "Makefile",
        ROOT / ".ci/run",
    ]:
        if path == ROOT / "tests" / "tidy" / "test_words.py":
            continue
        found = place.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} names {found.group()}: a path of one machine"
