"""The compiled load generator, run in this process."""

from __future__ import annotations

import signal

from fastcond import _core


def run(arguments: tuple[str, ...]) -> int:
    """Carry out a command line of the generator and return its exit code; Ctrl-C ends the process at once."""
    # The generator is not Python: nobody would look whether a signal came.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.run_bench(list(arguments))
