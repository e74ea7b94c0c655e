"""What the application needs from the outside, as protocols. Adapters implement them.

Every port has a contract suite in `allstop.testing.contracts` that each adapter must pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from allstop.domain.effects import Effect, Lane, Outcome, Repeat
from allstop.domain.moment import Now
from allstop.domain.record import Record
from allstop.domain.samples import Sample

T = TypeVar("T")


class Clock(Protocol):
    """Reads the clocks and sleeps; the only way to time outside the core."""

    def now(self) -> Now: ...

    async def sleep(self, milliseconds: int) -> None: ...


# --- the store -------------------------------------------------------------------------------


class EffectState(StrEnum):
    """pending -> claimed -> done | failed | pending (retry) | unknown -> claimed ..."""

    PENDING = "pending"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"  # claimed by a coordinator that died: observe first
    PARKED = "parked"  # unknown for good: only a person can say
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Claim:
    """An effect under way. token fences the report; attempt counts from 1; observe: look first."""

    effect: Effect
    token: str
    attempt: int
    observe: bool


@dataclass(frozen=True, slots=True)
class EffectRow:
    """An effect and where it stands, for views."""

    effect: Effect
    state: EffectState
    attempt: int
    due_at: datetime
    because: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of one attempt, written in the transaction of the events it caused.

    state: PENDING with `due_at` to try again, PARKED for a person, DONE or FAILED.
    """

    token: str
    state: EffectState
    because: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """How many effects of these lanes may be under way at once."""

    lanes: tuple[Lane, ...]
    count: int


@dataclass(frozen=True, slots=True)
class RefusalEntry:
    """A refused command, kept apart from the log."""

    at: datetime
    actor: str
    command: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an idempotency key was answered with. request: digest of the request it belongs to."""

    principal: str
    key: str
    request: str
    body: str


@dataclass(frozen=True, slots=True)
class Write:
    """One all-or-nothing write.

    records: drafted entries (position 0, no hashes; the store assigns and links them), whose
    stream versions must be the next ones; events are already encoded in `bodies` order-for-order
    with `records` as canonical JSON texts; policies and blobs: by digest; places: effects of this write
    that are due by then are claimed with it, as if by `Store.claim`, while less than so many of their
    lanes are under way and none of their lanes waits that is due; tag: handed back to
    commit listeners; applied: called in the writer's turn once the statements of this very write have
    been carried out (before the sync, before the next turn), and not at all when it conflicts.
    """

    records: tuple[Record, ...] = ()
    bodies: tuple[bytes, ...] = ()
    effects: tuple[Effect, ...] = ()
    effects_due: datetime | None = None
    places: tuple[Places, ...] = ()
    policies: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    finish: Finish | None = None
    refusal: RefusalEntry | None = None
    reply: Reply | None = None
    tag: Any = None
    applied: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """A write that is durable. records carry position and hashes.

    claims: effects of the write that were claimed with it; waits: whether it left an effect that is still to
    be claimed, now or when it is due.
    """

    records: tuple[Record, ...]
    tag: Any
    claims: tuple[Claim, ...] = ()
    waits: bool = False


class Conflict(Exception):
    """A stream version was not the next one, or a finish token is no longer the holder's."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A log entry as stored: `body` is the canonical JSON text of the event."""

    position: int
    stream: str
    version: int
    kind: str
    schema: int
    at: datetime
    actor: str
    cause: str
    body: str
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement that the log up to `position` has chain value `chain` (hexadecimal)."""

    position: int
    chain: str
    at: datetime
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token that was issued and not revoked; the secret itself is kept nowhere."""

    principal: str
    expires_at: datetime | None


class TurnView(Protocol):
    """What a turn may read while it holds the pen."""

    def recall(self, principal: str, key: str) -> Reply | None: ...


class Store(Protocol):
    """The log, the outbox and what stands beside them.

    One writer: turns run one after another, most urgent lane first, in the writer's own thread;
    several may share one sync (group commit). A turn that raises writes nothing. `write` returns
    after the sync: what it returned survives kill -9 and power loss. What only reads may be called from
    any thread; the rest belongs to the event loop.
    """

    async def open(self, incarnation: str) -> None:
        """Take the exclusive lock, check the database, mark claims of other incarnations UNKNOWN.

        Raises errors.Unavailable when another coordinator holds it, errors.Corrupt when the
        database does not pass its checks.
        """

    async def close(self) -> None: ...

    async def write(self, lane: Lane, turn: Callable[[TurnView], Write]) -> Committed:
        """Run one turn and return once its write is durable. Raises what the turn raises, or Conflict."""

    async def claim(
        self, lanes: Sequence[Lane], limit: int, now: datetime, *, under_way: int | None = None
    ) -> list[Claim]:
        """Durably take up to `limit` effects that are due in these lanes (PENDING or UNKNOWN).

        under_way: how many of these lanes may be claimed at once, those from before included.
        """

    def next_due(self, lanes: Sequence[Lane]) -> datetime | None:
        """When the earliest unclaimed effect of these lanes is due, or None."""

    def on_commit(self, listener: Callable[[Sequence[Committed]], None]) -> None:
        """Call `listener` on the event loop, in commit order, after each sync."""

    def on_dropped(self, listener: Callable[[Sequence[Any]], None]) -> None:
        """Call `listener` in the writer's turn, before the next one, with the tags (oldest first) of
        writes that were applied and then not kept, because the disk is full."""

    def records(self, after: int = 0, limit: int = 1000, stream: str = "") -> list[StoredRecord]:
        """Log entries with a position above `after`, in order; of one stream when named."""

    def last_position(self) -> int: ...

    def policies(self) -> dict[str, str]:
        """All stored policy bodies by digest."""

    def blob(self, sha256: str) -> bytes | None: ...

    def effects(self, stream: str = "", limit: int = 200) -> list[EffectRow]:
        """Newest first."""

    def refusals(self, limit: int = 100) -> list[RefusalEntry]:
        """Newest first."""

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None: ...

    def checkpoints(self) -> list[Checkpoint]: ...

    async def put_token(self, digest: str, principal: str, expires_at: datetime | None) -> None: ...

    def token(self, digest: str, now: datetime) -> str | None:
        """The principal (`person:ada`) of a live token, by SHA-256 of the secret."""

    def tokens(self) -> list[TokenRow]:
        """All tokens that were not revoked, expired ones included, in no particular order."""

    async def drop_tokens(self, principal: str) -> int:
        """Revoke all tokens of a principal; returns how many."""

    def size_bytes(self) -> int: ...


# --- the world -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerbInfo:
    """One verb of an actuator. options: pydantic model; inverse: verb that undoes it, or empty."""

    name: str
    summary: str
    repeat: Repeat
    options: type[BaseModel]
    inverse: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What an adapter says about itself; checks, help and docs are generated from it.

    ports: any of `probe`, `actuator`, `notifier`, `agent`; probe_options: model of a probe's options;
    proofs: options of an agent of which it takes one at least to check what the agent says.
    """

    name: str
    summary: str
    version: str
    ports: tuple[str, ...]
    verbs: tuple[VerbInfo, ...] = ()
    probe_options: type[BaseModel] | None = None
    proofs: tuple[str, ...] = ()

    def verb(self, name: str) -> VerbInfo | None:
        return next((verb for verb in self.verbs if verb.name == name), None)


class BlobSink(Protocol):
    """Keeps a large or sensitive body beside the log and returns its SHA-256."""

    def __call__(self, body: bytes) -> str: ...


class Probe(Protocol):
    """Measures without changing anything."""

    info: AdapterInfo

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One sample, and the scalar facts read on the way (for meters and releases).

        Never raises: a probe that cannot run returns good=None and says why. Ends within
        `timeout_ms`, measured in milliseconds, whatever the target does.
        """


class Actuator(Protocol):
    """Changes the world, one verb at a time. Notifiers and agent runtimes are actuators too."""

    info: AdapterInfo

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Do it once. Never raises for what the world does; returns retry, failed or unknown.

        Must be safe to call twice with the same effect unless the verb is declared ONCE; must
        refuse an epoch lower than one it has seen where the verb fences; ends within
        `effect.timeout_ms` and leaves no child process behind.
        """

    async def observe(self, effect: Effect) -> Outcome:
        """Look whether this very effect has already happened, changing nothing.

        done: it has; failed: it has not (safe to act); unknown: cannot tell.
        """


@runtime_checkable
class Verifiable(Protocol):
    """What an actuator may offer beside the port: to look whether it would work, disturbing nobody."""

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """done: what these options lead to can be reached, and how that was seen; failed: it cannot, and why;
        unknown: cannot tell. Never raises for what the world does, changes nothing, ends within `timeout_ms`."""


@runtime_checkable
class Ready(Protocol):
    """`Verifiable` for one verb, where that matters: a server that is down can be started, and not fenced."""

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome: ...


class Adapters(Protocol):
    """The adapters that are installed, by name; a broken one is listed with its reason."""

    def probe(self, name: str) -> Probe | None: ...

    def actuator(self, name: str) -> Actuator | None: ...

    def infos(self) -> tuple[AdapterInfo, ...]: ...

    def unavailable(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the coordinator's own host has left, in bytes."""

    disk_free: int
    disk_total: int
    memory_available: int
    memory_total: int


class Surroundings(Protocol):
    """What the coordinator itself stands on: the documents in its folder, its host, its secrets."""

    async def documents(self) -> Sequence[str]:
        """What is wrong with the documents as they lie there now; empty when they can be adopted."""

    async def capacity(self) -> Capacity: ...

    async def secret(self, path: str) -> str:
        """Why a file that an option refers to cannot be used as a secret; empty when it can."""


class CrashPoints(Protocol):
    """Named places where a test may end the process with SIGKILL; does nothing otherwise."""

    def reach(self, name: str) -> None: ...


Listener = Callable[[Sequence[Committed]], None]
