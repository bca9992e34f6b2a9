"""Runs transcript commands on a backend: ids in, symbols out."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.conformance.backends import deadline, decoded
from tests.oracle.compare import UUID, started_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.backends import Backend

Object = dict[str, Any]
_PAUSE_S = 0.05
# Words that change nothing: on a live server they are said again until what they show is there.
READS = {"show", "status", "queue", "caused"}
_TASK_REASON = re.compile(r"(Task .+? failed with status: \w+ and reason: ')(.*)(')", re.DOTALL)
_SUB_REASON = re.compile(r"(Sub workflow \S+ failure reason: )(.*)", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A command taken apart: word, plain arguments, key=value options, JSON."""

    word: str
    args: list[str]
    options: dict[str, str]
    json: Any

    @staticmethod
    def parse(text: str) -> Line:
        head, body = text, None
        opening = re.search(r"(?<=\s)[{\[]", text)
        if opening is not None:
            head, body = text[: opening.start()], json.loads(text[opening.start() :])
        word, *rest = shlex.split(head)
        options = dict(r.split("=", 1) for r in rest if re.match(r"[a-z]+=", r))
        return Line(word, [r for r in rest if not re.match(r"[a-z]+=", r)], options, body)


Word = Callable[["Session", Line], list[str]]


class Refused(Exception):
    """The server said no."""


class Session:
    """One transcript running on one backend."""

    def __init__(self, backend: Backend, words: Mapping[str, Word]) -> None:
        self.backend = backend
        self._words = words
        self.workflows: dict[str, str] = {}
        self.defined: list[tuple[str, dict[str, str]]] = []
        self._symbols: dict[str, str] = {}
        self._said: set[str] = set()
        # Executions that others have started; some end with nobody.
        self._started: set[str] = set()

    # ---- running

    def run(self, commands: tuple[str, ...], expected: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What a block prints; on a live server, readers are asked until it is what is expected."""
        output = self._once(commands, expected)
        reads = all(c.split()[0] in READS for c in commands)
        until = deadline()
        while self.backend.eventual and reads and output != expected and time.monotonic() < until:
            time.sleep(_PAUSE_S)
            output = self._once(commands, expected)
        return output

    def _once(self, commands: tuple[str, ...], expected: tuple[str, ...]) -> tuple[str, ...]:
        printed: list[str] = []
        for command in commands:
            line = Line.parse(command)
            try:
                printed.extend(self._words[line.word](self, line))
                if (
                    line.word == "poll"
                    and self.backend.eventual
                    and printed[-1:] == ["nothing"] != list(expected[-1:])
                ):
                    printed[-1:] = self._poll_until(line)
            except Refused as refused:
                printed.append(f"error {refused}")
        return tuple(printed) or ("ok",)

    def _poll_until(self, line: Line) -> list[str]:
        until = deadline()
        while time.monotonic() < until:
            time.sleep(_PAUSE_S)
            found = self._words["poll"](self, line)
            if found != ["nothing"]:
                return found
        return ["nothing"]

    def call(self, verb: str, params: dict[str, str] | None = None, body: Any = None) -> Any:
        """One call; anything but a 2xx is printed as an error."""
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.backend.call(verb, params or {}, raw)
        if not 200 <= answer[0] < 300:
            raise Refused(answer[0])
        return decoded(answer)

    def forget(self) -> None:
        """Leaves a live server as it was found."""
        for verb, params in self.defined:
            self.backend.call(verb, params, b"")
        for found in (*self.workflows.values(), *self._started):
            self.backend.call("workflow.terminate", {"workflowId": found}, b"")

    # ---- names

    def fetch(self, symbol: str) -> Object:
        """A workflow by its symbol: `w1`, what its task started `w1.ref`, or a failure workflow `w1!`."""
        return self._read(symbol, self.workflow_id(symbol))

    def _read(self, symbol: str, workflow_id: str) -> Object:
        workflow: Object = self.call("workflow.get", {"workflowId": workflow_id})
        workflow["tasks"].sort(key=lambda t: t["seq"])
        self._symbols[workflow_id] = symbol
        for task in workflow["tasks"]:
            name = task_name(task)
            self._symbols[task["taskId"]] = f"{symbol}/{name}"
            started = started_by(task)
            if started is not None:
                self._started.add(started)
                self._visit(f"{symbol}.{name}", started)
        note = workflow["output"].get("conductor.failure_workflow")
        if isinstance(note, str) and UUID.fullmatch(note) and note not in self._symbols:
            self._started.add(note)
            self._visit(f"{symbol}!", note)
        return workflow

    def _visit(self, symbol: str, workflow_id: str) -> None:
        """Reads a workflow for the names of what it holds; one that is gone has none."""
        with contextlib.suppress(Refused):
            self._read(symbol, workflow_id)

    def explore(self) -> None:
        """Learns the names of everything that the known workflows have started."""
        for symbol, found in self.workflows.items():
            self._visit(symbol, found)

    def workflow_id(self, symbol: str) -> str:
        """The id behind a symbol."""
        if symbol in self.workflows:
            return self.workflows[symbol]
        if symbol.endswith("!"):
            note: str = self.fetch(symbol[:-1])["output"]["conductor.failure_workflow"]
            return note
        if "." not in symbol:
            raise Refused(f"{symbol} was never started")
        parent, ref = symbol.rsplit(".", 1)
        child = started_by(self._task(parent, ref))
        if child is None:
            raise LookupError(f"{parent}/{ref} has started nothing")
        return child

    def task(self, symbol: str) -> Object:
        """A task: `w1/ref` is the newest instance, `w1/ref#0` a certain attempt."""
        return self._task(*symbol.split("/", 1))

    def _task(self, workflow: str, ref: str) -> Object:
        name, _, attempt = ref.partition("#")
        tasks = [t for t in self.fetch(workflow)["tasks"] if t["referenceTaskName"] == name]
        if attempt:
            tasks = [t for t in tasks if t["retryCount"] == int(attempt)]
        if not tasks:
            raise LookupError(f"{workflow} has no task {ref}")
        found: Object = tasks[-1]
        return found

    def with_ids(self, value: Any) -> Any:
        """A value with `@w1` and `@w1/ref` in objects replaced by the ids behind the symbols."""
        if isinstance(value, dict):
            return {k: self.with_ids(v) for k, v in value.items()}
        if isinstance(value, str) and value.startswith("@"):
            symbol = value[1:]
            found: str = self.task(symbol)["taskId"] if "/" in symbol else self.workflow_id(symbol)
            return found
        return value

    def masked(self, value: Any) -> Any:
        """A value with ids as symbols and free texts hidden."""
        if isinstance(value, dict):
            return {k: "~" if _is_free(k, v) else self.masked(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.masked(v) for v in value]
        if isinstance(value, str):
            return UUID.sub(lambda m: self._symbols.get(m.group(), "<id>"), value)
        return value

    def reason(self, text: str) -> str:
        """A reason: as it is where the contract or the transcript fixes its words, else `~`."""
        for pattern in (_TASK_REASON, _SUB_REASON):
            found = pattern.fullmatch(text)
            if found is not None:
                start, inner, *rest = found.groups()
                return f"{self.masked(start)}{self.reason(inner)}{''.join(rest)}"
        if text in self._said or re.match(r"Workflow is \w+ by TERMINATE task: ", text):
            return str(self.masked(text))
        return "~"

    def symbol(self, found: str) -> str | None:
        """The symbol of an id that has been seen."""
        return self._symbols.get(found)

    def say(self, text: str | None) -> None:
        """Notes a text that came from the transcript."""
        if text is not None:
            self._said.add(text)


def _is_free(key: str, value: Any) -> bool:
    """Whether a value is a text that the contract leaves open, or a moment of the server's clock."""
    return key in {"error", "receivedAt"} and isinstance(value, str)


def task_name(task: Object) -> str:
    attempt = f"#{task['retryCount']}" if task["retryCount"] else ""
    return f"{task['referenceTaskName']}{attempt}"
