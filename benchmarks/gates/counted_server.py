"""The server with every call into its core counted.

``python -m benchmarks.gates.counted_server FOLDER`` serves on a free port, prints the banner, and answers
each line on its standard input with the calls so far, as JSON of name to number.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from fastcond import app
from fastcond.config import load
from fastcond.stores import embedded

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcond._core import Node
    from fastcond.config import Config


class CountedNode:
    """A node that counts the calls of its methods; each is one crossing between Python and Rust."""

    def __init__(self, node: Node, counts: Counter[str]) -> None:
        self._node = node
        self._counts = counts

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._node, name)

        def counted(*arguments: object) -> object:
            self._counts[name] += 1
            return method(*arguments)

        # Found directly from now on.
        setattr(self, name, counted)
        return counted


def main() -> None:
    """Serve until the signal that ends a server."""
    counts: Counter[str] = Counter()

    def open_counted(config: Config) -> Node:
        return cast("Node", CountedNode(embedded.open_node(config), counts))

    # Whatever the application looks its store up in, it finds the counted one.
    vars(app)["STORES"] = {"embedded": open_counted}
    threading.Thread(target=_answer, args=(counts,), daemon=True).start()
    flags = {"http.port": 0, "store.data_dir": Path(sys.argv[1])}
    app.run_server(load(flags, environ={}).config, announce=_say)


def _answer(counts: Counter[str]) -> None:
    for _ in sys.stdin:
        _say(orjson.dumps(counts.copy()).decode())


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
