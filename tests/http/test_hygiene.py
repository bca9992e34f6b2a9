"""HTTP/1.1 on the wire: strictness (H38), framing, pipelining, deadlines, the connection cap."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from tests.conftest import Server, running
from tests.http.raw import Reader, connect, until_closed

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"POST /api/metadata/taskdefs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /api/metadata/taskdefs HTTP/1.1\r\nHost: x\r\n"
SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

REFUSED = {
    "content-length and transfer-encoding": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two different lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "signed length": HEAD + b"Content-Length: +2\r\n\r\n[]",
    "hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\n[]",
    "empty length": HEAD + b"Content-Length: \r\n\r\n[]",
    "length beyond every number": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n[]",
    "unknown transfer coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked is not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "bare line feed after a header": b"GET /api/version HTTP/1.1\nHost: x\r\n\r\n",
    "folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "space before the colon": GET + b"X-A : b\r\n\r\n",
    "header without a colon": GET + b"nonsense\r\n\r\n",
    "control byte in a header": GET + b"X-A: a\x00b\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "no host": b"GET /api/version HTTP/1.1\r\n\r\n",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown version": b"GET /api/version HTTP/3.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /api/version\r\n\r\n",
    "not http at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "line of 64 KiB": GET + b"X-A: " + b"a" * 65536 + b"\r\n\r\n",
    "ten thousand headers": GET + b"X-A: b\r\n" * 10_000 + b"\r\n",
    "signed chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n[]\r\n0\r\n\r\n",
    "hexadecimal prefix in a chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n[]\r\n0\r\n\r\n",
    "line feed in a chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n[]\r\n0\r\n\r\n",
    "two other bytes after a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]XX0\r\n\r\n",
    "bare line feed after a chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\n[]\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_request_is_refused_and_ends_the_connection(server: Server, case: str) -> None:
    """H38: what two parsers could read differently is read by none, and nothing behind it is served."""
    with connect(server.port) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(REFUSED[case] + SMUGGLED)
        received = until_closed(connection)
    assert server.process.poll() is None, "".join(server.log)
    assert b"No static resource api/smuggled" not in received
    if received:
        status = int(received.split(b" ", 2)[1])
        assert 400 <= status < 600, received[:200]
        assert b"\r\n\r\nHTTP/1.1" not in received
        assert b"}HTTP/1.1" not in received


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    """Hot and cold requests mixed in one write: the answers come in the order of the requests."""
    hot = b"GET /api/tasks/poll/nothing_here HTTP/1.1\r\nHost: x\r\n\r\n"
    cold = b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n"
    unknown = b"GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(server.port) as connection:
        connection.sendall(hot + cold + unknown + hot + cold)
        reader = Reader(connection)
        assert [reader.answer().status for _ in range(5)] == [204, 200, 404, 204, 200]


def test_a_request_split_into_single_bytes_is_understood(server: Server) -> None:
    with connect(server.port) as connection:
        for byte in b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert Reader(connection).answer().body == b"3.32.1"


def test_a_chunked_body_is_understood(server: Server) -> None:
    """Client rule 2: the JavaScript client sends every body chunked."""
    body = b'[{"name":"chunked_body"}]'
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:1], body[1:7], body[7:]))
    with connect(server.port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert Reader(connection).answer().status == 200
    assert server.call("GET", "/api/metadata/taskdefs/chunked_body").json()["name"] == "chunked_body"


def test_a_client_may_ask_whether_to_send_its_body(server: Server) -> None:
    body = b'[{"name":"expected_body"}]'
    with connect(server.port) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body))
        reader = Reader(connection)
        assert reader.answer(has_body=False).status == 100
        connection.sendall(body)
        assert reader.answer().status == 200


def test_head_gives_the_length_and_no_body(server: Server) -> None:
    with connect(server.port) as connection:
        reader = Reader(connection)
        connection.sendall(b"HEAD /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        head = reader.answer(has_body=False)
        assert (head.status, head.headers["content-length"]) == (200, "6")
        connection.sendall(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.answer().body == b"3.32.1"


def test_connection_close_is_honoured(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert until_closed(connection).endswith(b"\r\n\r\n3.32.1")


def test_an_http_1_0_client_gets_its_answer_and_an_end(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(b"GET /api/version HTTP/1.0\r\n\r\n")
        assert until_closed(connection).endswith(b"\r\n\r\n3.32.1")


def test_an_absolute_target_is_read_by_its_path(server: Server) -> None:
    with connect(server.port) as connection:
        connection.sendall(b"GET http://x/api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        assert Reader(connection).answer().body == b"3.32.1"


def test_a_request_that_trickles_in_is_cut_off(tmp_path: Path, core: None) -> None:
    """Slow loris: a byte now and then does not keep a connection beyond the bound on one request."""
    del core
    with running(tmp_path, env={"FASTCOND_REQUEST_S_MAX": "1"}) as server, connect(server.port) as connection:
        connection.sendall(b"POST /api/workflow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert until_closed(connection) == b""
        assert time.monotonic() - began < 10


def test_an_idle_connection_is_ended_after_its_time(tmp_path: Path, core: None) -> None:
    del core
    with running(tmp_path, env={"FASTCOND_IDLE_S_MAX": "1"}) as server, connect(server.port) as connection:
        connection.sendall(GET + b"\r\n")
        assert Reader(connection).answer().status == 200
        assert until_closed(connection) == b""


def test_connections_past_the_cap_are_told_to_come_back(tmp_path: Path, core: None) -> None:
    del core
    with running(tmp_path, env={"FASTCOND_CONNECTIONS_MAX": "2"}) as server:
        with connect(server.port) as first, connect(server.port) as second:
            for connection in (first, second):
                connection.sendall(GET + b"\r\n")
                assert Reader(connection).answer().status == 200
            with connect(server.port) as third:
                refusal = Reader(third).answer()
            first.sendall(b"GET /actuator/prometheus HTTP/1.1\r\nHost: x\r\n\r\n")
            metrics = Reader(first).answer().body
        assert refusal.status == 503
        assert refusal.headers["retry-after"] == "1"
        assert b'"retryable":true' in refusal.body
        assert 'fastcond_http_refused_total{what="connection"} 1' in metrics.decode().splitlines()


def test_a_client_that_reads_no_answers_is_read_no_further_and_ended(tmp_path: Path, core: None) -> None:
    """What one client leaves unread is bounded, in memory and in time."""
    del core
    with running(tmp_path, env={"FASTCOND_WRITE_S_MAX": "1"}) as server:
        definition = {"name": "long", "version": 1, "description": "x" * 200_000, "tasks": []}
        step = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}
        answer = server.call("PUT", "/api/metadata/workflow", [{**definition, "tasks": [step]}])
        assert answer.status == 200, answer.body
        with connect(server.port) as connection:
            # Far more than the sockets hold, so that the answers have nowhere to go.
            connection.sendall(b"GET /api/metadata/workflow/long HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            deadline = time.monotonic() + 15
            while _open_connections(server) > 1:
                assert time.monotonic() < deadline, "a client that reads nothing is kept"
        assert server.call("GET", "/health").status == 200


def _open_connections(server: Server) -> int:
    text = server.call("GET", "/actuator/prometheus").body.decode()
    (line,) = [row for row in text.splitlines() if row.startswith("fastcond_http_connections ")]
    return int(float(line.split()[1]))
