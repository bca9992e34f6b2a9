"""The HTTP task: one request described by the task's input, its answer as the task's output (S-35).

At least once: a crash after sending repeats the call (S-35.6). Bounded in time, redirects and decoded bytes;
connects only where the egress policy allows. One pooled client serves all tasks and keeps no cookies, so
that nothing passes from one workflow to another.
"""

from __future__ import annotations

import http as http_status
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson
from yarl import URL

from fastcond.workers.egress import AddressDenied, guarded_socket
from fastcond.workers.port import Number, Result, whole_number, write_json

if TYPE_CHECKING:
    from types import TracebackType

    from aiohttp.abc import AbstractResolver

    from fastcond.config import WorkersConfig
    from fastcond.workers.port import Work

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
PREFIX = "Failed to invoke HTTP task due to: "
# Framing and connection control belong to the client, not to the author of a definition.
_DROPPED_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_REASON_CHARS_MAX = 500
_READ_BYTES = 1 << 16


class InvalidRequest(ValueError):
    """The task's input does not describe a request."""


class BodyTooLarge(Exception):
    """The answer, decoded, is larger than a task's output may be."""


@dataclass(frozen=True)
class Request:
    """What a task's input asks for, defaults filled in (S-35.1)."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    connect_ms: int
    read_ms: int
    # None leaves it to the task and its step (S-9.5).
    is_async_complete: bool | None

    @classmethod
    def of(cls, task_input: Mapping[str, Any]) -> Request:
        """Read the request from `http_request`, or from the input itself when that key is absent."""
        fields = task_input.get("http_request", task_input)
        if not isinstance(fields, Mapping):
            raise InvalidRequest("http_request is not an object")
        uri, method = fields.get("uri"), fields.get("method")
        if not uri:
            raise InvalidRequest("the HTTP request has no uri")
        if not method:
            raise InvalidRequest("the HTTP request has no method")
        if str(method).upper() not in METHODS:
            raise InvalidRequest(f"{method} is not an HTTP method this task sends")
        body = _body_of(fields.get("body"))
        return cls(
            method=str(method).upper(),
            url=_url_of(uri),
            headers=_headers_of(fields, has_body=body is not None),
            body=body,
            connect_ms=_milliseconds(fields, "connectionTimeOut", when_absent=3000, when_null=100),
            read_ms=_milliseconds(fields, "readTimeOut", when_absent=3000, when_null=150),
            is_async_complete=_flag(fields.get("asyncComplete")),
        )


class HttpTask:
    """The pooled client and its worker function."""

    def __init__(self, config: WorkersConfig, *, resolver: AbstractResolver | None = None) -> None:
        self._config = config
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._config.concurrency_max,
                resolver=self._resolver,
                socket_factory=guarded_socket(self._config.egress),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "fastcond"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def run(self, work: Work) -> Result:
        """Send the request and turn its answer, or its failure, into the task's result."""
        try:
            request = Request.of(work.input)
        except InvalidRequest as error:
            return _failed(str(error))
        try:
            return await self._exchange(request, work)
        except BodyTooLarge:
            limit = self._config.http_response_bytes_max
            return _failed(f"the response is larger than {limit} bytes", is_terminal=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            denied = _denial_in(error)
            if denied is not None:
                return _failed(f"{denied}: {denied.address}", is_terminal=True)
            return _failed(str(error) or type(error).__name__)

    async def _exchange(self, request: Request, work: Work) -> Result:
        assert self._session is not None, "run is called inside the context"  # noqa: S101 - invariant
        timeout = aiohttp.ClientTimeout(
            total=self._config.http_total_s_max,
            sock_connect=request.connect_ms / 1000 or None,
            sock_read=request.read_ms / 1000 or None,
        )
        async with self._session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body,
            timeout=timeout,
            max_redirects=self._config.http_redirects_max,
        ) as response:
            raw = await _read(response, bytes_max=self._config.http_response_bytes_max)
            is_async_complete = request.is_async_complete
            if is_async_complete is None:
                is_async_complete = work.is_async_complete
            return _result_of(response, raw, is_async_complete=is_async_complete)


def _result_of(response: aiohttp.ClientResponse, raw: bytes, *, is_async_complete: bool) -> Result:
    """Map an answer to a result (S-35.2 to S-35.4)."""
    phrase = response.reason or _phrase(response.status)
    output = {
        "response": {
            "body": _decoded(raw, charset=response.charset),
            "headers": {str(name): response.headers.getall(name) for name in response.headers},
            "statusCode": response.status,
            "reasonPhrase": phrase,
        }
    }
    if 200 <= response.status < 300:
        return Result("IN_PROGRESS" if is_async_complete else "COMPLETED", output=output)
    if response.status < 400:
        return Result("FAILED", output=output, reason="No response from the remote service")
    start = raw[:_REASON_CHARS_MAX].decode("utf-8", "replace") or "[no body]"
    reason = f"{PREFIX}{response.status} {phrase}: {start}"
    return Result("FAILED", output=output, reason=reason[:_REASON_CHARS_MAX])


async def _read(response: aiohttp.ClientResponse, *, bytes_max: int) -> bytes:
    """Read a body up to a bound on its decoded size: a small compressed body must not fill the memory."""
    declared = response.content_length
    if declared is not None and declared > bytes_max and response.method != "HEAD":
        raise BodyTooLarge
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_READ_BYTES):
        size += len(part)
        if size > bytes_max:
            response.close()
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


def _decoded(raw: bytes, *, charset: str | None) -> object:
    """Return JSON as it was written, anything else as text, nothing as null (S-35.3)."""
    if not raw:
        return None
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    else:
        return orjson.Fragment(raw)
    try:
        return raw.decode(charset or "utf-8", "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _failed(reason: str, *, is_terminal: bool = False) -> Result:
    text = f"{PREFIX}{reason}"[:_REASON_CHARS_MAX]
    return Result(
        "FAILED_WITH_TERMINAL_ERROR" if is_terminal else "FAILED", output={"response": text}, reason=text
    )


def _denial_in(error: BaseException) -> AddressDenied | None:
    """Find a refused address behind the client's own exception."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressDenied):
            return cause
        cause = cause.__cause__
    return None


def _url_of(uri: object) -> URL:
    try:
        url = URL(_text(uri))
    except ValueError as error:
        raise InvalidRequest(f"the uri is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidRequest("the uri must begin with http:// or https:// and name a host")
    return url


def _headers_of(fields: Mapping[str, Any], *, has_body: bool) -> dict[str, str]:
    given = fields.get("headers")
    if given is not None and not isinstance(given, Mapping):
        raise InvalidRequest("headers is not an object")
    headers = {"Accept": _list_text(fields.get("accept")) or "application/json"}
    if has_body:
        headers["Content-Type"] = _text(fields.get("contentType") or "application/json")
    for name, value in (given or {}).items():
        if value is None or name.lower() in _DROPPED_HEADERS:
            continue
        for existing in [each for each in headers if each.lower() == name.lower()]:
            del headers[existing]
        headers[name] = _list_text(value)
    return headers


def _body_of(body: object) -> bytes | None:
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else write_json(body)


def _flag(value: object) -> bool | None:
    return None if value is None else str(value).lower() == "true"


def _list_text(value: object) -> str:
    return ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return value.text if isinstance(value, Number) else write_json(value).decode()


def _milliseconds(fields: Mapping[str, Any], name: str, *, when_absent: int, when_null: int) -> int:
    if name not in fields:
        return when_absent
    if fields[name] is None:
        return when_null
    number = whole_number(fields[name])
    if number is None or number < 0:
        raise InvalidRequest(f"{name} is not a number of milliseconds")
    return number


def _phrase(status: int) -> str:
    try:
        return http_status.HTTPStatus(status).phrase
    except ValueError:
        return ""
