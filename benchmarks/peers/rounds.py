"""Drive every server with every shape it knows, in interleaved rounds."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from benchmarks.peers.peer import Peer, PeerMissingError, Plan
from benchmarks.targets import BenchmarkError, Report

_REASON_CHARACTERS_MAX = 500


@dataclass
class Measured:
    """What the rounds gave."""

    reports: dict[str, dict[str, list[Report]]] = field(default_factory=dict)
    """By server, then by shape; each report names its round."""

    broken: dict[str, list[str]] = field(default_factory=dict)
    """What was broken by server, ``SHAPE: what``. Losing or doubling work is part of the result."""

    missing: dict[str, str] = field(default_factory=dict)
    """Peers that cannot be had on this machine, with the reason."""


def prepare(peers: list[Peer], measured: Measured) -> list[Peer]:
    """Fetch what the peers need and give those that can be had; of the others the reason is kept."""
    present = []
    for peer in peers:
        try:
            peer.prepare()
        except PeerMissingError as error:
            measured.missing[peer.name] = str(error)
            print(f"{peer.name} cannot be measured here: {error}", file=sys.stderr, flush=True)
        else:
            present.append(peer)
    return present


def measure(plan: Plan, peers: list[Peer], shapes: list[str], measured: Measured) -> None:
    """Make the rounds; each server is started once a round, and who comes first changes with each."""
    for peer in peers:
        measured.reports[peer.name] = {}
        measured.broken[peer.name] = []
    for number in range(plan.rounds):
        first = number % len(peers)
        for peer in peers[first:] + peers[:first]:
            wanted = [shape for shape in shapes if shape in peer.shapes]
            if not wanted:
                continue
            try:
                _one_server(plan, peer, wanted, number, measured)
            except (BenchmarkError, PeerMissingError, OSError) as error:
                _note_broken(measured, peer, "start", error)


def _one_server(plan: Plan, peer: Peer, shapes: list[str], number: int, measured: Measured) -> None:
    with peer.serving(plan) as drive:
        drive(shapes[0], plan.warm_seconds)
        for shape in shapes:
            print(f"round {number + 1} of {plan.rounds}: {shape} on {peer.name}", file=sys.stderr, flush=True)
            try:
                report = drive(shape, plan.seconds)
            except BenchmarkError as error:
                _note_broken(measured, peer, shape, error)
            else:
                measured.reports[peer.name].setdefault(shape, []).append({"round": number + 1, **report})
                # Its figures stand all the same: the work was done.
                for violation in report.get("conservation", {}).get("violations", ()):
                    _note_broken(measured, peer, shape, BenchmarkError(violation))


def _note_broken(measured: Measured, peer: Peer, what: str, error: Exception) -> None:
    reason = str(error)[-_REASON_CHARACTERS_MAX:]
    measured.broken[peer.name].append(f"{what}: {reason}")
    print(f"{peer.name}: {what}: {reason}", file=sys.stderr, flush=True)
