"""Run a program under callgrind and read what it counted: instructions of each thread, and allocations."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLLECTED = re.compile(r"Collected : (\d+)")
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)
_NAMED = re.compile(r"\((\d+)\)(?: (.*))?")
_ALLOCATOR = re.compile(r"_?mi_")
"""Functions of mimalloc, which the examples have as their allocator like the product."""

_ALLOCATING = re.compile(r"mi_(?:malloc|zalloc|realloc|calloc|new)\w*")


@dataclass(frozen=True)
class Profile:
    """What one run cost."""

    instructions: int
    """Of all threads."""

    by_thread: tuple[int, ...]
    """Instructions of each thread, in the order in which the threads began."""

    allocations: int
    """How often the program asked its allocator for memory, larger memory for the same thing included."""

    output: str
    """What the program printed."""


def run(program: Path, *arguments: int) -> Profile:
    """Count one run of a program; a run that fails is an error that shows what it said."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        words = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}"]
        done = subprocess.run(
            [*words, str(program), *map(str, arguments)], capture_output=True, text=True, check=False
        )
        collected = _COLLECTED.search(done.stderr)
        if done.returncode != 0 or collected is None:
            raise RuntimeError(f"{program.name} under valgrind ended with {done.returncode}: {done.stderr}")
        # One file for each thread, numbered as they began.
        profiles = [path.read_text() for path in sorted(Path(folder).glob("out-*"))]
    threads = tuple(int(found[1]) for text in profiles for found in _TOTALS.finditer(text))
    allocations = sum(_allocations(text.splitlines()) for text in profiles)
    return Profile(int(collected[1]), threads, allocations, done.stdout)


def _allocations(lines: Iterable[str]) -> int:
    """Sum the calls into the allocator that come from outside of it.

    In callgrind's format ``fn=`` names the caller, ``cfn=`` the callee of the ``calls=`` line that follows;
    a name stands in full where it is first used and as its number after that.
    """
    names: dict[str, str] = {}
    calls: Counter[bool] = Counter()
    caller = callee = ""
    for line in lines:
        key, _, value = line.partition("=")
        if key == "fn":
            caller = _name(value, names)
        elif key == "cfn":
            callee = _name(value, names)
        elif key == "calls":
            counts = _ALLOCATING.fullmatch(callee) is not None and not _ALLOCATOR.match(caller)
            calls[counts] += int(value.split()[0])
    return calls[True]


def _name(text: str, names: dict[str, str]) -> str:
    found = _NAMED.match(text)
    if found is None:
        return text
    number, name = found[1], found[2]
    return names.setdefault(number, name) if name else names[number]
