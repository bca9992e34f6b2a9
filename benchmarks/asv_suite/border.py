"""Crossings between Python and Rust."""

from __future__ import annotations

import select
import tempfile
from pathlib import Path

from fastcond.config import Config, StoreConfig
from fastcond.stores.embedded import open_node


class Crossing:
    """A node without clients."""

    def setup(self) -> None:
        """Open a node on an empty folder."""
        self.folder = tempfile.TemporaryDirectory()
        self.node = open_node(Config(store=StoreConfig(data_dir=Path(self.folder.name))))

    def teardown(self) -> None:
        """Close it."""
        self.node.close()
        self.folder.cleanup()

    def time_nothing(self) -> None:
        """The floor: one number is looked up."""
        self.node.fd()

    def time_idle_turn(self) -> None:
        """A turn that finds nothing."""
        self.node.turn()

    def time_call_and_answer(self) -> None:
        """A cold call through engine and journal queue, and the turn that brings its answer."""
        self.node.submit("taskdefs.list", {}, b"")
        while self.node.turn() is None:
            select.select([self.node.fd()], [], [])
