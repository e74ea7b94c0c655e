"""What stands, as the order that hosts are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.halt.lifecycle import Hold
from allstop.domain.halt.order_text import (
    FLEET,
    MOST_KEYS,
    Ended,
    Pass,
    StandingHalt,
    StandingOrder,
)
from allstop.domain.halt.releasing import needed
from allstop.domain.halt.scope import CLASSES
from allstop.domain.halt.state import Halt
from allstop.domain.moment import after
from allstop.domain.policy import PolicyBook
from allstop.domain.world import World

# A pass is bound to a session and runs out: whoever responds for longer registers again.
PASS_MS = 8 * 3_600_000
# How many ended halts an order names. A host that missed more keeps what it knows, and is enrolled anew.
RELEASES_NAMED = 64
RESPONDER = "responder"
FORCED = frozenset({Hold.UNACCOUNTED, Hold.ENFORCED, Hold.ESCAPED})


@dataclass(frozen=True, slots=True)
class Stands:
    """What an order says beside its number and times. Two that are equal need no new order."""

    halts: tuple[StandingHalt, ...] = ()
    passes: tuple[Pass, ...] = ()
    frozen: tuple[str, ...] = ()
    released: tuple[Ended, ...] = ()


def what_stands(world: World, book: PolicyBook) -> Stands:
    """Every halt that stands, who may act all the same, who is stopped by force, and what ended lately."""
    standing = world.standing_halts()
    ended = sorted(
        (halt for halt in world.halts.values() if not halt.stands), key=lambda halt: halt.epoch
    )
    # What is signed for a release under way goes along, for passes; a halt that is named twice stands.
    begun = [halt for halt in standing if halt.stage]
    return Stands(
        tuple(_halt(world, book, halt) for halt in standing),
        tuple(one for halt in standing for one in _passes(world, halt)),
        tuple(dict.fromkeys(agent for halt in standing for agent in _forced(book, halt))),
        tuple(Ended(halt.id, halt.statements) for halt in (*ended[-RELEASES_NAMED:], *begun)),
    )


def compose(
    stands: Stands, issuer: str, seq: int, at: datetime, valid_ms: int, audience: str = FLEET
) -> StandingOrder:
    """The order. issuer: name of the key that will sign it; seq: place in the log of what changed it."""
    return StandingOrder(
        issuer, audience, seq, at, after(at, valid_ms), stands.halts, stands.passes, stands.frozen,
        stands.released,
    )  # fmt: skip


def _halt(world: World, book: PolicyBook, halt: Halt) -> StandingHalt:
    incident = world.incidents.get(halt.incident)
    severity = incident.severity if incident else ""
    takes = needed(book.pinned(halt.policy), severity, halt)
    return StandingHalt(
        halt.id, halt.incident, severity, halt.scope, halt.classes,
        halt.exempt, min(takes.keys, MOST_KEYS),
    )  # fmt: skip


def _passes(world: World, halt: Halt) -> tuple[Pass, ...]:
    """For every responder whose session is known. Without one a host has nothing to know it by."""
    responder: tuple[str, tuple[str, ...]] = (RESPONDER, CLASSES)
    allowed = dict.fromkeys(halt.exempt, responder)
    allowed |= {
        line.agent: (halt.stage, line.allowed) for line in halt.roll.values() if line.allowed
    }
    began = max(halt.ordered_at, halt.staged_at or halt.ordered_at)
    return tuple(
        Pass(
            world.agents[agent].session, agent, role, classes,
            after(max(began, world.agents[agent].registered_at), PASS_MS), halt.id,
        )
        for agent, (role, classes) in allowed.items()
        if agent in world.agents and world.agents[agent].session
    )  # fmt: skip


def _forced(book: PolicyBook, halt: Halt) -> tuple[str, ...]:
    if book.pinned(halt.policy).protocol.all_stop.enforce != "freeze":
        return ()
    return tuple(line.agent for line in halt.roll.values() if line.state in FORCED)
