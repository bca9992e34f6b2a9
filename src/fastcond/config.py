"""Settings: one frozen value per room, read from defaults, `fastcond.toml`, the environment and flags.

The only module that reads the environment or a settings file. Sources, weakest first: the defaults of the
classes below, `fastcond.toml`, variables named `FASTCOND_*`, command-line flags. `SETTINGS` is the closed
list of what can be set; an unknown key or variable is reported with the nearest known one.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import socket
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from fastcond.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The version of Conductor OSS whose REST API this server speaks; clients read it from /api/version.
COMPATIBLE_VERSION = "3.32.1"
ENVIRONMENT_PREFIX = "CONDUCTOR_ENV_"
SECRET_PREFIX = "CONDUCTOR_SECRET_"  # noqa: S105 - the name of a variable
SETTINGS_FILE = "fastcond.toml"
ENV_PREFIX = "FASTCOND_"

EgressMode = Literal["auto", "strict", "private", "open"]
SyncMode = Literal["full", "normal"]
StoreKind = Literal["embedded"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class HttpConfig:
    """The listener and the bounds of a connection."""

    host: str = "127.0.0.1"
    port: int = 8080
    insecure: bool = False
    connections_max: int = 16384
    # Clients keep idle connections for well over 30 s (client rule 1).
    idle_s_max: float = 300.0
    # From the first byte of a request to its answer; a parked poll is a part of it.
    request_s_max: float = 60.0
    # Conductor refuses more than 5 s. Ten thousand idle workers cost a twelfth if each asks once a minute.
    poll_s_max: float = 5.0
    # How long a client may leave an answer unread once the socket is full.
    write_s_max: float = 30.0
    write_buffer_bytes_max: int = 1 << 20
    cold_in_flight_max: int = 512


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """Which store holds the executions, and where."""

    kind: StoreKind = "embedded"
    data_dir: Path = Path("data")
    sync: SyncMode = "full"
    search_index: bool = True
    # Seven days: within them a message that comes again is not acted on again.
    events_kept_s: float = 604_800.0
    # It costs an execution about as much as all of its sockets.
    search_text: bool = False
    # It costs an execution a tenth.
    search_tasks: bool = False


# What a database URL of `workers.jdbc` begins with.
JDBC_SCHEMES = ("sqlite:", "postgresql:", "postgres:")


@dataclass(frozen=True, kw_only=True)
class WorkersConfig:
    """The system tasks that do I/O inside this process."""

    concurrency_max: int = 64
    # "auto" becomes "private" on a loopback bind and "strict" on any other.
    egress: EgressMode = "auto"
    http_response_bytes_max: int = 10 << 20
    http_redirects_max: int = 5
    http_total_s_max: float = 300.0
    # Databases of JDBC tasks: `name=url` entries with spaces between.
    jdbc: str = ""
    jdbc_statement_s_max: float = 30.0


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """The process around the core."""

    instance: str = ""
    drain_s_max: float = 10.0
    # What `${workflow.env.NAME}` may read: the variables with the prefix, which is cut off.
    environment: dict[str, str] = field(default_factory=dict)
    # What `${workflow.secrets.NAME}` stands for, likewise; never shown.
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class LogConfig:
    """What is logged, and how; logs go to standard error."""

    level: LogLevel = "info"
    format: LogFormat = "text"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a server process is told at its start."""

    http: HttpConfig = field(default_factory=HttpConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    workers: WorkersConfig = field(default_factory=WorkersConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    log: LogConfig = field(default_factory=LogConfig)


@dataclass(frozen=True)
class Setting:
    """One thing that can be set: `[room] field` in the file, `env` in the environment."""

    room: str
    field: str
    env: str
    doc: str

    @property
    def key(self) -> str:
        """Return the name used in the file and in messages."""
        return f"{self.room}.{self.field}"


SETTINGS: tuple[Setting, ...] = (
    Setting("http", "host", "FASTCOND_HOST", "address to listen on"),
    Setting("http", "port", "FASTCOND_PORT", "port to listen on; 0 takes a free one"),
    Setting("http", "insecure", "FASTCOND_INSECURE", "allow an address other than loopback without login"),
    Setting("http", "connections_max", "FASTCOND_CONNECTIONS_MAX", "open connections"),
    Setting("http", "idle_s_max", "FASTCOND_IDLE_S_MAX", "seconds an idle connection is kept"),
    Setting(
        "http", "request_s_max", "FASTCOND_REQUEST_S_MAX", "seconds from a request's first byte to its answer"
    ),
    Setting("http", "poll_s_max", "FASTCOND_POLL_S_MAX", "seconds a long poll may ask for"),
    Setting("http", "write_s_max", "FASTCOND_WRITE_S_MAX", "seconds a client may leave an answer unread"),
    Setting(
        "http",
        "write_buffer_bytes_max",
        "FASTCOND_WRITE_BUFFER_BYTES_MAX",
        "unread answer bytes before reading stops",
    ),
    Setting(
        "http", "cold_in_flight_max", "FASTCOND_COLD_IN_FLIGHT_MAX", "requests off the hot routes at one time"
    ),
    Setting("store", "kind", "FASTCOND_STORE", "the store: embedded"),
    Setting("store", "data_dir", "FASTCOND_DATA_DIR", "folder of the embedded store"),
    Setting(
        "store",
        "sync",
        "FASTCOND_SYNC",
        "full: acknowledged means on disk; normal: survives our own crash only",
    ),
    Setting(
        "store",
        "search_index",
        "FASTCOND_SEARCH_INDEX",
        "on: executions can be searched; off: searches are refused, and writing costs less",
    ),
    Setting(
        "store",
        "events_kept_s",
        "FASTCOND_EVENTS_KEPT_S",
        "seconds it is remembered what event handlers did about a message",
    ),
    Setting(
        "store",
        "search_text",
        "FASTCOND_SEARCH_TEXT",
        "on: freeText finds words of payloads and task names too; off: columns of the list alone",
    ),
    Setting(
        "store",
        "search_tasks",
        "FASTCOND_SEARCH_TASKS",
        "on: tasks can be searched; off: searches over tasks are refused, and writing costs less",
    ),
    Setting(
        "workers",
        "concurrency_max",
        "FASTCOND_WORKERS_CONCURRENCY_MAX",
        "system tasks of one type at one time",
    ),
    Setting(
        "workers", "egress", "FASTCOND_EGRESS", "where HTTP tasks may connect: strict, private, open, auto"
    ),
    Setting(
        "workers",
        "http_response_bytes_max",
        "FASTCOND_HTTP_RESPONSE_BYTES_MAX",
        "decoded bytes of an HTTP task's answer",
    ),
    Setting("workers", "http_redirects_max", "FASTCOND_HTTP_REDIRECTS_MAX", "redirects an HTTP task follows"),
    Setting(
        "workers", "http_total_s_max", "FASTCOND_HTTP_TOTAL_S_MAX", "seconds an HTTP task may take in all"
    ),
    Setting(
        "workers",
        "jdbc",
        "FASTCOND_JDBC",
        "databases of JDBC tasks, name=url with spaces between; sqlite:///file or postgresql://...",
    ),
    Setting(
        "workers",
        "jdbc_statement_s_max",
        "FASTCOND_JDBC_STATEMENT_S_MAX",
        "seconds a JDBC statement may take",
    ),
    Setting(
        "runtime",
        "instance",
        "FASTCOND_INSTANCE",
        "name of this server in error bodies; the host name by default",
    ),
    Setting("runtime", "drain_s_max", "FASTCOND_DRAIN_S_MAX", "seconds a graceful stop may take"),
    Setting("log", "level", "FASTCOND_LOG_LEVEL", "debug, info, warning, error"),
    Setting("log", "format", "FASTCOND_LOG_FORMAT", "text or json"),
)
# Variables that are ours without being settings of a room: the file to read, and the address of a server to
# talk to.
OTHER_VARIABLES = frozenset({"FASTCOND_CONFIG", "FASTCOND_URL"})


@dataclass(frozen=True)
class Loaded:
    """A configuration with the source of each set key, and notes about keys nobody knows."""

    config: Config
    sources: Mapping[str, str]
    notes: tuple[str, ...]


def export_default(variable: str, value: str) -> None:
    """Set an environment variable that a library reads by itself, unless the user has set it."""
    os.environ.setdefault(variable, value)


def load(
    flags: Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    file: Path | None = None,
) -> Loaded:
    """Read all sources and return the checked configuration.

    `flags` maps keys such as "http.port" to values; None means the flag was not given. `file` names a
    settings file, which must exist; without it `fastcond.toml` in `folder` is read if it is there.
    """
    variables = os.environ if environ is None else environ
    named = file or _optional_path(variables.get("FASTCOND_CONFIG"))
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    notes: list[str] = []
    for source, found in (
        _from_file(named, folder=folder or Path.cwd(), notes=notes),
        ("environment", _from_environment(variables, notes=notes)),
        ("flag", {key: value for key, value in flags.items() if value is not None}),
    ):
        values.update(found)
        sources.update(dict.fromkeys(found, source))
    config = _checked(_build(values, sources))
    runtime = replace(
        config.runtime,
        environment=_prefixed(variables, ENVIRONMENT_PREFIX),
        secrets=_prefixed(variables, SECRET_PREFIX),
    )
    config = replace(config, runtime=runtime)
    return Loaded(config=config, sources=sources, notes=tuple(notes))


def _prefixed(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the variables whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in variables.items() if name.startswith(prefix)}


def is_loopback(host: str) -> bool:
    """Tell whether listening on `host` reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _from_file(named: Path | None, *, folder: Path, notes: list[str]) -> tuple[str, dict[str, object]]:
    path = named or folder / SETTINGS_FILE
    if named is None and not path.is_file():
        return str(path), {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    found: dict[str, object] = {}
    known = {setting.key for setting in SETTINGS}
    for room, table in tables.items():
        for name, value in table.items() if isinstance(table, dict) else ((None, table),):
            key = room if name is None else f"{room}.{name}"
            if key in known:
                found[key] = value
            else:
                notes.append(_unknown(f"setting {key!r} in {path}", key, known))
    return str(path), found


def _from_environment(variables: Mapping[str, str], *, notes: list[str]) -> dict[str, object]:
    by_variable = {setting.env: setting.key for setting in SETTINGS}
    found: dict[str, object] = {}
    for name in sorted(variables):
        if not name.startswith(ENV_PREFIX) or name in OTHER_VARIABLES:
            continue
        if name in by_variable:
            found[by_variable[name]] = variables[name]
        else:
            notes.append(_unknown(f"variable {name}", name, by_variable, prefix=ENV_PREFIX))
    return found


def _unknown(what: str, key: str, known: Iterable[str], *, prefix: str = "") -> str:
    bare = [name.removeprefix(prefix) for name in known]
    nearest = difflib.get_close_matches(key.removeprefix(prefix), bare, n=1, cutoff=0.5)
    return f"unknown {what} is ignored" + (f"; did you mean {prefix}{nearest[0]}?" if nearest else "")


def _build(values: Mapping[str, object], sources: Mapping[str, str]) -> Config:
    config = Config()
    for room in fields(Config):
        current = getattr(config, room.name)
        hints = get_type_hints(type(current))
        changes = {
            name: _parsed(values[key], hints[name], key=key, source=sources[key])
            for name in hints
            if (key := f"{room.name}.{name}") in values
        }
        config = replace(config, **{room.name: replace(current, **changes)})
    return config


def _parsed(value: object, kind: Any, *, key: str, source: str) -> object:  # noqa: ANN401 - a type form
    """Turn a TOML value, a variable's text or a flag into the type of its field."""
    choices = get_args(kind)
    if choices:
        if value not in choices:
            raise ConfigError(
                f"{key} ({source}) is {value!r}; it must be one of {', '.join(map(str, choices))}"
            )
        return value
    if kind is bool:
        return _parsed_flag(value, key=key, source=source)
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ConfigError(f"{key} ({source}) is {value!r}; it must be a {kind.__name__}")
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key} ({source}) is {value!r}; it must be a {kind.__name__}") from error


def _parsed_flag(value: object, *, key: str, source: str) -> bool:
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    word = str(value).lower()
    if word not in words:
        raise ConfigError(f"{key} ({source}) is {value!r}; it must be true or false")
    return words[word]


def _checked(config: Config) -> Config:
    """Refuse what cannot work or is not safe, and settle the values that depend on others."""
    http, workers = config.http, config.workers
    if not 0 <= http.port <= 65535:
        raise ConfigError(f"http.port is {http.port}; it must be 0 to 65535")
    for setting in SETTINGS:
        value = getattr(getattr(config, setting.room), setting.field)
        if isinstance(value, int | float) and setting.field.endswith("_max") and value <= 0:
            raise ConfigError(f"{setting.key} is {value}; it must be above 0")
    if http.poll_s_max > HttpConfig.poll_s_max and http.poll_s_max >= http.request_s_max:
        raise ConfigError(
            f"http.poll_s_max is {http.poll_s_max:g}; it must be below http.request_s_max "
            f"({http.request_s_max:g}), which would end such a poll first"
        )
    loopback = is_loopback(http.host)
    if not loopback and not http.insecure:
        raise ConfigError(
            f"refusing to listen on {http.host or 'every address'}: this server has no login yet, "
            "so anyone who reaches it controls it. Listen on 127.0.0.1, or give --insecure if the "
            "network keeps others out"
        )
    for entry in workers.jdbc.split():
        name, _, url = entry.partition("=")
        if not name or not url.startswith(JDBC_SCHEMES):
            # The entry may hold a password: only its name is shown.
            raise ConfigError(
                f"workers.jdbc has an entry {name!r} that is not name=url; "
                f"a url begins with one of {', '.join(JDBC_SCHEMES)}"
            )
    if workers.egress == "auto":
        workers = replace(workers, egress="private" if loopback else "strict")
    runtime = config.runtime
    if not runtime.instance:
        runtime = replace(runtime, instance=socket.gethostname() or "unknown")
    return replace(config, workers=workers, runtime=runtime)
