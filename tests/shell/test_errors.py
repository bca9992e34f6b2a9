"""The exception tree and the table from its classes to statuses are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcond import errors
from fastcond.http.errors import NEVER_AT_THE_EDGE, STATUS, error_body

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(root: type[Exception]) -> Iterator[type[Exception]]:
    children = root.__subclasses__()
    if not children:
        yield root
    for child in children:
        yield from leaves(child)


def test_every_error_has_a_status_or_never_meets_a_request() -> None:
    ours = {leaf for leaf in leaves(errors.FastcondError) if leaf.__module__ == errors.__name__}
    missing = ours - set(STATUS) - NEVER_AT_THE_EDGE
    assert not missing, (
        f"give {missing} a row in STATUS of fastcond/http/errors.py, or list it in NEVER_AT_THE_EDGE"
    )
    assert not set(STATUS) & NEVER_AT_THE_EDGE


def test_refusals_are_4xx_and_faults_are_5xx() -> None:
    for error, (status, _) in STATUS.items():
        assert status // 100 == (4 if issubclass(error, errors.Refusal) else 5), error


def test_the_error_body_is_the_contracts() -> None:
    """Rest-api 2.1: status, message, instance, retryable."""
    expected = b'{"status":404,"message":"gone","instance":"here","retryable":false}'
    assert error_body(404, "gone", instance="here") == expected
