"""Hostile requests, generated from a compact table: bodies, names, queries, encodings, framing.

Each case is raw bytes for one connection. Ids in the tables name the rows of the hardening contract that they
stand for. Everything is deterministic, so that a case is found again by its name.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = b"application/json"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """What is sent on one connection; `is_http` tells whether it is one well-framed request."""

    name: str
    sent: bytes
    is_http: bool = True


# H1 to H4: JSON that is broken, ambiguous, huge, or valid and unwelcome.
BODIES: dict[str, bytes] = {
    "empty": b"",
    "space": b" ",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"x"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of nulls": b"[null,null]",
    "a list of lists": b"[[],[[]]]",
    "list 100,000 deep": b"[" * 100_000,
    "closed list 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "object 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "input 1,000 deep": b'{"name":"n","input":' + b'{"a":' * 1000 + b"1" + b"}" * 1001,
    "number beyond every double": b'{"name":"n","input":{"a":1e400}}',
    "number of 100,000 digits": b'{"name":"n","input":{"a":' + b"9" * 100_000 + b"}}",
    "exponent of 1,000 digits": b'{"name":"n","input":{"a":1e' + b"9" * 1000 + b"}}",
    "version beyond 64 bits": b'{"name":"n","version":99999999999999999999}',
    "negative version": b'{"name":"n","version":-1}',
    "fraction as version": b'{"name":"n","version":1.5}',
    "priority as text": b'{"name":"n","priority":"high"}',
    "NaN": b'{"name":"n","input":{"a":NaN}}',
    "Infinity": b'{"name":"n","input":{"a":-Infinity}}',
    "hexadecimal number": b'{"name":"n","input":{"a":0x1F}}',
    "number with a plus": b'{"name":"n","input":{"a":+1}}',
    "number with a leading zero": b'{"name":"n","input":{"a":01}}',
    "number that ends in a point": b'{"name":"n","input":{"a":1.}}',
    "a lone minus": b'{"name":"n","input":{"a":-}}',
    "key twice": b'{"name":"n","name":"m"}',
    "key twice in the input": b'{"name":"n","input":{"a":1,"a":2}}',
    "key twice, once escaped": b'{"name":"n","\\u006eame":"m"}',
    "lone high surrogate": b'{"name":"\\ud800"}',
    "lone low surrogate": b'{"name":"\\udc00"}',
    "surrogates swapped": b'{"name":"\\udc00\\ud800"}',
    "escaped NUL": b'{"name":"a\\u0000b"}',
    "raw NUL": b'{"name":"a\x00b"}',
    "raw control bytes": b'{"name":"a\x01\x1f"}',
    "raw line end in a text": b'{"name":"a\nb"}',
    "invalid UTF-8": b'{"name":"\xff\xfe"}',
    "overlong UTF-8": b'{"name":"\xc0\x80"}',
    "surrogate as UTF-8": b'{"name":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"name":"\xf4\x90\x80\x80"}',
    "cut UTF-8": b'{"name":"\xe2\x82"}',
    "byte order mark": b'\xef\xbb\xbf{"name":"n"}',
    "UTF-16": '{"name":"n"}'.encode("utf-16"),
    "UTF-32": '{"name":"n"}'.encode("utf-32"),
    "bytes after the end": b'{"name":"n"}{}',
    "comma at the end": b'{"name":"n",}',
    "comma alone": b"[,]",
    "comments": b'{"name":"n"/* c */}',
    "single quotes": b"{'name':'n'}",
    "key without quotes": b'{name:"n"}',
    "unfinished text": b'{"name":"n',
    "unfinished escape": b'{"name":"\\u12"}',
    "unknown escape": b'{"name":"\\x41"}',
    "unfinished object": b'{"name":',
    "word in capitals": b'{"name":TRUE}',
    "only an opening brace": b"{",
    "only a closing brace": b"}",
    "100,000 keys": b'{"name":"n","input":{' + b",".join(b'"k%d":0' % k for k in range(100_000)) + b"}}",
    "keys of one hash": b'{"name":"n","input":{'
    + b",".join(b'"%s":0' % (b"\\u0000" * k) for k in range(200))
    + b"}}",
    "100,000 nulls": b"[" + b",".join([b"null"] * 100_000) + b"]",
    "text of a megabyte": b'{"name":"' + b"x" * MIB + b'"}',
    "prototype keys": b'{"__proto__":{"a":1},"constructor":{"prototype":{}},"name":"n"}',
    "unknown enum": b'[{"name":"n","retryLogic":"SOMETIMES","timeoutPolicy":7}]',
    "wrong types everywhere": b'{"name":[],"tasks":{},"input":[],"status":{},"taskId":7}',
    "list where an object is wanted": b'[{"name":7,"tasks":[7],"retryCount":"many"}]',
    "templates": b'{"name":"${workflow.input.${a}}","input":{"a":"${" }}',
    "not JSON at all": b"\x00\x01\x02\x03\x80\xff" * 100,
    "a form": b"name=n&input=1",
    "XML with an entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}
BODY_TARGETS = (
    "POST /api/workflow",
    "POST /api/workflow/some",
    "POST /api/workflow/execute/some/1?waitForSeconds=1",
    "POST /api/workflow/some/rerun",
    "POST /api/workflow/some/variables",
    "POST /api/workflow/some/messages",
    "POST /api/workflow/some/correlated",
    "PUT /api/workflow/some/skiptask/ref",
    "POST /api/workflow/bulk/start",
    "PUT /api/workflow/bulk/pause",
    "DELETE /api/workflow/bulk/remove",
    "POST /api/tasks",
    "POST /api/tasks/update-v2",
    "POST /api/tasks/some/ref/COMPLETED",
    "POST /api/tasks/some/COMPLETED/signal",
    "POST /api/tasks/some/COMPLETED/signal/sync",
    "POST /api/tasks/some/log",
    "POST /api/metadata/taskdefs",
    "PUT /api/metadata/taskdefs",
    "POST /api/metadata/workflow",
    "PUT /api/metadata/workflow",
    "POST /api/metadata/workflow/validate",
)

# H20 to H24: names that mean something to somebody else.
NAMES: dict[str, bytes] = {
    "slash": b"a/b",
    "two dots": b"../../etc/passwd",
    "percent": b"100%",
    "encoded slash": b"a%2Fb",
    "colon": b"conductor:a:b",
    "braces": b"{}{a}",
    "template": b"${workflow.input.a}",
    "NUL": b"a\x00b",
    "line ends": b"a\r\nX-Injected: 1\r\n\r\n",
    "space": b" a b ",
    "plus": b"a+b",
    "question mark": b"a?b=c",
    "hash": b"a#b",
    "semicolon": b"a;jsessionid=1",
    "ampersand": b"a&b",
    "quotes": b"a'\"b",
    "SQL": b"'; DROP TABLE executions;--",
    "SQL wildcards": b"%_\\",
    "glob": b"*?[a]",
    "Lua": b"redis.call('FLUSHALL')",
    "HTML": b"<img src=x onerror=alert(1)>",
    "right to left": "a\u202eb".encode(),
    "zero width": "a\u200bb".encode(),
    "emoji": "\U0001f4a5\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(),
    "NFC": "\u00e9".encode(),
    "NFD": "e\u0301".encode(),
    "compatibility form": "\ufb01\uff41".encode(),
    "invalid UTF-8": b"\xff\xfe",
    "overlong dot": b"\xc0\xae\xc0\xae",
    "surrogate": b"\xed\xa0\x80",
    "255 letters": b"x" * 255,
    "4,000 letters": b"x" * 4000,
    "only dots": b"..",
    "a dash": b"-",
    "comma": b"a,b",
    "backslash": b"a\\b",
    "escape sequence": b"\x1b[31m",
}
NAME_TARGETS = (
    "GET /api/workflow/%s",
    "DELETE /api/workflow/%s",
    "POST /api/workflow/%s",
    "GET /api/workflow/%s/tasks",
    "PUT /api/workflow/%s/pause",
    "GET /api/workflow/some/correlated/%s",
    "GET /api/workflow/running/%s",
    "GET /api/tasks/poll/%s",
    "GET /api/tasks/poll/batch/%s?timeout=1",
    "GET /api/tasks/poll/batch/some?timeout=1&domain=%s",
    "GET /api/tasks/poll/any/batch?timeout=1&types=%s",
    "GET /api/tasks/%s",
    "GET /api/tasks/%s/log",
    "POST /api/tasks/some/%s/COMPLETED",
    "POST /api/tasks/some/ref/%s",
    "GET /api/tasks/queue/sizes?taskType=%s",
    "POST /api/tasks/queue/requeue/%s",
    "GET /api/metadata/taskdefs/%s",
    "GET /api/metadata/workflow/%s",
    "DELETE /api/metadata/workflow/%s/1",
    "DELETE /api/metadata/workflow/some/%s",
)

QUERIES: dict[str, str] = {
    "nothing": "",
    "a wall": ") OR 1=1 --",
    "unbalanced": "((((workflowType = 'a'",
    "unbalanced quotes": "workflowType = 'a",
    "quotes in quotes": "workflowType = 'a''; DROP TABLE executions;--'",
    "unknown field": "noSuchField = 1",
    "no operator": "workflowType",
    "no value": "workflowType =",
    "empty list": "workflowType IN ()",
    "list of nothing": "workflowType IN (,,,)",
    "list of 10,000": f"workflowType IN ({','.join('a' for _ in range(10_000))})",
    "10,000 clauses": " AND ".join(["status = 'RUNNING'"] * 1000),
    "deep parentheses": "(" * 5000 + ")" * 5000,
    "wildcards": "workflowType = '%_*'",
    "many wildcards": "workflowType = '" + "*a" * 2000 + "'",
    "time as text": "startTime > yesterday",
    "time beyond 64 bits": "startTime > 99999999999999999999999",
    "text search operators": "workflowType = 'a & b | !c <-> d:*'",
    "fts operators": 'NEAR("a" "b", 5) ^ * : - OR AND NOT',
    "NUL": "workflowType = 'a\0b'",
    "emoji": "workflowType = '\U0001f4a5'",
    "64 KiB": "workflowType = '" + "x" * 16_000 + "'",
    "control bytes": "\x01\x02\x1f\x7f",
    "Lucene ranges": "startTime:[1 TO 2} AND a:/.*/",
}
QUERY_TARGETS = (
    "GET /api/workflow/search?query=%s",
    "GET /api/workflow/search?freeText=%s",
    "GET /api/workflow/search?sort=%s",
    "GET /api/workflow/search?size=%s",
    "GET /api/workflow/search?classifier=%s",
    "GET /api/workflow/search-v2?query=%s",
    "GET /api/metadata/workflow?classifier=%s",
    "GET /api/workflow/some/tasks?status=%s",
)


def request(line: str, body: bytes | None = None, content_type: bytes = JSON, headers: bytes = b"") -> bytes:
    """Return one request whose connection ends with its answer."""
    head = line.encode("latin-1") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers
    if body is None:
        return head + b"\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    return head + b"Content-Type: " + content_type + b"\r\n" + length + b"\r\n" + body


def bodies() -> Iterator[Case]:
    for target in BODY_TARGETS:
        content_type = b"application/x-ndjson" if target.endswith("/start") else JSON
        for name, body in BODIES.items():
            yield Case(f"{target}: {name}", request(target, body, content_type))


def names() -> Iterator[Case]:
    for target in NAME_TARGETS:
        for name, value in NAMES.items():
            line = target.replace("%s", quote_from_bytes(value, safe=""))
            yield Case(f"{target}: {name}", request(line, b"{}" if line.startswith("POST") else None))


def queries() -> Iterator[Case]:
    for target in QUERY_TARGETS:
        for name, value in QUERIES.items():
            yield Case(f"{target}: {name}", request(target.replace("%s", quote(value, safe=""))))


def encodings() -> Iterator[Case]:
    """H5 to H9: compressed and multipart bodies, types that do not fit."""
    plain = b'{"name":"n"}'
    bomb = gzip.compress(b"0" * (32 * MIB))
    coded = {
        "gzip": (b"gzip", gzip.compress(plain)),
        "gzip bomb": (b"gzip", bomb),
        "gzip in gzip": (b"gzip, gzip", gzip.compress(gzip.compress(plain))),
        "gzip that is none": (b"gzip", plain),
        "cut gzip": (b"gzip", gzip.compress(plain)[:-4]),
        "deflate bomb": (b"deflate", zlib.compress(b"0" * (32 * MIB))),
        "brotli": (b"br", plain),
        "unknown coding": (b"snappy", plain),
        "identity": (b"identity", plain),
    }
    types = (
        b"",
        b"text/plain",
        b"text/xml",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded",
        b"application/json; charset=utf-16",
        b"application/json; charset=",
        b"application/json, application/json",
        b"application/grpc",
        b"application/" + b"x" * 5000,
        b"*/*",
    )
    for target in (
        "POST /api/workflow",
        "POST /api/tasks",
        "PUT /api/metadata/workflow",
        "POST /api/workflow/bulk/start",
    ):
        for name, (coding, body) in coded.items():
            yield Case(
                f"{target}: {name}", request(target, body, JSON, b"Content-Encoding: " + coding + b"\r\n")
            )
        for kind in types:
            yield Case(f"{target}: type {kind[:40]!r}", request(target, plain, kind))
        yield Case(f"{target}: body of 11 MiB", request(target, b'"' + b"x" * (11 * MIB) + b'"'))


POST = b"POST /api/workflow HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET_VERSION = b"GET /api/version HTTP/1.1\r\nHost: x\r\n"
FRAMES: dict[str, bytes] = {
    "nothing": b"\r\n\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 100,
    "a gRPC length": b"\x00\x40\x00\x00\x00",
    "an RESP command": b"*1\r\n$8\r\nFLUSHALL\r\n",
    "length and chunked": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a chunk without end": CHUNKED + b"fffffffffffffffff\r\n",
    "a chunk of letters": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a long chunk extension": CHUNKED + b"2;" + b"a" * 70_000 + b"\r\n{}\r\n0\r\n\r\n",
    "many trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    "a header line of 64 KiB": b"GET /health HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 65_536 + b"\r\n\r\n",
    "10,000 headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "a target of 64 KiB": b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method of 64 KiB": b"G" * 65_536 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\nHost x\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "line folding": b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "bare returns": b"GET /health HTTP/1.1\rHost: x\r\r",
    "NUL in a header": b"GET /health HTTP/1.1\r\nHost: x\r\nA: a\x00b\r\n\r\n",
    "version 9": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    "version 0.9": b"GET /health\r\n\r\n",
    "raw spaces in the target": b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n",
    "raw bytes in the target": b"GET /\xff\xfe\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target without slash": b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "a TRACE": b"TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "an upgrade": GET_VERSION + b"Upgrade: websocket\r\nConnection: close, Upgrade\r\n\r\n",
    "an unknown expectation": POST + b"Expect: miracles\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "a hundred at once": (GET_VERSION + b"\r\n") * 100 + GET_VERSION + b"Connection: close\r\n\r\n",
}


def frames() -> Iterator[Case]:
    """H38: what is no well-framed request, whole and cut in the middle."""
    for name, sent in FRAMES.items():
        yield Case(f"framing: {name}", sent, is_http=False)
        yield Case(f"framing: half of {name}", sent[: len(sent) // 2], is_http=False)
    for method in ("OPTIONS", "TRACE", "PATCH", "get", "PROPFIND", "X-Y", "G\u00c9T", "CONNECT"):
        for path in ("/api/workflow", "/api/tasks", "/health", "*", "/"):
            yield Case(f"{method} {path}", request(f"{method} {path}"))


def cases() -> list[Case]:
    """The whole corpus, in a fixed order."""
    return [*bodies(), *names(), *queries(), *encodings(), *frames()]
