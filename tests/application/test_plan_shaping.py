"""What faces are told of a plan of nodes: what is left of it, how its nodes stand, how long its approval holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from allstop.application.plan_shapes import PlanView
from allstop.application.plan_shaping import plan_view
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, DrawPlan, MakePlan, StartPlan
from allstop.domain.policy import Fleet, FleetLimits, OnFailure, Policy, Stage
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, looks, random_fleet, service, stateful
from tests.domain.fleet.ground import Ground

# web and mail need orders; nothing needs wiki, which takes longest of all.
FLEET = Fleet(
    (
        service("web", {"orders": HARD}, takes_ms={"stop": 3_000}),
        service("mail", {"orders": HARD}, takes_ms={"stop": 7_000}),
        service("orders", {}, takes_ms={"stop": 20_000}, on_failure=OnFailure.HOLD),
        service("wiki", {}, takes_ms={"stop": 25_000}),
    )
)


def ground(fleet: Fleet = FLEET, **more: Any) -> Ground:
    return Ground(fleet, **more).declared()


def view(found: Ground, plan: str) -> PlanView:
    world = found.world
    return plan_view(world.plans[plan], world, found.book.latest, world.incidents["INC-1"])


def made(found: Ground, purpose: str = "stop", *targets: str) -> str:
    """A plan that was made and, where somebody must, approved."""
    return found.drawn(Asked(purpose, targets or (("all",) if purpose == "stop" else ()))).id


def of_the_course(found: Ground) -> str:
    """A plan that the course of an incident makes by itself: it has no nodes."""
    found.do(MakePlan("INC-1", "contain"))
    return next(plan.id for plan in found.world.plans.values() if plan.purpose == "contain")


# --- what is left ------------------------------------------------------------------------------------


def test_what_is_left_is_the_longest_path_and_not_the_sum() -> None:
    """Given two branches that run side by side, then only the longer one counts."""
    found = ground()
    assert view(found, made(found)).rest_ms == 27_000


def test_what_has_ended_is_not_left() -> None:
    """Given a running stop, as nodes end, then what is left shrinks to the path that is still open."""
    found = ground(takes={"web/stop": 100, "mail/stop": 200, "wiki/stop": 300, "orders/stop": 400})
    plan = made(found)
    found.do(StartPlan(plan), EVE)
    seen = []
    for until in (100, 200, 300, 600):
        found.go_on(plan, until)
        seen.append(view(found, plan).rest_ms)
    assert seen == [27_000, 25_000, 20_000, None]


def test_what_was_learned_counts_more_than_what_is_written() -> None:
    """Given a stop that took 4.3 seconds last time, then the next one is expected to take as long."""
    found = ground(takes={"orders/stop": 4_321})
    found.run(made(found, "stop", "orders"))
    found.run(made(found, "recover", "orders"))
    assert view(found, made(found, "stop", "orders")).rest_ms == 4_321


def test_a_gate_takes_its_window() -> None:
    """Given a recovery in stages, then the gate between them is part of what is left."""
    policy_gate = ground().book.latest.protocol.remedy.gate_window_ms
    bare = replace(FLEET, services=(service("web", actions=acts("stop", "start"), verify=looks("web", "stopped")),))  # fmt: skip
    probed = ground(replace(bare, stages=(Stage("front", "front", probes=("web-deep",)),)))
    probed.run(made(probed, "stop", "web"))
    unprobed = ground(bare)
    unprobed.run(made(unprobed, "stop", "web"))
    longer = view(probed, made(probed, "recover")).rest_ms
    shorter = view(unprobed, made(unprobed, "recover")).rest_ms
    assert longer is not None
    assert shorter is not None
    assert longer - shorter == policy_gate > 0


def test_nobody_can_tell_what_is_left_of_what_has_ended_or_has_no_nodes() -> None:
    found = ground()
    done, given_up = made(found, "stop", "web"), made(found, "stop", "mail")
    found.run(done)
    found.do(AbortPlan(given_up, "not today"), EVE)
    own = of_the_course(found)
    assert [view(found, plan).rest_ms for plan in (done, given_up, own)] == [None, None, None]


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_what_is_left_at_first_is_what_no_number_of_hands_makes_shorter(
    seed: int, size: int
) -> None:
    """Given any fleet, before anything runs, then what is left is the bound that was told when it was made."""
    found = ground(random_fleet(seed, size))
    plan = made(found)
    shown = view(found, plan)
    assert shown.outlook is not None
    assert shown.rest_ms == shown.outlook.bound_ms


# --- how the nodes stand -----------------------------------------------------------------------------


def test_nodes_are_counted_by_state() -> None:
    """Given a stop in which one service is forced and one held, then each is counted once, under its end."""
    fleet = replace(
        FLEET, services=(*FLEET.services, stateful("db"), service("front", {"db": HARD}))
    )
    found = ground(fleet, faults={"web/stop": "refuse", "orders/stop": "refuse"})
    plan = made(found)
    assert view(found, plan).counts == {"waiting": 6}
    found.run(plan)
    assert view(found, plan).counts == {"reached": 4, "forced": 1, "held": 1}
    assert {one.id: one.state for one in view(found, plan).nodes}["orders"] == "held"


def test_a_plan_without_nodes_counts_none() -> None:
    found = ground()
    plan = of_the_course(found)
    assert view(found, plan).counts is None
    assert view(found, plan).nodes == ()


# --- how long an approval holds ----------------------------------------------------------------------


def test_an_approval_ends_a_while_after_it_was_complete() -> None:
    """Given a plan somebody asked for, then its approval ends fifteen minutes after the last one signed."""
    found = ground()
    found.let_pass(5_000)
    approved_at = found.now.utc
    plan = made(found)
    assert found.world.plans[plan].approve
    assert view(found, plan).expires_at == approved_at + timedelta(minutes=15)
    found.let_pass(60_000)
    assert view(found, plan).expires_at == approved_at + timedelta(minutes=15)


def test_a_fleet_says_how_long_an_approval_holds() -> None:
    found = ground(replace(FLEET, limits=FleetLimits(approval_ms=90_000)))
    plan = made(found)
    assert view(found, plan).expires_at == found.now.utc + timedelta(seconds=90)


def test_nothing_ends_that_nobody_has_approved() -> None:
    """Given a plan that waits, and one of an incident's own course that was approved, then neither expires."""
    found = ground()
    found.do(DrawPlan("INC-1", Asked("stop", ("all",))), EVE)
    waiting = str(found.result["plan"])
    assert view(found, waiting).expires_at is None
    asked_for = made(found)
    plan = found.world.plans[asked_for]
    own = replace(plan, asked={})
    world, policy = found.world, _policy(found)
    assert plan_view(plan, world, policy, None).expires_at is not None
    assert plan_view(own, world, policy, None).expires_at is None


def _policy(found: Ground) -> Policy:
    return found.book.latest
