"""The command line: help that loads nothing, errors that end with one line."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.conftest import finished

from fastcond.cli import COMMANDS, cli
from fastcond.cli.server import KEYS
from fastcond.config import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path


def test_help_imports_nothing_of_the_server() -> None:
    """Product 3.2: starts in under 80 ms; what makes it slow is what it imports."""
    code = (
        "import sys\nfrom fastcond.cli import cli\n"
        "try: cli(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'starlette', 'aiohttp', 'uvloop', 'fastcond._core', 'fastcond.app'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command() -> None:
    output = CliRunner().invoke(cli, ["--help"]).output
    for name, (_, _, text) in COMMANDS.items():
        assert name in output
        assert text in output


def test_version_names_the_api_it_speaks() -> None:
    output = CliRunner().invoke(cli, ["version"]).output
    assert output.startswith("fastcond ")
    assert "(Conductor API 3.32.1)" in output


def test_every_option_of_the_server_is_a_known_setting() -> None:
    assert set(KEYS.values()) <= {setting.key for setting in SETTINGS}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--insecure"),
        (["--store", "etcd"], "must be one of embedded"),
        (["--config", "missing.toml"], "cannot read the settings file"),
    ],
)
def test_a_refused_start_says_why_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    status, out, err = finished("server", "start", *arguments, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("fastcond: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_an_unknown_setting_can_be_refused(tmp_path: Path) -> None:
    (tmp_path / "fastcond.toml").write_text("[http]\nprot = 1\n")
    status, _, err = finished("server", "start", "--strict-config", cwd=tmp_path)
    assert status == 2
    assert "did you mean http.port?" in err
