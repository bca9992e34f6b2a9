"""A tiny JavaScript: an expression of literals, `$` paths, arithmetic, comparison, logic, `?:` (S-8.24)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.model import Json


class ScriptError(Exception):
    """The script does not parse, or threw."""


class _Undefined:
    """JavaScript's undefined."""


UNDEFINED = _Undefined()
_TOKEN = re.compile(
    r"\s*(?:(\d+\.\d+|\d+)|('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|([A-Za-z_$][\w$]*)"
    r"|(===|!==|==|!=|<=|>=|&&|\|\||[-+*/%<>!?:().,\[\]]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("===", "!==", "==", "!="),
    ("<=", ">=", "<", ">"),
    ("+", "-"),
    ("*", "/", "%"),
)


def evaluate(source: str, scope: Json) -> Json:
    """The completion value of the script with `$` bound to the scope, as JSON."""
    reader = _Reader(_tokens(source.strip().removesuffix(";")), scope)
    value = reader.ternary(live=True)
    if reader.position != len(reader.tokens):
        raise ScriptError(f"unexpected {reader.tokens[reader.position]}")
    return _json(value)


def call(source: str, scope: Json) -> Json:
    """The value a function body returns (S-36.3)."""
    found = re.fullmatch(r"\s*return\s+(.*?);?\s*", source, re.DOTALL)
    if found is None:
        _tokens(source)
        return None
    return evaluate(found.group(1), scope)


def truth(value: Json) -> bool:
    """The boolean use of a script result (S-8.25)."""
    if isinstance(value, bool):
        return value
    return isinstance(value, int | float) and value > 0


def _tokens(source: str) -> list[str]:
    tokens, position = [], 0
    while position < len(source.rstrip()):
        found = _TOKEN.match(source, position)
        if found is None:
            raise ScriptError(f"cannot read {source[position:]!r}")
        tokens.append(found.group().strip())
        position = found.end()
    return tokens


class _Reader:
    """Parses and evaluates in one go; a branch that is not taken is read without being evaluated."""

    def __init__(self, tokens: list[str], scope: Json) -> None:
        self.tokens = tokens
        self.scope = scope
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if not token or (wanted is not None and token != wanted):
            raise ScriptError(f"expected {wanted or 'more'}, met {token or 'the end'}")
        self.position += 1
        return token

    def ternary(self, *, live: bool) -> Json:
        test = self.binary(0, live=live)
        if self.peek() != "?":
            return test
        self.take("?")
        chosen = live and _truthy(test)
        yes = self.ternary(live=chosen)
        self.take(":")
        no = self.ternary(live=live and not chosen)
        return yes if chosen else no

    def binary(self, level: int, *, live: bool) -> Json:
        if level == len(_LEVELS):
            return self.unary(live=live)
        left = self.binary(level + 1, live=live)
        while self.peek() in _LEVELS[level]:
            sign = self.take()
            if sign in {"||", "&&"}:
                decided = _truthy(left) == (sign == "||")
                right = self.binary(level + 1, live=live and not decided)
                left = left if decided else right
                continue
            right = self.binary(level + 1, live=live)
            left = _OPERATORS[sign](left, right) if live else None
        return left

    def unary(self, *, live: bool) -> Json:
        if self.peek() == "!":
            self.take()
            return not _truthy(self.unary(live=live))
        if self.peek() == "-":
            self.take()
            value = self.unary(live=live)
            return -_number(value) if live else None
        return self.member(live=live)

    def member(self, *, live: bool) -> Json:
        value = self.primary(live=live)
        while self.peek() in {".", "["}:
            if self.take() == ".":
                key: Json = self.take()
            else:
                key = self.ternary(live=live)
                self.take("]")
            value = _property(value, key) if live else None
        return value

    def primary(self, *, live: bool) -> Json:
        token = self.take()
        if token == "(":
            value = self.ternary(live=live)
            self.take(")")
            return value
        if token[0].isdigit():
            return float(token) if "." in token else int(token)
        if token[0] in "'\"":
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        words = {"true": True, "false": False, "null": None, "undefined": UNDEFINED, "$": self.scope}
        if token in words:
            return words[token]
        if live:
            raise ScriptError(f"{token} is not defined")
        return None


def _property(value: Json, key: Json) -> Json:
    if value is None or value is UNDEFINED:
        raise ScriptError(f"cannot read {key} of {value}")
    if isinstance(value, dict):
        return value.get(_text(key), UNDEFINED)
    if isinstance(value, list | str):
        if key == "length":
            return len(value)
        if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(value):
            return value[key]
    return UNDEFINED


def _truthy(value: Json) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, dict | list) or (value is not UNDEFINED and bool(value))


def _number(value: Json) -> float | int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0
        except ValueError:
            return math.nan
    return math.nan if value is UNDEFINED else _number(_text(value))


def _primitive(value: Json) -> Json:
    """What an array or object is in a comparison: its text."""
    return _text(value) if isinstance(value, list | dict) else value


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, list):
        return ",".join("" if v is None else _text(v) for v in value)
    if isinstance(value, dict):
        return "[object Object]"
    return str(int(value)) if float(value).is_integer() else str(value)


def _add(left: Json, right: Json) -> Json:
    if isinstance(left, str | list | dict) or isinstance(right, str | list | dict):
        return _text(left) + _text(right)
    return _number(left) + _number(right)


def _divide(left: Json, right: Json) -> Json:
    top, bottom = _number(left), _number(right)
    if bottom == 0:
        return math.nan if top == 0 or math.isnan(top) else math.inf * math.copysign(1, top)
    return top / bottom


def _remainder(left: Json, right: Json) -> Json:
    top, bottom = _number(left), _number(right)
    return math.nan if bottom == 0 else math.fmod(top, bottom)


def _strict(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict | list):
        return left is right
    return (type(left) is type(right) and left == right) or (_both_numbers(left, right) and left == right)


def _both_numbers(left: Json, right: Json) -> bool:
    return isinstance(left, int | float) and isinstance(right, int | float)


def _loose(left: Json, right: Json) -> bool:
    nothing = (None, UNDEFINED)
    if left in nothing or right in nothing:
        return left in nothing and right in nothing
    if isinstance(left, dict | list) and isinstance(right, dict | list):
        return left is right
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return _number(left) == _number(right)


def _compare(test: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def compare(left: Json, right: Json) -> bool:
        left, right = _primitive(left), _primitive(right)
        if isinstance(left, str) and isinstance(right, str):
            return test(left, right)
        return test(_number(left), _number(right))

    return compare


_OPERATORS: dict[str, Callable[[Json, Json], Json]] = {
    "+": _add,
    "-": lambda a, b: _number(a) - _number(b),
    "*": lambda a, b: _number(a) * _number(b),
    "/": _divide,
    "%": _remainder,
    "<": _compare(lambda a, b: bool(a < b)),
    "<=": _compare(lambda a, b: bool(a <= b)),
    ">": _compare(lambda a, b: bool(a > b)),
    ">=": _compare(lambda a, b: bool(a >= b)),
    "==": _loose,
    "!=": lambda a, b: not _loose(a, b),
    "===": _strict,
    "!==": lambda a, b: not _strict(a, b),
}


def _json(value: Json) -> Json:
    if value is UNDEFINED:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
