"""Health, readiness, version and metrics of a running server (rest-api 7, product 4.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Server


@pytest.mark.parametrize("path", ["/health", "/api/health"])
def test_health_has_conductors_shape_and_the_durability_class(server: Server, path: str) -> None:
    """Client rule 27."""
    answer = server.call("GET", path)
    assert (answer.status, answer.content_type) == (200, "application/json")
    health = answer.json()
    assert health["healthy"] is True
    assert health["healthResults"] == []
    assert health["suppressedHealthResults"] == []
    assert (health["store"], health["durability"]) == ("embedded", "D3")


@pytest.mark.parametrize(
    "path", ["/livez", "/startupz", "/readyz", "/actuator/health/liveness", "/actuator/health/readiness"]
)
def test_probes_answer(server: Server, path: str) -> None:
    assert server.call("GET", path).json() == {"status": "UP"}


def test_actuator_health_names_the_store(server: Server) -> None:
    health = server.call("GET", "/actuator/health").json()
    assert health["status"] == "UP"
    assert health["components"]["store"]["details"]["durability"] == "D3"
    assert server.call("GET", "/actuator/info").json()["app"]["name"] == "fastcond"
    assert "prometheus" in server.call("GET", "/actuator").json()["_links"]


def test_version_is_text(server: Server) -> None:
    answer = server.call("GET", "/api/version")
    assert (answer.content_type, answer.body) == ("text/plain;charset=UTF-8", b"3.32.1")


def test_metrics_are_well_formed_and_no_family_comes_twice(server: Server) -> None:
    answer = server.call("GET", "/actuator/prometheus")
    assert answer.content_type is not None
    assert answer.content_type.startswith("text/plain")
    text = answer.body.decode()
    families = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert len({name for name, _ in families}) == len(families)
    assert {"fastcond_http_connections", "process_resident_memory_bytes"} <= {name for name, _ in families}
    sample = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? \S+$')
    for line in text.splitlines():
        assert line.startswith("#") or sample.match(line), line
    assert server.call("GET", "/metrics").status == 200


def test_the_banner_is_one_line_with_address_store_and_durability(server: Server) -> None:
    assert re.fullmatch(r"fastcond \S+ http://127\.0\.0\.1:\d+ store=embedded durability=D3", server.banner)
