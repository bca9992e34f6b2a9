"""The KAFKA_PUBLISH task: what it makes of its input, and what becomes of it (S-40)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastcond.workers.kafka_publish import KafkaPublishTask, Message, PublishFailed
from fastcond.workers.port import Result, Work, read_json

FULL = {
    "bootStrapServers": "localhost:9092",
    "topic": "orders",
    "value": {"n": read_json("1.50"), "list": [1, None]},
    "key": 7,
    "headers": {"a": "text", "b": 5},
    "requestTimeoutMs": 2000,
    "maxBlockMs": "900",
}
LONG = "org.apache.kafka.common.serialization.LongSerializer"
INTEGER = "org.apache.kafka.common.serialization.IntegerSerializer"


class Recorder:
    """An adapter that keeps what it is given, or refuses it."""

    def __init__(self, refusal: str | None = None) -> None:
        self.sent: list[Message] = []
        self._refusal = refusal

    async def send(self, message: Message) -> None:
        if self._refusal is not None:
            raise PublishFailed(self._refusal)
        self.sent.append(message)


def run(recorder: Recorder | None, request: Any, *, is_async_complete: bool = False) -> Result:
    work = Work("t", "w", "KAFKA_PUBLISH", {"kafka_request": request}, is_async_complete)
    return asyncio.run(KafkaPublishTask(recorder).run(work))


def test_the_message_is_what_the_input_says() -> None:
    """S-40.1: the value as JSON text, header values as the bytes of their text."""
    recorder = Recorder()
    assert run(recorder, FULL) == Result("COMPLETED")
    assert recorder.sent == [
        Message(
            servers="localhost:9092",
            topic="orders",
            key=b"7",
            value=b'{"n":1.50,"list":[1,null]}',
            headers=(("a", b"text"), ("b", b"5")),
            request_timeout_ms=2000,
            max_block_ms=900,
        )
    ]


def test_what_is_left_out_has_defaults() -> None:
    """S-40.1: a missing key is the text null."""
    recorder = Recorder()
    run(recorder, {"bootStrapServers": "b", "topic": "t", "value": "v"})
    (message,) = recorder.sent
    assert (message.key, message.value, message.headers) == (b"null", b'"v"', ())
    assert (message.request_timeout_ms, message.max_block_ms) == (100, 500)


@pytest.mark.parametrize(
    ("serializer", "key", "expected"),
    [
        (LONG, 258, b"\0\0\0\0\0\0\1\2"),
        (LONG, "-1", b"\xff" * 8),
        (INTEGER, 258, b"\0\0\1\2"),
        (None, 258, b"258"),
        ("org.apache.kafka.common.serialization.StringSerializer", {"a": 1}, b'{"a":1}'),
    ],
)
def test_the_serializer_makes_the_bytes_of_the_key(serializer: str | None, key: Any, expected: bytes) -> None:
    """S-40.1."""
    recorder = Recorder()
    run(recorder, {**FULL, "keySerializer": serializer, "key": key})
    assert recorder.sent[0].key == expected


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"bootStrapServers": None}, "bootStrapServers"),
        ({"bootStrapServers": " "}, "bootStrapServers"),
        ({"topic": None}, "topic"),
        ({"value": None}, "value"),
        ({"headers": [1]}, "headers"),
        ({"keySerializer": LONG, "key": "seven"}, "seven"),
        ({"keySerializer": INTEGER, "key": 1 << 31}, "2147483648"),
        ({"maxBlockMs": -1}, "maxBlockMs"),
    ],
)
def test_a_message_that_cannot_be_made_fails_the_task(change: dict[str, Any], word: str) -> None:
    """S-40.1: each missing one is FAILED, and nothing is sent."""
    recorder = Recorder()
    result = run(recorder, {**FULL, **change})
    assert (result.outcome, recorder.sent) == ("FAILED", [])
    assert word in (result.reason or "")
    assert run(recorder, None).outcome == "FAILED"


def test_an_acknowledged_message_may_leave_the_task_open() -> None:
    """S-40.2, S-9.5: asyncComplete."""
    assert run(Recorder(), FULL, is_async_complete=True) == Result("IN_PROGRESS")


def test_a_refusal_and_a_missing_adapter_fail_with_their_reason() -> None:
    """S-40.2."""
    refused = run(Recorder(refusal="no leader"), FULL)
    assert refused == Result("FAILED", reason="Failed to invoke kafka task due to: no leader")
    without = run(None, FULL)
    assert without.outcome == "FAILED"
    assert without.reason == "Failed to invoke kafka task due to: this server has no adapter for Kafka"
