"""The HTTP task against a real server on loopback (S-35, G24, H25 to H29)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from fastcond.config import EgressMode, WorkersConfig
from fastcond.workers.http import HttpTask
from fastcond.workers.port import Result, Work, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.abc import ResolveResult


async def echo(request: web.Request) -> web.Response:
    body = (await request.read()).decode()
    seen = {
        "method": request.method,
        "headers": dict(request.headers),
        "body": body,
        "query": request.query_string,
    }
    return web.json_response(seen, headers={"x-many": "1"})


async def raw(request: web.Request) -> web.Response:
    return web.Response(
        body=request.query["body"].encode(), content_type=request.query.get("type", "application/json")
    )


async def status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]), text=request.query.get("body", ""))


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"location": request.query["to"]})


async def loop_forever(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"location": "/loop"})


async def bomb(_: web.Request) -> web.Response:
    packed = gzip.compress(b"0" * (4 << 20))
    return web.Response(body=packed, headers={"content-encoding": "gzip"})


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


async def silent(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("never answered")


async def many_headers(_: web.Request) -> web.Response:
    return web.Response(headers=[(f"x-{number}", "y" * 100) for number in range(20_000)])


ROUTES = [
    web.route("*", "/echo", echo),
    web.get("/raw", raw),
    web.get("/status/{code}", status),
    web.route("*", "/redirect", redirect),
    web.get("/loop", loop_forever),
    web.get("/bomb", bomb),
    web.get("/endless", endless),
    web.get("/silent", silent),
    web.get("/headers", many_headers),
]


class Names(AbstractResolver):
    """A name service whose answers a test chooses, one list per look-up."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


def perform(
    task_input: Callable[[str], Mapping[str, Any]],
    *,
    egress: EgressMode = "private",
    resolver: Names | None = None,
    is_async_complete: bool = False,
    **bounds: Any,
) -> Result:
    """Run one HTTP task; `task_input` is given the base URL of the test server."""

    async def scenario() -> Result:
        app = web.Application()
        app.add_routes(ROUTES)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            async with HttpTask(WorkersConfig(egress=egress, **bounds), resolver=resolver) as task:
                fields = read_json(json.dumps(task_input(f"http://127.0.0.1:{port}")))
                return await task.run(Work("t", "w", "HTTP", fields, is_async_complete=is_async_complete))
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


def request(path: str, **fields: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda base: {"http_request": {"uri": base + path, "method": "GET", **fields}}


def response_of(result: Result) -> Any:
    """Return the output's response as a client of the API will see it."""
    return json.loads(write_json(result.output))["response"]


def test_a_2xx_answer_completes_the_task() -> None:
    """S-35.2: body, headers (name to list of values), statusCode, reasonPhrase."""
    result = perform(
        request("/echo", method="POST", body={"a": 1}, headers={"x-a": "b", "x-none": None, "x-n": 5})
    )
    assert (result.outcome, result.reason) == ("COMPLETED", None)
    response = response_of(result)
    assert (response["statusCode"], response["reasonPhrase"]) == (200, "OK")
    assert response["headers"]["x-many"] == ["1"]
    sent = {name.lower(): value for name, value in response["body"]["headers"].items()}
    assert response["body"]["body"] == '{"a":1}'
    assert (sent["x-a"], sent["x-n"], "x-none" in sent) == ("b", "5", False)
    assert (sent["accept"], sent["content-type"]) == ("application/json", "application/json")


def test_the_input_itself_is_the_request_when_http_request_is_absent() -> None:
    """S-35.1."""
    assert perform(lambda base: {"uri": f"{base}/echo", "method": "get"}).outcome == "COMPLETED"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_each_method_is_sent(method: str) -> None:
    assert response_of(perform(request("/echo", method=method)))["body"]["method"] == method


def test_accept_and_content_type_are_taken_from_the_input() -> None:
    result = perform(
        request("/echo", method="PUT", body="a,b", accept=["text/csv", "text/plain"], contentType="text/csv")
    )
    seen = response_of(result)["body"]
    assert seen["body"] == "a,b"
    assert seen["headers"]["Accept"] == "text/csv, text/plain"
    assert seen["headers"]["Content-Type"] == "text/csv"


def test_an_async_complete_task_waits_for_its_completion() -> None:
    """S-35.1, S-35.2: the request's own word counts before that of the task and its step."""
    assert perform(request("/echo"), is_async_complete=True).outcome == "IN_PROGRESS"
    assert perform(request("/echo", asyncComplete=True)).outcome == "IN_PROGRESS"
    assert perform(request("/echo", asyncComplete="false"), is_async_complete=True).outcome == "COMPLETED"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a":[1,2.50,12345678901234567890]}', '{"a":[1,2.50,12345678901234567890]}'),
        ("true", "true"),
        ("1", "1"),
        ("1.0", "1.0"),
        ('"text"', '"text"'),
        ("not json", '"not json"'),
        ("{broken", '"{broken"'),
        ("", "null"),
    ],
)
def test_bodies_keep_their_json_types(body: str, expected: str) -> None:
    """S-35.3, the variant that keeps types and the text of numbers."""
    output = write_json(perform(lambda base: {"uri": f"{base}/raw?body={body}", "method": "GET"}).output)
    assert output.startswith(b'{"response":{"body":' + expected.encode() + b',"headers"')


def test_a_number_in_the_request_body_keeps_its_text() -> None:
    def fields(base: str) -> Mapping[str, Any]:
        return {"uri": f"{base}/echo", "method": "POST", "body": {"big": 12345678901234567890, "small": 1e-7}}

    assert response_of(perform(fields))["body"]["body"] == '{"big":12345678901234567890,"small":1e-07}'


@pytest.mark.parametrize("code", [400, 404, 429, 500, 503])
def test_an_error_answer_fails_the_task_and_keeps_the_response(code: int) -> None:
    """S-35.4, the variant that gives the map as well as the reason."""
    result = perform(request(f"/status/{code}?body=why"))
    assert result.outcome == "FAILED"
    assert response_of(result)["statusCode"] == code
    assert response_of(result)["body"] == "why"
    assert result.reason is not None
    assert result.reason.startswith(f"Failed to invoke HTTP task due to: {code} ")
    assert result.reason.endswith(": why")


def test_an_unfollowed_redirect_fails_with_its_response() -> None:
    """S-35.4."""
    result = perform(request("/status/304"))
    assert (result.outcome, result.reason) == ("FAILED", "No response from the remote service")
    assert response_of(result)["statusCode"] == 304


def test_redirects_are_followed_to_a_bound() -> None:
    assert perform(request("/redirect?to=/echo")).outcome == "COMPLETED"
    assert perform(request("/loop"), http_redirects_max=3).outcome == "FAILED"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"method": "GET"}, "has no uri"),
        ({"uri": "http://127.0.0.1/"}, "has no method"),
        ({"uri": "http://127.0.0.1/", "method": "BREW"}, "not an HTTP method"),
        ({"uri": "file:///etc/passwd", "method": "GET"}, "must begin with http"),
        ({"uri": "gopher://127.0.0.1/", "method": "GET"}, "must begin with http"),
        ({"uri": "http://", "method": "GET"}, "must begin with http"),
        ({"uri": "/relative", "method": "GET"}, "must begin with http"),
        ({"uri": "http://127.0.0.1/", "method": "GET", "headers": {"x": "a\r\nb: c"}}, "Failed to invoke"),
        ({"uri": "http://127.0.0.1/", "method": "GET", "headers": []}, "headers is not an object"),
        ({"uri": "http://127.0.0.1/", "method": "GET", "readTimeOut": "soon"}, "readTimeOut is not"),
    ],
)
def test_an_input_that_is_no_request_fails_the_task(fields: dict[str, Any], reason: str) -> None:
    result = perform(lambda _: {"http_request": fields})
    assert result.outcome == "FAILED"
    assert result.reason is not None
    assert result.reason.startswith("Failed to invoke HTTP task due to: ")
    assert reason in result.reason
    assert response_of(result) == result.reason


def test_framing_headers_of_the_input_are_not_sent() -> None:
    """A definition's author cannot smuggle a second request past the client's own framing."""
    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "upgrade"}
    sent = response_of(perform(request("/echo", method="POST", body="abc", headers=headers)))["body"][
        "headers"
    ]
    assert sent["Content-Length"] == "3"
    assert "Transfer-Encoding" not in sent


def test_nobody_listening_fails_the_task() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = perform(lambda _: {"uri": f"http://127.0.0.1:{port}/", "method": "GET"})
    assert result.outcome == "FAILED"
    assert result.reason is not None
    assert result.reason.startswith("Failed to invoke HTTP task due to: ")


def test_a_silent_server_is_left_after_the_read_timeout() -> None:
    assert perform(request("/silent", readTimeOut=50)).outcome == "FAILED"


def test_a_body_beyond_its_bound_fails_for_good() -> None:
    """H27: an endless body, and a small compressed body that grows large."""
    for path in ("/endless", "/bomb"):
        result = perform(request(path), http_response_bytes_max=1 << 20)
        assert result.outcome == "FAILED_WITH_TERMINAL_ERROR", path
        assert result.reason is not None
        assert "larger than" in result.reason


def test_an_endless_answer_ends_with_the_total_time() -> None:
    result = perform(request("/endless"), http_total_s_max=0.3, http_response_bytes_max=1 << 40)
    assert result.outcome == "FAILED"


def test_an_answer_of_many_headers_fails_the_task() -> None:
    """H29."""
    assert perform(request("/headers")).outcome == "FAILED"


@pytest.mark.parametrize("host", ["2130706433", "127.1"])
def test_an_address_that_is_not_canonical_is_refused(host: str) -> None:
    """H25."""
    result = perform(lambda _: {"uri": f"http://{host}:9/", "method": "GET"})
    assert result.outcome == "FAILED"
    assert result.reason is not None
    assert "not a canonical IPv4 address" in result.reason


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "a@127.0.0.1"]
)
def test_a_denied_address_is_denied_in_every_spelling(host: str) -> None:
    """H25: the check sees the address the socket would connect to, not the text of the URL."""
    result = perform(lambda _: {"uri": f"http://{host}:9/", "method": "GET"}, egress="strict")
    assert result.outcome == "FAILED_WITH_TERMINAL_ERROR"
    assert result.reason is not None
    assert "egress policy" in result.reason


def test_metadata_is_denied_where_private_addresses_are_allowed() -> None:
    result = perform(lambda _: {"uri": "http://169.254.169.254/latest/meta-data/", "method": "GET"})
    assert result.outcome == "FAILED_WITH_TERMINAL_ERROR"


def test_a_redirect_to_a_denied_address_is_denied() -> None:
    """H26."""
    result = perform(request("/redirect?to=http://169.254.169.254/"))
    assert result.outcome == "FAILED_WITH_TERMINAL_ERROR"


def test_a_name_is_resolved_once_and_its_address_checked() -> None:
    """H28: a name that answers a good address first and a bad one next gains nothing."""
    names = Names([["169.254.169.254", "169.254.169.253"]])
    result = perform(lambda _: {"uri": "http://rebind.test/", "method": "GET"}, resolver=names)
    assert result.outcome == "FAILED_WITH_TERMINAL_ERROR"
    assert names.asked == ["rebind.test"]


def test_a_name_with_one_allowed_address_connects_to_that() -> None:
    def fields(base: str) -> Mapping[str, Any]:
        return {"uri": base.replace("127.0.0.1", "mixed.test") + "/echo", "method": "GET"}

    result = perform(fields, resolver=Names([["169.254.169.254", "127.0.0.1"]]))
    assert result.outcome == "COMPLETED"


def test_numbers_survive_reading_and_writing() -> None:
    text = b'{"a":1,"b":1.0,"c":1E400,"d":-0,"e":123456789012345678901234567890,"f":0.10}'
    assert write_json(read_json(text)) == text
