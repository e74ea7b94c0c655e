"""The command post: every command goes through it. Load, decide, react, append."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.application.beside import completed, write_bodies
from allstop.application.codec import read_policy, read_record, write_policy
from allstop.application.ports import (
    Clock,
    Committed,
    CrashPoints,
    Finish,
    Places,
    RefusalEntry,
    Reply,
    Store,
    TurnView,
    Write,
)
from allstop.domain.decide import Decided, decide
from allstop.domain.effects import Lane
from allstop.domain.halt import commands as halt
from allstop.domain.halt.host_commands import ReportHost
from allstop.domain.incident import commands as incident
from allstop.domain.incident import course_commands as course
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.principal import Kind, Principal
from allstop.domain.react import react_all
from allstop.domain.record import Record
from allstop.domain.verdict import Verdict
from allstop.domain.world import World, evolve
from allstop.errors import KeyReused, Refused

REPLAY_BATCH = 2000

# How urgent a command is; what is not named here goes in the command lane.
LANE_OF: dict[type, Lane] = {
    halt.OrderHalt: Lane.HALT,
    halt.AnswerRollCall: Lane.HALT,
    halt.CloseRollCall: Lane.HALT,
    halt.ReleaseHalt: Lane.APPROVAL,
    halt.AbortRelease: Lane.HALT,
    ReportHost: Lane.HALT,
    incident.DeclareIncident: Lane.HALT,
    incident.Approve: Lane.APPROVAL,
    incident.Override: Lane.APPROVAL,
    incident.StandDown: Lane.APPROVAL,
    course.CloseIncident: Lane.APPROVAL,
    course.WarnDeadline: Lane.PAGE,
    incident.MissDeadline: Lane.PAGE,
    incident.AcknowledgeIncident: Lane.PAGE,
    incident.RecordSamples: Lane.INTAKE,
    incident.NoteRelease: Lane.INTAKE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """Where a command comes from. key: idempotency key of the caller, or empty; cause: request id."""

    who: Principal
    cause: str = ""
    key: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """What goes into the same transaction: the end of an attempt, and bodies by digest."""

    finish: Finish | None = None
    blobs: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tag:
    """world: after the write, None when nothing changed; before, stored: to go back to if it is not kept."""

    world: World | None
    result: dict[str, Any]
    refused: Verdict | None = None
    before: World | None = None
    stored: frozenset[str] = frozenset()


def refused(verdict: Verdict) -> Refused:
    """A refusal with every reason of a verdict, to be raised."""
    return Refused(tuple((one.code, one.text, one.hint) for one in verdict.reasons))


class CommandPost:
    """Decides commands one after another inside the writer's turn, so that each sees all before it.

    `world` is the published state: everything in it is durable. `broken`: why the documents on disk could
    not be taken, a problem a line, while the last good policy is in force; empty when it is theirs. `places`:
    of whoever works on effects right now, who hears of their claims by the commit; none: nobody does.
    """

    def __init__(self, store: Store, clock: Clock, crash: CrashPoints) -> None:
        self._store = store
        self._clock = clock
        self._crash = crash
        self._book = PolicyBook("", {})
        self._stored: set[str] = set()
        self._drafted = World()
        self.world = World()
        self.broken = ""
        self.places: tuple[Places, ...] = ()

    @property
    def book(self) -> PolicyBook:
        return self._book

    def load(self, policy: Policy, broken: str = "") -> None:
        """Read the whole log back, and take `policy` for new incidents. Call once, before anything else.

        broken: see the class.
        """
        stored = self._store.policies()
        self._stored = set(stored)
        bodies = {digest: read_policy(body) for digest, body in stored.items()}
        self._book = PolicyBook("", bodies)
        world, after = World(), 0
        while batch := self._store.records(after, REPLAY_BATCH):
            for stored_record in batch:
                world = evolve(world, completed(read_record(stored_record), self._store.blob))
            after = batch[-1].position
        self._drafted = self.world = world
        self.adopt(policy)
        self.broken = broken
        self._store.on_commit(self._committed)
        self._store.on_dropped(self._dropped)

    def adopt(self, policy: Policy) -> str:
        """Use this policy for incidents declared from now on; running ones keep theirs."""
        digest = hashlib.sha256(write_policy(policy).encode()).hexdigest()
        self._book = PolicyBook(digest, {**self._book.bodies, digest: policy})
        self.broken = ""
        return digest

    def ask(self, command: Any, who: Principal) -> Verdict:
        """Whether a command would be allowed right now; changes nothing."""
        found = decide(command, self.world, self._book, self._clock.now(), who)
        return found if isinstance(found, Verdict) else Verdict.yes()

    async def do(
        self, command: Any, request: Request, attached: Attached = Attached()
    ) -> dict[str, Any]:
        """Decide and record one command; returns when it is durable.

        Raises Refused with every reason, KeyReused when the idempotency key belongs to another
        request. A refusal changes no state and is kept in the list of refusals.
        """
        lane = LANE_OF.get(type(command), Lane.COMMAND)
        if attached.finish is not None:
            lane = Lane.HALT if command.effect.lane is Lane.HALT else Lane.COMMAND
        self._crash.reach("post.before")
        committed = await self._store.write(
            lane, lambda view: self._turn(view, command, request, attached)
        )
        self._crash.reach("post.after")
        tag: _Tag = committed.tag
        if tag.refused is not None:
            raise refused(tag.refused)
        return tag.result

    def _turn(self, view: TurnView, command: Any, request: Request, attached: Attached) -> Write:
        if request.key:
            before = view.recall(str(request.who), request.key)
            if before is not None:
                if before.request != request.digest:
                    raise KeyReused(
                        "this idempotency key was used for a different request",
                        "use a new Idempotency-Key for a new request",
                    )
                return Write(tag=_Tag(None, json.loads(before.body)))
        now = self._clock.now()
        found = decide(command, self._drafted, self._book, now, request.who, request.cause)
        if isinstance(found, Verdict):
            return self._refusal(command, request, found)
        return self._write(request, attached, found, now.utc)

    def _write(self, request: Request, attached: Attached, found: Decided, at: datetime) -> Write:
        reply = None
        if request.key:
            reply = Reply(str(request.who), request.key, request.digest, json.dumps(found.result))
        effects = react_all(found.records, found.world, self._book)
        places = self.places if effects else ()
        self._crash.reach("post.decided")
        if places:
            self._crash.reach("runner.claim")

        def applied() -> None:
            self._drafted = found.world
            self._stored |= set(policies)

        policies = self._missing_policies(found.records)
        bodies, beside = write_bodies(found.records)
        return Write(
            records=found.records,
            bodies=bodies,
            effects=effects,
            effects_due=at,
            places=places,
            policies=policies,
            blobs=attached.blobs | beside,
            finish=attached.finish,
            reply=reply,
            tag=_Tag(found.world, found.result, None, self._drafted, frozenset(self._stored)),
            applied=applied,
        )

    def _missing_policies(self, records: Sequence[Record]) -> dict[str, str]:
        """Bodies of policies these entries pin and the store does not have yet."""
        pinned = {getattr(record.event, "policy", "") for record in records} - self._stored - {""}
        return {digest: write_policy(self._book.pinned(digest)) for digest in pinned}

    def _refusal(self, command: Any, request: Request, verdict: Verdict) -> Write:
        tag = _Tag(None, {}, verdict)
        if request.who.kind is Kind.SYSTEM:
            return Write(tag=tag)
        reasons = tuple(f"{one.code}: {one.text}" for one in verdict.reasons)
        entry = RefusalEntry(
            self._clock.now().utc, str(request.who), type(command).__name__, reasons
        )
        return Write(refusal=entry, tag=tag)

    def _dropped(self, tags: Sequence[Any]) -> None:
        """Writes that were applied and not kept: go back to before the oldest of them."""
        oldest = next(
            (tag for tag in tags if isinstance(tag, _Tag) and tag.before is not None), None
        )
        if oldest is not None and oldest.before is not None:
            self._drafted, self._stored = oldest.before, set(oldest.stored)

    def _committed(self, batch: Sequence[Committed]) -> None:
        for one in batch:
            if isinstance(one.tag, _Tag) and one.tag.world is not None:
                self.world = one.tag.world
