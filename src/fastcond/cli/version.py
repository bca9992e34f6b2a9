"""`fastcond version`."""

from __future__ import annotations

import click


@click.command("version")
def version_command() -> None:
    """Print the version of fastcond and of the Conductor API it speaks."""
    from fastcond.config import COMPATIBLE_VERSION  # noqa: PLC0415 - only when the command runs
    from fastcond.version import version  # noqa: PLC0415

    click.echo(f"fastcond {version()} (Conductor API {COMPATIBLE_VERSION})")
