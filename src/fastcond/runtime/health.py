"""Health as clients and orchestrators ask for it: alive, ready, and what the store promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from fastcond._core import Node
    from fastcond.runtime.lifecycle import Lifecycle


@dataclass(frozen=True)
class Health:
    """One look at the server: the core's own description and the phase of the process."""

    is_healthy: bool
    is_ready: bool
    reason: str | None
    description: dict[str, Any]


class Probe:
    """Looks at the core and the lifecycle; holds no state of its own, so an answer is never stale."""

    def __init__(self, node: Node, lifecycle: Lifecycle) -> None:
        self._node = node
        self._lifecycle = lifecycle

    def look(self) -> Health:
        """Return the health of this moment."""
        description: dict[str, Any] = orjson.loads(self._node.describe())
        healthy = bool(description.pop("healthy"))
        reason = description.pop("reason", None)
        phase = self._lifecycle.phase
        if healthy and phase != "serving":
            reason = f"the server is {phase}"
        return Health(
            is_healthy=healthy,
            is_ready=healthy and phase == "serving",
            reason=reason,
            description=description,
        )
