"""All peers by name, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.conductor import peer as conductor
from benchmarks.peers.dbos import peer as dbos
from benchmarks.peers.redis_lua import peer as redis_lua
from benchmarks.peers.restate import peer as restate
from benchmarks.peers.temporal import peer as temporal

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer

PEERS: dict[str, Peer] = {
    each.name: each for room in (conductor, restate, dbos, temporal, redis_lua) for each in room.PEERS
}
SHAPES = tuple(dict.fromkeys(shape for peer in PEERS.values() for shape in peer.shapes))
