"""People steer a running plan: who may, what is refused, and who hears that something waits for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.effects import Effect, Purpose, done, failed, unknown
from allstop.domain.incident.commands import NoteRelease, RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import (
    ContinuePlan,
    FailGate,
    ParkEffect,
    PausePlan,
    RecordOutcome,
    SettleStep,
    StartPlan,
    WaiveStep,
)
from allstop.domain.plan.events import StepFailed, StepUnknown
from allstop.domain.plan.lifecycle import NodeState, PlanState, StepState
from allstop.domain.policy import Fleet, FleetLimits, OnFailure, PolicyBook, ProbeSpec, ServiceSet
from allstop.domain.principal import MONITOR, RUNNER, TIMEKEEPER
from allstop.domain.samples import Sample
from tests.domain.builders import BEN, BUILDER, EVE, outage
from tests.domain.fleet import playing
from tests.domain.fleet.fleets import HARD, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.test_plans import at_the_gate
from tests.domain.test_plans import step as state_of

SHOP = Fleet((service("web", {"db": HARD}), stateful("db")))
ALL = Asked("stop", ("all",))
LOST = {"web/stop": "refuse", "web/kill": "refuse"}


def ground(fleet: Fleet = SHOP, **more: object) -> Ground:
    return Ground(fleet, **more).declared()  # type: ignore[arg-type]


def trusted(here: Ground) -> Ground:
    """Under this protocol agents may run plans."""
    base = here.book.latest
    rows = tuple(
        replace(one, to=(*one.to, "agent")) if one.action == "plan" else one
        for one in base.protocol.authority
    )
    changed = replace(base, protocol=replace(base.protocol, authority=rows))
    here.book = PolicyBook("p1", {"p1": changed})
    return here


def refusal(here: Ground) -> str:
    assert here.refused is not None, "it was allowed"
    return here.refused.reasons[0].code


def told(here: Ground, words: str) -> list[tuple[str, str]]:
    """Who was told of what, of everything whose subject has these words in it."""
    events = [one.event for one in here.records if one.kind == "notification.requested"]
    return [(one.to, f"{one.subject}\n{one.text}") for one in events if words in one.subject]


def begun(here: Ground, verb: str) -> Effect:
    return next(one for one in here.effects if one.verb == verb and one.purpose is Purpose.STEP)


# --- who may ---------------------------------------------------------------------------------------


def test_only_what_is_paused_goes_on_and_only_for_whoever_may_run_plans() -> None:
    here = ground(takes={"web/stop": 5000})
    here.drawn(ALL)
    assert refusal(here.do(ContinuePlan("PLAN-1"), EVE)) == "not-paused", "it has not begun"
    here.do(StartPlan("PLAN-1"), EVE)
    before = len(here.records)
    assert refusal(here.do(ContinuePlan("PLAN-1"), EVE)) == "not-paused", "it runs"
    here.do(PausePlan("PLAN-1", "wait for the bank"), EVE)
    for nobody in (BEN, BUILDER):
        assert refusal(here.do(ContinuePlan("PLAN-1"), nobody)) == "no-authority"
    assert here.world.plans["PLAN-1"].state is PlanState.PAUSED
    assert len(here.records) == before + 1
    here.do(ContinuePlan("PLAN-1"), EVE)
    assert here.go_on("PLAN-1").state is PlanState.DONE


def test_an_agent_that_may_run_plans_waives_nothing() -> None:
    """Given a protocol that lets agents run plans, when a step has failed, then only a person lets it go without."""
    here = trusted(ground(faults=LOST))
    here.drawn(ALL)
    here.run("PLAN-1")
    assert refusal(here.do(WaiveStep("PLAN-1", "kill-web", "it is fine"), BUILDER)) == "human-only"
    assert here.world.plans["PLAN-1"].node_at("web").state == "held"
    assert here.truth["db"].up
    assert here.do(WaiveStep("PLAN-1", "kill-web", "it is fine"), EVE).refused is None


def test_no_step_of_a_plan_without_nodes_is_waived() -> None:
    """Given a containment, each of whose steps is needed, when one fails, then it is tried again or given up."""
    story = outage().settle().answer(failed("no"), only="isolate")
    story.when(WaiveStep("PLAN-1", "isolate-payments", "never mind"))
    assert story.refused is not None
    assert story.refused.reasons[0].code == "not-waivable"
    assert "allstop plan retry PLAN-1 isolate-payments" in str(story.refused.reasons[0].hint)
    assert story.world.plans["PLAN-1"].state is PlanState.HELD


# --- what comes late, or too soon --------------------------------------------------------------------


def test_nothing_that_is_over_is_lost_again() -> None:
    """Given a step that is done, when somebody says late that nobody knows how it ended, then it stays done."""
    here = ground()
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    stop, before = begun(here, "stop"), len(here.records)
    here.do(ParkEffect(stop, "no answer"), RUNNER)
    here.do(RecordOutcome(stop, unknown("nobody saw")), RUNNER)
    here.do(RecordOutcome(replace(stop, stream="plan/PLAN-9"), done("seen")), RUNNER)
    here.do(ParkEffect(replace(stop, stream="plan/PLAN-9"), "no answer"), RUNNER)
    assert here.refused is None
    assert len(here.records) == before
    assert here.world.plans["PLAN-1"] == plan


def test_what_is_over_holds_no_node_that_has_more_to_do() -> None:
    """Given a snapshot that was seen, when its end is reported late as unknown or failed while the service is being
    stopped, then the service is not held for it."""
    here = ground(takes={"db/stop": 5000})
    here.drawn(Asked("stop", ("db",)))
    here.do(StartPlan("PLAN-1"), EVE)
    while "db/stop" not in here.started:
        here.end_next()
    snapshot, before = begun(here, "snapshot"), len(here.records)
    here.do(ParkEffect(snapshot, "no answer"), RUNNER)
    here.do(RecordOutcome(snapshot, failed("it was there, and is gone")), RUNNER)
    assert len(here.records) == before
    assert here.go_on("PLAN-1").state is PlanState.DONE


def test_that_nobody_knows_is_said_once() -> None:
    here = ground(takes={"web/stop": 5000})
    here.drawn(ALL)
    here.do(StartPlan("PLAN-1"), EVE)
    stop = begun(here, "stop")
    for _ in range(2):
        here.do(RecordOutcome(stop, unknown("nobody saw")), RUNNER)
    here.do(ParkEffect(stop, "no answer"), RUNNER)
    assert sum(isinstance(one.event, StepUnknown) for one in here.records) == 1


def test_a_gate_fails_when_its_time_is_over_and_not_before() -> None:
    """Given a gate with five minutes, when somebody says too early, of another step, or again that it has failed,
    then nothing happens."""
    story = at_the_gate().sample()
    plan = story.world.plans["PLAN-2"]
    gate = next(one for one in plan.steps if one.kind == "gate")
    before = len(story.records)
    for step in (gate.id, plan.steps[-1].id, plan.steps[0].id, "no-such-step"):
        story.when(FailGate("PLAN-2", step), TIMEKEEPER)
    almost = timedelta(milliseconds=gate.limit_ms - 1)
    story.now = replace(story.now, utc=story.now.utc + almost)
    story.when(FailGate("PLAN-2", gate.id), TIMEKEEPER)
    assert len(story.records) == before
    assert state_of(story, "PLAN-2", gate.id) == "running"
    story.now = replace(story.now, utc=story.now.utc + timedelta(milliseconds=1))
    for _ in range(2):
        story.when(FailGate("PLAN-2", gate.id), TIMEKEEPER)
    assert [one.event.step for one in story.records if isinstance(one.event, StepFailed)] == [
        gate.id
    ]
    assert story.world.plans["PLAN-2"].held_because == (
        "not passed within 5m: 1 good samples, no trouble"
    )


@pytest.mark.parametrize("policy", [OnFailure.FORCE, OnFailure.ISOLATE])
def test_nothing_is_forced_during_a_pause(policy: OnFailure) -> None:
    """Given a stop that fails while the plan is paused, then nothing is killed or cut off, and a person has to look:
    who paused it wanted nothing further to begin."""
    here = ground(Fleet((service("web", on_failure=policy),)), faults={"web/stop": "refuse"})
    here.drawn(ALL)
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(PausePlan("PLAN-1", "wait for the bank"), EVE)
    plan = here.go_on("PLAN-1")
    assert here.started == ["web/stop"]
    assert plan.node_at("web").state is NodeState.HELD
    assert "the plan is paused, so nothing more was tried" in plan.node_at("web").because
    assert told(here, "PLAN-1 is held")


def test_what_is_left_as_it_is_goes_on_and_is_told_all_the_same() -> None:
    fleet = Fleet(
        (service("web", {"db": HARD}, on_failure=OnFailure.CONTINUE), service("db")),
    )
    here = ground(fleet, faults={"web/stop": "refuse"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert [plan.node_at(name).state for name in ("web", "db")] == ["left", "reached"]
    found = [(who, text) for who, text in told(here, "PLAN-1") if "it refuses" in text]
    assert found[0][0] == "person:ada"


def test_a_gate_that_passes_during_a_pause_opens_when_the_pause_is_over() -> None:
    story = at_the_gate()
    story.when(PausePlan("PLAN-2", "wait for the bank"), EVE)
    for _ in range(20):
        story.wait(1000).sample()
    assert state_of(story, "PLAN-2", "gate-service") == "running"
    assert story.world.plans["PLAN-2"].state is PlanState.PAUSED
    story.when(ContinuePlan("PLAN-2"), EVE)
    assert state_of(story, "PLAN-2", "gate-service") == "done", (
        "and not only after the next samples"
    )
    assert state_of(story, "PLAN-2", "reopen") == "running"


def test_a_release_becomes_known_good_once() -> None:
    story = outage()
    before = len(story.records)
    for release in ("tree-1", "tree-1", "tree-2", "tree-2", "tree-1"):
        story.when(NoteRelease("payments", release, 700_000), MONITOR)
    found = [one.event.release for one in story.records[before:]]
    assert found == ["tree-1", "tree-2", "tree-1"]


# --- who hears of it ---------------------------------------------------------------------------------


def test_a_branch_that_is_held_is_told_to_the_commander_and_the_chain() -> None:
    here = ground(faults=LOST)
    here.drawn(ALL)
    here.run("PLAN-1")
    found = told(here, "PLAN-1 is held")
    assert found[0][0] == "person:ada", "the commander first"
    assert "allstop plan retry PLAN-1 kill-web" in found[0][1]
    assert "nothing of it can go on: web held" in found[-1][1]
    assert "allstop plan show PLAN-1" in found[-1][1], "there is no one step to try again"


def test_without_a_commander_the_chain_hears_of_it() -> None:
    here = Ground(SHOP, faults=LOST)
    here.declared()
    incident = here.world.incidents["INC-1"]
    here.world = replace(here.world, incidents={"INC-1": replace(incident, roles={})})
    here.book = _owner_with_chat(here.book)
    here.drawn(ALL)
    here.run("PLAN-1")
    assert {who for who, _ in told(here, "PLAN-1 is held")} == {"person:eve"}


def _owner_with_chat(book: PolicyBook) -> PolicyBook:
    base = book.latest
    people = tuple(replace(one, channels=("chat",)) for one in base.roster.people)
    return PolicyBook("p1", {"p1": replace(base, roster=replace(base.roster, people=people))})


def test_too_many_failures_are_told() -> None:
    fleet = Fleet(
        tuple(service(name) for name in ("a", "b", "c")), limits=FleetLimits(together=1, failures=2)
    )
    here = ground(fleet, faults={f"{one}/{verb}": "refuse" for one in "ab" for verb in ("stop", "kill")})  # fmt: skip
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert here.truth["c"].up
    assert set(plan.holding) >= {"failures"}
    (said, *_) = [text for who, text in told(here, "PLAN-1 is held") if "2 nodes failed" in text]
    assert "allstop plan retry PLAN-1 failures" in said


def test_a_step_that_a_safety_rule_keeps_is_told() -> None:
    fleet = Fleet(
        tuple(
            service(name, probes=(ProbeSpec(f"{name}-ok", name, "script", {}, 1000, 1, 1),))
            for name in ("a", "b")
        ),
        limits=FleetLimits(share_percent=100),
        sets=(ServiceSet("pair", "pair", ("a", "b"), 1),),
    )
    here = ground(fleet)
    here.drawn(Asked("stop", ("a",)))
    here.let_pass(1000)
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "503"),), 1000), MONITOR)
    here.run("PLAN-1")
    assert here.truth["a"].up
    found = told(here, "PLAN-1 is held")
    assert found[0][0] == "person:ada"
    assert "min-alive pair" in found[0][1]


def test_what_ends_where_it_begins_and_fails_is_recorded_and_told() -> None:
    """Given a step that tells an audience which has no channel, then it has failed, its phase waits, and the
    commander hears of it; what comes after it has not begun."""
    here, plan = playing.play(
        playing.phase("first", 0, 2, playing.tell("word", "deaf")),
        playing.phase("second", 2, 4, playing.tell("more")),
    )
    (failed_step,) = [one.event for one in here.records if isinstance(one.event, StepFailed)]
    assert "deaf has no channel" in failed_step.because
    assert plan.standing(failed_step.step).state is StepState.FAILED
    found = [(who, text) for who, text in told(here, "PLAN-1 is held") if "deaf" in text]
    assert found[0][0] == "person:ada"
    assert not told(here, "more")


@pytest.mark.parametrize("happened", [True, False])
def test_a_step_that_a_person_settles_lets_the_rest_go_on(happened: bool) -> None:
    """Given a step of which nobody knows the end, when a person says whether it happened, then it is asked for
    again only if it did not, and everything behind it goes on."""
    fleet = Fleet((service("web", {"db": HARD}, on_failure=OnFailure.HOLD), service("db")))
    here = ground(fleet, faults={"web/stop": "hang"})
    here.drawn(ALL)
    here.run("PLAN-1")
    here.faults.clear()
    here.do(SettleStep("PLAN-1", "stop-web", happened, "I looked"), EVE)
    plan = here.go_on("PLAN-1")
    assert plan.state is PlanState.DONE
    times = 1 if happened else 2
    assert here.started.count("web/stop") == times
    assert plan.standing("stop-web").attempt == times
