"""Every exception this package raises, as one tree.

A **Refusal** is the caller's mistake and says what to do about it; a **Fault** is ours.
`fastcond.http.errors` maps the classes that can reach a client to HTTP statuses; a test keeps that table
closed.
"""

from __future__ import annotations


class FastcondError(Exception):
    """The root of the tree."""


class Refusal(FastcondError):
    """Something was asked that we refuse; the message tells how to ask rightly."""


class ConfigError(Refusal):
    """A setting is missing, misspelled, out of range, or unsafe."""


class BadTarget(Refusal):
    """The request target is not a well-formed path and query."""


class BadParameter(Refusal):
    """A query parameter is missing or does not have the form its route asks for."""


class UnsupportedMedia(Refusal):
    """A body came with a content type that its route does not read."""


class Overloaded(Refusal):
    """More work is in flight than the server takes; trying again later is right."""


class EgressDenied(Refusal):
    """A task wanted to connect to an address that the egress policy does not allow."""


class Fault(FastcondError):
    """We are broken; nothing the caller could have done differently."""


class StoreError(Fault):
    """The store cannot be opened, read or written; the core names file and offset where it knows them."""


class NotServing(Fault):
    """The server is stopping and takes no new work."""
