"""A fleet as it really is: what happens to it, what goes wrong with that, and which order is broken by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

from allstop.domain.effects import Effect
from allstop.domain.plan.lifecycle import NodeState
from allstop.domain.plan.state import Plan
from tests.simulation.graphs.scenes import Scene

# Whose mark is looked for before it is tried again; everything else brings about a state and may be repeated.
MARKED = frozenset({"snapshot"})


@dataclass(slots=True)
class Truth:
    """One service. epoch: the highest order it has obeyed."""

    up: bool = True
    isolated: bool = False
    epoch: int = 0


@dataclass(slots=True)
class Outside:
    """last: the stream of the plan that has faults; tried: attempts by `service/action`; cured: what is mended; happened: effects that took place; did: the steps
    they were for, as stream and id; doubled: what was begun once more although its mark was there; broken: edges; hits:
    faults that were met, by kind."""

    scene: Scene
    last: str = ""
    truth: dict[str, Truth] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    cured: set[str] = field(default_factory=set)
    happened: set[str] = field(default_factory=set)
    did: set[tuple[str, str]] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.truth:
            self.truth = {one.name: Truth() for one in self.scene.fleet.services}

    def fork(self) -> Outside:
        """The same, told apart."""
        return replace(
            self, truth={name: replace(one) for name, one in self.truth.items()}, tried=self.tried.copy(),
            cured=set(self.cured), happened=set(self.happened), did=set(self.did), doubled=list(self.doubled), broken=list(self.broken),
            hits=self.hits.copy(),
        )  # fmt: skip

    # --- attempts ----------------------------------------------------------------------------------

    def attempt(self, effect: Effect) -> str:
        """One more attempt begins. Returns what goes wrong with it, empty when nothing does."""
        if effect.verb in MARKED and effect.id in self.happened and effect.target not in self.scene.blind:  # fmt: skip
            self.doubled.append(effect.ref)
        self.tried[name_of(effect)] += 1
        fault = self.fault(effect)
        if fault:
            self.hits[fault] += 1
        return fault

    def fault(self, effect: Effect) -> str:
        """What goes wrong with the newest attempt; empty when nothing does."""
        name = name_of(effect)
        fault = self.scene.faults.get(name)
        if fault is None or name in self.cured or effect.stream != self.last:
            return ""
        return fault.kind if self.tried[name] <= fault.times else ""

    def takes_ms(self, effect: Effect, fault: str) -> int:
        """How long it is until the newest attempt ends."""
        if fault in ("hang", "lie"):
            return effect.timeout_ms
        if fault == "slow":
            return effect.timeout_ms - 10
        return self.scene.takes.get(name_of(effect), 50)

    def is_done_all_the_same(self, effect: Effect) -> bool:
        """Whether an attempt that hangs or crashes has its effect."""
        return Random(f"{self.scene.seed}/{effect.id}/{self.tried[name_of(effect)]}").random() < 0.5

    def findings(self) -> list[str]:
        """What must not have happened, and did."""
        found = [f"edge broken: {one}" for one in self.broken]
        return found + [f"done again although its mark was there: {one}" for one in self.doubled]

    # --- deeds -------------------------------------------------------------------------------------

    def happen(self, effect: Effect, plan: Plan | None) -> None:
        """The deed itself. Whoever has obeyed a newer order refuses an older one. plan: the newest one."""
        one = self.truth[effect.target]
        if effect.epoch < one.epoch:
            return
        one.epoch = effect.epoch
        self.happened.add(effect.id)
        self.did.add((effect.stream, effect.ref))
        match effect.verb:
            case "stop" | "kill":
                self._judge_stop(effect.target, plan)
                one.up = False
            case "start":
                self._judge_start(effect.target, plan)
                one.up = True
            case "isolate" | "reopen":
                one.isolated = effect.verb == "isolate"
            case _:
                pass

    def _judge_stop(self, name: str, plan: Plan | None) -> None:
        """Whoever is up, not cut off, was not left by name, and is broken without this one: a broken edge."""
        for other in self.scene.fleet.services:
            truth = self.truth[other.name]
            needs = {edge.to for edge in other.depends if edge.kind == "hard"}
            if name in needs and truth.up and not truth.isolated and _binds(plan, other.name, name):
                self.broken.append(f"{name} stopped under {other.name}")

    def _judge_start(self, name: str, plan: Plan | None) -> None:
        """Whoever comes back before what it needs to start: a broken edge."""
        service = self.scene.fleet.service(name)
        for edge in service.depends if service else ():
            late = edge.kind in ("hard", "startup") and not self.truth[edge.to].up
            if late and _binds(plan, edge.to, name):
                self.broken.append(f"{name} started without {edge.to}")


def _binds(plan: Plan | None, first: str, then: str) -> bool:
    """Whether one had to go before the other: not within a circle, nor where its preview names an order that
    is left out; and not without one that was left by name."""
    if plan is None or first == then or first not in plan.routes.nodes:
        return False
    units = [unit for unit in plan.outlook["units"] if first in unit and then in unit]
    dropped = {first, then} in [set(edge) for edge in plan.outlook["dropped"]]
    return not units and not dropped and plan.node_at(first).state is not NodeState.LEFT


def name_of(effect: Effect) -> str:
    return f"{effect.target}/{effect.verb}"
