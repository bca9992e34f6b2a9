"""The composition root: the only place that names concrete stores, workers and edges and joins them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import structlog
import uvloop

from fastcond.http.app import build_app
from fastcond.http.front import Front
from fastcond.runtime import lifecycle
from fastcond.runtime.calls import Calls
from fastcond.runtime.health import Probe
from fastcond.runtime.lifecycle import Lifecycle
from fastcond.runtime.log import configure
from fastcond.runtime.metrics import Metrics, watch_process
from fastcond.runtime.pump import Pump
from fastcond.runtime.workers import WorkerPool
from fastcond.stores import STORES
from fastcond.version import version
from fastcond.workers import kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcond._core import Node
    from fastcond.config import Config

log = structlog.get_logger("fastcond")

# Descriptors kept for the store, HTTP tasks and the rest.
_FILES_RESERVED = 256


def run_server(config: Config, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully.

    `announce` is given the banner once requests are accepted. Raises StoreError when the store cannot be
    opened or closed and ConfigError when the address cannot be had.
    """
    configure(config.log)
    files = lifecycle.raise_file_limit()
    if files < config.http.connections_max + _FILES_RESERVED:
        log.warning("fewer files may be open than connections are allowed", files=files)
    node = STORES[config.store.kind](config)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config, node, announce))
    finally:
        node.close()
    log.info("stopped")


async def _serve(config: Config, node: Node, announce: Callable[[str], None]) -> None:
    metrics = Metrics()
    watch_process(metrics)
    life = Lifecycle()
    calls = Calls(node)
    probe = Probe(node, life)
    instance = config.runtime.instance

    async def metrics_text() -> bytes:
        core = await calls.submit("node.metrics", {})
        return core.body + metrics.text()

    app = build_app(calls, probe=probe, metrics_text=metrics_text, instance=instance)
    front = Front(node, app, config=config.http, instance=instance, metrics=metrics)
    pump = Pump(node, ask=front.ask, settle=calls.settle, fail=lifecycle.abort)
    front.kick = pump.kick
    pump.start()
    try:
        async with kinds(config.workers) as table:
            pool = WorkerPool(
                calls,
                table,
                worker_id=instance,
                concurrency_max=config.workers.concurrency_max,
                metrics=metrics,
            )
            port = await front.listen()
            pool.start()
            life.serve()
            announce(_banner(config, node, port))
            log.info("serving", data_dir=str(config.store.data_dir), egress=config.workers.egress)
            await life.until_stopped()
            log.info("stopping")
            node.stop_listening()
            node.drain_polls()
            within_s = config.runtime.drain_s_max
            await asyncio.gather(front.drain(within_s=within_s), pool.stop(within_s=within_s))
    finally:
        pump.stop()


def _banner(config: Config, node: Node, port: int) -> str:
    host = config.http.host
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    described = orjson.loads(node.describe())
    return f"fastcond {version()} {url} store={described['store']} durability={described['durability']}"
