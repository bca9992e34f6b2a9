"""Which version of fastcond this is."""

from __future__ import annotations

import functools
from importlib import metadata


@functools.cache
def version() -> str:
    """Return the installed version, which the build took from Cargo.toml."""
    try:
        return metadata.version("fastcond")
    except metadata.PackageNotFoundError:
        return "0+unknown"
