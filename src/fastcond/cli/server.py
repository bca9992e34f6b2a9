"""`fastcond server`: run the server in the foreground."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def server() -> None:
    """Run the server."""


@server.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1; env FASTCOND_HOST].")
@click.option(
    "--port", type=int, help="Port to listen on, 0 for a free one [default: 8080; env FASTCOND_PORT]."
)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False),
              help="Folder of the embedded store [default: data; env FASTCOND_DATA_DIR].")  # fmt: skip
@click.option("--store", help="The store [default: embedded; env FASTCOND_STORE].")
@click.option("--sync", help="full: acknowledged means on disk; normal: survives our own crash only "
                             "[default: full; env FASTCOND_SYNC].")  # fmt: skip
@click.option("--search-index", help="on: executions can be searched; off: searches are refused, and writing "
                                     "costs less [default: on; env FASTCOND_SEARCH_INDEX].")  # fmt: skip
@click.option("--egress", help="Where HTTP tasks may connect: strict, private, open "
                               "[default: private on loopback, else strict; FASTCOND_EGRESS].")  # fmt: skip
@click.option(
    "--insecure", is_flag=True, default=None, help="Allow an address other than loopback without login."
)
@click.option("--log-level", help="debug, info, warning or error [default: info; env FASTCOND_LOG_LEVEL].")
@click.option("--log-format", help="text or json [default: text; env FASTCOND_LOG_FORMAT].")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False),
              help="Settings file [default: ./fastcond.toml if present; env FASTCOND_CONFIG].")  # fmt: skip
@click.option("--strict-config", is_flag=True, help="Refuse unknown settings instead of warning.")
def start(*, file: Path | None, strict_config: bool, **options: object) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C.

    Prints one line with the address, the store and its durability class once it serves.
    """
    from fastcond.config import load  # noqa: PLC0415 - only when the command runs
    from fastcond.errors import ConfigError  # noqa: PLC0415

    loaded = load({KEYS[name]: value for name, value in options.items()}, file=file)
    if strict_config and loaded.notes:
        raise ConfigError("; ".join(loaded.notes))
    for note in loaded.notes:
        click.echo(f"fastcond: {note}", err=True)
    from fastcond.app import run_server  # noqa: PLC0415 - the server's modules load once it may start

    run_server(loaded.config, announce=_announce)


# Option to settings key.
KEYS = {
    "host": "http.host",
    "port": "http.port",
    "insecure": "http.insecure",
    "data_dir": "store.data_dir",
    "store": "store.kind",
    "sync": "store.sync",
    "search_index": "store.search_index",
    "egress": "workers.egress",
    "log_level": "log.level",
    "log_format": "log.format",
}


def _announce(banner: str) -> None:
    click.echo(banner)
