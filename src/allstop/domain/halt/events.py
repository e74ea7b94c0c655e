"""Everything that can be recorded about agents and their halts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from allstop.domain.halt.order_text import Statement
from allstop.domain.halt.scope import DEFAULT
from allstop.domain.registry import event


@event("agent.registered")
@dataclass(frozen=True, slots=True)
class AgentRegistered:
    """adapter and options: how its runtime is reached; host, session, repository: empty while unknown."""

    agent: str
    name: str
    team: str
    adapter: str
    options: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    session: str = ""
    repository: str = ""


@event("agent.removed")
@dataclass(frozen=True, slots=True)
class AgentRemoved:
    """It is no longer an agent: no later halt takes it in, and no roll call asks for it."""

    agent: str
    reason: str


@event("halt.ordered")
@dataclass(frozen=True, slots=True)
class HaltOrdered:
    """scope: see `domain.halt.scope`; incident: holder, empty for a hand-made halt.

    agents: who is in scope now (newcomers in scope start halted); policy: digest of the rules for
    the roll call; order: the announcement's text; classes: of tools that are blocked; persons, keys: what its
    release takes at least.
    """

    halt: str
    scope: str
    reason: str
    incident: str
    agents: tuple[str, ...]
    exempt: tuple[str, ...]
    policy: str
    order: str
    classes: tuple[str, ...] = DEFAULT
    persons: int = 1
    keys: int = 0


@event("agent.held")
@dataclass(frozen=True, slots=True)
class AgentHeld:
    """A newcomer in the scope of a standing halt: it starts halted."""

    agent: str


@event("agent.told")
@dataclass(frozen=True, slots=True)
class AgentTold:
    agent: str
    how: str


@event("agent.unreachable")
@dataclass(frozen=True, slots=True)
class AgentUnreachable:
    agent: str
    because: str


@event("roll_call.reminded")
@dataclass(frozen=True, slots=True)
class RollCallReminded:
    agents: tuple[str, ...]


@event("roll_call.answered")
@dataclass(frozen=True, slots=True)
class RollCallAnswered:
    """checkpoint: commit or note that holds the saved work; the agent's own word until confirmed."""

    agent: str
    state: str
    working_on: str
    checkpoint: str
    branch: str
    available: bool


@event("agent.confirmed")
@dataclass(frozen=True, slots=True)
class AgentConfirmed:
    """evidence: what was seen that agrees with the answer."""

    agent: str
    evidence: str


@event("agent.contradicted")
@dataclass(frozen=True, slots=True)
class AgentContradicted:
    """The answer and what was observed disagree."""

    agent: str
    because: str


@event("agent.unaccounted")
@dataclass(frozen=True, slots=True)
class AgentUnaccounted:
    """It had not answered (or not truthfully) by the deadline."""

    agent: str
    because: str


@event("agent.enforced")
@dataclass(frozen=True, slots=True)
class AgentEnforced:
    """Stopped by force, and its state read back. evidence: what the read-back said."""

    agent: str
    evidence: str


@event("agent.escaped")
@dataclass(frozen=True, slots=True)
class AgentEscaped:
    """Enforcement did not succeed: it may still be running, and a person must know."""

    agent: str
    because: str


@event("halt.settled")
@dataclass(frozen=True, slots=True)
class HaltSettled:
    """Every agent in scope is confirmed or enforced. Only now may anybody say "all stopped"."""

    confirmed: int
    enforced: int


@event("release.asked")
@dataclass(frozen=True, slots=True)
class ReleaseAsked:
    """One person more asks for the release of a halt that takes several, or release keys.

    statements: signed for it, beside those that were kept before; keys: the different release keys that have
    validly signed up to now.
    """

    reason: str
    statements: tuple[Statement, ...] = ()
    keys: tuple[str, ...] = ()


@event("release.staged")
@dataclass(frozen=True, slots=True)
class ReleaseStaged:
    """A part of a release begins; the halt stands for everybody else.

    agents: who may use these classes of tools from now on; incidents, halts: how many there had been, to tell whether
    something has happened since.
    """

    stage: str
    agents: tuple[str, ...]
    classes: tuple[str, ...]
    reason: str
    incidents: int
    halts: int


@event("release.aborted")
@dataclass(frozen=True, slots=True)
class ReleaseAborted:
    """The halt is put back. agents: those who had been let go, and are to stop again."""

    reason: str
    agents: tuple[str, ...]


@event("halt.released")
@dataclass(frozen=True, slots=True)
class HaltReleased:
    """agents: those nobody else holds, which may go on."""

    reason: str
    agents: tuple[str, ...]


@event("agent.resumed")
@dataclass(frozen=True, slots=True)
class AgentResumed:
    agent: str
    how: str


@event("agent.stuck")
@dataclass(frozen=True, slots=True)
class AgentStuck:
    """It could not be told that it may go on."""

    agent: str
    because: str
