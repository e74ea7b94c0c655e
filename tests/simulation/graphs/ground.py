"""A fleet that really stops, hangs and lies, and a coordinator over it that can be killed at any entry.

The core is the real one, and entries and effects go through the form in which they are stored. The runner's part
is played here, by its rules: an effect is claimed before it is tried, its end is written with its outcome, and what
was claimed by a dead coordinator is looked at before anything else happens to it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from allstop.application.codec import read_effect, write_effect
from allstop.domain.decide import Decided, decide
from allstop.domain.effects import Effect, Outcome, Purpose, done, failed, retry, unknown
from allstop.domain.moment import Now
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import PolicyBook
from allstop.domain.principal import RUNNER, Principal
from allstop.domain.react import react_all
from allstop.domain.verdict import Verdict
from allstop.domain.world import World, evolve
from allstop.testing.traces import Moment
from tests.domain.builders import START
from tests.domain.fleet.ground import command_policy
from tests.properties.stories.stage import stored
from tests.simulation.graphs.outside import MARKED, Outside
from tests.simulation.graphs.people import newest
from tests.simulation.graphs.scenes import Scene

AGAIN_MS = 500


@dataclass(slots=True)
class Row:
    """An effect of the outbox. attempts: how many were claimed."""

    effect: Effect
    attempts: int = 0
    claimed: bool = False
    look: bool = False


@dataclass(slots=True)
class Ground:
    """under_way: what is going to end when, in the world or for the runner; again: acts of a step after its end
    was on the record; differed: where the log leads to another state; moments: the log as it comes back from the
    store; forks: a story cut at each place, None where nobody wants them."""

    scene: Scene
    outside: Outside
    book: PolicyBook
    world: World = field(default_factory=World)
    now: Now = field(default_factory=lambda: Now(START, 0, "boot-1"))
    rows: dict[str, Row] = field(default_factory=dict)
    under_way: list[tuple[int, int, str, Effect]] = field(default_factory=list)
    count: int = 0
    again: list[str] = field(default_factory=list)
    differed: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    deaths: int = 0
    deeds: int = 0
    forks: list[Cut] | None = None
    refused: Verdict | None = None

    # --- the coordinator ---------------------------------------------------------------------------

    def do(self, command: Any, who: Principal, finish: str = "") -> bool:
        """One command, and one transaction if it is accepted. finish: the effect whose attempt ends in it."""
        found = decide(command, self.world, self.book, self.now, who, f"turn-{len(self.moments)}")
        if isinstance(found, Verdict):
            self.refused = found
            self._finish(finish)
            return False
        if self.forks is not None and (found.records or finish):
            self.forks.append(Cut(len(self.moments), len(found.records), "before", self.fork()))
        self._commit(found)
        self._finish(finish)
        if self.forks is not None and found.records:
            self.forks.append(Cut(len(self.moments), 0, "after", self.fork()))
        return True

    def _commit(self, found: Decided) -> None:
        for record in found.records:
            before = self.moments[-1].after if self.moments else World()
            back = stored(record)
            self.moments.append(Moment(back, before, evolve(before, back)))
        self.world = found.world
        if self.moments and self.moments[-1].after.plans != self.world.plans:
            self.differed.append(f"at entry {len(self.moments)}")
        for effect in react_all(found.records, found.world, self.book):
            if effect.purpose is Purpose.STEP:
                self.rows[effect.id] = Row(read_effect(write_effect(effect)))

    def _finish(self, finish: str) -> None:
        if finish:
            self.rows.pop(finish, None)

    def claim(self) -> None:
        """Begin whatever waits in the outbox."""
        for row in [row for row in self.rows.values() if not row.claimed]:
            row.claimed = True
            row.attempts += 1
            if row.look:
                lost = unknown("nobody saw how it ended; it is observed before anything else")
                self.do(RecordOutcome(row.effect, lost), RUNNER)
                self._later(5, "looked", row.effect)
            else:
                self._begin(row.effect)

    def step(self) -> bool:
        """Let the next thing happen. False when nothing is under way."""
        self.claim()
        if not self.under_way:
            return False
        at, _, what, effect = heapq.heappop(self.under_way)
        self.let_pass(max(0, at - self.now.monotonic_ms))
        if what == "deed":
            self.outside.happen(effect, self.plan)
        elif what == "waited":
            self._begin(effect)
        elif effect.id in self.rows:
            self._ended(effect) if what == "ended" else self._looked(effect)
        return True

    def die(self, down_ms: int) -> None:
        """Killed: nothing but the log and the outbox is left. The world goes on without a coordinator."""
        self.deaths += 1
        self.world = self.moments[-1].after if self.moments else World()
        left, self.under_way = sorted(self.under_way), []
        for at, _, what, effect in left:
            # A deed that was on its way when the coordinator died takes place all the same.
            if what == "deed" or (what == "ended" and self.outside.fault(effect) in ("", "slow")):
                heapq.heappush(self.under_way, (at, self._next(), "deed", effect))
        for row in self.rows.values():
            row.look = row.look or row.claimed
            row.claimed = False
        up_at = self.now.monotonic_ms + down_ms
        while self.under_way and self.under_way[0][0] <= up_at:
            at, _, _, effect = heapq.heappop(self.under_way)
            self.let_pass(max(0, at - self.now.monotonic_ms))
            self.outside.happen(effect, self.plan)
        self.let_pass(max(0, up_at - self.now.monotonic_ms))

    def fork(self) -> Ground:
        """The same story from here, told apart."""
        return replace(
            self, outside=self.outside.fork(), rows={id: replace(row) for id, row in self.rows.items()},
            under_way=list(self.under_way), again=list(self.again), differed=list(self.differed),
            moments=list(self.moments), forks=None,
        )  # fmt: skip

    def let_pass(self, milliseconds: int) -> None:
        self.now = replace(
            self.now, utc=self.now.utc + timedelta(milliseconds=milliseconds),
            monotonic_ms=self.now.monotonic_ms + milliseconds,
        )  # fmt: skip

    @property
    def plan(self) -> Plan | None:
        """The newest plan, if there is one."""
        return newest(self.world)

    # --- one attempt -------------------------------------------------------------------------------

    def _begin(self, effect: Effect) -> None:
        plan = self.world.plans[effect.stream.partition("/")[2]]
        if plan.standing(effect.ref).state in (StepState.DONE, StepState.WAIVED):
            self.again.append(f"{effect.ref} at entry {len(self.moments)}")
        fault = self.outside.attempt(effect)
        took = self.outside.takes_ms(effect, fault)
        if fault in ("hang", "crash") and self.outside.is_done_all_the_same(effect):
            self._later(took + (700 if fault == "hang" else -1), "deed", effect)
        self._later(took, "ended", effect)

    def _ended(self, effect: Effect) -> None:
        match self.outside.fault(effect):
            case "refuse":
                self._report(effect, failed("it refuses"))
            case "lie":
                self._report(effect, failed("it said done, and the probe saw that it is not"))
            case "crash" | "hang" as kind:
                self._unclear(effect, f"no answer: {kind}")
            case _:
                self.outside.happen(effect, self.plan)
                self._report(effect, done(f"{effect.verb} seen"))

    def _unclear(self, effect: Effect, because: str) -> None:
        """Tried again where that is safe and has not been too often; else it is for a person."""
        row = self.rows[effect.id]
        if effect.verb in MARKED and not row.look:
            row.look = True
            lost = unknown("nobody saw how it ended; it is observed before anything else")
            self.do(RecordOutcome(effect, lost), RUNNER)
            self._later(5, "looked", effect)
        elif effect.verb not in MARKED and row.attempts < effect.attempts:
            row.attempts += 1
            self.do(RecordOutcome(effect, retry(because)), RUNNER)
            self._later(AGAIN_MS, "waited", effect)
        else:
            self.do(ParkEffect(effect, because), RUNNER, effect.id)

    def _looked(self, effect: Effect) -> None:
        """What the look at an attempt that nobody saw the end of has shown."""
        blind = effect.target in self.scene.blind
        if effect.id in self.outside.happened and not blind:
            self._report(effect, done("observed after a restart"))
        elif blind and effect.verb in MARKED:
            self.do(ParkEffect(effect, "cannot tell whether it took effect"), RUNNER, effect.id)
        else:
            self._begin(effect)

    def _report(self, effect: Effect, outcome: Outcome) -> None:
        self.do(RecordOutcome(effect, outcome), RUNNER, effect.id)

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _later(self, ms: int, what: str, effect: Effect) -> None:
        heapq.heappush(self.under_way, (self.now.monotonic_ms + ms, self._next(), what, effect))


@dataclass(slots=True)
class Cut:
    """One place at which the coordinator is killed. entries: so many are in the log; lost: so many were being
    written in a transaction that did not come to its end."""

    entries: int
    lost: int
    side: str
    ground: Ground


def ground_of(scene: Scene) -> Ground:
    """The fleet of a scene, and nothing asked for yet."""
    outside = Outside(scene, f"plan/PLAN-{len(scene.purposes)}")
    return Ground(scene, outside, PolicyBook("p1", {"p1": command_policy(scene.fleet)}))
