"""Everything that can be asked about agents and their halts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RegisterAgent:
    agent: str
    name: str
    team: str
    adapter: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderHalt:
    """scope: `all`, `team:NAME` or `agent:ID`; exempt: agents that stay active as responders."""

    scope: str
    reason: str
    incident: str = ""
    exempt: tuple[str, ...] = ()


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
class ReleaseHalt:
    halt: str
    reason: str
