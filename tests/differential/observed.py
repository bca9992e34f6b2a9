"""A transcript session that can tell the state of every execution it has met."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.conformance.session import Refused, Session
from tests.differential.view import lines_of
from tests.oracle.model import WORKFLOW_TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.backends import Backend
    from tests.conformance.session import Line, Word

Object = dict[str, Any]
States = dict[str, tuple[str, ...]]
"""Symbol to the lines of an execution."""


class Observed(Session):
    """One server, and the symbols of what runs there."""

    def __init__(self, backend: Backend, words: Mapping[str, Word]) -> None:
        super().__init__(backend, words)
        self._met: dict[str, str] = {}
        self._records: dict[str, Object] = {}

    def carry_out(self, line: Line) -> list[str]:
        """Do one command; what it prints. Raises Refused when the server says no."""
        return self._words[line.word](self, line)

    def _read(self, symbol: str, workflow_id: str) -> Object:
        record = super()._read(symbol, workflow_id)
        self._met[symbol] = workflow_id
        self._records[symbol] = record
        return record

    def states(self) -> States:
        """Read all that is known again, children and failure workflows too; what was removed is left out."""
        self._records = {}
        self.explore()
        for symbol, workflow_id in list(self._met.items()):
            if symbol not in self._records:
                self._visit(symbol, workflow_id)
        # A name met late stands also in what was read early.
        return {
            symbol: lines_of(symbol, self._records[symbol], self.masked) for symbol in sorted(self._records)
        }

    def records(self) -> dict[str, Object]:
        """What the last call of `states` read."""
        return self._records

    def undefine_last(self) -> None:
        """Delete the definition registered last."""
        verb, params = self.defined.pop()
        self.backend.call(verb, params, b"")

    def nudge(self) -> None:
        """Have every execution that has not ended looked at, as a sweep would some time later."""
        for symbol, record in self._records.items():
            if record["status"] not in WORKFLOW_TERMINAL:
                with contextlib.suppress(Refused):
                    self.call("workflow.decide", {"workflowId": self._met[symbol]})
