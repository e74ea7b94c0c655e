"""Everything that can be asked about hosts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnrolHost:
    host: str


@dataclass(frozen=True, slots=True)
class Reach:
    """A host that has accepted an order. agents: that run on it; halts, ended: as that order names them; passes:
    (agent, halt) of those that it lets act."""

    host: str
    seq: int
    agents: tuple[str, ...] = ()
    halts: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    passes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordReached:
    """What many hosts have acknowledged, at once."""

    reached: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """seq: the order's number, 0 where it had none."""

    seq: int
    code: str
    because: str


@dataclass(frozen=True, slots=True)
class FrozenAgent:
    """An agent whose processes were frozen and read back. evidence: what was seen."""

    agent: str
    processes: int
    evidence: str


@dataclass(frozen=True, slots=True)
class CheckedAgent:
    """An answer to a roll call, compared with what the host sees."""

    agent: str
    halt: str
    agrees: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Question:
    """An answer to a roll call that a host is to compare with what it sees. checkpoint, branch: as the agent says."""

    agent: str
    halt: str
    checkpoint: str
    branch: str


@dataclass(frozen=True, slots=True)
class ReportHost:
    """What a host has to say beside the number that it reached."""

    host: str
    refused: tuple[RefusedOrder, ...] = ()
    frozen: tuple[FrozenAgent, ...] = ()
    checked: tuple[CheckedAgent, ...] = ()


@dataclass(frozen=True, slots=True)
class LoseHost:
    """Nothing was heard of it for so many milliseconds."""

    host: str
    silent_ms: int
