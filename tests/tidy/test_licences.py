"""Every dependency, of either language, has a licence from the list in deny.toml."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib import metadata
from typing import Any

import pytest
from tests.tidy.sources import ROOT

ALLOWED = frozenset(tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"])

# Python packages whose metadata names no SPDX licence: what their licence file says.
READ_BY_HAND: dict[str, str] = {}
# Packages let in although part of their licence is not on the list, each with the reason.
LET_IN = {
    "orjson": "MPL-2.0 covers orjson's own files, which are used unmodified",
}
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}


def is_met(expression: str) -> bool:
    """Tell whether an SPDX expression can be met from the allowed licences; "/" is an old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    value, rest = _any(tokens)
    assert not rest, f"cannot read the licence expression {expression!r}"
    return value


def _any(tokens: list[str]) -> tuple[bool, list[str]]:
    value, tokens = _all(tokens)
    while tokens and tokens[0].upper() == "OR":
        other, tokens = _all(tokens[1:])
        value = value or other
    return value, tokens


def _all(tokens: list[str]) -> tuple[bool, list[str]]:
    value, tokens = _one(tokens)
    while tokens and tokens[0].upper() == "AND":
        other, tokens = _one(tokens[1:])
        value = value and other
    return value, tokens


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        value, tokens = _any(tokens[1:])
        return value, tokens[1:]
    name, tokens = tokens[0], tokens[1:]
    if tokens and tokens[0].upper() == "WITH":
        name, tokens = f"{name} WITH {tokens[1]}", tokens[2:]
    return name in ALLOWED, tokens


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT/Apache-2.0", True),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", True),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
    ],
)
def test_licence_expressions(expression: str, *, expected: bool) -> None:
    assert is_met(expression) is expected


def crates() -> list[dict[str, Any]]:
    host = re.search(r"host: (\S+)", subprocess.check_output(["rustc", "-vV"], text=True, timeout=60))
    assert host is not None
    command = ["cargo", "metadata", "--format-version", "1", "--filter-platform", host.group(1)]
    # Offline first, so that the check runs anywhere the build has run; a fresh clone may have to fetch.
    for extra in (["--offline"], []):
        done = subprocess.run([*command, *extra], cwd=ROOT, capture_output=True, check=False, timeout=300)
        if done.returncode == 0:
            resolved: list[dict[str, Any]] = json.loads(done.stdout)["packages"]
            return resolved
    raise AssertionError(done.stderr.decode())


def test_every_crate_has_an_allowed_licence() -> None:
    for crate in crates():
        licence = crate["license"]
        assert licence, f"{crate['name']} names no licence: choose another crate"
        assert is_met(licence), (
            f"{crate['name']} {crate['version']} is {licence}: choose another crate or discuss deny.toml"
        )


def locked_packages() -> list[str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)


@pytest.mark.parametrize("name", locked_packages())
def test_every_python_package_has_an_allowed_licence(name: str) -> None:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed on this platform")
    classifiers = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if "License ::" in line
    ]
    candidates = [
        READ_BY_HAND.get(name),
        _field(about, "License-Expression"),
        *(CLASSIFIERS.get(classifier) for classifier in classifiers),
        _field(about, "License"),
    ]
    if name in LET_IN:
        return
    licence = next((each for each in candidates if each), None)
    assert licence, f"{name} names no licence: read its licence file and add a row to READ_BY_HAND"
    assert is_met(licence), f"{name} is {licence}: choose another package, or talk about deny.toml first"


def _field(about: metadata.PackageMetadata, name: str) -> str | None:
    return next(iter(about.get_all(name) or []), None)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lock, requirements in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        text = (ROOT / lock).read_text(encoding="utf-8")
        for requirement in requirements:
            name = re.split(r"[<>=!~\[ ;]", requirement)[0]
            assert re.search(rf"^{re.escape(name)}==", text, re.MULTILINE), (
                f"{name} is not in {lock}: run make lock"
            )
        assert "--hash=sha256:" in text, f"{lock} has no hashes: run make lock"
