"""Settings: sources and their order, unknown keys, values that cannot work."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from fastcond.config import SETTINGS, Config, is_loopback, load
from fastcond.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_defaults_are_a_loopback_server_on_the_embedded_store(tmp_path: Path) -> None:
    config = load({}, environ={}, folder=tmp_path).config
    assert (config.http.host, config.http.port) == ("127.0.0.1", 8080)
    assert (config.store.kind, config.store.sync) == ("embedded", "full")
    assert config.workers.egress == "private"
    assert config.runtime.instance


def test_a_stronger_source_wins(tmp_path: Path) -> None:
    (tmp_path / "fastcond.toml").write_text(
        '[http]\nport = 1\nhost = "127.0.0.2"\n[store]\nsync = "normal"\n'
    )
    loaded = load(
        {"http.port": 3, "http.host": None},
        environ={"FASTCOND_PORT": "2", "FASTCOND_HOST": "127.0.0.3"},
        folder=tmp_path,
    )
    assert loaded.config.http.port == 3
    assert loaded.config.http.host == "127.0.0.3"
    assert loaded.config.store.sync == "normal"
    assert loaded.sources["http.port"] == "flag"
    assert loaded.sources["http.host"] == "environment"
    assert loaded.sources["store.sync"].endswith("fastcond.toml")


@pytest.mark.parametrize(("word", "is_on"), [("on", True), ("off", False), ("false", False)])
def test_the_search_index_is_on_unless_it_is_switched_off(word: str, is_on: bool, tmp_path: Path) -> None:
    assert load({}, environ={}, folder=tmp_path).config.store.search_index
    assert load({"store.search_index": word}, environ={}).config.store.search_index is is_on
    assert load({}, environ={"FASTCOND_SEARCH_INDEX": word}).config.store.search_index is is_on


def test_a_poll_ends_before_its_request_has_to(tmp_path: Path) -> None:
    assert load({}, environ={"FASTCOND_POLL_S_MAX": "50"}, folder=tmp_path).config.http.poll_s_max == 50
    with pytest.raises(
        ConfigError, match=r"http\.poll_s_max is 60; it must be below http\.request_s_max \(60\)"
    ):
        load({}, environ={"FASTCOND_POLL_S_MAX": "60"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("environ", "note"),
    [
        ({"FASTCOND_PROT": "1"}, "unknown variable FASTCOND_PROT is ignored; did you mean FASTCOND_PORT?"),
        ({"FASTCOND_XYZZYXYZZY": "1"}, "unknown variable FASTCOND_XYZZYXYZZY is ignored"),
    ],
)
def test_an_unknown_variable_names_the_nearest(environ: dict[str, str], note: str, tmp_path: Path) -> None:
    assert load({}, environ=environ, folder=tmp_path).notes == (note,)


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("top = 1\n[store]\ndata_dri = 'x'\n")
    first, second = load({}, environ={}, file=file).notes
    assert "'top'" in first
    assert "did you mean store.data_dir?" in second


def test_a_named_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        load({}, environ={"FASTCOND_CONFIG": str(tmp_path / "none.toml")})


def test_a_broken_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "fastcond.toml").write_text("[http\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load({}, environ={}, folder=tmp_path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"FASTCOND_PORT": "eighty"}, "must be a int"),
        ({"FASTCOND_PORT": "65536"}, "must be 0 to 65535"),
        ({"FASTCOND_STORE": "etcd"}, "must be one of embedded"),
        ({"FASTCOND_SYNC": "never"}, "must be one of full, normal"),
        ({"FASTCOND_EGRESS": "some"}, "must be one of auto, strict, private, open"),
        ({"FASTCOND_INSECURE": "maybe"}, "must be true or false"),
        ({"FASTCOND_SEARCH_INDEX": "some"}, "must be true or false"),
        ({"FASTCOND_IDLE_S_MAX": "0"}, "must be above 0"),
    ],
)
def test_a_value_that_cannot_work_is_refused(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load({}, environ=environ, folder=tmp_path)


@pytest.mark.parametrize("value", ["true", "8080.5"])
def test_a_file_value_of_the_wrong_type_is_refused(value: str, tmp_path: Path) -> None:
    (tmp_path / "fastcond.toml").write_text(f"[http]\nport = {value}\n")
    with pytest.raises(ConfigError, match="must be a int"):
        load({}, environ={}, folder=tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com", ""])
def test_an_address_beyond_loopback_needs_an_explicit_word(host: str, tmp_path: Path) -> None:
    """G22: an off-loopback bind needs `--insecure`; with it HTTP tasks lose the private addresses."""
    with pytest.raises(ConfigError, match="--insecure"):
        load({"http.host": host}, environ={}, folder=tmp_path)
    config = load({"http.host": host, "http.insecure": True}, environ={}, folder=tmp_path).config
    assert config.workers.egress == "strict"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_known_in_all_its_forms(host: str) -> None:
    assert is_loopback(host)


def test_every_field_can_be_set() -> None:
    """The list of settings is closed: a field without a row could be set by nobody."""
    known = {setting.key for setting in SETTINGS}
    found = {
        f"{room.name}.{each.name}" for room in fields(Config) for each in fields(getattr(Config(), room.name))
    }
    # Read from the variables with the prefix, each on its own.
    found -= {"runtime.environment", "runtime.secrets"}
    assert found == known, "give each field of a room a row in SETTINGS, and each row a field"
    assert len({setting.env for setting in SETTINGS}) == len(SETTINGS), "two settings share a variable"


def test_only_prefixed_variables_are_shown_to_definitions(tmp_path: Path) -> None:
    """S-8.8: a definition reads what was meant for it, not the server's whole environment."""
    variables = {"CONDUCTOR_ENV_REGION": "eu", "PATH": "/bin", "CONDUCTOR_SECRET_KEY": "hunter2"}
    loaded = load({}, environ=variables, folder=tmp_path)
    assert loaded.config.runtime.environment == {"REGION": "eu"}
    assert loaded.config.runtime.secrets == {"KEY": "hunter2"}
    assert "hunter2" not in repr(loaded), "G22: nobody may log it by accident"
