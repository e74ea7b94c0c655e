"""The state of agents and halts, and how each event changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.copying import replace
from allstop.domain.halt import events as e
from allstop.domain.halt.lifecycle import SETTLED, Hold, after
from allstop.domain.record import Record


@dataclass(frozen=True, slots=True)
class Agent:
    """A registered agent and how its runtime is reached."""

    id: str
    name: str
    team: str
    adapter: str
    options: Mapping[str, Any]
    registered_at: datetime


@dataclass(frozen=True)
class Roll:
    """One agent's line in a roll call. held_as: where it stood when the halt was released."""

    agent: str
    state: Hold = Hold.ORDERED
    working_on: str = ""
    checkpoint: str = ""
    branch: str = ""
    available: bool = False
    answered_at: datetime | None = None
    evidence: str = ""
    held_as: Hold | None = None


@dataclass(frozen=True)
class Halt:
    """One holder's stop over a scope. epoch: fencing number of the order; latched until released;
    round: how often its incident had been reopened when it was ordered."""

    id: str
    scope: str
    reason: str
    incident: str
    policy: str
    order: str
    ordered_at: datetime
    ordered_by: str
    epoch: int
    exempt: tuple[str, ...] = ()
    roll: Mapping[str, Roll] = field(default_factory=dict)
    reminded: bool = False
    closed: bool = False
    settled_at: datetime | None = None
    released_at: datetime | None = None
    released_by: str = ""
    round: int = 0

    @property
    def stands(self) -> bool:
        return self.released_at is None

    @property
    def accounted(self) -> bool:
        """Whether every agent in scope is (or was, until the release) confirmed or enforced."""
        return all((line.held_as or line.state) in SETTLED for line in self.roll.values())

    def covers(self, agent: Agent) -> bool:
        """Whether the scope takes in this agent (exempt responders are outside)."""
        if agent.id in self.exempt:
            return False
        kind, _, name = self.scope.partition(":")
        return (
            kind == "all"
            or (kind == "team" and agent.team == name)
            or (kind == "agent" and agent.id == name)
        )


def registered(record: Record) -> Agent:
    event: e.AgentRegistered = record.event
    return Agent(event.agent, event.name, event.team, event.adapter, event.options, record.at)


def ordered(record: Record, epoch: int) -> Halt:
    event: e.HaltOrdered = record.event
    return Halt(
        event.halt, event.scope, event.reason, event.incident, event.policy, event.order, record.at,
        record.actor, epoch, event.exempt, {agent: Roll(agent) for agent in event.agents},
    )  # fmt: skip


def evolve(halt: Halt, record: Record, epoch: int) -> Halt:
    """The halt after one event on its stream. Total. epoch: the world's, for the release."""
    event: Any = record.event
    match event:
        case e.AgentHeld(agent):
            return replace(halt, roll={**halt.roll, agent: Roll(agent)}, settled_at=None)
        case e.RollCallReminded():
            return replace(halt, reminded=True)
        case e.HaltSettled():
            return replace(halt, settled_at=record.at)
        case e.HaltReleased():
            roll = {
                name: replace(line, state=Hold.RELEASED, held_as=line.state)
                for name, line in halt.roll.items()
            }
            return replace(
                halt, released_at=record.at, released_by=record.actor, roll=roll, epoch=epoch
            )
        case _ if hasattr(event, "agent") and event.agent in halt.roll:
            line = halt.roll[event.agent]
            return replace(halt, roll={**halt.roll, event.agent: _line_after(line, record)})
        case _:
            return halt


def _line_after(line: Roll, record: Record) -> Roll:
    event: Any = record.event
    moved = replace(line, state=after(line.state, event))
    match event:
        case e.RollCallAnswered(_, _, working_on, checkpoint, branch, available):
            # An agent may answer twice after a reconnect; what it said first is what is checked.
            if line.answered_at is not None and line.state is Hold.CONFIRMED:
                return line
            return replace(
                moved, working_on=working_on, checkpoint=checkpoint, branch=branch,
                available=available, answered_at=line.answered_at or record.at,
            )  # fmt: skip
        case e.AgentConfirmed(_, evidence) | e.AgentEnforced(_, evidence):
            return replace(moved, evidence=evidence)
        case (
            e.AgentContradicted(_, because)
            | e.AgentEscaped(_, because)
            | e.AgentUnaccounted(_, because)
        ):
            return replace(moved, evidence=because)
        case _:
            return moved
