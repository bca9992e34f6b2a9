"""The few REST calls the demo makes itself; the workers bring their own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent

TIMEOUT_S = 30.0


class UnwantedAnswerError(Exception):
    """The server answered something else than success, or nothing."""


class Api:
    """One server, seen through its REST API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=8))

    def register_definitions(self) -> None:
        """Creates or replaces the task and workflow definitions of this folder."""
        self._call("POST", "/metadata/taskdefs", body=_read_all("tasks"))
        self._call("PUT", "/metadata/workflow", body=_read_all("workflows"))

    def start(self, name: str, order: dict[str, Any], *, correlation_id: str) -> str:
        """Starts a workflow and returns its id."""
        body = {"name": name, "version": 1, "input": order, "correlationId": correlation_id}
        return self._call("POST", "/workflow", body=body).text

    def execution(self, workflow_id: str, *, with_tasks: bool) -> dict[str, Any]:
        """Returns one execution as the server has it now."""
        answer = self._call("GET", f"/workflow/{workflow_id}?includeTasks={str(with_tasks).lower()}")
        execution: dict[str, Any] = answer.json()
        return execution

    def execution_url(self, workflow_id: str) -> str:
        """Returns the address of one execution's JSON."""
        return f"{self.url}/workflow/{workflow_id}"

    def _call(self, method: str, path: str, *, body: object = None) -> httpx.Response:
        try:
            answer = self._http.request(method, self.url + path, json=body)
        except httpx.TransportError as error:
            raise UnwantedAnswerError(f"{method} {self.url}{path} got no answer: {error}") from error
        if not answer.is_success:
            raise UnwantedAnswerError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer


def _read_all(folder: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((HERE / folder).glob("*.json"))]
