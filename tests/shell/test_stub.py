"""The hand-written stub of the core says what the binary has."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_the_stub_matches_the_core() -> None:
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    command = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "fastcond._core",
        "--ignore-disjoint-bases",
        "--concise",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, (
        f"bring src/fastcond/_core.pyi and rust/python together:\n{done.stdout}{done.stderr}"
    )
