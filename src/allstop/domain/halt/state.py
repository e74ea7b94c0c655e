"""The state of agents and halts, and how each event changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.copying import replace
from allstop.domain.halt import events as e
from allstop.domain.halt.lifecycle import LET_GO, SETTLED, Hold, after
from allstop.domain.halt.order_text import Statement
from allstop.domain.halt.scope import CLASSES, DEFAULT, stops_work, takes_in
from allstop.domain.record import Record

# The adapter of agents that are reached through their host.
HOSTED = "host"


@dataclass(frozen=True, slots=True)
class Agent:
    """A registered agent and how its runtime is reached. host, session, repository: empty while unknown."""

    id: str
    name: str
    team: str
    adapter: str
    options: Mapping[str, Any]
    registered_at: datetime
    host: str = ""
    session: str = ""
    repository: str = ""

    @property
    def is_hosted(self) -> bool:
        """Whether its host tells, freezes and wakes it, instead of an adapter of the coordinator."""
        return self.adapter == HOSTED


@dataclass(frozen=True)
class Roll:
    """One agent's line in a roll call. held_as: where it stood when the halt was released; hosted: whether its
    host was to tell it when it was put on the roll; allowed: classes of tools that a release has opened so far."""

    agent: str
    state: Hold = Hold.ORDERED
    working_on: str = ""
    checkpoint: str = ""
    branch: str = ""
    available: bool = False
    answered_at: datetime | None = None
    evidence: str = ""
    held_as: Hold | None = None
    hosted: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def is_let_go(self) -> bool:
        """Whether it may go on, although the halt stands for others."""
        return self.state in LET_GO


@dataclass(frozen=True)
class Halt:
    """One holder's stop over a scope. epoch: fencing number of the order; latched until released;
    round: how often its incident had been reopened when it was ordered; classes: of tools that it blocks; persons, keys: what its release takes at least;
    asked_by: who has asked for its release, signed: the release keys that have validly signed it, statements:
    what was signed; stage, staged_at, known: of a release under way, with how many incidents and halts there had been;
    recalled_at: when a release was aborted."""

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
    classes: tuple[str, ...] = DEFAULT
    persons: int = 1
    keys: int = 0
    asked_by: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    stage: str = ""
    staged_at: datetime | None = None
    known: tuple[int, int] = (0, 0)
    recalled_at: datetime | None = None

    @property
    def called_at(self) -> datetime:
        """When its roll call began: with the order, or when a release was aborted."""
        return self.recalled_at or self.ordered_at

    @property
    def stands(self) -> bool:
        return self.released_at is None

    @property
    def accounted(self) -> bool:
        """Whether every agent in scope is (or was, until the release) confirmed or enforced."""
        return all((line.held_as or line.state) in SETTLED for line in self.roll.values())

    @property
    def all_stopped(self) -> bool:
        """Whether it stands, everybody is confirmed or enforced, and nobody has been let go since."""
        gone = any(line.is_let_go for line in self.roll.values())
        return self.stands and self.accounted and not gone

    def covers(self, agent: Agent) -> bool:
        """Whether the scope takes in this agent (exempt responders are outside)."""
        return agent.id not in self.exempt and takes_in(self.scope, agent)

    @property
    def is_all_stop(self) -> bool:
        """Whether it stops everybody, and not only some of their tools."""
        return self.scope == "all" and stops_work(self.classes)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A responder whom one halt lets act and another one stops; the halt wins, and it is shown."""

    agent: str
    exempt_in: str
    held_by: str


def conflicts(standing: Iterable[Halt]) -> tuple[Conflict, ...]:
    """Where standing halts of different holders disagree about a responder."""
    halts = tuple(standing)
    return tuple(
        Conflict(agent, one.id, other.id)
        for one in halts
        for agent in one.exempt
        for other in halts
        if other is not one and agent in other.roll
    )


def registered(record: Record) -> Agent:
    event: e.AgentRegistered = record.event
    return Agent(
        event.agent, event.name, event.team, event.adapter, event.options, record.at, event.host,
        event.session, event.repository,
    )  # fmt: skip


def ordered(record: Record, epoch: int, agents: Mapping[str, Agent]) -> Halt:
    """The halt that an entry begins. agents: as they are registered then."""
    event: e.HaltOrdered = record.event
    return Halt(
        event.halt, event.scope, event.reason, event.incident, event.policy, event.order, record.at,
        record.actor, epoch, event.exempt, {name: _line(name, agents) for name in event.agents},
        classes=event.classes, persons=event.persons, keys=event.keys,
    )  # fmt: skip


def _line(name: str, agents: Mapping[str, Agent]) -> Roll:
    return Roll(name, hosted=name in agents and agents[name].is_hosted)


def evolve(halt: Halt, record: Record, epoch: int, agents: Mapping[str, Agent]) -> Halt:
    """The halt after one event on its stream. Total. epoch: the world's, for the release; agents: as they are
    registered then."""
    event: Any = record.event
    match event:
        case e.AgentHeld(agent):
            return replace(halt, roll={**halt.roll, agent: _line(agent, agents)}, settled_at=None)
        case e.RollCallReminded():
            return replace(halt, reminded=True)
        case e.HaltSettled():
            return replace(halt, settled_at=record.at)
        case e.ReleaseAsked(_, statements, keys):
            asked = tuple(dict.fromkeys((*halt.asked_by, record.actor)))
            kept = tuple(dict.fromkeys((*halt.statements, *statements)))
            return replace(halt, asked_by=asked, signed=keys, statements=kept)
        case e.ReleaseStaged() | e.ReleaseAborted():
            return _staged(halt, record, epoch)
        case e.HaltReleased():
            roll = {
                name: line if line.is_let_go else _let_go(line, ())
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


def _let_go(line: Roll, classes: tuple[str, ...]) -> Roll:
    return replace(line, state=Hold.RELEASED, held_as=line.state, allowed=classes)


def _staged(halt: Halt, record: Record, epoch: int) -> Halt:
    """The halt after a part of its release has begun, or after the release was aborted."""
    event: Any = record.event
    roll = dict(halt.roll)
    if isinstance(event, e.ReleaseStaged):
        for name in set(event.agents) & set(roll):
            line, whole = roll[name], set(event.classes) >= set(CLASSES)
            roll[name] = (
                _let_go(line, event.classes) if whole else replace(line, allowed=event.classes)
            )
        known = (event.incidents, event.halts)
        return replace(
            halt, roll=roll, epoch=epoch, stage=event.stage, staged_at=record.at, known=known
        )
    for name, line in roll.items():
        roll[name] = Roll(name, hosted=line.hosted) if line.is_let_go else replace(line, allowed=())
    return replace(
        halt, roll=roll, epoch=epoch, stage="", staged_at=None, asked_by=(), signed=(), statements=(),
        recalled_at=record.at, reminded=False, settled_at=None,
    )  # fmt: skip


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
