"""The KAFKA_PUBLISH task: one message to one topic, described by the task's input (S-40).

What sends it is a port: a broker's client is an adapter that the composition root hands in. Without one every
task fails with a reason that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fastcond.workers.port import Number, Result, whole_number, write_json

if TYPE_CHECKING:
    from fastcond.workers.port import Work

PREFIX = "Failed to invoke kafka task due to: "
_REASON_CHARS_MAX = 500
# Bytes of a key that a serializer makes of a whole number, by the last part of its class name.
_WHOLE_KEYS = {"LongSerializer": 8, "IntegerSerializer": 4}


class PublishFailed(Exception):
    """A broker did not take a message; the text says why."""


class InvalidMessage(ValueError):
    """The task's input does not describe a message."""


@dataclass(frozen=True)
class Message:
    """What is to be sent, defaults filled in (S-40.1)."""

    servers: str
    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    request_timeout_ms: int
    max_block_ms: int

    @classmethod
    def of(cls, task_input: Mapping[str, Any]) -> Message:
        """Read the message from `kafka_request`."""
        fields = task_input.get("kafka_request")
        if not isinstance(fields, Mapping):
            raise InvalidMessage("kafka_request is missing or not an object")
        for name in ("bootStrapServers", "topic"):
            if not isinstance(fields.get(name), str) or not fields[name].strip():
                raise InvalidMessage(f"the kafka_request has no {name}")
        if fields.get("value") is None:
            raise InvalidMessage("the kafka_request has no value")
        headers = fields.get("headers") or {}
        if not isinstance(headers, Mapping):
            raise InvalidMessage("headers is not an object")
        return cls(
            servers=fields["bootStrapServers"],
            topic=fields["topic"],
            key=_key_of(fields.get("key"), str(fields.get("keySerializer") or "")),
            value=write_json(fields["value"]),
            headers=tuple((name, _text(value).encode()) for name, value in headers.items()),
            request_timeout_ms=_milliseconds(fields, "requestTimeoutMs", default=100),
            max_block_ms=_milliseconds(fields, "maxBlockMs", default=500),
        )


class Producer(Protocol):
    """Sends messages to Kafka."""

    async def send(self, message: Message) -> None:
        """Return when the broker has acknowledged the message; raises `PublishFailed` when it does not."""


class KafkaPublishTask:
    """The worker function, and what it sends with."""

    def __init__(self, producer: Producer | None = None) -> None:
        self._producer = producer

    async def run(self, work: Work) -> Result:
        """Send the message; an acknowledged one completes the task without output (S-40.2)."""
        try:
            message = Message.of(work.input)
        except InvalidMessage as error:
            return _failed(str(error))
        if self._producer is None:
            return _failed("this server has no adapter for Kafka")
        try:
            await self._producer.send(message)
        except PublishFailed as error:
            return _failed(str(error))
        return Result("IN_PROGRESS" if work.is_async_complete else "COMPLETED")


def _failed(reason: str) -> Result:
    return Result("FAILED", reason=f"{PREFIX}{reason}"[:_REASON_CHARS_MAX])


def _key_of(key: object, serializer: str) -> bytes:
    """Return the key as its serializer writes it; a missing one is the text `null`."""
    text = "null" if key is None else _text(key)
    size = _WHOLE_KEYS.get(serializer.rpartition(".")[2])
    if size is None:
        return text.encode()
    try:
        return int(text).to_bytes(size, "big", signed=True)
    except (ValueError, OverflowError) as error:
        raise InvalidMessage(f"the key {text} is not what {serializer} writes") from error


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return value.text if isinstance(value, Number) else write_json(value).decode()


def _milliseconds(fields: Mapping[str, Any], name: str, *, default: int) -> int:
    given = fields.get(name)
    if given is None:
        return default
    number = whole_number(given)
    if number is None or number < 0:
        raise InvalidMessage(f"{name} is not a number of milliseconds")
    return number
