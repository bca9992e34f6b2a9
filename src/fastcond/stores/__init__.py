"""Stores: one folder each, one line each in `STORES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcond.stores import embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastcond._core import Node
    from fastcond.config import Config

STORES: Mapping[str, Callable[[Config], Node]] = {
    "embedded": embedded.open_node,
}
