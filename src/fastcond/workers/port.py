"""What a system task's worker gets and gives; the pool that runs it is `fastcond.runtime.workers`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

# A worker in this process has the same words for an outcome as any worker outside.
Outcome = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "IN_PROGRESS"]


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number kept as written, so that neither precision nor the form of a user's number changes."""

    text: str


@dataclass(frozen=True, slots=True)
class Work:
    """One leased attempt of a system task, its input resolved."""

    task_id: str
    workflow_id: str
    task_type: str
    input: Mapping[str, Any]
    is_async_complete: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended; output values may be `Number` and `orjson.Fragment`."""

    outcome: Outcome
    output: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


Run = Callable[[Work], Awaitable[Result]]


def read_json(text: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON without touching numbers that a float or a 64-bit integer could not give back as written."""
    return json.loads(text, parse_float=Number, parse_int=_integer)


def write_json(value: object) -> bytes:
    """Write JSON, giving back each `Number` as it was read."""
    return orjson.dumps(value, default=_as_written, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def whole_number(value: object) -> int | None:
    """Return a setting given as a number or its text as an integer, None when it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.text if isinstance(value, Number) else value
    if not isinstance(text, str):
        return None
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def _integer(text: str) -> int | Number:
    # 18 digits always fit 64 bits. Minus zero would come back without its sign.
    return int(text) if len(text) <= 18 and text != "-0" else Number(text)


def _as_written(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text.encode())
    raise TypeError(f"{type(value).__name__} is not JSON")
