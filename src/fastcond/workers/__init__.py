"""I/O system tasks: one file per type, one line each in `kinds`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fastcond.workers.http import HttpTask
from fastcond.workers.jdbc import JdbcTask
from fastcond.workers.kafka_publish import KafkaPublishTask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastcond.config import WorkersConfig
    from fastcond.workers.port import Run


@contextlib.asynccontextmanager
async def kinds(config: WorkersConfig) -> AsyncIterator[Mapping[str, Run]]:
    """Open what the workers share and yield the table from task type to worker function."""
    async with HttpTask(config) as http:
        yield {
            "HTTP": http.run,
            "JDBC": JdbcTask(config).run,
            "KAFKA_PUBLISH": KafkaPublishTask().run,
        }
