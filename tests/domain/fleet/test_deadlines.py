"""A deadline that forces: who has no time left is killed, seen to be gone, and named beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.due import due
from allstop.domain.incident.commands import RecordSamples
from allstop.domain.plan import events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import CutShort, PausePlan, RetryStep, StartPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet, FleetLimits, OnFailure, ProbeSpec, ServiceSet
from allstop.domain.principal import MONITOR, TIMEKEEPER
from allstop.domain.samples import Sample
from allstop.testing.invariants import check
from allstop.testing.traces import Trace
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD, acts, looks, service, stateful
from tests.domain.fleet.ground import Ground

SECOND = 1000
# Each stop takes ten seconds, as written; a kill takes two.
TAKES = {"stop": 10 * SECOND, "kill": 2 * SECOND, "quiesce": SECOND}


def shop(**web: object) -> Fleet:
    return Fleet(
        (
            service("web", {"payments": HARD}, takes_ms=TAKES, **web),
            service("payments", {"db": HARD}, takes_ms=TAKES),
            service("db", takes_ms=TAKES),
        )
    )  # fmt: skip


def stopping(fleet: Fleet, by: int, **more: object) -> Ground:
    """A stop of all of it is under way, with a deadline so many seconds after its start."""
    here = Ground(fleet, **more).declared()  # type: ignore[arg-type]
    plan = here.drawn(Asked("stop", ("all",), deadline_ms=by * SECOND))
    here.do(StartPlan(plan.id), EVE)
    assert here.refused is None, here.refused
    return here


def go_on(here: Ground, seconds: int) -> Plan:
    """Second by second, with what falls due about the deadline."""
    for _ in range(seconds):
        edge = here.now.monotonic_ms + SECOND - here.now.monotonic_ms % SECOND
        while (next_at := here.next_end()) is not None and next_at < edge:
            here.end_next()
        here.let_pass(max(0, edge - here.now.monotonic_ms))
        found = due(here.world, here.book, here.now)
        for command in found.commands:
            if isinstance(command, CutShort):
                here.do(command, TIMEKEEPER)
    found_bad = list(check(Trace(tuple(here.records), here.book)))
    assert found_bad == [], found_bad
    return here.world.plans["PLAN-1"]


def ends(plan: Plan) -> dict[str, str]:
    return {node.id: plan.node_at(node.id).state.value for node in plan.nodes}


def cut(here: Ground) -> list[str]:
    return [one.event.node for one in here.records if isinstance(one.event, e.NodeCutShort)]


def test_a_preview_says_who_is_killed_and_who_will_be_late_all_the_same() -> None:
    here = Ground(shop(protected=True)).declared()
    plan = here.drawn(Asked("stop", ("all",), deadline_ms=12 * SECOND))
    assert plan.outlook["forced"] == ["payments", "db"]
    assert plan.outlook["late"] == []
    tight = here.drawn(Asked("stop", ("all",), deadline_ms=8 * SECOND))
    assert tight.outlook["late"] == ["web"], "what is protected is never forced"
    enough = here.drawn(Asked("stop", ("all",), deadline_ms=60 * SECOND))
    assert (enough.outlook["forced"], enough.outlook["late"]) == ([], [])


def test_each_has_its_grace_until_those_behind_it_need_the_time() -> None:
    """Given 15 s for three that go one after another, when each would take 10, then the first has 9 of
    its 10, and the others two: a kill of each takes two, and there has to be time for that."""
    here = stopping(shop(), 15, takes={f"{one}/stop": 10 * SECOND for one in ("web", "payments", "db")})  # fmt: skip
    plan = go_on(here, 20)
    assert plan.state is PlanState.DONE
    assert ends(plan) == {"web": "forced", "payments": "forced", "db": "forced"}
    assert [node.force_ms for node in plan.nodes] == [9000, 11_000, 13_000]
    assert plan.ended_at is not None
    assert plan.started_at is not None
    assert plan.ended_at - plan.started_at <= timedelta(seconds=16)
    assert here.broken == []
    assert cut(here) == ["web", "payments", "db"]


def test_whoever_hangs_is_killed_in_time_although_its_own_timeout_is_longer() -> None:
    here = stopping(shop(), 40, faults={"web/stop": "hang"}, takes={"web/stop": 0})
    here.takes["web/kill"] = SECOND
    plan = go_on(here, 45)
    assert ends(plan)["web"] == "forced"
    assert plan.state is PlanState.DONE


def test_without_a_deadline_nobody_is_cut_short() -> None:
    here = Ground(shop(), takes={"web/stop": 3_600_000}).declared()
    here.drawn(Asked("stop", ("all",)))
    here.do(StartPlan("PLAN-1"), EVE)
    go_on(here, 60)
    assert cut(here) == []


@pytest.mark.parametrize(
    "kept",
    [
        {"protected": True},
        {"on_failure": OnFailure.HOLD},
        {"verify": {}},
        {"actions": acts("stop")},
    ],
)
def test_what_may_not_be_forced_keeps_its_time(kept: dict[str, object]) -> None:
    """Protected, held by its policy, with no proof of a kill, with no kill."""
    here = stopping(shop(**kept), 5, takes={"web/stop": 20 * SECOND})
    go_on(here, 10)
    assert "web" not in cut(here)
    assert "kill-web" not in here.world.plans["PLAN-1"].progress


def test_data_is_safe_before_anybody_is_killed() -> None:
    """Given a service with data whose policy is to force, when its snapshot takes longer than there is time,
    then the snapshot ends first."""
    offered = acts("fence", "unfence", "snapshot", "verify-snapshot", "stop", "kill", "start")
    proofs = looks("db", "fenced", "snapshot", "stopped", "started")
    db = service(
        "db", stateful=True, on_failure=OnFailure.FORCE, actions=offered, verify=proofs, takes_ms=TAKES
    )  # fmt: skip
    here = stopping(Fleet((db,)), 5, takes={"db/snapshot": 8 * SECOND, "db/stop": 30 * SECOND})
    go_on(here, 7)
    assert cut(here) == []
    plan = go_on(here, 6)
    assert cut(here) == ["db"]
    assert here.truth["db"].snapshots == 1
    assert ends(plan) == {"db": "forced"}


def test_what_waits_is_killed_when_its_turn_comes_and_not_before() -> None:
    slow = {f"{one}/stop": 12 * SECOND for one in ("web", "payments", "db")}
    here = stopping(shop(protected=True), 6, takes=slow)
    go_on(here, 10)
    assert cut(here) == [], "web is protected, and those behind it wait for its end"
    plan = go_on(here, 10)
    assert cut(here) == ["payments", "db"]
    assert ends(plan) == {"web": "reached", "payments": "forced", "db": "forced"}
    assert here.broken == []


def test_a_kill_that_fails_holds_the_node_for_a_person() -> None:
    here = stopping(Fleet((service("web", takes_ms=TAKES),)), 5, faults={"web/kill": "refuse"}, takes={"web/stop": 30 * SECOND})  # fmt: skip
    plan = go_on(here, 8)
    assert ends(plan) == {"web": "held"}
    here.faults = {}
    here.do(RetryStep("PLAN-1", "kill-web"), EVE)
    plan = go_on(here, 40)
    assert ends(plan) == {"web": "forced"}
    assert plan.state is PlanState.DONE


def test_a_stop_that_ends_while_it_is_being_killed_is_reached() -> None:
    here = stopping(Fleet((service("web", takes_ms=TAKES),)), 5, takes={"web/stop": 4 * SECOND, "web/kill": 9 * SECOND})  # fmt: skip
    plan = go_on(here, 15)
    assert cut(here) == ["web"]
    assert ends(plan) == {"web": "reached"}


def test_gentle_steps_that_were_cut_short_start_nothing_more() -> None:
    gentle = acts("quiesce", "stop", "kill", "start")
    web = service("web", actions=gentle, verify=looks("web", "quiesced", "stopped", "started"), takes_ms=TAKES)  # fmt: skip
    here = stopping(Fleet((web,)), 5, takes={"web/quiesce": 4 * SECOND, "web/kill": 3 * SECOND})
    plan = go_on(here, 15)
    assert ends(plan) == {"web": "forced"}
    assert "web/stop" not in here.started
    assert plan.state is PlanState.DONE


def test_a_plan_that_is_paused_forces_nobody() -> None:
    here = stopping(shop(), 5, takes={"web/stop": 30 * SECOND})
    here.do(PausePlan("PLAN-1", "wait"), EVE)
    go_on(here, 20)
    assert cut(here) == []


def test_whom_the_deadline_forces_has_not_failed() -> None:
    """Given a limit of one failure, when three are forced by the deadline, then the plan is not held for it."""
    slow = {f"{one}/stop": 60 * SECOND for one in ("web", "payments", "db")}
    fleet = replace(shop(), limits=FleetLimits(failures=1))
    plan = go_on(stopping(fleet, 12, takes=slow), 20)
    assert set(ends(plan).values()) == {"forced"}
    assert (plan.state, plan.failures) == (PlanState.DONE, frozenset())


def test_a_deadline_stands_above_no_safety_rule() -> None:
    """Given two replicas of which one must stay, when one falls by itself and the time of the other is over
    before it began, then it is held and not killed."""
    fleet = Fleet(
        (
            service("slow", {"a": HARD}, takes_ms=TAKES),
            service("a", takes_ms=TAKES),
            service("b", probes=(ProbeSpec("b-ok", "b", "script", {}, 1000, 1, 1),)),
        ),
        sets=(ServiceSet("replicas", "replicas", ("a", "b"), 1),),
    )
    here = Ground(fleet, takes={"slow/stop": 20 * SECOND, "slow/kill": SECOND}).declared()
    plan = here.drawn(Asked("stop", ("slow", "a"), deadline_ms=6 * SECOND))
    here.do(StartPlan(plan.id), EVE)
    here.do(RecordSamples("INC-1", (Sample("b-ok", False, "gone"),), SECOND), MONITOR)
    found = go_on(here, 20)
    assert ends(found) == {"slow": "forced", "a": "held"}
    assert here.truth["a"].up
    assert cut(here) == ["slow"]


def test_in_a_circle_nobody_is_killed_before_all_data_is_safe() -> None:
    fleet = Fleet((stateful("db", {"web": HARD}), service("web", {"db": HARD}, takes_ms=TAKES)))
    here = stopping(fleet, 3, takes={"db/stop": 20 * SECOND})
    plan = go_on(here, 60)
    order = [one for one in here.started if one in ("db/verify-snapshot", "web/kill", "web/stop")]
    assert order[0] == "db/verify-snapshot"
    assert plan.state is PlanState.DONE


@pytest.mark.parametrize("at", range(8, 22))
def test_a_coordinator_that_dies_forces_after_its_restart(at: int) -> None:
    here = stopping(shop(), 15, takes={"web/stop": 60 * SECOND}, die_at=frozenset({at}))
    plan = go_on(here, 60)
    assert plan.state is PlanState.DONE
    assert ends(plan)["web"] == "forced"
