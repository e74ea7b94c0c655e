"""Replicas that count as up and those that do not, when one more is to be taken away or killed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.incident.commands import RecordSamples
from allstop.domain.plan import events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import CutShort, DrawPlan, PausePlan, StartPlan
from allstop.domain.plan.lifecycle import NodeState, PlanState
from allstop.domain.policy import Fleet, FleetLimits, ProbeSpec, Service, ServiceSet
from allstop.domain.principal import MONITOR, TIMEKEEPER
from allstop.domain.samples import Sample
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, service, stateful
from tests.domain.fleet.ground import Ground

SECOND = 1000
THREE = ("a", "b", "c")
TAKES = {"stop": 10 * SECOND, "kill": 2 * SECOND}


def probed(name: str, *probes: str, kind: Any = service, **more: Any) -> Service:
    every = tuple(
        ProbeSpec(one, name, "script", {}, SECOND, 1, 1) for one in probes or (f"{name}-ok",)
    )
    return kind(name, more.pop("needs", None), probes=every, **more)  # type: ignore[no-any-return]


def replicas(*others: Service, alive: int = 2, name: str = "set", **more: Any) -> Ground:
    """Three replicas of which some must stay up, and whoever else there is."""
    members = more.pop("members", tuple(probed(one) for one in THREE))
    fleet = Fleet(
        (*others, *members), limits=FleetLimits(share_percent=100),
        sets=(ServiceSet(name, name, THREE, alive),),
    )  # fmt: skip
    return Ground(fleet, **more).declared()


def seen(here: Ground, **good: bool) -> None:
    here.let_pass(SECOND)
    samples = tuple(Sample(name.replace("_", "-"), up, "seen") for name, up in good.items())
    here.do(RecordSamples("INC-1", samples, SECOND), MONITOR)


def kept(here: Ground) -> list[str]:
    """The steps that a safety rule has kept from beginning."""
    return [one.event.step for one in here.records if isinstance(one.event, e.StepRefused)]


def started(here: Ground, plan: str) -> None:
    here.do(StartPlan(plan), EVE)
    assert here.refused is None, here.refused


@pytest.mark.parametrize("end", ["stopped", "isolated"])
def test_a_replica_that_another_plan_has_taken_meanwhile_is_not_up(end: str) -> None:
    """Given a plan that first stops somebody slow, when another plan has taken a replica away meanwhile, then the
    first one does not take the last but one."""
    only = {"actions": acts("isolate", "reopen")} if end == "isolated" else {}
    here = replicas(
        probed("slow", needs={"b": HARD}), takes={"slow/stop": 60 * SECOND},
        members=(probed("a", **only), probed("b"), probed("c")),
    )  # fmt: skip
    one = here.drawn(Asked("stop", ("a",)))
    two = here.drawn(Asked("stop", ("slow", "b")))
    started(here, two.id)
    started(here, one.id)
    while here.world.plans[one.id].state is PlanState.RUNNING:
        here.end_next()
    assert here.world.standing_of("a").words() == end
    here.go_on(two.id)
    assert kept(here) == ["stop-b"]
    assert [here.truth[name].up for name in "bc"] == [True, True]


def test_a_replica_that_one_of_several_probes_finds_bad_is_not_up() -> None:
    members = (probed("a"), probed("b", "b-front", "b-back"), probed("c"))
    here = replicas(members=members)
    plan = here.drawn(Asked("stop", ("a",)))
    seen(here, b_front=True, b_back=False, c_ok=True)
    here.run(plan.id)
    assert kept(here) == ["stop-a"]
    assert here.truth["a"].up


def test_whoever_is_not_of_the_set_goes_however_few_of_it_are_up() -> None:
    here = replicas(probed("beside"))
    plan = here.drawn(Asked("stop", ("beside",)))
    seen(here, a_ok=False, b_ok=False, c_ok=False)
    assert here.run(plan.id).state is PlanState.DONE
    assert kept(here) == []


def test_a_replica_that_is_only_being_saved_is_up() -> None:
    """Given a replica of which a copy is being made, when another one is stopped, then the first one counts."""
    members = (probed("a"), probed("b", kind=stateful), probed("c"))
    here = replicas(members=members, takes={"b/snapshot": 60 * SECOND})
    saving = here.drawn(Asked("snapshot", ("b",)))
    stop = here.drawn(Asked("stop", ("a",)))
    started(here, saving.id)
    while "b/snapshot" not in here.started:
        here.end_next()
    started(here, stop.id)
    assert kept(here) == []
    assert "a/stop" in here.started


def test_the_last_one_that_is_up_may_be_saved() -> None:
    """A copy takes nobody away, however few are up."""
    members = (probed("a"), probed("b", kind=stateful), probed("c"))
    here = replicas(members=members)
    saving = here.drawn(Asked("snapshot", ("b",)))
    seen(here, a_ok=False, c_ok=False)
    assert here.run(saving.id).state is PlanState.DONE
    assert kept(here) == []


def test_a_replica_that_refused_to_stop_is_up() -> None:
    """Given a replica that could be neither stopped nor killed, and that its probes find good, when another one is
    to be stopped, then the first one counts."""
    here = replicas(faults={"a/stop": "refuse", "a/kill": "refuse"})
    two = here.drawn(Asked("stop", ("b",)))
    one = here.drawn(Asked("stop", ("a",)))
    here.run(one.id)
    assert here.world.plans[one.id].node_at("a").state is NodeState.HELD
    assert here.run(two.id).state is PlanState.DONE
    assert kept(here) == []


def test_that_a_service_of_the_same_name_was_approved_is_not_that_of_the_set() -> None:
    """Given a set that bears the name of a protected member, when a person has agreed to stop that member, then
    nobody has agreed to be left with too few."""
    members = (probed("a", protected=True), probed("b"), probed("c"))
    here = replicas(members=members, name="a")
    plan = here.drawn(Asked("stop", ("a",)))
    assert {(bite.rule, bite.subject) for bite in plan.bites} == {("protected", "a")}
    seen(here, b_ok=False)
    here.run(plan.id)
    assert kept(here) == ["stop-a"]


# --- deadlines -----------------------------------------------------------------------------------------


def pair(by: int, **more: Any) -> tuple[Ground, str]:
    """Two replicas of which one must stay; one of them is to be stopped by a deadline."""
    fleet = Fleet(
        (probed("a", takes_ms=TAKES), probed("b", takes_ms=TAKES)),
        limits=FleetLimits(share_percent=100), sets=(ServiceSet("pair", "pair", ("a", "b"), 1),),
    )  # fmt: skip
    here = Ground(fleet, **more).declared()
    return here, here.drawn(Asked("stop", ("a",), deadline_ms=by * SECOND)).id


def test_whoever_is_on_its_way_out_already_is_killed_in_time() -> None:
    """Given a stop that hangs, when the other replica falls after it had begun, then the kill by the deadline is
    not kept back: the service is no use to anybody any more."""
    here, plan = pair(6, takes={"a/stop": 600 * SECOND})
    started(here, plan)
    seen(here, b_ok=False)
    here.let_pass(6 * SECOND)
    here.do(CutShort(plan), TIMEKEEPER)
    assert here.started == ["a/stop", "a/kill"]
    assert kept(here) == []
    assert here.go_on(plan).node_at("a").state is NodeState.FORCED


def test_a_deadline_counts_from_the_start_and_not_from_when_it_was_asked_for() -> None:
    here, plan = pair(60, takes={"a/stop": 600 * SECOND})
    here.let_pass(600 * SECOND)
    started(here, plan)
    assert not [one for one in due(here.world, here.book, here.now).commands if isinstance(one, CutShort)]  # fmt: skip
    here.do(CutShort(plan), TIMEKEEPER)
    assert here.started == ["a/stop"]


def test_who_asks_too_early_or_during_a_pause_cuts_nobody_short() -> None:
    here, plan = pair(6, takes={"a/stop": 600 * SECOND})
    here.do(CutShort(plan), TIMEKEEPER).do(CutShort("PLAN-9"), TIMEKEEPER)
    started(here, plan)
    here.do(CutShort(plan), TIMEKEEPER)
    here.do(PausePlan(plan, "wait for the bank"), EVE)
    here.let_pass(3600 * SECOND)
    here.do(CutShort(plan), TIMEKEEPER)
    assert here.started == ["a/stop"]


# --- what the coordinator needs itself -------------------------------------------------------------------


def test_what_the_coordinator_needs_itself_is_not_taken_without_a_person() -> None:
    fleet = Fleet((service("disk"), service("web")), limits=FleetLimits(share_percent=100))
    here = Ground(replace(fleet, own=("disk",))).declared()
    here.do(DrawPlan("INC-1", Asked("stop", ("disk",))), EVE)
    plan = here.world.plans[here.result["plan"]]
    assert [(bite.rule, bite.subject) for bite in plan.bites] == [("own-dependency", "disk")]
    assert plan.approve
    here.do(StartPlan(plan.id), EVE)
    assert here.refused is not None
    assert here.truth["disk"].up
    calm = here.drawn(Asked("stop", ("web",)))
    assert calm.bites == ()
