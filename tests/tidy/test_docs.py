"""What the pages name exists: paths, symbols, make targets, modules, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests.tidy.sources import ROOT, python_files, rust_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")])
# Made by a build or by whoever runs the server: not in a fresh clone.
MADE_LATER = re.compile(r"(?:\.venv|target|\.cache|data)(?:/.*)?|fastcond\.toml")
# Media types, and the symbols of transcripts: `w1/a` is a task of the workflow `w1`.
NO_PATH = re.compile(r"(?:application|text)/\S+|w\d+[/.!]\S*")
SUFFIXES = ("rs", "py", "pyi", "md", "toml", "lock", "txt", "json", "js", "sql", "sqlite", "sh")
PATH = re.compile(
    rf"\.?[\w<][\w.<>-]*(?:/[\w.<>-]+)*/|\.?[\w<][\w.<>-]*(?:/[\w.<>-]+)+|[\w-]+\.(?:{'|'.join(SUFFIXES)})"
)
SYMBOL = re.compile(r"([A-Za-z]\w*)(?:::|\.)([A-Za-z_]\w*)")
TEST = re.compile(r"(\S+\.py)::(\w+)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Code:
    """Text in code type: a pair of backticks, or a line of a fenced block."""

    page: Path
    line: int
    text: str
    is_inline: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line} `{self.text}`"


@cache
def code_of(page: Path) -> tuple[Code, ...]:
    text = page.read_text(encoding="utf-8")
    found: list[Code] = []
    for fence in FENCE.finditer(text):
        first = text.count("\n", 0, fence.start()) + 1
        lines = fence.group().splitlines()
        found += (Code(page, first + at, line, is_inline=False) for at, line in enumerate(lines))
    # Blanked rather than removed, so that lines keep their numbers.
    prose = FENCE.sub(lambda match: "\n" * match.group().count("\n"), text)
    for inline in re.finditer(r"`([^`]+)`", prose):
        line = prose.count("\n", 0, inline.start()) + 1
        found.append(Code(page, line, " ".join(inline.group(1).split()), is_inline=True))
    return tuple(found)


def all_code(*, inline_only: bool = False) -> Iterator[Code]:
    for page in PAGES:
        yield from (code for code in code_of(page) if code.is_inline or not inline_only)


def exists(path: str, *, near: Path) -> bool:
    """Tell whether a path is there, from the root or from the page's folder; `<word>` stands for any name."""
    pattern = re.sub(r"<[^>]*>", "*", path.rstrip("/"))
    if "*" in pattern:
        return any(any(folder.glob(pattern)) for folder in (ROOT, near))
    return (ROOT / pattern).exists() or (near / pattern).exists()


def paths() -> list[Code]:
    return [
        code
        for code in all_code(inline_only=True)
        if PATH.fullmatch(code.text)
        and not MADE_LATER.fullmatch(code.text)
        and not NO_PATH.fullmatch(code.text)
    ]


@pytest.mark.parametrize("code", paths(), ids=str)
def test_a_path_on_a_page_exists(code: Code) -> None:
    assert exists(code.text, near=code.page.parent), (
        f"{code}: no such file or folder. Name it from the root of the repository, or take it off the page"
    )


@cache
def sources() -> str:
    files = [*rust_files(), *python_files(), *(ROOT / "src").rglob("*.pyi")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_a_symbol_on_a_page_exists() -> None:
    """`Type::name` and `Type.name` are looked for in the sources, `module::name` too."""
    for code in all_code(inline_only=True):
        match = SYMBOL.fullmatch(code.text)
        if match is None or PATH.fullmatch(code.text):
            continue
        owner, name = match.groups()
        if "::" not in code.text and not owner[0].isupper():
            continue
        for word in (owner, name):
            assert re.search(rf"\b{word}\b", sources()), (
                f"{code}: no source knows {word}; what is it called now?"
            )


def test_a_test_on_a_page_exists() -> None:
    for code in all_code():
        for path, name in TEST.findall(code.text):
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{code}: no such test"


def test_a_make_target_on_a_page_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    for code in all_code():
        for target in re.findall(r"^make ([a-z][a-z-]*)", code.text):
            assert target in targets, f"{code}: the Makefile has {sorted(targets)}"


def test_a_module_on_a_page_exists() -> None:
    for code in all_code():
        for module in re.findall(r"-m ((?:tests|benchmarks)[\w.]+)", code.text):
            path = ROOT / module.replace(".", "/")
            found = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
            assert found, f"{code}: no such module"


def test_a_link_on_a_page_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), (
                    f"{page.relative_to(ROOT)}: the link to {target} is dead"
                )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rust/engine/src/decide.rs", True),
        ("rust/engine/src/tasks/<type>.rs", True),
        ("tests/conformance/tasks/<TYPE>/", True),
        ("rust/engine/src/decided.rs", False),
        ("rust/engines/src/<type>.rs", False),
        ("demo.py", False),
    ],
)
def test_paths_are_told_from_dead_ones(text: str, *, expected: bool) -> None:
    assert PATH.fullmatch(text)
    assert exists(text, near=ROOT) is expected


@pytest.mark.parametrize(
    "text", ["/health", "tasks.update", "fork", "w1/a b", "Live::check", "_MAX", "S-25.5"]
)
def test_other_words_are_not_taken_for_paths(text: str) -> None:
    assert not PATH.fullmatch(text)
