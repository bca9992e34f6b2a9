"""The text format of the transcripts: blocks of commands, `----`, and what they print, up to a blank line.

    # S-25.5 S-25.6
    # A sentence that says what is shown.

    start w1 order {"n": 1}
    poll pick
    ----
    w1/pick

A command starts at the left margin with a word; lines that start with a space or a bracket continue it.
Comment lines may stand above a block. A block that prints nothing prints `ok`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RULE = re.compile(r"\bS-\d+\.\d+\b")
DIVIDER = "----"


@dataclass(frozen=True)
class Block:
    """Commands that run together and what they print."""

    comment: tuple[str, ...]
    commands: tuple[str, ...]
    expected: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Transcript:
    """One file."""

    path: Path
    header: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def rules(self) -> set[str]:
        """The rule ids the file cites."""
        text = "\n".join((*self.header, *(c for b in self.blocks for c in b.comment)))
        return set(RULE.findall(text))

    @property
    def needs_clock(self) -> bool:
        """Whether some command moves a virtual clock, or delivers as a queue inside the server does."""
        return any(c.startswith(("advance ", "deliver ")) for b in self.blocks for c in b.commands)


class Unreadable(ValueError):
    """A file that does not follow the format."""


def read(path: Path) -> Transcript:
    """Reads one file."""
    chunks: list[tuple[int, list[str]]] = []
    current: list[str] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            current.append(line)
        elif current:
            chunks.append((number - len(current), current))
            current = []
    if not chunks or not all(x.startswith("#") for x in chunks[0][1]):
        raise Unreadable(f"{path}: the first lines cite the rules, as comments")
    return Transcript(path, tuple(chunks[0][1]), _blocks(path, chunks[1:]))


def _blocks(path: Path, chunks: list[tuple[int, list[str]]]) -> tuple[Block, ...]:
    found = []
    for line, chunk in chunks:
        comment = [x for x in chunk if x.startswith("#")]
        rest = chunk[len(comment) :]
        if DIVIDER not in rest:
            raise Unreadable(f"{path}:{line}: a block needs a {DIVIDER} line")
        at = rest.index(DIVIDER)
        commands = _commands(rest[:at])
        found.append(Block(tuple(comment), commands, tuple(rest[at + 1 :]), line))
    return tuple(found)


def _commands(lines: list[str]) -> tuple[str, ...]:
    commands: list[str] = []
    for line in lines:
        if line[0] in " {}[]" and commands:
            commands[-1] += "\n" + line
        else:
            commands.append(line)
    return tuple(commands)


def write(transcript: Transcript, outputs: list[tuple[str, ...]]) -> str:
    """The file with other outputs."""
    parts = ["\n".join(transcript.header)]
    for block, output in zip(transcript.blocks, outputs, strict=True):
        parts.append("\n".join((*block.comment, *block.commands, DIVIDER, *output)))
    return "\n\n".join(parts) + "\n"


def files(root: Path) -> list[Path]:
    """All transcripts, in a stable order."""
    return sorted(root.rglob("*.txt"))
