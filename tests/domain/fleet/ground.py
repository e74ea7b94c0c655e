"""A scripted fleet on a virtual clock: it stops, hangs, lies and is slow, and remembers what really happened.

Plans run against it over the pure functions alone. The coordinator may die at any entry of the log: then the
world is folded again from what was recorded, and whatever was under way is looked at before it is done again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from allstop.domain.decide import Decided, decide
from allstop.domain.effects import Effect, Purpose, done, failed, unknown
from allstop.domain.incident.commands import Approve, AssignRole, DeclareIncident
from allstop.domain.moment import Now
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, ParkEffect, RecordOutcome, StartPlan
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, Policy, PolicyBook
from allstop.domain.principal import RUNNER
from allstop.domain.react import react_all
from allstop.domain.record import Record
from allstop.domain.verdict import Verdict
from allstop.domain.world import World, evolve
from tests.domain.builders import ADA, EVE, START, policy

FAULTS = ("hang", "crash", "refuse", "lie", "slow")


def command_policy(fleet: Fleet) -> Policy:
    """The test protocol over another fleet."""
    base = policy()
    return replace(base, fleet=fleet, protocol=replace(base.protocol, evidence=()))


@dataclass
class Truth:
    """One service as it really is. epoch: the highest order it has obeyed."""

    up: bool = True
    isolated: bool = False
    fenced: bool = False
    snapshots: int = 0
    epoch: int = 0


@dataclass
class Ground:
    """faults: by `service/action`; takes: how long every action really takes, in milliseconds; facts: what it
    reports of an action that is done."""

    fleet: Fleet
    faults: dict[str, str] = field(default_factory=dict)
    takes: dict[str, int] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    die_at: frozenset[int] = frozenset()
    world: World = field(default_factory=World)
    records: list[Record] = field(default_factory=list)
    now: Now = field(default_factory=lambda: Now(START, 0, "boot-1"))
    truth: dict[str, Truth] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    acted: dict[str, int] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    deaths: int = 0
    refused: Verdict | None = None
    result: dict[str, Any] = field(default_factory=dict)
    _under_way: list[tuple[int, int, Effect]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.truth = {one.name: Truth() for one in self.fleet.services}
        self.book = PolicyBook("p1", {"p1": command_policy(self.fleet)})

    # --- commands -----------------------------------------------------------------------------

    def do(self, command: Any, who: Any = ADA) -> Ground:
        found = decide(command, self.world, self.book, self.now, who, "ground")
        self.refused = found if isinstance(found, Verdict) else None
        if isinstance(found, Decided):
            self.world, self.result = found.world, found.result
            for effect in react_all(found.records, found.world, self.book):
                if effect.purpose is Purpose.STEP:
                    self._begin(effect)
            before = len(self.records)
            self.records.extend(found.records)
            if any(before <= at < len(self.records) for at in self.die_at):
                self._die()
        return self

    def declared(self) -> Ground:
        self.do(DeclareIncident("a stop is wanted", (), "person:eve"), EVE)
        self.do(AssignRole("INC-1", "commander", "ada"), EVE)
        return self

    def drawn(self, asked: Asked) -> Plan:
        """The plan that was made. Approved where somebody must."""
        self.do(DrawPlan("INC-1", asked), EVE)
        assert self.refused is None, [str(one) for one in self.refused.reasons]
        plan = self.world.plans[self.result["plan"]]
        if plan.approve:
            self.do(Approve("INC-1", f"plan:{plan.id}", plan.hash), EVE)
        return self.world.plans[plan.id]

    def run(self, plan: str, until: int = 10_000_000) -> Plan:
        """Start it, and let time pass until nothing is under way any more."""
        self.do(StartPlan(plan), EVE)
        return self.go_on(plan, until)

    def go_on(self, plan: str, until: int = 10_000_000) -> Plan:
        while self._under_way and self.now.monotonic_ms < until:
            self.end_next()
        return self.world.plans[plan]

    def end_next(self) -> None:
        """Time passes until the next of what is under way ends."""
        at, _, effect = heapq.heappop(self._under_way)
        self.let_pass(max(0, at - self.now.monotonic_ms))
        self._end(effect)

    def next_end(self) -> int | None:
        """When the next of what is under way ends, in monotonic milliseconds."""
        return self._under_way[0][0] if self._under_way else None

    # --- the world ----------------------------------------------------------------------------

    def let_pass(self, milliseconds: int) -> None:
        self.now = replace(
            self.now,
            utc=self.now.utc + timedelta(milliseconds=milliseconds),
            monotonic_ms=self.now.monotonic_ms + milliseconds,
        )

    def _begin(self, effect: Effect) -> None:
        self._count += 1
        self.started.append(f"{effect.target}/{effect.verb}")
        self.effects.append(effect)
        took = self.takes.get(f"{effect.target}/{effect.verb}", 50)
        fault = self.faults.get(f"{effect.target}/{effect.verb}", "")
        if fault in ("hang", "lie"):
            took = effect.timeout_ms
        elif fault == "slow":
            took *= 20
        heapq.heappush(self._under_way, (self.now.monotonic_ms + took, self._count, effect))

    def _end(self, effect: Effect) -> None:
        fault = self.faults.get(f"{effect.target}/{effect.verb}", "")
        if fault == "refuse":
            self.do(RecordOutcome(effect, failed("it refuses")), RUNNER)
        elif fault == "crash":
            self.do(RecordOutcome(effect, failed("its actuator crashed")), RUNNER)
        elif fault == "hang":
            self.do(ParkEffect(effect, "no answer"), RUNNER)
        elif fault == "lie":
            self.do(RecordOutcome(effect, failed("it said done, and the probe saw it")), RUNNER)
        else:
            self._happen(effect)
            facts = self.facts.get(f"{effect.target}/{effect.verb}", {})
            self.do(RecordOutcome(effect, done(f"{effect.verb} seen", facts)), RUNNER)

    def _happen(self, effect: Effect) -> None:
        self.acted[effect.id] = self.acted.get(effect.id, 0) + 1
        one = self.truth[effect.target]
        assert effect.epoch >= one.epoch, f"{effect.id} obeys an older order"
        one.epoch = effect.epoch
        match effect.verb:
            case "stop" | "kill":
                self._judge(effect.target)
                one.up = False
            case "start":
                one.up = True
            case "isolate" | "reopen":
                one.isolated = effect.verb == "isolate"
            case "fence" | "unfence":
                one.fenced = effect.verb == "fence"
            case "snapshot":
                one.snapshots += 1
            case _:
                pass

    def _judge(self, name: str) -> None:
        """Whoever is up, not cut off and broken without this one makes a broken edge."""
        for other in self.fleet.services:
            needs = {edge.to for edge in other.depends if edge.kind == "hard"}
            truth = self.truth[other.name]
            if name in needs and other.name != name and truth.up and not truth.isolated:
                self.broken.append(f"{other.name} -> {name}")

    def _die(self) -> None:
        """Killed: nothing but the log is left. What was under way may have happened or not."""
        self.deaths += 1
        self.world = World()
        for record in self.records:
            self.world = evolve(self.world, record)
        dice = Random(len(self.records))
        left, self._under_way = sorted(self._under_way), []
        for _, _, effect in left:
            standing = self.world.plans[effect.stream.partition("/")[2]].standing(effect.ref)
            if standing.state not in ("running", "unknown"):
                continue
            if dice.random() < 0.5 and effect.id not in self.acted and self._would(effect):
                # It happened just before the death, and nobody heard of it.
                self._happen(effect)
            self.do(RecordOutcome(effect, unknown("nobody saw how it ended")), RUNNER)
            if effect.id in self.acted:
                facts = self.facts.get(f"{effect.target}/{effect.verb}", {})
                self.do(RecordOutcome(effect, done("observed after a restart", facts)), RUNNER)
            else:
                self._begin(effect)

    def _would(self, effect: Effect) -> bool:
        return not self.faults.get(f"{effect.target}/{effect.verb}")


def random_faults(seed: int, fleet: Fleet, share: float) -> dict[str, str]:
    """Faults for a share of all actions."""
    dice = Random(seed)
    return {
        f"{one.name}/{action}": dice.choice(FAULTS)
        for one in fleet.services
        for action in one.actions
        if dice.random() < share
    }


def names(fleet: Fleet) -> Iterable[str]:
    return (one.name for one in fleet.services)
