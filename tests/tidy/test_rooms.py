"""Which room may know which: Python imports by an AST walk, crate edges by `cargo metadata`."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.tidy.sources import PACKAGE, ROOT, python_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A room is a folder or a module of fastcond. `version` and `config` are leaves: frozen values, no behaviour.
LEAVES = {"errors", "config", "version"}
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "version": set(),
    "config": {"errors"},
    "http": {"runtime", "_core"} | LEAVES,
    "runtime": {"_core", "stores.port", "workers.port"} | LEAVES,
    "stores": {"_core"} | LEAVES,
    "workers": {"config", "errors"},
    "app": {"http", "runtime", "stores", "workers", "_core"} | LEAVES,
    "bench": {"_core"} | LEAVES,
    "cli": {"app", "bench"} | LEAVES,
}

CRATE_EDGES: dict[str, set[str]] = {
    "json": set(),
    "model": {"json"},
    "expr": {"json"},
    "engine": {"json", "model", "expr"},
    "queue": set(),
    "store": set(),
    "wire": set(),
    "node": {"json", "model", "expr", "engine", "queue", "store", "wire"},
    "bench": set(),
    # The store's settings are plain values that the border fills in.
    "python": {"bench", "node", "store"},
}
PURE = ("json", "model", "expr", "engine", "queue")
# What the purity lint must ban in each pure crate, whatever else it bans.
BANNED = (
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::collections::HashMap",
    "std::collections::HashSet",
)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import from fastcond, `TYPE_CHECKING` ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                (node.lineno, alias.name) for alias in node.names if alias.name.startswith("fastcond")
            )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by the full name, not relatively"
            if node.module == "fastcond":
                yield from ((node.lineno, f"fastcond.{alias.name}") for alias in node.names)
            elif (node.module or "").startswith("fastcond."):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", python_files("src"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may_know(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, (
        f"{room} is a new room: give it a row in MAY_IMPORT and a line in ARCHITECTURE.md"
    )
    for line, name in imports(path):
        inside = name.removeprefix("fastcond.")
        allowed = MAY_IMPORT[room] | {room}
        if not any(inside == each or inside.startswith(f"{each}.") for each in allowed):
            pytest.fail(
                f"{path.relative_to(ROOT)}:{line} imports {name}: {room}/ may know only {sorted(allowed)}. "
                "Hand the value in from app.py, or say in ARCHITECTURE.md why this arrow is right, and add it"
            )


def test_only_config_reads_the_environment_and_settings_files() -> None:
    for path in python_files("src"):
        if room_of(path) == "config":
            continue
        text = path.read_text(encoding="utf-8")
        found = re.search(r"\bos\.environ\b|\bos\.getenv\b|\btomllib\b", text)
        assert not found, f"{path.relative_to(ROOT)} uses {found.group()}: make it a setting in config.py"


def workspace() -> dict[str, set[str]]:
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    packages = json.loads(done.stdout)["packages"]
    prefix = "fastcond-"
    return {
        package["name"].removeprefix(prefix): {
            each["name"].removeprefix(prefix)
            for each in package["dependencies"]
            if each["name"].startswith(prefix) and each["kind"] != "dev"
        }
        for package in packages
    }


def test_a_crate_depends_only_on_crates_it_may_know() -> None:
    for crate, edges in workspace().items():
        assert crate in CRATE_EDGES, (
            f"{crate} is a new crate: give it a row in CRATE_EDGES and a line in ARCHITECTURE.md"
        )
        extra = edges - CRATE_EDGES[crate]
        assert not extra, (
            f"fastcond-{crate} depends on {sorted(extra)}: move the code to the crate that may, "
            "pass the value in, or say in ARCHITECTURE.md why this edge is right and add it to CRATE_EDGES"
        )


@pytest.mark.parametrize("crate", PURE)
def test_a_pure_crate_is_linted_for_purity(crate: str) -> None:
    lint = ROOT / "rust" / crate / "clippy.toml"
    assert lint.is_file(), f"rust/{crate} is pure: copy rust/engine/clippy.toml to it"
    text = lint.read_text(encoding="utf-8")
    missing = [banned for banned in BANNED if banned not in text]
    assert not missing, f"{lint.relative_to(ROOT)} must ban {missing}"


@pytest.mark.parametrize("crate", PURE)
def test_a_pure_crate_makes_no_exception_to_its_lint(crate: str) -> None:
    pattern = re.compile(r"#!?\[(?:allow|expect)\([^]]*(?:disallowed_methods|disallowed_types)")
    for path in sorted((ROOT / "rust" / crate).rglob("*.rs")):
        found = pattern.search(path.read_text(encoding="utf-8"))
        assert not found, (
            f"{path.relative_to(ROOT)} excuses itself from purity: take time, seed and order as arguments"
        )


def test_no_rust_is_unsafe() -> None:
    assert 'unsafe_code = "forbid"' in (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    for manifest in sorted((ROOT / "rust").glob("*/Cargo.toml")):
        text = manifest.read_text(encoding="utf-8")
        name = manifest.relative_to(ROOT)
        if name.parent.name == "python":
            # PyO3's macros expand to unsafe code; nothing is written by hand.
            assert 'unsafe_code = "deny"' in text
            continue
        assert re.search(r"\[lints\]\s*\nworkspace = true", text), f"{name}: inherit the workspace's lints"
