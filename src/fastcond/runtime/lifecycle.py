"""Start and stop of the process: its phase, the signal that ends it, the fault that ends it at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from typing import Literal

import structlog

Phase = Literal["starting", "serving", "stopping"]

# What a process manager sees after a fault of ours (EX_SOFTWARE): restart, the journal has everything
# acknowledged.
EXIT_FAULT = 70

log = structlog.get_logger("fastcond.lifecycle")


class Lifecycle:
    """The phase of the server and the wish to stop it."""

    def __init__(self) -> None:
        self.phase: Phase = "starting"
        self._stop = asyncio.Event()

    def serve(self) -> None:
        """Enter the serving phase; from here SIGTERM and SIGINT stop the server gracefully."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self.phase = "serving"

    def stop(self) -> None:
        """Ask for a graceful stop; a second request while stopping changes nothing."""
        self.phase = "stopping"
        self._stop.set()

    async def until_stopped(self) -> None:
        """Wait until somebody asked for a stop."""
        await self._stop.wait()


def abort(error: BaseException) -> None:
    """End the process now because the core or its delivery failed.

    Nothing is cleaned up on purpose: state is safe in the journal, and a half-updated server must not go on
    serving.
    """
    log.critical("the core failed, the process ends", exc_info=error)
    os._exit(EXIT_FAULT)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 1 << 16)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft
