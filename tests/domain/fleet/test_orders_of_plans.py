"""Who goes before whom in a plan: through those that stay as well, as a circle, and stage by stage."""

from __future__ import annotations

import pytest

from allstop.domain.fleet.components import components
from allstop.domain.fleet.ordering import stop_order
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import NodeState, PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetLimits, Function, ProbeSpec, Service, Stage
from tests.domain.fleet.fleets import HARD, SOFT, acts, looks, random_fleet, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_plans_asked import sampled, well

ALL = Asked("stop", ("all",))
FREELY = FleetLimits(share_percent=100)


def ground(*services: Service, **more: object) -> Ground:
    return Ground(Fleet(services, limits=FREELY, **more)).declared()  # type: ignore[arg-type]


def before(plan: Plan) -> dict[str, set[str]]:
    return {node.id: set(node.after) for node in plan.nodes}


def chain() -> Ground:
    """web needs payments, and payments needs db."""
    return ground(
        service("web", {"payments": HARD}, probes=well("web")),
        service("payments", {"db": HARD}, probes=well("payments")),
        service("db", probes=well("db")),
    )


# --- through those that stay --------------------------------------------------------------------------


def test_whoever_calls_through_a_service_that_stays_stops_first() -> None:
    """Given web that reaches db through payments, when both are stopped and payments is left, web goes first."""
    plan = chain().drawn(Asked("stop", ("web", "db"), orphans=("payments",)))
    assert before(plan) == {"web": set(), "db": {"web"}}


def test_what_is_needed_through_a_service_that_stayed_comes_back_first() -> None:
    found = chain()
    found.run(found.drawn(Asked("stop", ("web", "db"), orphans=("payments",))).id)
    assert before(found.drawn(Asked("recover"))) == {"db": set(), "web": {"db"}}


def test_a_circle_that_closes_through_a_service_that_stays_is_one_unit() -> None:
    found = ground(
        service("a", {"b": HARD}),
        service("b", {"c": HARD}),
        service("c", {"a": HARD}),
        service("d"),
    )
    plan = found.drawn(Asked("stop", ("a", "c", "d"), orphans=("b",)))
    assert plan.outlook["units"] == [["a", "c"]]
    assert before(plan)["d"] == set()


@pytest.mark.parametrize("seed", range(12))
def test_of_any_services_whoever_reaches_another_goes_before_it(seed: int) -> None:
    """Of a random third of a random fleet, over hard needs and whoever is in between."""
    fleet = random_fleet(seed, 60)
    chosen = {one.name for at, one in enumerate(fleet.services) if (at * 7 + seed) % 3 == 0}
    order = stop_order(fleet, chosen, lambda _: 1)
    at = {name: place for place, name in enumerate(order.sequence)}
    needs = {
        one.name: [edge.to for edge in one.depends if edge.kind == HARD] for one in fleet.services
    }
    for name in chosen:
        seen, left = {name}, [name]
        while left:
            for other in needs[left.pop()]:
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        for other in (seen & chosen) - {name}:
            assert at[name] < at[other], f"{name} needs {other}"


def test_components_of_one_stand_behind_those_they_lead_to() -> None:
    assert components([[1], [2], [1], [0]], single=True) == [(1, 2), (0,), (3,)]
    assert components([[1], [2], [1], [0]]) == [(1, 2)]


# --- what cannot be stopped ---------------------------------------------------------------------------


def test_what_is_cut_off_instead_of_stopped_is_not_cut_off_twice() -> None:
    """Given a service with data that has no stop, when it is stopped, then it is cut off once, and that is its end."""
    db = stateful("db", actions=acts("isolate", "reopen"), verify=looks("db", "isolated", "open"))
    found = ground(db)
    plan = found.drawn(Asked("stop", ("db",)))
    assert [step.id for step in plan.steps] == ["isolate-db"]
    plan = found.run(plan.id)
    assert plan.state is PlanState.DONE
    assert plan.node_at("db").state is NodeState.ISOLATED


# --- a circle comes back ------------------------------------------------------------------------------


def circle(**of_b: object) -> Ground:
    """a and b need each other, web needs a, and all three stand on db."""
    return ground(
        service("db", probes=well("db")),
        service("a", {"b": HARD, "db": HARD}, probes=well("a")),
        service("b", {"a": HARD}, probes=well("b"), **of_b),
        service("web", {"a": HARD}, probes=well("web")),
    )


def test_a_circle_is_started_as_a_whole_before_any_of_it_has_to_be_well() -> None:
    """Given two services that are well only together, when they come back, then both are started before the gate
    of either; behind what they need, and before who needs one of them."""
    found = circle()
    found.run(found.drawn(ALL).id)
    plan = found.drawn(Asked("recover"))
    assert before(plan) == {"db": set(), "a": {"db"}, "b": {"db"}, "web": {"a", "b"}}
    found.run(plan.id)
    sampled(found, rounds=4)
    found.go_on(plan.id)
    assert found.truth["a"].up
    assert found.truth["b"].up
    assert not found.truth["web"].up, "neither has been seen to be well"
    for _ in range(3):
        sampled(found, rounds=4)
        found.go_on(plan.id)
    assert found.world.plans[plan.id].state is PlanState.DONE


def test_a_circle_comes_back_in_one_stage() -> None:
    found = ground(
        service("a", {"b": HARD}, probes=well("a"), stage="one"),
        service("b", {"a": HARD}, probes=well("b"), stage="two"),
        stages=(Stage("one", "one"), Stage("two", "two")),
    )
    found.run(found.drawn(ALL).id)
    plan = found.drawn(Asked("recover"))
    assert before(plan) == {"a": set(), "b": set(), "stage:one": {"a", "b"}}


# --- stages and gates ---------------------------------------------------------------------------------


def test_a_stage_of_which_nothing_is_measured_is_waited_for_all_the_same() -> None:
    found = ground(
        service("store", stage="ground"),
        service("web", probes=well("web"), stage="shop"),
        stages=(Stage("ground", "ground"), Stage("shop", "shop")),
    )
    found.run(found.drawn(ALL).id)
    plan = found.drawn(Asked("recover"))
    assert before(plan) == {"store": set(), "web": {"store"}, "stage:shop": {"web", "store"}}


def buying(**more: object) -> Ground:
    """Whether people can buy is seen by a probe of payments that goes through web, which needs payments."""
    through = ProbeSpec("buying-ok", "payments", "script", {}, 1000, 1, 1)
    return ground(
        service("payments", probes=(*well("payments"), through), stage="inner"),
        service("web", {"payments": SOFT, "desk": HARD}, probes=well("web"), stage="outer"),
        service("desk", {"payments": HARD}, probes=well("desk"), stage="inner"),
        functions=(Function("buying", "buying", True, "buying-ok", ("web", "payments", "desk")),),
        **more,
    )


def probes_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {step.node: step.probes for step in plan.steps if step.kind == "gate"}


def test_no_gate_waits_for_a_function_that_runs_through_what_waits_for_it() -> None:
    """Given payments whose purchases go through web, which waits for it, when all come back, then payments is
    judged by itself, and purchases once web is back."""
    found = buying()
    found.run(found.drawn(ALL).id)
    plan = found.drawn(Asked("recover"))
    looked = probes_of(plan)
    assert looked["payments"] == ("payments-ok",)
    assert looked["gate:functions"] == ("buying-ok",)
    assert before(plan)["gate:functions"] == {"payments", "web", "desk"}
    found.run(plan.id)
    for _ in range(5):
        sampled(found, rounds=4, bad="" if found.truth["web"].up else "buying-ok")
        found.go_on(plan.id)
    assert found.world.plans[plan.id].state is PlanState.DONE


def test_with_stages_such_a_function_is_looked_at_in_the_last_of_its_stages() -> None:
    found = buying(stages=(Stage("inner", "inner"), Stage("outer", "outer")))
    found.run(found.drawn(ALL).id)
    looked = probes_of(found.drawn(Asked("recover")))
    assert set(looked["stage:inner"]) == {"payments-ok", "desk-ok"}
    assert set(looked["stage:outer"]) == {"web-ok", "buying-ok"}


def test_a_function_through_nothing_that_waits_is_looked_at_where_it_always_was() -> None:
    found = buying()
    found.run(found.drawn(Asked("stop", ("payments",), orphans=("web", "desk"))).id)
    looked = probes_of(found.drawn(Asked("recover")))
    assert looked == {"payments": ("payments-ok", "buying-ok")}
