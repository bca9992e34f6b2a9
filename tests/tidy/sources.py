"""The repository's sources as the house rules see them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "fastcond"
PYTHON_FOLDERS = ("src", "tests", "benchmarks", "examples")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800


@dataclass(frozen=True)
class Function:
    """A function of either language and its length in lines, from its first to its last."""

    path: Path
    name: str
    line: int
    lines: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name} ({self.lines} lines)"


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders or PYTHON_FOLDERS for path in (ROOT / folder).rglob("*.py"))


def rust_files() -> list[Path]:
    return sorted(path for path in (ROOT / "rust").rglob("*.rs") if "target" not in path.parts)


def is_test(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return "tests" in parts or path.stem in {"tests", "conftest"} or path.stem.startswith("test_")


def python_functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(path, node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


_RUST_FUNCTION = re.compile(
    r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:default\s+)?(?:const\s+)?(?:async\s+)?(?:unsafe\s+)?(?:extern\s+\"[^\"]*\"\s+)?fn\s+(\w+)"
)


def rust_functions(path: Path) -> Iterator[Function]:
    """Find functions by their `fn` line and the braces that follow; right to a line or two."""
    lines = _without_text(path.read_text(encoding="utf-8")).splitlines()
    for start, line in enumerate(lines):
        match = _RUST_FUNCTION.match(line)
        if match:
            end = _end_of_block(lines, start)
            if end is not None:
                yield Function(path, match.group(1), start + 1, end - start + 1)


def _end_of_block(lines: list[str], start: int) -> int | None:
    """Return the line on which the block that begins at `start` ends; None for a declaration without body."""
    depth = 0
    opened = False
    for number in range(start, len(lines)):
        for character in lines[number]:
            if character == "{":
                depth += 1
                opened = True
            elif character == "}":
                depth -= 1
            elif character == ";" and not opened and depth == 0 and "[" not in lines[number]:
                return None
        if opened and depth <= 0:
            return number
    return None


_RUST_TEXT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""",
    re.DOTALL,
)


def _without_text(source: str) -> str:
    """Blank out comments and literals, so that a brace inside one counts for nothing; lines stay in place."""
    return _RUST_TEXT.sub(lambda match: "\n" * match.group().count("\n"), source)
