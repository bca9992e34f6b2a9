"""The embedded store: a journal and an SQLite archive in one folder, driven from the core."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import structlog

from fastcond.config import export_default
from fastcond.errors import StoreError

if TYPE_CHECKING:
    from fastcond._core import Node
    from fastcond.config import Config


log = structlog.get_logger("fastcond.store")


def open_node(config: Config) -> Node:
    """Open the node on its data folder and recover what it holds; blocks until the node can serve."""
    # The core's allocator reads this when it is loaded. Memory that goes back to the kernel at once has to be
    # cleared again for the next payload; after ten idle seconds it still goes back.
    export_default("MIMALLOC_PURGE_DELAY", "10000")
    # Loaded here so that commands which open no store do not pay for the compiled core.
    from fastcond import _core  # noqa: PLC0415

    folder = config.store.data_dir
    try:
        # Payloads are nobody else's business.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the data folder {folder}: {error.strerror}") from error
    node = _core.Node.open(
        orjson.dumps(
            {
                "data_dir": str(folder.resolve()),
                "sync": config.store.sync,
                "instance": config.runtime.instance,
                "search_index": config.store.search_index,
                "search_text": config.store.search_text,
                "search_tasks": config.store.search_tasks,
                "poll_ms_max": round(config.http.poll_s_max * 1000),
                "events_kept_ms": round(config.store.events_kept_s * 1000),
                "environment": dict(config.runtime.environment),
                "secrets": dict(config.runtime.secrets),
                "script_command": _script_command(Path(_core.__file__)),
            }
        )
    )
    if rows := node.indexed():
        log.info("search index rebuilt", executions=rows)
    if not config.store.search_index:
        log.warning("search is switched off", setting="store.search_index")
    return node


def _script_command(core: Path) -> list[str]:
    """Return how the core starts the process that evaluates scripts: this interpreter with the core alone.

    Isolated and without site packages, so that nothing of the environment runs in it and it is there quickly.
    """
    root = str(core.resolve().parent.parent)
    program = f"import sys; sys.path.append({root!r}); from fastcond._core import serve_scripts as s; s()"
    return [sys.executable, "-I", "-S", "-c", program]
