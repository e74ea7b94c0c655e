"""Safety judged again before each service is taken away: what fell meanwhile does not count as up."""

from __future__ import annotations

from typing import Any

from allstop.domain.deciding.safe_again import unsafe_now
from allstop.domain.incident.commands import Override, RecordSamples
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import RetryStep, StartPlan
from allstop.domain.plan.events import StepRefused
from allstop.domain.plan.lifecycle import NodeState, StepState
from allstop.domain.policy import Fleet, FleetLimits, OnFailure, ProbeSpec, ServiceSet
from allstop.domain.principal import MONITOR
from allstop.domain.samples import Sample
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import service
from tests.domain.fleet.ground import Ground

THREE = ("ledger-a", "ledger-b", "ledger-c")


def ledgers(alive: int = 1, **more: Any) -> Ground:
    """Three replicas of which some must stay up, each with a probe, and somebody beside them."""
    members = tuple(
        service(name, probes=(ProbeSpec(f"{name}-ok", name, "script", {}, 1000, 1, 1),), **more)
        for name in THREE
    )
    fleet = Fleet(
        (*members, service("beside")),
        limits=FleetLimits(share_percent=100),
        sets=(ServiceSet("ledgers", "ledgers", THREE, alive),),
    )
    return Ground(fleet).declared()


def seen(found: Ground, *bad: str) -> None:
    found.let_pass(1000)
    samples = tuple(Sample(f"{name}-ok", name not in bad, "seen") for name in THREE)
    found.do(RecordSamples("INC-1", samples, 1000), MONITOR)


def refused(found: Ground) -> list[str]:
    return [
        record.event.because for record in found.records if isinstance(record.event, StepRefused)
    ]


def test_the_last_one_that_is_up_is_not_taken_though_the_plan_looked_legal() -> None:
    """Given a plan for one of three, when the other two fall before it starts, then its node waits for a person,
    nothing of it has begun, and what has nothing to do with it goes on."""
    found = ledgers()
    plan = found.drawn(Asked("stop", ("ledger-a", "beside")))
    assert plan.bites == ()
    seen(found, "ledger-b", "ledger-c")
    plan = found.run(plan.id)
    assert plan.node_at("ledger-a").state is NodeState.HELD
    assert plan.node_at("beside").state is NodeState.REACHED
    assert found.truth["ledger-a"].up
    assert "ledger-a/stop" not in found.started
    (because,) = refused(found)
    assert because.startswith("min-alive ledgers: 0 of 3 would stay up (none of them), 1 must. ")
    assert "allstop override step:PLAN-1/stop-ledger-a --because" in because


def test_it_goes_on_when_the_others_are_back() -> None:
    found = ledgers()
    plan = found.drawn(Asked("stop", ("ledger-a",)))
    seen(found, "ledger-b", "ledger-c")
    found.run(plan.id)
    found.do(RetryStep(plan.id, "stop-ledger-a"), EVE)
    assert len(refused(found)) == 2, "nothing has changed, so it is refused again"
    assert found.world.plans[plan.id].standing("stop-ledger-a").state is StepState.FAILED
    seen(found)
    found.do(RetryStep(plan.id, "stop-ledger-a"), EVE)
    plan = found.go_on(plan.id)
    assert plan.state.value == "done"
    assert not found.truth["ledger-a"].up


def test_an_override_of_the_step_stands_above_it_and_of_no_other() -> None:
    found = ledgers()
    plan = found.drawn(Asked("stop", ("ledger-a",)))
    seen(found, "ledger-b", "ledger-c")
    found.run(plan.id)
    found.do(Override("INC-1", f"step:{plan.id}/stop-ledger-b", "the wrong one"), EVE)
    assert found.refused is not None
    assert found.refused.reasons[0].hint == "did you mean PLAN-1/stop-ledger-a?"
    found.do(Override("INC-1", f"step:{plan.id}/stop-ledger-a", "the ledgers are lost anyway"), EVE)
    assert found.refused is None
    assert found.go_on(plan.id).state.value == "done"


def test_two_plans_at_once_do_not_take_the_last_two() -> None:
    """Given two plans that each look legal, when one is under way, then the other counts what it takes."""
    found = ledgers(alive=2)
    first = found.drawn(Asked("stop", ("ledger-a",)))
    second = found.drawn(Asked("stop", ("ledger-b",)))
    found.do(StartPlan(first.id), EVE)
    found.do(StartPlan(second.id), EVE)
    found.go_on(second.id)
    assert found.world.plans[first.id].state.value == "done"
    assert found.world.plans[second.id].node_at("ledger-b").state is NodeState.HELD
    assert [one.up for one in (found.truth[name] for name in THREE)] == [False, True, True]


def test_what_was_approved_by_name_stays_approved() -> None:
    found = ledgers(alive=3)
    plan = found.drawn(Asked("stop", ("ledger-a",)))
    assert [(bite.rule, bite.subject) for bite in plan.bites] == [("min-alive", "ledgers")]
    assert found.run(plan.id).state.value == "done"
    step = plan.step("stop-ledger-a")
    assert step is not None
    incident = found.world.incidents["INC-1"]
    assert unsafe_now(found.world, found.book.latest, incident, plan, step) == ""


def test_one_that_was_tried_before_and_is_refused_now_can_be_overridden_as_it_says() -> None:
    """Given a step that failed once, when by the second try the others have fallen, then it is refused, and what the
    refusal tells a person to type works."""
    found = ledgers(on_failure=OnFailure("hold"))
    found.faults["ledger-a/stop"] = "refuse"
    plan = found.drawn(Asked("stop", ("ledger-a",)))
    found.run(plan.id)
    assert found.world.plans[plan.id].standing("stop-ledger-a").attempt == 1
    seen(found, "ledger-b", "ledger-c")
    found.do(RetryStep(plan.id, "stop-ledger-a"), EVE)
    assert refused(found)
    found.faults.clear()
    found.do(Override("INC-1", f"step:{plan.id}/stop-ledger-a", "the ledgers are lost anyway"), EVE)
    assert found.refused is None
    assert found.go_on(plan.id).state.value == "done"
