"""What a running plan never does: kill before all data is safe, take one replica too many, forget a stop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.effects import failed
from allstop.domain.incident.commands import Override, RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import (
    AbortPlan,
    ContinuePlan,
    CutShort,
    PausePlan,
    RecordOutcome,
    RetryStep,
    SettleStep,
    StartPlan,
)
from allstop.domain.plan.events import PlanStarted
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetLimits, OnFailure, ProbeSpec, Service, ServiceSet
from allstop.domain.principal import MONITOR, RUNNER, TIMEKEEPER
from allstop.domain.samples import Sample
from allstop.domain.world import World, evolve
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import SHOP, book, isolate, phase, stage, tell, with_books

SECOND = 1000
TAKES = {"stop": 10 * SECOND, "kill": 2 * SECOND}
PAIR = (ServiceSet("replicas", "replicas", ("a", "b"), 1),)


def pair(*more: Service, **of_a: Any) -> Fleet:
    """Two replicas without a probe, of which one must stay up."""
    every = (service("a", **of_a), service("b"), *more)
    return Fleet(every, limits=FleetLimits(share_percent=100), sets=PAIR)


def on(fleet: Fleet, **more: object) -> Ground:
    return Ground(fleet, **more).declared()  # type: ignore[arg-type]


def with_deadlines(here: Ground, seconds: int) -> Plan:
    """Second by second, with what falls due about the deadline."""
    for _ in range(seconds):
        edge = here.now.monotonic_ms + SECOND - here.now.monotonic_ms % SECOND
        while (next_at := here.next_end()) is not None and next_at < edge:
            here.end_next()
        here.let_pass(max(0, edge - here.now.monotonic_ms))
        for command in due(here.world, here.book, here.now).commands:
            if isinstance(command, CutShort):
                here.do(command, TIMEKEEPER)
    return here.world.plans["PLAN-1"]


def states(plan: Plan) -> dict[str, str]:
    return {node.id: plan.node_at(node.id).state.value for node in plan.nodes}


# --- data before anything that ends a service ----------------------------------------------------


def test_in_a_circle_nobody_is_killed_while_the_data_of_another_is_being_saved() -> None:
    """Given a circle whose first member has no data, when its time is over while the data of the other one is
    still being saved, then it is killed only after that."""
    fleet = Fleet(
        (service("web", {"db": HARD}, takes_ms=TAKES), stateful("db", {"web": HARD}, importance=10))
    )
    here = on(fleet, takes={"db/snapshot": 20 * SECOND, "web/stop": 60 * SECOND})
    plan = here.drawn(Asked("stop", ("all",), deadline_ms=5 * SECOND))
    stop = plan.step("stop-web")
    assert stop is not None
    assert "node:db" not in stop.after, "it is the first of the circle"
    here.do(StartPlan(plan.id), EVE)
    found = with_deadlines(here, 60)
    ending = [one for one in here.started if one in ("db/verify-snapshot", "web/kill")]
    assert ending == ["db/verify-snapshot", "web/kill"]
    assert found.state is PlanState.DONE


def test_a_member_of_a_circle_that_was_cut_off_holds_no_kill_up() -> None:
    """Given a circle of which the one with data could only be cut off, then the other one is still killed in time."""
    fleet = Fleet(
        (service("web", {"db": HARD}, takes_ms=TAKES), stateful("db", {"web": HARD}, importance=10))
    )
    here = on(fleet, faults={"db/quiesce": "refuse"}, takes={"web/stop": 60 * SECOND})
    here.drawn(Asked("stop", ("all",), deadline_ms=5 * SECOND))
    here.do(StartPlan("PLAN-1"), EVE)
    found = with_deadlines(here, 20)
    assert states(found) == {"web": "forced", "db": "isolated"}


# --- one must stay up ----------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "faults"), [
    (("fence", "unfence", "snapshot", "verify-snapshot"), {}),
    (("quiesce", "unquiesce"), {"a/quiesce": "refuse"}),
])  # fmt: skip
def test_no_deadline_kills_the_last_replica_whatever_its_stop_begins_with(
    before: tuple[str, ...], faults: dict[str, str]
) -> None:
    """Given a replica that is still there when its stop waits for room, when the other one falls meanwhile, then
    the deadline does not kill the last one that is up."""
    offered = acts(*before, "stop", "kill", "start")
    proofs = looks("a", "fenced", "snapshot", "quiesced", "stopped", "started")
    a = service(
        "a", stateful=not faults, on_failure=OnFailure.FORCE, actions=offered, verify=proofs,
        takes_ms=TAKES, host="h", importance=1,
    )  # fmt: skip
    b = service("b", probes=(ProbeSpec("b-ok", "b", "script", {}, 1000, 1, 1),))
    slow = service("slow", host="h", importance=90)
    first = service("first", {"slow": HARD}, importance=90)
    limits = FleetLimits(share_percent=100, per_host=1)
    takes = {
        "first/stop": 20 if faults else 120,
        "slow/stop": 30 * SECOND,
        "slow/kill": 30 * SECOND,
    }
    here = on(Fleet((a, b, slow, first), limits=limits, sets=PAIR), takes=takes, faults=faults)
    plan = here.drawn(Asked("stop", ("a", "slow", "first"), deadline_ms=20 * SECOND))
    here.do(StartPlan(plan.id), EVE)
    while here.world.plans[plan.id].standing("stop-slow").state is not StepState.RUNNING:
        here.end_next()
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "gone"),), SECOND), MONITOR)
    found = with_deadlines(here, 60)
    assert "a/kill" not in here.started
    assert states(found)["a"] == "held"
    assert here.truth["a"].up


def test_a_replica_that_is_being_killed_does_not_count_as_up() -> None:
    here = on(pair(), faults={"a/stop": "refuse"}, takes={"a/kill": 20 * SECOND})
    first = here.drawn(Asked("stop", ("a",)))
    second = here.drawn(Asked("stop", ("b",)))
    here.do(StartPlan(first.id), EVE)
    here.end_next()
    assert here.world.plans[first.id].standing("kill-a").state is StepState.RUNNING
    here.do(StartPlan(second.id), EVE)
    here.go_on(second.id)
    assert here.truth["b"].up, "it was the last"


def test_a_replica_of_which_nobody_knows_whether_it_stopped_does_not_count_as_up() -> None:
    here = on(pair(on_failure=OnFailure.HOLD), faults={"a/stop": "hang"})
    first = here.drawn(Asked("stop", ("a",)))
    second = here.drawn(Asked("stop", ("b",)))
    plan = here.run(first.id)
    assert plan.standing("stop-a").state is StepState.UNKNOWN
    here.do(StartPlan(second.id), EVE)
    here.go_on(second.id)
    assert here.truth["b"].up


def test_a_replica_that_an_aborted_plan_is_still_stopping_does_not_count_as_up() -> None:
    here = on(pair(), takes={"a/stop": 20 * SECOND})
    first = here.drawn(Asked("stop", ("a",)))
    second = here.drawn(Asked("stop", ("b",)))
    here.do(StartPlan(first.id), EVE)
    here.do(AbortPlan(first.id, "the wrong one"), EVE)
    here.do(StartPlan(second.id), EVE)
    here.go_on(second.id)
    assert [here.truth[name].up for name in ("a", "b")] == [False, True]


def test_a_step_that_a_person_says_did_not_happen_is_judged_before_it_is_done_again() -> None:
    """Given a stop that nobody knows the end of, when the other replica has fallen meanwhile and a person says
    that it did not happen, then it is not done again behind the back of the safety rules."""
    fleet = Fleet(
        (
            service("a", on_failure=OnFailure.HOLD),
            service("b", probes=(ProbeSpec("b-ok", "b", "script", {}, 1000, 1, 1),)),
        ),
        limits=FleetLimits(share_percent=100),
        sets=PAIR,
    )
    here = on(fleet, faults={"a/stop": "hang"})
    here.drawn(Asked("stop", ("a",)))
    here.run("PLAN-1")
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "gone"),), SECOND), MONITOR)
    here.faults.clear()
    here.do(SettleStep("PLAN-1", "stop-a", False, "I looked: it runs"), EVE)
    assert here.refused is None
    plan = here.go_on("PLAN-1")
    assert here.truth["a"].up
    assert plan.standing("stop-a").state is StepState.FAILED
    assert "I looked: it runs" in " ".join(str(one.event) for one in here.records)
    here.do(RecordSamples("INC-1", (Sample("b-ok", True, "back"),), SECOND), MONITOR)
    here.do(RetryStep("PLAN-1", "stop-a"), EVE)
    assert here.go_on("PLAN-1").state is PlanState.DONE


@pytest.mark.parametrize(("policy", "rescue"), [(OnFailure.ISOLATE, "isolate"), (OnFailure.FORCE, "kill")])  # fmt: skip
def test_a_replica_that_works_on_is_not_cut_off_when_it_is_the_last(
    policy: OnFailure, rescue: str
) -> None:
    """Given a replica that refuses to let nothing new in, so that it works on, when the other one has fallen
    meanwhile, then its policy does not take away the last one; an override of that step does."""
    offered = acts("quiesce", "unquiesce", "stop", "kill", "start", "isolate", "reopen")
    proofs = looks("a", "quiesced", "stopped", "started", "isolated", "open")
    a = service("a", on_failure=policy, actions=offered, verify=proofs)
    b = service("b", probes=(ProbeSpec("b-ok", "b", "script", {}, 1000, 1, 1),))
    fleet = Fleet((a, b), limits=FleetLimits(share_percent=100), sets=PAIR)
    here = on(fleet, faults={"a/quiesce": "refuse"})
    here.drawn(Asked("stop", ("a",)))
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "gone"),), SECOND), MONITOR)
    plan = here.go_on("PLAN-1")
    assert states(plan) == {"a": "held"}
    assert (here.truth["a"].up, here.truth["a"].isolated) == (True, False)
    # Whom to force needs no gentle step: then it is the stop itself that waits.
    waits = "stop-a" if rescue == "kill" else "isolate-a"
    told = [one.event.text for one in here.records if one.kind == "notification.requested"]
    (text,) = {one for one in told if f"allstop plan retry PLAN-1 {waits}, or" in one}
    assert text.startswith("min-alive replicas: 0 of 2 would stay up (none of them), 1 must.")
    here.do(RetryStep("PLAN-1", waits), EVE)
    assert states(here.go_on("PLAN-1")) == {"a": "held"}, "a further attempt is judged alike"
    here.do(Override("INC-1", f"step:PLAN-1/{waits}", "it is lost anyway"), EVE)
    assert here.refused is None
    assert here.go_on("PLAN-1").state is PlanState.DONE


def test_a_replica_whose_stop_has_failed_is_rescued_whoever_is_up() -> None:
    """Given a stop that hangs, when the other one falls meanwhile, then it is killed all the same: half stopped it
    is no use to anybody."""
    b = service("b", probes=(ProbeSpec("b-ok", "b", "script", {}, 1000, 1, 1),))
    fleet = Fleet((service("a"), b), limits=FleetLimits(share_percent=100), sets=PAIR)
    here = on(fleet, faults={"a/stop": "hang"})
    here.drawn(Asked("stop", ("a",)))
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "gone"),), SECOND), MONITOR)
    assert states(here.go_on("PLAN-1")) == {"a": "forced"}


# --- a pause, an abort ---------------------------------------------------------------------------


def test_a_failure_that_stops_everything_is_not_forgotten_over_a_pause() -> None:
    """Given a service whose failure is to stop everything, when it fails while the plan is paused, then the plan
    is held once the pause is over, and goes on when a person says so."""
    fleet = Fleet(
        (service("a", on_failure=OnFailure.ABORT), service("b", {"c": HARD}), service("c"))
    )
    here = on(fleet, faults={"a/stop": "crash"}, takes={"a/stop": 500})
    here.drawn(Asked("stop", ("all",)))
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(PausePlan("PLAN-1", "wait for the bank"), EVE)
    here.go_on("PLAN-1")
    here.do(ContinuePlan("PLAN-1"), EVE)
    plan = here.go_on("PLAN-1")
    assert plan.state is PlanState.HELD
    assert "stop everything" in plan.held_because
    assert here.truth["c"].up
    here.do(RetryStep("PLAN-1", "failures"), EVE)
    here.go_on("PLAN-1")
    assert not here.truth["c"].up


@pytest.mark.parametrize("fate", ["fails", "nobody knows"])
def test_what_ends_badly_after_an_abort_holds_nothing_and_asks_for_no_retry(fate: str) -> None:
    """Given a step under way, when its plan is aborted, then its end is on the record, and nobody is told to try
    again what cannot be tried again."""
    fault = {"fails": "refuse", "nobody knows": "hang"}[fate]
    here = on(Fleet((service("a", on_failure=OnFailure.HOLD),)), faults={"a/stop": fault})
    here.drawn(Asked("stop", ("a",)))
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(AbortPlan("PLAN-1", "the wrong one"), EVE)
    plan = here.go_on("PLAN-1")
    assert plan.state is PlanState.ABORTED
    assert plan.standing("stop-a").state is (
        StepState.FAILED if fate == "fails" else StepState.UNKNOWN
    )
    told = [one.event for one in here.records if one.kind == "notification.requested"]
    assert not [one for one in told if "allstop plan retry" in one.text or "is held" in one.subject]
    assert told[-1].subject == "INC-1: PLAN-1 is aborted, and stop-a went wrong"


def test_what_begins_together_with_a_failure_too_many_does_not_begin() -> None:
    """Given a limit of one failure, when nobody could be told, which is seen at once, then what is ready at the
    same moment waits for a person."""
    fleet = replace(SHOP, limits=replace(SHOP.limits, failures=1))
    ground = stage(
        with_books(
            book(phase("first", 0, 2, tell("a-word", "deaf"), isolate("cut", "web"))), fleet=fleet
        )
    )
    ground.drawn(Asked("playbook", playbook="the-book"))
    ground.do(StartPlan("PLAN-1"), EVE)
    plan = ground.world.plans["PLAN-1"]
    assert plan.state is PlanState.HELD
    assert "1 nodes failed, 1 is the limit" in plan.held_because
    assert ground.started == []
    ground.do(RetryStep("PLAN-1", "failures"), EVE)
    ground.go_on("PLAN-1")
    assert ground.truth["web"].isolated


# --- two plans at once ---------------------------------------------------------------------------


def test_no_plan_starts_on_a_service_that_an_aborted_one_is_still_changing() -> None:
    here = on(Fleet((service("a"),)), takes={"a/stop": 20 * SECOND})
    here.drawn(Asked("stop", ("a",)))
    here.do(StartPlan("PLAN-1"), EVE)
    other = here.drawn(Asked("stop", ("a",)))
    here.do(AbortPlan("PLAN-1", "the wrong one"), EVE)
    here.do(StartPlan(other.id), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "overlapping-plan"
    assert "PLAN-1 is aborted, and stop-a of it is still under way" in here.refused.reasons[0].text
    here.go_on("PLAN-1")
    here.do(StartPlan(other.id), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "nothing-to-do", "it is stopped by now"


def test_an_override_lets_no_plan_begin_on_a_service_on_which_another_one_works() -> None:
    """An override skips who must agree and the preflight; two plans on one service it does not allow."""
    here = on(Fleet((service("a"),)), takes={"a/stop": 20 * SECOND})
    here.drawn(Asked("stop", ("a",)))
    here.do(StartPlan("PLAN-1"), EVE)
    other = here.drawn(Asked("stop", ("a",)))
    here.do(Override("INC-1", f"plan:{other.id}", "at once"), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "overlapping-plan"


def test_a_late_failure_changes_nothing_of_a_node_that_was_forced() -> None:
    """Given a stop that was cut short, when it fails after its plan is done, then nothing is claimed anew."""
    here = on(Fleet((service("a", takes_ms=TAKES),)), takes={"a/stop": 60 * SECOND})
    here.drawn(Asked("stop", ("a",), deadline_ms=3 * SECOND))
    here.do(StartPlan("PLAN-1"), EVE)
    plan = with_deadlines(here, 10)
    assert (plan.state, states(plan)) == (PlanState.DONE, {"a": "forced"})
    late = next(one for one in here.effects if one.verb == "stop")
    here.do(RecordOutcome(late, failed("no answer")), RUNNER)
    plan = here.world.plans["PLAN-1"]
    assert (plan.state, states(plan)) == (PlanState.DONE, {"a": "forced"})


def test_a_plan_that_waited_while_another_one_worked_is_no_older_order() -> None:
    """Given two plans for one service, when the later one has run and was taken back, then the earlier one can be
    started: its orders count from its start. Actuators used to refuse all of them, for ever."""
    here = on(Fleet((service("a"),)))
    first = here.drawn(Asked("stop", ("a",)))
    second = here.drawn(Asked("stop", ("a",)))
    here.run(second.id)
    back = here.drawn(Asked("recover", ("a",)))
    here.run(back.id)
    assert here.truth["a"].up
    assert here.run(first.id).state is PlanState.DONE
    order = [one.epoch for one in here.effects]
    assert order == sorted(set(order))
    assert not here.truth["a"].up


def test_what_an_older_log_says_of_a_start_counts_from_the_making_of_the_plan() -> None:
    here = on(Fleet((service("a"),)))
    plan = here.drawn(Asked("stop", ("a",)))
    here.run(plan.id)
    started = next(one for one in here.records if isinstance(one.event, PlanStarted))
    world = World()
    for one in here.records:
        older = replace(one, event=PlanStarted()) if one is started else one
        world = evolve(world, older)
    assert world.plans[plan.id].epoch == plan.epoch
    assert world.epoch == here.world.epoch - 1


def test_who_retries_a_failed_step_behind_which_another_one_holds_is_told_which() -> None:
    """It used to say that somebody was looking how it ended, which nobody was."""
    here = on(Fleet((service("a"), service("b"))), faults={"a/stop": "refuse", "a/kill": "refuse", "b/stop": "refuse"})  # fmt: skip
    here.drawn(Asked("stop", ("all",)))
    here.run("PLAN-1")
    here.do(RetryStep("PLAN-1", "stop-a"), EVE)
    assert here.refused is not None
    (reason,) = here.refused.reasons
    assert (reason.code, reason.text) == ("not-held", "stop-a has failed, and a is held: by kill-a")
    assert reason.hint == "allstop plan retry PLAN-1 kill-a"
    here.do(RetryStep("PLAN-1", "stop-b"), EVE)
    assert here.refused is not None
    assert here.refused.reasons[0].text == "stop-b has failed, and b is forced"
