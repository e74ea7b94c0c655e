"""Any command by anybody at any time: the core keeps its promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allstop.domain.decide import Decided, decide
from allstop.domain.due import due
from allstop.domain.effects import Effect, done, failed, retry, unknown
from allstop.domain.halt import commands as h
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.policy import (
    ApprovalRow,
    Approvals,
    Condition,
    Grant,
    Policy,
    Preflight,
    Span,
    StopRule,
)
from allstop.domain.principal import RUNNER, TIMEKEEPER, Principal
from allstop.domain.react import react, react_all
from allstop.domain.verdict import Verdict
from allstop.domain.world import World, evolve
from allstop.testing.invariants import check
from allstop.testing.traces import Trace
from tests.domain.builders import EVE, Story, outage, policy
from tests.properties.asking import AGENTS, anybody, commands

OUTCOMES = (
    done("seen"), failed("no"), retry("busy"), unknown("nobody saw"),
    done("seen", {"documents": "ok: fine", "probes/checkout": "ok: it answers"}),
    done("gone", {"running": False}), done("read", {"head_age_seconds": 60, "head_tree": "bad"}),
)  # fmt: skip


def strict() -> Policy:
    """The builders' policy, with everything that can keep a plan or a change from going on."""
    rules = policy()
    people = ("role:commander", "owner")
    calm = (Condition("purpose", "is", "contain"), Condition("severity_rank", "at_most", 1))
    protocol = replace(
        rules.protocol,
        authority=(
            *rules.protocol.authority, Grant("change", ("person", "agent")),
            Grant("review", ("person",)), Grant("facts", ("person",)), Grant("preflight", ("person",)),
        ),
        approvals=Approvals(
            (
                ApprovalRow(calm, (), 0, "at once"),
                ApprovalRow((), people, 2, "two heads", ("communications",), Span(60_000)),
            ),
            {"restart": 3},
        ),
        stop_rules=(
            StopRule("slow", "slow", (Condition("plan_minutes", "more_than", 4),), "too slow"),
            StopRule("rising", "rising", (Condition("failed_share_percent", "at_least", 90),), "bad"),
        ),
        preflight=Preflight(("documents", "probes"), required=True),
    )  # fmt: skip
    return replace(rules, protocol=protocol)


class Core(RuleBasedStateMachine):
    """Told like a story, and asked after every step whether all invariants hold."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.seen: dict[str, Effect] = {}
        self.dead: set[str] = set()
        self.checked = 0

    @initialize(start=st.sampled_from(("nothing", "agents", "outage")), rules=st.booleans())
    def begin(self, start: str, rules: bool) -> None:
        """rules: under a protocol that has reviewers, stop rules and a preflight."""
        self.story = Story(strict()) if rules else Story()
        if start == "agents":
            self.take(self.story.register)
        elif start == "outage":
            self.story = outage(self.story.policy)
            self.story.world = replace(self.story.world, known_good={})
            self.note(self.story.effects)

    def note(self, effects: list[Effect]) -> None:
        for effect in effects:
            assert effect.id not in self.seen, f"two effects are called {effect.id}"
            self.seen[effect.id] = effect

    def take(self, tell: Any) -> None:
        before = {effect.id for effect in self.story.effects}
        tell()
        self.note([one for one in self.story.effects if one.id not in before])

    @rule(command=commands(), who=anybody)
    def anything(self, command: Any, who: Principal) -> None:
        story = self.story
        world, records = story.world, len(story.records)
        twice = [decide(command, world, story.book, story.now, who, "story") for _ in range(2)]
        assert twice[0] == twice[1], "decide is not deterministic"
        self.take(lambda: story.when(command, who))
        if story.refused is not None:
            assert story.world is world, "a refusal changed the world"
            assert len(story.records) == records
            assert story.refused.reasons

    @rule(command=commands(), who=anybody)
    def anything_again(self, command: Any, who: Principal) -> None:
        """The same twice in a row."""
        for _ in range(2):
            self.anything(command, who)

    @rule(pick=st.integers(0, 400), outcome=st.sampled_from(OUTCOMES))
    def an_effect_ends(self, pick: int, outcome: Any) -> None:
        if self.story.effects:
            effect = self.story.effects[pick % len(self.story.effects)]
            if outcome.ending.value not in ("retry", "unknown"):
                self.story.effects.remove(effect)
            self.take(lambda: self.story.when(RecordOutcome(effect, outcome), RUNNER))
            assert self.story.refused is None, "an outcome was refused"

    @rule(pick=st.integers(0, 400))
    def an_effect_is_parked(self, pick: int) -> None:
        if self.story.effects:
            effect = self.story.effects.pop(pick % len(self.story.effects))
            self.take(lambda: self.story.when(ParkEffect(effect, "no mark"), RUNNER))
            assert self.story.refused is None, "parking was refused"

    @rule(pick=st.integers(0, 400), outcome=st.sampled_from(OUTCOMES))
    def an_outcome_comes_twice(self, pick: int, outcome: Any) -> None:
        """A report whose answer was lost: the second one finds nothing to record."""
        if self.seen:
            effect = list(self.seen.values())[pick % len(self.seen)]
            self.take(lambda: self.story.when(RecordOutcome(effect, done("seen")), RUNNER))
            world = self.story.world
            if effect.purpose.value != "notify":
                self.take(lambda: self.story.when(RecordOutcome(effect, done("seen")), RUNNER))
                same = replace(self.story.world, versions=world.versions)
                assert same == world, "the same outcome twice moved the state twice"

    @rule(seconds=st.sampled_from((0, 1, 60, 300, 900, 86_400, -60, -7200)), steady=st.booleans())
    def time_passes(self, seconds: int, steady: bool) -> None:
        """With its monotonic clock, or as a step of the wall clock alone."""
        now = self.story.now
        passed = max(seconds, 0) * 1000 if steady else 0
        self.story.now = replace(
            now, utc=now.utc + timedelta(seconds=seconds), monotonic_ms=now.monotonic_ms + passed
        )

    @rule()
    def reboot(self) -> None:
        self.story.now = replace(self.story.now, monotonic_ms=0, boot=self.story.now.boot + "x")

    @rule()
    def the_timekeeper_catches_up(self) -> None:
        """`due` comes to rest, and no command it names is refused for ever."""
        self.take(self.story.settle)
        assert not due(self.story.world, self.story.book, self.story.now).commands

    @rule(count=st.integers(1, 4), good=st.booleans())
    def rounds_of_samples(self, count: int, good: bool) -> None:
        for _ in range(count):
            self.time_passes(1, steady=True)
            self.take(lambda: self.story.sample(payments_deep=good))

    @rule(agent=st.sampled_from(AGENTS), release_first=st.booleans())
    def halt_and_release_race(self, agent: str, release_first: bool) -> None:
        """In either order, whoever the new halt covers is held afterwards."""
        halts = self.story.world.standing_halts()
        if not halts or agent not in self.story.world.agents:
            return
        release = h.ReleaseHalt(halts[0].id, "it is over")
        both = [h.OrderHalt("all", "not yet"), release]
        for command in reversed(both) if release_first else both:
            self.take(lambda command=command: self.story.when(command, EVE))
        newest = list(self.story.world.halts.values())[-1]
        assert self.story.refused is not None or newest in self.story.world.holders(agent)

    @invariant()
    def everything_holds(self) -> None:
        story = self.story
        if len(story.records) == self.checked:
            return
        self.checked = len(story.records)
        effects = dict.fromkeys(self.seen, "seen")
        found = check(Trace(tuple(story.records), story.book, live=story.world, effects=effects))
        assert found == (), found

    @invariant()
    def reacting_and_evolving_are_total_and_pure(self) -> None:
        world = self.story.world
        for record in self.story.records[-3:]:
            assert evolve(world, record) == evolve(world, record)
            evolve(World(), record)
        assert react_all((), world, self.story.book) == ()


TestCore = Core.TestCase


def test_reacting_twice_to_an_entry_gives_the_same_effects() -> None:
    story = outage()
    for record in story.records:
        again = react(record, story.world, story.book)
        assert again == react(record, story.world, story.book)
        assert len({effect.id for effect in again}) == len(again)


def test_a_decision_or_a_verdict_and_nothing_else() -> None:
    story = outage()
    found = decide(h.OrderHalt("all", "x"), story.world, story.book, story.now, TIMEKEEPER)
    assert isinstance(found, Decided | Verdict)
