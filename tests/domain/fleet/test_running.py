"""Stops that run: a failure holds its branch, never the fleet; no edge is broken; nothing is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import ContinuePlan, PausePlan, RetryStep, StartPlan, WaiveStep
from allstop.domain.plan.lifecycle import ENDS, NodeState, PlanState
from allstop.domain.policy import Fleet, OnFailure
from tests.domain.builders import BUILDER, EVE
from tests.domain.fleet.fleets import HARD, acts, random_fleet, service, stateful
from tests.domain.fleet.ground import Ground, random_faults

SHOP = Fleet(
    (
        service("web", {"payments": HARD}),
        service("payments", {"db": HARD}),
        stateful("db"),
        service("wiki"),
    )
)
ALL = Asked("stop", ("all",))


def ground(fleet: Fleet = SHOP, **more: object) -> Ground:
    return Ground(fleet, **more).declared()  # type: ignore[arg-type]


def states(here: Ground, plan: str = "PLAN-1") -> dict[str, str]:
    found = here.world.plans[plan]
    return {node.id: found.node_at(node.id).state.value for node in found.nodes}


def refusal(here: Ground) -> str:
    assert here.refused is not None, "it was allowed"
    return here.refused.reasons[0].code


def test_a_whole_stop_in_order_with_the_data_safe() -> None:
    here = ground()
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.DONE
    assert set(states(here).values()) == {"reached"}
    assert not any(one.up for one in here.truth.values())
    assert here.broken == []
    db = here.truth["db"]
    assert (db.fenced, db.snapshots) == (True, 1)
    assert here.world.standing_of("db").words() == "stopped, drained, fenced, quiesced"


def test_a_service_that_will_not_stop_is_forced_and_what_waits_for_it_goes_on() -> None:
    here = ground(faults={"web/stop": "hang"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.DONE
    assert states(here)["web"] == "forced"
    assert states(here)["db"] == "reached"


def test_one_that_can_be_neither_stopped_nor_forced_holds_only_what_waits_for_it() -> None:
    here = ground(faults={"web/stop": "refuse", "web/kill": "hang"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.HELD
    assert states(here) == {
        "web": "held",
        "payments": "waiting",
        "db": "waiting",
        "wiki": "reached",
    }
    assert here.truth["payments"].up
    assert here.truth["db"].up


def test_a_data_step_that_fails_stops_the_stop_whatever_the_policy() -> None:
    fleet = Fleet((stateful("db", on_failure=OnFailure.FORCE), service("disk"), stateful("other")))
    here = ground(fleet, faults={"db/verify-snapshot": "lie"})
    here.drawn(ALL)
    here.run("PLAN-1")
    assert states(here)["db"] == "held"
    assert here.truth["db"].up
    assert states(here)["other"] == "reached"


def test_a_stateful_one_that_does_not_answer_is_cut_off_and_left_for_a_person() -> None:
    fleet = Fleet((stateful("db", {"disk": HARD}), service("disk")))
    here = ground(fleet, faults={"db/stop": "hang"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert states(here) == {"db": "isolated", "disk": "reached"}
    assert here.truth["db"].isolated
    assert here.truth["db"].up
    assert plan.failures == {"db"}


def test_what_cannot_be_stopped_is_cut_off_and_not_called_stopped() -> None:
    fleet = Fleet((service("saas", {"db": HARD}, actions=acts("isolate", "reopen")), service("db")))
    here = ground(fleet)
    here.drawn(ALL)
    assert here.run("PLAN-1").state is PlanState.DONE
    assert states(here) == {"saas": "isolated", "db": "reached"}
    assert here.truth["saas"].up
    assert here.world.standing_of("saas").words() == "isolated"


def test_a_person_retries_what_was_held_and_the_branch_goes_on() -> None:
    here = ground(faults={"web/stop": "refuse", "web/kill": "refuse"})
    here.drawn(ALL)
    here.run("PLAN-1")
    here.faults.clear()
    here.do(RetryStep("PLAN-1", "kill-web"), EVE)
    plan = here.go_on("PLAN-1")
    assert plan.state is PlanState.DONE
    assert states(here)["web"] == "forced"


def test_a_person_waives_a_step_by_name_and_nothing_is_claimed_that_was_not_seen() -> None:
    here = ground(Fleet((stateful("db"),)), faults={"db/snapshot": "refuse", "db/stop": "refuse", "db/isolate": "refuse"})  # fmt: skip
    here.drawn(ALL)
    here.run("PLAN-1")
    assert refusal(here.do(WaiveStep("PLAN-1", "snapshot-db", "  "), EVE)) == "no-reason"
    here.do(WaiveStep("PLAN-1", "snapshot-db", "the nightly backup is enough"), EVE)
    here.go_on("PLAN-1")
    assert states(here) == {"db": "held"}
    here.do(WaiveStep("PLAN-1", "isolate-db", "somebody pulls the plug"), EVE)
    assert states(here) == {"db": "left"}, "nobody saw it stop"
    assert here.world.plans["PLAN-1"].state is PlanState.DONE


def test_a_pause_lets_what_is_under_way_end_and_starts_nothing() -> None:
    here = ground()
    here.drawn(ALL)
    here.do(StartPlan("PLAN-1"), EVE)
    assert refusal(here.do(PausePlan("PLAN-1", " "), EVE)) == "no-reason"
    here.do(PausePlan("PLAN-1", "wait for the bank"), EVE)
    here.go_on("PLAN-1")
    assert states(here)["web"] == "reached"
    assert states(here)["payments"] == "waiting"
    here.do(ContinuePlan("PLAN-1"), EVE)
    assert here.go_on("PLAN-1").state is PlanState.DONE


def test_too_many_failures_make_everything_wait_for_a_person() -> None:
    fleet = Fleet(tuple(service(f"s{at}", {f"s{at - 1}": HARD} if at else {}) for at in range(6)))
    fleet = replace(fleet, limits=replace(fleet.limits, failures=2))
    here = ground(fleet, faults={"s5/stop": "refuse", "s4/stop": "refuse"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.HELD
    assert "2 nodes failed, 2 is the limit" in plan.held_because
    assert here.truth["s3"].up
    here.do(RetryStep("PLAN-1", "failures"), EVE)
    assert here.go_on("PLAN-1").state is PlanState.DONE, "a person took it upon themselves"


def test_abort_stops_everything_and_says_so() -> None:
    fleet = Fleet(
        (service("a", on_failure=OnFailure.ABORT), service("b", {"c": HARD}), service("c"))
    )
    here = ground(fleet, faults={"a/stop": "crash"}, takes={"b/stop": 500})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.HELD
    assert "stop everything" in plan.held_because
    assert here.truth["c"].up


def test_a_circle_is_quiesced_as_a_whole_before_its_first_member_stops() -> None:
    fleet = Fleet((stateful("a", {"b": HARD}), stateful("b", {"a": HARD})))
    here = ground(fleet)
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert plan.state is PlanState.DONE
    ended = {step.id: plan.standing(step.id).ended_at for step in plan.steps}
    last_safe = max(at for id, at in ended.items() if at and id.startswith("verify-snapshot"))
    first_stop = min(at for id, at in ended.items() if at and id.startswith("stop"))
    assert last_safe < first_stop


def test_a_member_of_a_circle_that_ends_otherwise_does_not_hold_the_others_for_ever() -> None:
    """Given a circle of which one will not be quiesced and is cut off instead, the other one goes on without it."""
    fleet = Fleet(
        (stateful("a", {"b": HARD}, on_failure=OnFailure.ISOLATE), stateful("b", {"a": HARD}))
    )
    here = ground(fleet, faults={"a/quiesce": "refuse"})
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    assert states(here) == {"a": "isolated", "b": "reached"}
    assert plan.state is PlanState.DONE
    assert "drain-a" not in {step.partition("/")[0] for step in plan.progress}, "nothing more of it"
    assert not here.truth["b"].up


def test_a_plan_that_would_be_another_by_now_is_made_again() -> None:
    here = ground()
    here.drawn(Asked("stop", ("wiki",)))
    here.drawn(Asked("stop", ("all",)))
    here.run("PLAN-1")
    assert refusal(here.do(StartPlan("PLAN-2"), EVE)) == "plan-changed"


def test_two_plans_never_work_on_the_same_service() -> None:
    here = ground()
    here.drawn(ALL)
    here.drawn(Asked("stop", ("web",)))
    here.do(StartPlan("PLAN-1"), EVE)
    assert refusal(here.do(StartPlan("PLAN-2"), EVE)) == "overlapping-plan"


def test_an_agent_neither_asks_for_a_stop_nor_waives_a_step() -> None:
    here = ground()
    here.drawn(ALL)
    assert refusal(here.do(StartPlan("PLAN-1"), BUILDER)) == "no-authority"


@pytest.mark.parametrize("seed", range(60))
def test_whatever_fails_and_whenever_it_dies_no_edge_is_broken(seed: int) -> None:
    """Given a random graph, random faults and deaths, every node ends in a named state and keeps the order."""
    fleet = random_fleet(seed, 12 + seed % 25, cycles=seed % 3 == 0)
    here = ground(
        fleet,
        faults=random_faults(seed, fleet, 0.15 if seed % 4 else 0.0),
        takes={f"{one.name}/stop": 10 + 37 * (at % 11) for at, one in enumerate(fleet.services)},
        die_at=frozenset(range(10 + seed % 7, 4000, 5 + seed % 11)) if seed % 2 else frozenset(),
    )
    here.drawn(ALL)
    plan = here.run("PLAN-1")
    units = {name: unit for unit in plan.outlook["units"] for name in unit}
    outside = [one for one in here.broken if not _inside(one, units)]
    assert outside == []
    assert set(here.acted.values()) <= {1}, "a completed step was run again"
    for node in plan.nodes:
        at = plan.node_at(node.id)
        assert at.state in ENDS or at.state in (NodeState.HELD, NodeState.WAITING)
        if at.state in (NodeState.REACHED, NodeState.FORCED):
            truth = here.truth[node.service]
            assert not truth.up or truth.isolated
    assert plan.state is (PlanState.DONE if plan.open_nodes == 0 else PlanState.HELD)
    if seed % 4 == 0:
        assert plan.state is PlanState.DONE


def _inside(edge: str, units: dict[str, tuple[str, ...]]) -> bool:
    one, _, to = edge.partition(" -> ")
    return one in units and to in units[one]
