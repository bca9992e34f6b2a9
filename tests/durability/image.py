"""A copy of a dead server's folder that tests damage, and what a server makes of it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.durability.burst import WORKFLOW, register
from tests.durability.server import Server

RECORD_ALIGNMENT = 8
CHUNK_BYTES = 1 << 20
OPEN_EXECUTIONS = 12
DONE_EXECUTIONS = 12

Execution = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A folder as a dead server left it, with the executions it must hold.

    The bytes of `segment` below `guarded` were durable before a later, acknowledged record was written.
    """

    data_dir: Path
    executions: dict[str, Execution]
    segment: Path
    guarded: int
    written: int


@dataclass(frozen=True)
class Verdict:
    """What a server did with a damaged folder: opened it and had everything, or refused with a message."""

    is_open: bool
    message: str
    complaints: list[str]


def make_image(home: Path, *, is_stopped_gracefully: bool) -> Image:
    """Runs a server, has it acknowledge executions and a guard after them, ends it, and keeps the folder."""
    server = Server(home)
    server.start()
    try:
        register(server)
        ids = [_start(server, f"image-{number}") for number in range(OPEN_EXECUTIONS + DONE_EXECUTIONS)]
        for task in _poll(server, DONE_EXECUTIONS):
            _complete(server, task)
        executions = {workflow_id: _read(server, workflow_id) for workflow_id in ids}
        guarded = written_end(newest_segment(server.data_dir))
        _start(server, "guard")
    except BaseException:
        server.kill()
        raise
    if is_stopped_gracefully:
        assert server.stop() == 0
    else:
        server.kill()
    segment = newest_segment(server.data_dir)
    return Image(server.data_dir, executions, segment, guarded, written_end(segment))


def open_damaged(image: Image, home: Path) -> Verdict:
    """Starts a server on the folder in `home` and compares what it holds with the image."""
    server = Server(home)
    server.launch()
    try:
        if not server.became_ready():
            assert server.exit_code is not None, f"neither ready nor refused: {server.log_tail()}"
            assert server.exit_code > 0, f"a refusal is no crash ({server.exit_code}): {server.log_tail()}"
            return Verdict(is_open=False, message=server.last_log(), complaints=[])
        complaints = [
            text
            for workflow_id, expected in image.executions.items()
            for text in _compare(server, workflow_id, expected)
        ]
        return Verdict(is_open=True, message=server.last_log(), complaints=complaints)
    finally:
        server.kill()


def copy(image: Image, home: Path) -> Path:
    """Copies the folder of an image to a new home and returns the copy."""
    target = home / "data"
    shutil.copytree(image.data_dir, target, copy_function=_copy_sparse)
    return target


def _copy_sparse(source: str, target: str) -> None:
    """Copies a file with a hole for the zeros at its end: segments are long and mostly unwritten."""
    length = _length_without_zeros(Path(source))
    with Path(source).open("rb") as original, Path(target).open("wb") as file:
        file.write(original.read(length))
        file.truncate(Path(source).stat().st_size)


def _length_without_zeros(path: Path) -> int:
    """Returns the offset behind the last byte that is not zero."""
    with path.open("rb") as file:
        end = path.stat().st_size
        while end > 0:
            begin = max(0, end - CHUNK_BYTES)
            file.seek(begin)
            chunk = file.read(end - begin)
            if chunk != bytes(len(chunk)):
                return begin + len(chunk.rstrip(b"\0"))
            end = begin
    return 0


def newest_segment(data_dir: Path) -> Path:
    """Returns the journal file that was written last; names begin with a number that counts up."""
    segments = [file for file in (data_dir / "journal").iterdir() if re.match(r"\d", file.name)]
    return max(segments, key=lambda file: file.name)


def written_end(segment: Path) -> int:
    """Returns the offset behind the last byte that is not zero, at the alignment of records."""
    return -(-_length_without_zeros(segment) // RECORD_ALIGNMENT) * RECORD_ALIGNMENT


def names_file_and_offset(message: str) -> bool:
    """G10: whether a refusal says which journal file is damaged, and where."""
    return re.search(r"journal/\S+", message) is not None and re.search(r"offset \d+", message) is not None


def _compare(server: Server, workflow_id: str, expected: Execution) -> list[str]:
    reply = server.call("GET", f"/api/workflow/{workflow_id}?includeTasks=true")
    if reply.status >= 500 and "damaged" in str(reply.json().get("message")):
        return []
    if reply.status != 200:
        return [f"lost: {workflow_id} gives {reply.status} {reply.body[:200]!r}"]
    return [] if reply.json() == expected else [f"wrong: {workflow_id} reads differently: {reply.json()}"]


def _start(server: Server, token: str) -> str:
    body = {"name": WORKFLOW, "version": 1, "input": {"token": token}, "correlationId": token}
    reply = server.call("POST", "/api/workflow", body=body)
    assert reply.status == 200, reply
    return reply.body.decode()


def _poll(server: Server, count: int) -> list[dict[str, Any]]:
    reply = server.call("GET", f"/api/tasks/poll/batch/kt_work?workerid=image&count={count}&timeout=1000")
    tasks: list[dict[str, Any]] = reply.json()
    assert len(tasks) == count, f"asked for {count} tasks, got {len(tasks)}"
    return tasks


def _complete(server: Server, task: dict[str, Any]) -> None:
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": task["workflowInstanceId"],
        "status": "COMPLETED",
        "outputData": {"token": f"done-{task['taskId']}"},
    }
    assert server.call("POST", "/api/tasks", body=result).status == 200


def _read(server: Server, workflow_id: str) -> Execution:
    reply = server.call("GET", f"/api/workflow/{workflow_id}?includeTasks=true")
    assert reply.status == 200, reply
    execution: Execution = reply.json()
    return execution
