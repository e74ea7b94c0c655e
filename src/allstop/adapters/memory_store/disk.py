"""What a store in memory leaves behind when its coordinator dies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from allstop.application.ports import (
    Checkpoint,
    EffectState,
    RefusalEntry,
    Reply,
    StoredRecord,
    TokenRow,
)
from allstop.domain.effects import Lane


@dataclass(slots=True)
class Row:
    """An effect in the outbox."""

    seq: int
    stream: str
    lane: Lane
    effect: str
    due_at: datetime
    state: EffectState = EffectState.PENDING
    attempt: int = 0
    claims: int = 0
    token: str = ""
    incarnation: str = ""
    because: str = ""


@dataclass(slots=True)
class MemoryDisk:
    """What survives a crash. Give it to a new MemoryStore to start again on it.

    Holds only immutable values and texts, so nothing the crashed program kept can change it.
    """

    events: list[StoredRecord] = field(default_factory=list)
    streams: dict[str, list[StoredRecord]] = field(default_factory=dict)
    outbox: dict[str, Row] = field(default_factory=dict)
    waiting: dict[str, Row] = field(default_factory=dict)
    claimed: dict[str, Row] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    refusals: list[RefusalEntry] = field(default_factory=list)
    replies: dict[tuple[str, str], tuple[Reply, datetime]] = field(default_factory=dict)
    tokens: dict[str, TokenRow] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    held: bool = False
