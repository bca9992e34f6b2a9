"""The store port: about ten verbs that every store offers, batch first.

A store knows records and revisions, not workflows: it never parses a payload and never names a task type.
Everything is bytes made by the core. One call carries a whole tick of the runtime; nothing here is called
once per item.

The embedded store keeps these verbs inside the compiled core, where they cross no language border; stores
that live in another process (Redis, SQL) implement this Protocol and are driven by the runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

# D3 survives power loss of the node, D2 loses at most about a second on an operating-system crash, D1
# survives only a crash of this process.
DurabilityClass = Literal["D1", "D2", "D3"]


@dataclass(frozen=True)
class Description:
    """What a store promises, read from its real settings rather than from ours."""

    store: str
    durability: DurabilityClass
    is_multi_node: bool
    has_search: bool
    is_healthy: bool
    reason: str | None = None


@dataclass(frozen=True)
class Commit:
    """What must become true for one workflow, atomically, if its revision is still `expected`."""

    workflow_id: str
    expected: int
    operations: bytes


@dataclass(frozen=True)
class Committed:
    """The new revision of one commit; None when another came first and the caller must decide again."""

    revision: int | None


@dataclass(frozen=True)
class Lease:
    """The right to run one task attempt until a time; a result counts only with the latest fence."""

    task_id: str
    workflow_id: str
    fence: int
    until_ms: int


@dataclass(frozen=True)
class OutboxEntry:
    """Something that must reach an index, a broker or a listener: at least once, in order per workflow."""

    position: int
    workflow_id: str
    entry: bytes


class StorePort(Protocol):
    """The verbs of a store.

    `commit` is the only one that makes executions true; what it acknowledged survives as its durability
    class says. `load` sees every acknowledged commit. `lease` and `due` may be answered from copies that
    lag, since a lease is checked again by the fence and a timer by the engine.
    """

    async def open(self) -> None:
        """Connect, check the real settings, and refuse when a required durability class is not given."""

    async def close(self) -> None:
        """Finish what was handed in and let go of the store."""

    async def migrate(self) -> None:
        """Bring the store's layout to this release; refuse a layout that is newer."""

    async def load(self, workflow_ids: Sequence[str]) -> list[bytes | None]:
        """Return the records of each workflow with its revision, None for an unknown id."""

    async def commit(self, batch: Sequence[Commit]) -> list[Committed]:
        """Make each item true atomically or report its conflict; items are independent of each other."""

    async def lease(self, queue: str, worker: str, count: int, until_ms: int) -> list[Lease]:
        """Hand out at most `count` ready attempts of one queue, best first, each to one worker only."""

    async def extend(self, leases: Sequence[Lease]) -> list[bool]:
        """Push out leases that are still the latest; False for one that has been handed on."""

    async def due(self, now_ms: int, limit: int) -> list[bytes]:
        """Return timers due at `now_ms`; each is returned until a commit removes it."""

    async def outbox(self, after: int, limit: int) -> list[OutboxEntry]:
        """Return entries after a position, in order."""

    async def outbox_done(self, up_to: int) -> None:
        """Forget entries up to a position; all their readers have them."""

    async def scan(self, kind: str, cursor: bytes, limit: int) -> tuple[list[bytes], bytes]:
        """Walk all records of a kind, to rebuild and to check; an empty cursor starts and ends the walk."""

    async def search(self, query: bytes) -> bytes:
        """Answer a search by status, name, correlation id and time from the primary records."""

    async def describe(self) -> Description:
        """Say what this store promises now."""
