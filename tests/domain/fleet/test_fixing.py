"""Fixes: a branch, the least change, tests, deployment, five checks; whatever fails, the way back runs and is proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.incident.commands import NoteRelease
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import (
    ContinuePlan,
    DrawPlan,
    FailGate,
    PausePlan,
    RetryStep,
    SettleStep,
    StartPlan,
    WaiveStep,
)
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.planning.node_steps import RAMP
from allstop.domain.policy import Fleet
from allstop.domain.principal import MONITOR
from tests.domain.builders import BUILDER, EVE
from tests.domain.fleet.fleets import acts, service, stateful
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.returned import (
    GOOD,
    bites,
    deployed,
    here,
    options,
    refusal,
    sampled,
    shop,
    spec,
    standings,
    states,
    watch,
    well,
)

FIX = Asked("fix", ("payments",))
BRANCH = "incident/INC-1-a-stop-is-wanted"
COMMIT = "commit-payments"


def fixed(found: Ground, *, bad: tuple[str, ...] = ()) -> Plan:
    """The plan is made and started, somebody commits the fix, and time passes."""
    plan = found.drawn(FIX)
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c, by builder-1"), EVE)
    found.go_on(plan.id)
    return watch(found, plan.id, bad=bad)


def test_a_fix_goes_through_its_branch_tests_deployment_and_five_checks() -> None:
    found = here()
    plan = fixed(found)
    assert (plan.state, states(plan)) == (PlanState.DONE, {"payments": "reached"})
    begun = [step.id for step in plan.steps if plan.standing(step.id).attempt]
    assert begun == [
        "branch-payments", "commit-payments", "test-payments", "deploy-payments", "push-payments",
        "restart-payments", "check-running-payments", "check-healthy-payments", "check-quiet-payments",
        "check-functions-payments", "check-others-payments",
    ]  # fmt: skip
    assert options(found, "branch", "payments")["name"] == BRANCH
    assert options(found, "deploy", "payments") == {
        "name": BRANCH,
        "title": "SEV3: a stop is wanted",
    }
    assert "payments/rollback" not in found.started
    assert "mitigated" in found.world.incidents["INC-1"].milestones


def test_nothing_is_tested_before_a_person_says_that_the_fix_is_there() -> None:
    found = here()
    plan = found.drawn(FIX)
    found.run(plan.id)
    assert found.started == ["payments/branch"]
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c"), BUILDER)
    assert found.refused is not None
    found.do(SettleStep(plan.id, COMMIT, True, "  "), EVE)
    assert found.refused is not None
    assert found.started == ["payments/branch"]


@pytest.mark.parametrize("fails", ["test", "deploy", "restart", "measure"])
def test_whatever_fails_the_service_goes_back_and_that_is_proven(fails: str) -> None:
    """Given tests, a deployment, a restart or a check that fails, then the rollback of the plan runs, is looked at
    and judged, and the node has returned; nobody calls it fixed."""
    found = here(faults={f"payments/{fails}": "refuse"})
    plan = found.drawn(FIX)
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c"), EVE)
    while "payments/rollback" not in found.started and found.next_end() is not None:
        found.go_on(plan.id, until=(found.next_end() or 0) + 1)
    found.faults = {}
    found.go_on(plan.id)
    plan = watch(found, plan.id)
    assert (plan.state, states(plan)) == (PlanState.DONE, {"payments": "returned"})
    assert options(found, "rollback", "payments")["tree"] == GOOD
    assert standings(plan)["fallback-gate-functions-payments"] == "done"
    assert plan.node_at("payments").because.startswith("the fix failed; ")


def test_a_check_that_does_not_come_good_falls_back_when_its_time_is_up() -> None:
    found = here()
    plan = fixed(found, bad=("payments-ok",))
    gate = plan.routes.steps["check-healthy-payments"]
    found.let_pass(gate.limit_ms)
    found.do(FailGate(plan.id, gate.id), MONITOR)
    found.go_on(plan.id)
    assert states(watch(found, plan.id)) == {"payments": "returned"}


def test_a_way_back_that_fails_as_well_is_escalated_and_claims_nothing() -> None:
    """Given tests that fail and a rollback that fails, then the plan is held, people are told, and the incident is
    not called mitigated."""
    found = here(faults={"payments/test": "refuse", "payments/rollback": "refuse"})
    plan = fixed(found)
    assert (plan.state, states(plan)) == (PlanState.HELD, {"payments": "held"})
    assert "mitigated" not in found.world.incidents["INC-1"].milestones
    told = [one.event for one in found.records if one.event.__class__.__name__ == "NotificationRequested"]  # fmt: skip
    assert any("is held" in one.subject for one in told)
    found.faults = {}
    found.do(RetryStep(plan.id, "fallback-rollback-payments"), EVE)
    found.go_on(plan.id)
    assert states(watch(found, plan.id)) == {"payments": "returned"}


def test_a_way_back_that_a_person_cut_short_is_not_called_returned() -> None:
    found = here(faults={"payments/test": "refuse", "payments/measure": "refuse"})
    plan = fixed(found)
    found.do(WaiveStep(plan.id, "fallback-release-payments", "looked at it myself"), EVE)
    found.go_on(plan.id)
    assert states(watch(found, plan.id)) == {"payments": "left"}


def test_a_branch_that_cannot_be_made_or_pushed_is_no_failure_of_the_fix() -> None:
    found = here(faults={"payments/branch": "refuse"})
    plan = found.drawn(FIX)
    assert found.run(plan.id).state is PlanState.HELD
    assert "payments/rollback" not in found.started
    other = here(faults={"payments/push": "refuse"})
    plan = fixed(other)
    assert states(plan) == {"payments": "held"}
    assert "payments/rollback" not in other.started


def test_a_person_who_finds_no_fix_sets_the_way_back_going() -> None:
    found = here()
    plan = found.drawn(FIX)
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, False, "it is deeper than that"), EVE)
    found.go_on(plan.id)
    assert states(watch(found, plan.id)) == {"payments": "returned"}


def test_a_pause_in_the_middle_of_the_way_back_starts_nothing_further() -> None:
    found = here(faults={"payments/test": "refuse"})
    plan = found.drawn(FIX)
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c"), EVE)
    found.go_on(plan.id, until=found.now.monotonic_ms + 10)
    found.do(PausePlan(plan.id, "wait"), EVE)
    assert found.refused is None
    found.go_on(plan.id)
    assert found.started.count("payments/restart") == 0
    found.do(ContinuePlan(plan.id), EVE)
    found.go_on(plan.id)
    assert states(watch(found, plan.id)) == {"payments": "returned"}


def test_without_a_release_to_go_back_to_a_person_agrees_to_that_by_name() -> None:
    found = Ground(shop()).declared()
    plan = found.drawn(FIX)
    assert bites(plan) == {"no-way-back": "payments"}
    assert [node.on_failure for node in plan.nodes] == ["hold"]
    found.faults = {"payments/test": "refuse"}
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c"), EVE)
    assert found.go_on(plan.id).state is PlanState.HELD


def test_the_way_back_is_that_of_the_release_that_is_known_to_be_good_now() -> None:
    """Given an approved fix, when another release turns out to be good meanwhile, then it is not the plan that was
    approved any more."""
    found = here()
    plan = found.drawn(FIX)
    found.do(NoteRelease("payments", "tree-newer", 700_000), MONITOR)
    found.do(StartPlan(plan.id), EVE)
    assert found.refused is not None
    assert found.refused.reasons[0].code == "plan-changed"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked("fix"), "one-service"),
        (Asked("fix", ("web", "payments")), "one-service"),
        (Asked("fix", ("db",)), "not-available"),
    ],
)
def test_what_cannot_be_fixed_is_refused_with_the_reason(asked: Asked, code: str) -> None:
    assert refusal(here(), asked)[0] == code


def test_a_change_of_data_without_a_proven_copy_runs_against_a_rule() -> None:
    """Given a fix that is a statement on a database, then a person has to agree that no copy of it was proven."""
    db = stateful("db", probes=well("db"), actions={"fix": spec("sql", statement="DELETE FROM x")})
    plan = here(Fleet((db,))).drawn(Asked("fix", ("db",)))
    assert bites(plan) == {"no-way-back": "db", "data-unproven": "db"}
    hints = {bite.rule: bite.text for bite in plan.bites}
    assert hints["data-unproven"].endswith("allstop plan snapshot db")


def test_the_checks_that_nothing_makes_are_named() -> None:
    lonely = replace(deployed("web", actions={"fix": spec("fix")}), verify={})
    plan = here(Fleet((lonely,))).drawn(Asked("fix", ("web",)))
    assert plan.outlook["lacking"] == [
        "web: no check 1, that it runs (verify.started)",
        "web: no check 3, its log (verify.quiet)",
        "web: no check 4, the functions of the business",
        "web: no check 5, whoever needs it",
    ]


def test_the_title_of_a_private_incident_is_not_in_the_name_of_a_branch() -> None:
    found = here()
    secret = replace(found.world.incidents["INC-1"], private=True)
    found.world = replace(found.world, incidents={"INC-1": secret})
    found.do(DrawPlan("INC-1", FIX), EVE)
    plan = found.world.plans[found.result["plan"]]
    assert plan.steps[0].options["name"] == "incident/INC-1-fix"


@pytest.mark.parametrize("at", range(6, 70, 4))
def test_a_coordinator_that_dies_anywhere_fixes_or_returns_once(at: int) -> None:
    found = here(die_at=frozenset({at}), faults={"payments/deploy": "refuse"})
    plan = fixed(found)
    assert states(plan) == {"payments": "returned"}
    assert found.acted.keys()
    assert all(count == 1 for count in found.acted.values())


def test_a_fix_after_a_recovery_does_not_touch_what_is_closed_elsewhere() -> None:
    fleet = Fleet((deployed("web", actions={"fix": spec("fix")}), service("wiki")))
    found = here(fleet)
    found.run(found.drawn(Asked("contain", ("web",))).id)
    plan = found.drawn(Asked("fix", ("web",)))
    opening = [step.id for step in plan.steps if step.action == "reopen"]
    assert opening == ["reopen-web", "reopen-web-fallback"]
    found.run(plan.id)
    sampled(found, rounds=4)
    found.go_on(plan.id)
    assert watch(found, plan.id).state is PlanState.DONE
    assert not found.truth["web"].isolated


@pytest.mark.parametrize(
    ("faults", "ends"), [({}, "reached"), ({"payments/deploy": "refuse"}, "returned")]
)
def test_what_was_cut_off_is_opened_before_the_business_is_judged(
    faults: dict[str, str], ends: str
) -> None:
    """Given a service that was cut off, so that nobody can buy, when it is fixed, or goes back, then it is opened once
    it is well itself, and only then it is looked at whether people can buy."""
    found = here()
    found.run(found.drawn(Asked("contain", ("payments",))).id)
    assert [name for name, one in found.truth.items() if one.isolated] == ["payments"]
    found.faults |= faults
    plan = found.drawn(FIX)
    found.run(plan.id)
    found.do(SettleStep(plan.id, COMMIT, True, "commit 3f2a91c"), EVE)
    found.go_on(plan.id)
    for _ in range(20):
        sampled(found, rounds=4, bad=("buying",) if found.truth["payments"].isolated else ())
        found.go_on(plan.id)
    plan = found.world.plans[plan.id]
    assert (plan.state, states(plan)) == (PlanState.DONE, {"payments": ends})
    assert not found.truth["payments"].isolated
    assert found.started.count("payments/reopen") == 1


def test_traffic_that_comes_back_behind_a_failed_fix_comes_by_shares() -> None:
    """Given a service that was cut off and takes traffic by shares, when its fix fails, then the way back lets traffic
    in by the same shares, and what is on the record is the share that it has."""
    actions = {**acts("scale"), "fix": spec("fix")}
    found = here(Fleet((deployed("web", actions=actions), service("wiki"))))
    found.run(found.drawn(Asked("contain", ("web",))).id)
    found.faults |= {"web/fix": "refuse"}
    plan = found.drawn(Asked("fix", ("web",)))
    found.run(plan.id)
    seen = [found.world.standing_of("web").capacity]
    for _ in range(100):
        sampled(found)
        found.go_on(plan.id)
        seen.append(found.world.standing_of("web").capacity)
    assert states(found.world.plans[plan.id]) == {"web": "returned"}
    assert list(dict.fromkeys(seen)) == [100, *RAMP[:-1]]
    assert not found.truth["web"].isolated
