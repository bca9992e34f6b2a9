"""Scripts of definitions on a live server: hostile ones end, and nothing else notices (H15-H19, G23)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.http.calls import define, read, start

if TYPE_CHECKING:
    from tests.conftest import Server

# What another request may wait while such a script is ended; generous, because machines are shared.
VICTIM_S_MAX = 2.0

BOMBS = {
    "loop": "for (;;);",
    "sparse_join": "new Array(4294967295).join('')",
    "concat": "[].concat.call(Object.assign([], {length: 4294967295}), 1)",
    "regular_expression": "'a'.repeat(100000).replace(/(?=(a+))/g, '')",
}


def _inline(script: str, **fields: Any) -> dict[str, Any]:
    inputs = {"evaluatorType": "javascript", "expression": script, "a": 20}
    return {
        "name": "script",
        "taskReferenceName": "script",
        "type": "INLINE",
        "inputParameters": inputs,
        **fields,
    }


def _script_process(server: Server) -> int:
    """Return the process of the server that evaluates scripts."""
    own = server.process.pid
    children = Path(f"/proc/{own}/task").glob("*/children")
    (pid,) = {int(pid) for each in children for pid in each.read_text().split()}
    return pid


def test_scripts_that_do_not_end_are_ended_and_others_are_served(server: Server) -> None:
    """S-36.2: out of time is a failure; the server answers within moments all the while."""
    for name, script in BOMBS.items():
        define(server, name, [_inline(script)])
        began = time.monotonic()
        execution = read(server, start(server, name))
        assert time.monotonic() - began < VICTIM_S_MAX, name
        (task,) = execution["tasks"]
        assert (execution["status"], task["status"]) == ("FAILED", "FAILED"), name
        assert "time limit" in task["reasonForIncompletion"], name
        began = time.monotonic()
        assert server.call("GET", "/health").status == 200
        assert time.monotonic() - began < VICTIM_S_MAX, name
    define(server, "sane", [_inline("$.a + 22")])
    execution = read(server, start(server, "sane"))
    assert execution["tasks"][0]["outputData"] == {"result": 42}


def test_the_script_process_may_die_while_it_is_idle(server: Server) -> None:
    define(server, "before_and_after", [_inline("$.a + 22")])
    start(server, "before_and_after")
    first = _script_process(server)
    os.kill(first, signal.SIGKILL)
    execution = read(server, start(server, "before_and_after"))
    assert execution["status"] == "COMPLETED"
    assert _script_process(server) != first


def test_the_script_process_knows_nothing_of_the_server(server: Server) -> None:
    """Neither its environment nor its files are handed on."""
    define(server, "any", [_inline("1")])
    start(server, "any")
    process = Path(f"/proc/{_script_process(server)}")
    names = {entry.split(b"=")[0] for entry in (process / "environ").read_bytes().split(b"\0") if entry}
    assert names <= {b"PATH", b"LD_LIBRARY_PATH", b"LANG"}
    assert not [path for path in (process / "fd").iterdir() if str(server.data_dir) in str(path.readlink())]
