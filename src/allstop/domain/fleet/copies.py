"""Copies of data that plans have made, and which of them a restore has proven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.copying import replace
from allstop.domain.plan.events import Step, StepDone

# How many of the newest are remembered for each service.
KEPT = 20
# Steps that make a copy, or prove one, and the fact that names it.
MAKES, PROVES, NAME, TAKEN_AT = "snapshot", "verify-snapshot", "copy", "taken_at"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a service's data. name: as its adapter knows it, empty where it says none; taken_at: when it was
    complete; proven_at: when a restore of it was seen to work, None before that; both UTC."""

    name: str
    taken_at: datetime
    proven_at: datetime | None = None


def copies_after(
    copies: tuple[Copy, ...], step: Step, event: StepDone, at: datetime
) -> tuple[Copy, ...]:
    """The copies of a service once a step is done, the newest last."""
    name = str(event.facts.get(NAME, ""))
    if step.action == MAKES:
        return (*(one for one in copies if one.name != name or not name), Copy(name, at))[-KEPT:]
    if step.action != PROVES:
        return copies
    known = next((one for one in reversed(copies) if one.name == name), None)
    if known is None:
        # Made by somebody else; who proved it may know when.
        proven = Copy(name, _moment(event.facts.get(TAKEN_AT)) or at, at)
        return tuple(sorted((*copies, proven), key=lambda one: one.taken_at))[-KEPT:]
    return tuple(replace(one, proven_at=at) if one is known else one for one in copies)


def proven_copy(
    copies: Mapping[str, tuple[Copy, ...]], service: str, until: datetime | None = None,
    *, named: bool = False,
) -> Copy | None:  # fmt: skip
    """The newest copy that a restore has proven; with `until`, the newest that was complete by then. named: only
    one whose name is known."""
    found = (
        one
        for one in reversed(copies.get(service, ()))
        if one.proven_at is not None
        and (until is None or one.taken_at <= until)
        and (one.name or not named)
    )
    return next(found, None)


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
