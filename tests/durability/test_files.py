"""Cut, flipped and torn files of a dead server (quality F4: G8, G10); the core tests record boundaries."""

from __future__ import annotations

import os
import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.durability.image import (
    Image,
    copy,
    make_image,
    names_file_and_offset,
    open_damaged,
)
from tests.durability.server import Server, clean_environment, free_port

if TYPE_CHECKING:
    from pathlib import Path

SEED = 1
CASES = int(os.environ.get("DURABILITY_CASES", "1"))
"""How many times as many places are damaged as usual; the usual ones come first, whatever the number."""

REFUSE_S = 20.0
TORN_BYTES = 200

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("core")]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The folder of a server that was killed."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    return make_image(tmp_path_factory.mktemp("killed"), is_stopped_gracefully=False)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The folder of a server that was stopped, so that everything is in the archive."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    return make_image(tmp_path_factory.mktemp("stopped"), is_stopped_gracefully=True)


def test_undamaged_folder_holds_everything(killed: Image, tmp_path: Path) -> None:
    copy(killed, tmp_path / "home")
    verdict = open_damaged(killed, tmp_path / "home")
    assert verdict.is_open, verdict.message
    assert verdict.complaints == []


@pytest.mark.parametrize("case", range(5 * CASES))
def test_flipped_journal_bit_is_harmless_or_refused(killed: Image, tmp_path: Path, case: int) -> None:
    """G10: every byte below the guard record was proven durable, so damage there is never cut away."""
    offset, bit = _spot(f"flip {case}", below=killed.guarded)
    data_dir = copy(killed, tmp_path / "home")
    _flip(data_dir / "journal" / killed.segment.name, offset=offset, bit=bit)
    _assert_whole_or_refused(killed, tmp_path / "home", what=f"bit {bit} at {offset}")


@pytest.mark.parametrize("case", range(3 * CASES))
def test_journal_cut_in_the_middle_is_harmless_or_refused(killed: Image, tmp_path: Path, case: int) -> None:
    """G10: a file that is shorter than it was made never shortens history silently."""
    offset, _ = _spot(f"cut {case}", below=killed.guarded)
    data_dir = copy(killed, tmp_path / "home")
    with (data_dir / "journal" / killed.segment.name).open("r+b") as file:
        file.truncate(offset)
    _assert_whole_or_refused(killed, tmp_path / "home", what=f"cut at {offset}")


@pytest.mark.parametrize("case", range(2 * CASES))
def test_torn_tail_is_cut_silently(killed: Image, tmp_path: Path, case: int) -> None:
    """G8: bytes of a record that was being written when the process died were promised to nobody."""
    dice = random.Random(f"{SEED} torn {case}")
    data_dir = copy(killed, tmp_path / "home")
    with (data_dir / "journal" / killed.segment.name).open("r+b") as file:
        file.seek(killed.written)
        file.write(dice.randbytes(dice.randrange(1, TORN_BYTES)))
    verdict = open_damaged(killed, tmp_path / "home")
    assert verdict.is_open, verdict.message
    assert verdict.complaints == []


def test_missing_journal_is_harmless_or_refused(stopped: Image, tmp_path: Path) -> None:
    """G10: an archive that knows of more than the journal holds means that somebody lost files."""
    data_dir = copy(stopped, tmp_path / "home")
    for segment in (data_dir / "journal").iterdir():
        segment.unlink()
    verdict = open_damaged(stopped, tmp_path / "home")
    assert verdict.complaints == []
    if not verdict.is_open:
        assert "journal" in verdict.message


@pytest.mark.parametrize("case", range(4 * CASES))
def test_flipped_archive_bit_is_harmless_or_reported(stopped: Image, tmp_path: Path, case: int) -> None:
    """G10 for SQLite: a changed row is never served as if it were right."""
    data_dir = copy(stopped, tmp_path / "home")
    archive = data_dir / "archive.sqlite"
    offset, bit = _spot(f"archive flip {case}", below=archive.stat().st_size)
    _flip(archive, offset=offset, bit=bit)
    _assert_whole_or_reported(stopped, tmp_path / "home", what=f"bit {bit} at {offset}")


@pytest.mark.parametrize("case", range(2 * CASES))
def test_archive_cut_in_the_middle_is_harmless_or_reported(stopped: Image, tmp_path: Path, case: int) -> None:
    data_dir = copy(stopped, tmp_path / "home")
    archive = data_dir / "archive.sqlite"
    offset, _ = _spot(f"archive cut {case}", below=archive.stat().st_size)
    with archive.open("r+b") as file:
        file.truncate(offset)
    _assert_whole_or_reported(stopped, tmp_path / "home", what=f"cut at {offset}")


def test_second_process_on_a_folder_is_refused(tmp_path: Path) -> None:
    """F4: two processes on one store."""
    server = Server(tmp_path)
    server.start()
    try:
        second = subprocess.run(
            server.command(port=free_port()),
            capture_output=True,
            text=True,
            timeout=REFUSE_S,
            check=False,
            cwd=tmp_path,
            env=clean_environment(),
        )
        assert second.returncode > 0, second
        assert str(server.data_dir) in second.stderr
        assert "in use" in second.stderr
        assert server.call("GET", "/health").status == 200
    finally:
        server.kill()


def _spot(what: str, *, below: int) -> tuple[int, int]:
    """Returns an offset and a bit, the same ones for the same seed and name."""
    dice = random.Random(f"{SEED} {what}")
    return dice.randrange(below), dice.randrange(8)


def _flip(path: Path, *, offset: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def _assert_whole_or_refused(image: Image, home: Path, *, what: str) -> None:
    verdict = open_damaged(image, home)
    print(f"{what} of {image.guarded}: {'opened' if verdict.is_open else 'refused'}")
    assert verdict.complaints == [], f"{what}: {verdict.complaints[:5]}"
    if not verdict.is_open:
        assert names_file_and_offset(verdict.message), f"{what}: {verdict.message}"


def _assert_whole_or_reported(image: Image, home: Path, *, what: str) -> None:
    verdict = open_damaged(image, home)
    print(f"{what}: {'opened' if verdict.is_open else 'refused'}")
    assert verdict.complaints == [], f"{what}: {verdict.complaints[:5]}"
    if not verdict.is_open:
        assert "archive.sqlite" in verdict.message, f"{what}: {verdict.message}"
