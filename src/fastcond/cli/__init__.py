"""The `fastcond` command: arguments to configuration to application; each group loads only what it needs."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

# Command to (module, function, one-line help). A module is imported when its command runs, so that help
# stays quick.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "server": ("fastcond.cli.server", "server", "Run the server."),
    "bench": ("fastcond.cli.bench", "bench", "Measure a Conductor-compatible server."),
    "version": ("fastcond.cli.version", "version_command", "Print the version."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; its help comes from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the interface's name
        """Return the command names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Durable workflows: a drop-in replacement for Conductor."""


def main() -> None:
    """Run the command; our own errors end with one line of cause and remedy instead of a traceback."""
    from fastcond.errors import FastcondError, Refusal  # noqa: PLC0415 - only when something runs

    try:
        cli.main(prog_name="fastcond")
    except FastcondError as error:
        click.echo(f"fastcond: {error}", err=True)
        sys.exit(2 if isinstance(error, Refusal) else 1)
