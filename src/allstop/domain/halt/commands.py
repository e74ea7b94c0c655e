"""Everything that can be asked about agents and their halts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from allstop.domain.halt.order_text import Statement
from allstop.domain.halt.scope import DEFAULT


@dataclass(frozen=True, slots=True)
class RegisterAgent:
    """host, session, repository: where it works; what is left empty stays as it was known."""

    agent: str
    name: str
    team: str
    adapter: str
    options: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    session: str = ""
    repository: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAgent:
    """It will not run again; whoever registers under its name is a new one."""

    agent: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderHalt:
    """scope: see `domain.halt.scope`; exempt: agents that stay active as responders; classes: of tools
    that are blocked, `default`, `hard` or a list."""

    scope: str
    reason: str
    incident: str = ""
    exempt: tuple[str, ...] = ()
    classes: tuple[str, ...] = DEFAULT


@dataclass(frozen=True, slots=True)
class AnswerRollCall:
    agent: str
    halt: str
    state: str
    working_on: str = ""
    checkpoint: str = ""
    branch: str = ""
    available: bool = False


@dataclass(frozen=True, slots=True)
class RemindRollCall:
    halt: str


@dataclass(frozen=True, slots=True)
class CloseRollCall:
    """The deadline has passed: who has not answered is unaccounted for."""

    halt: str


@dataclass(frozen=True, slots=True)
class AbortRelease:
    """Put a halt back whose release is under way."""

    halt: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseHalt:
    """statements: signed for it, to be kept; keys: the different release keys that have validly signed it up to
    now, with those statements, as the coordinator has checked; troubles: why statements do not count."""

    halt: str
    reason: str
    statements: tuple[Statement, ...] = ()
    keys: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
