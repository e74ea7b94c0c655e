"""Large bodies beside the log: a plan of thousands of steps is no entry that every reader should have to load.

The entry keeps the digest and the counts, and its hash binds them; the body is a blob, written in the same
transaction. Whoever folds the log completes the entry when it is read; whoever only tells of it need not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from allstop.application.codec import canonical
from allstop.application.digests import sha256
from allstop.domain.plan.events import Beside, Bite, Node, PlanMade, Step
from allstop.domain.record import Record
from allstop.errors import Corrupt

# Steps of a plan from which on they stand beside the log: some 100 KiB.
LARGE = 256

Blobs = Callable[[str], bytes | None]


class _Body(msgspec.Struct):
    """What of a plan stands beside the log."""

    steps: tuple[Step, ...]
    nodes: tuple[Node, ...]
    bites: tuple[Bite, ...]
    outlook: dict[str, Any]


def write_bodies(records: Sequence[Record]) -> tuple[tuple[bytes, ...], dict[str, bytes]]:
    """The canonical texts of events as the log holds them, and what of them stands beside it, by digest."""
    bodies: list[bytes] = []
    blobs: dict[str, bytes] = {}
    for record in records:
        event = record.event
        if isinstance(event, PlanMade) and len(event.steps) > LARGE:
            body = canonical(_Body(event.steps, event.nodes, event.bites, event.outlook))
            digest = sha256(body)
            blobs[digest] = body
            rules = tuple(dict.fromkeys(bite.rule for bite in event.bites))
            kept = Beside(digest, len(event.steps), len(event.nodes), rules)
            event = replace(event, steps=(), nodes=(), bites=(), outlook={}, beside=kept)
        bodies.append(canonical(event))
    return tuple(bodies), blobs


def completed(record: Record, blobs: Blobs) -> Record:
    """The entry with what stands beside the log. Raises Corrupt when that is not there or not what it was."""
    event = record.event
    if not isinstance(event, PlanMade) or event.beside is None:
        return record
    body = blobs(event.beside.sha256)
    if body is None or sha256(body) != event.beside.sha256:
        raise Corrupt(
            f"the steps of {event.plan} beside the log are missing or damaged",
            "put back a backup copy; `allstop audit verify` names everything that is wrong",
        )
    found = msgspec.json.decode(body, type=_Body)
    whole = replace(
        event, steps=found.steps, nodes=found.nodes, bites=found.bites, outlook=found.outlook,
        beside=None,
    )  # fmt: skip
    return replace(record, event=whole)
