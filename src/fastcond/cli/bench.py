"""`fastcond bench`: load from compiled code, and what its reports say."""

from __future__ import annotations

import sys
from pathlib import Path

import click

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@click.group("bench")
def bench() -> None:
    """Measure a Conductor-compatible server.

    `fastcond bench help` lists the profiles and the options of `run`, `null` and `fsync`.
    """


def _carry_out(arguments: tuple[str, ...]) -> None:
    from fastcond.bench import generator  # noqa: PLC0415 - only when the command runs

    sys.exit(generator.run(arguments))


@bench.command("help")
def usage() -> None:
    """Show the options of run, null and fsync."""
    _carry_out(("help",))


@bench.command("run", context_settings=PASSED_ON)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def run(options: tuple[str, ...]) -> None:
    """Drive a server in a closed or open loop and check that nothing is lost."""
    _carry_out(("run", *options))


@bench.command("null", context_settings=PASSED_ON)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def null(options: tuple[str, ...]) -> None:
    """Serve as the null durable server: receive, log, answer."""
    _carry_out(("null", *options))


@bench.command("fsync", context_settings=PASSED_ON)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def fsync(options: tuple[str, ...]) -> None:
    """Time appends that are made durable."""
    _carry_out(("fsync", *options))


@bench.command("compare")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
def compare(first: Path, second: Path) -> None:
    """Show two reports of `run --json` side by side, as ratios."""
    from fastcond.bench import compare as comparison  # noqa: PLC0415 - only when the command runs
    from fastcond.bench import report  # noqa: PLC0415

    for line in comparison.compare(report.read(first), report.read(second)):
        click.echo(line)


@bench.command("plan")
@click.argument("run_report", metavar="REPORT", type=click.Path(path_type=Path))
def plan(run_report: Path) -> None:
    """Turn a report of `run --json` into a capacity table."""
    from fastcond.bench import plan as planning  # noqa: PLC0415 - only when the command runs
    from fastcond.bench import report  # noqa: PLC0415

    for line in planning.plan(report.read(run_report)):
        click.echo(line)
