"""Rollbacks: who uses a service goes back before it, each is proven, and what was done can be taken forward again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.incident.commands import SetSeverity
from allstop.domain.incident.parts import Evidence
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, RetryStep, StartPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import ApprovalRow, Approvals, Fleet, PolicyBook
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import HARD
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.returned import (
    BAD,
    GOOD,
    OLDER,
    bites,
    deployed,
    here,
    options,
    refusal,
    run,
    sampled,
    spec,
    standings,
    states,
    watch,
)

PAYMENTS = Asked("rollback", ("payments",))
BOTH = Asked("rollback", ("web", "payments"))


def test_one_service_goes_back_to_its_last_known_good_release_and_is_proven() -> None:
    """Given a known good release, when payments is rolled back, then it is restarted, which release runs is looked
    at, and the plan ends behind gates on the service and on what the business needs."""
    found = here()
    plan = run(found, PAYMENTS)
    assert (plan.state, states(plan)) == (
        PlanState.DONE,
        {"payments": "reached", "gate:functions": "reached"},
    )
    assert options(found, "rollback", "payments")["tree"] == GOOD
    assert options(found, "measure", "payments") == {"want": GOOD}
    assert plan.title == f"roll back payments to {GOOD}"
    assert "mitigated" in found.world.incidents["INC-1"].milestones


def test_whoever_needs_a_service_goes_back_before_it_and_is_judged_after_it() -> None:
    """Given web needs payments, and both were deployed badly, when both go back, then web does so first, and the
    gate of web waits for payments to be well."""
    found = here()
    plan = found.drawn(BOTH)
    found.run(plan.id)
    order = [one for one in found.started if one.endswith(("/rollback", "/restart"))]
    assert order == ["web/rollback", "web/restart", "payments/rollback", "payments/restart"]
    for _ in range(6):
        sampled(found, rounds=4, bad=("web-ok",))
        found.go_on(plan.id)
    now = found.world.plans[plan.id]
    assert standings(now)["gate-payments"] == "done"
    assert standings(now)["gate-web"] != "done"
    assert watch(found, plan.id).state is PlanState.DONE


def test_who_is_broken_meanwhile_and_what_it_leads_to_is_shown() -> None:
    plan = here().drawn(PAYMENTS)
    assert plan.outlook["radius"] == ["web"]
    assert plan.outlook["notes"] == [
        f"payments: to {GOOD}: the last known good one, healthy for 11m 40s"
    ]


def test_the_words_of_the_commit_are_those_of_the_moment() -> None:
    """Given an approved rollback, when the severity is raised before it starts, then it is still the plan that was
    approved, and the commit bears the severity of now."""
    found = here()
    plan = found.drawn(PAYMENTS)
    found.do(SetSeverity("INC-1", "SEV1", "it is worse"), EVE)
    found.do(StartPlan(plan.id), EVE)
    assert found.refused is None
    assert options(found, "rollback", "payments")["title"] == "SEV1: a stop is wanted"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked("rollback"), "no-target"),
        (Asked("rollback", ("db",)), "not-available"),
        (Asked("rollback", ("web", "payments"), release=OLDER), "release-of-many"),
        (Asked("rollback", ("web",), release="--force"), "bad-release"),
        (Asked("rollback", ("web",), release="a b"), "bad-release"),
        (Asked("rollback", ("wbe",)), "unknown-target"),
    ],
)
def test_what_cannot_be_rolled_back_is_refused_with_the_reason(asked: Asked, code: str) -> None:
    assert refusal(here(), asked)[0] == code


def test_the_beginning_of_a_release_that_was_known_to_be_good_names_it() -> None:
    found = here()
    named = found.drawn(Asked("rollback", ("payments",), release=OLDER[:7]))
    assert named.title == f"roll back payments to {OLDER}"
    unclear = found.drawn(Asked("rollback", ("payments",), release="tree-"))
    assert unclear.title == "roll back payments to tree-"


def test_what_runs_already_by_the_evidence_has_to_be_agreed_to_by_name() -> None:
    found = here()
    incident = found.world.incidents["INC-1"]
    piece = Evidence("payments/recent-changes", "payments", "recent-changes", "collected", facts={"head_tree": GOOD})  # fmt: skip
    told = replace(incident, evidence={piece.id: piece})
    found.world = replace(found.world, incidents={"INC-1": told})
    found.do(DrawPlan("INC-1", PAYMENTS), EVE)
    (bite,) = found.world.plans[found.result["plan"]].bites
    assert bite.rule == "no-change"
    assert bite.text.endswith(f"already; good before it: {OLDER} (--release)")


def test_without_a_known_good_release_somebody_has_to_name_one() -> None:
    found = Ground(here().fleet).declared()
    assert refusal(found, PAYMENTS)[::2] == ("no-known-good", "name one: --release RELEASE")
    plan = found.drawn(Asked("rollback", ("payments",), release=BAD))
    assert plan.outlook["notes"] == [
        f"payments: to {BAD}: nobody has seen it healthy for long enough"
    ]


def test_a_remote_that_is_away_keeps_no_service_down() -> None:
    """Given a push that fails, then the service is restarted and judged all the same, the node is held for the push
    alone, and a person who tries it again ends the plan."""
    found = here(faults={"payments/push": "refuse"})
    plan = run(found, PAYMENTS)
    assert standings(plan)["gate-payments"] == "done"
    assert (states(plan)["payments"], plan.state) == ("held", PlanState.HELD)
    found.faults.clear()
    found.do(RetryStep(plan.id, "push-payments"), EVE)
    found.go_on(plan.id)
    assert watch(found, plan.id).state is PlanState.DONE


def test_recent_deployments_that_cannot_be_shown_hold_nothing_up() -> None:
    found = here(faults={"payments/history": "refuse"})
    plan = run(found, PAYMENTS)
    assert plan.state is PlanState.DONE
    assert standings(plan)["history-payments"] == "waived"
    assert states(plan)["payments"] == "reached"


def test_a_release_that_nothing_sees_running_claims_no_success() -> None:
    found = here(faults={"payments/measure": "refuse"})
    plan = run(found, PAYMENTS)
    assert plan.state is PlanState.HELD
    assert "mitigated" not in found.world.incidents["INC-1"].milestones


def test_what_ran_before_is_put_back_restarted_and_pushed_by_an_undo() -> None:
    """Given a rollback whose actuator said what ran before, when it is taken back, then that release is put in
    place, then pushed and restarted, in this order."""
    found = here(facts={"payments/rollback": {"was": BAD}})
    plan = run(found, PAYMENTS)
    before = len(found.started)
    undo = found.drawn(Asked("undo", plan=plan.id))
    assert found.run(undo.id).state is PlanState.DONE
    assert options(found, "rollback", "payments")["tree"] == BAD
    assert found.started[before:] == ["payments/rollback", "payments/push", "payments/restart"]
    proofs = {step.action: step.proof for step in undo.steps}
    assert proofs["rollback"] is None
    assert proofs["restart"] is not None
    assert proofs["restart"].options == {"want": BAD}


def test_an_undo_says_what_nobody_has_seen() -> None:
    found = here()
    plan = run(found, PAYMENTS)
    undo = found.drawn(Asked("undo", plan=plan.id))
    assert ("irreversible", "rollback-payments") in {(one.rule, one.subject) for one in undo.bites}


def test_a_command_that_always_goes_one_back_is_not_taken_for_its_own_inverse() -> None:
    step_back = deployed("web", actions={"rollback": spec("rollback", argv=["ship", "--rollback"])})
    plan = here(Fleet((step_back,))).drawn(Asked("rollback", ("web",)))
    rollback = next(one for one in plan.steps if one.action == "rollback")
    assert rollback.inverse is None


def test_the_fourth_rollback_in_a_row_that_no_person_agreed_to_waits_for_one() -> None:
    """Given a protocol that lets machines roll back, when they have done so three times, then a person is asked."""
    found = here()
    base = found.book.latest
    approvals = Approvals((ApprovalRow((), (), 0, "machines may"),))
    rules = replace(base, protocol=replace(base.protocol, approvals=approvals))
    found.book = PolicyBook("p1", {"p1": rules})
    for _ in range(3):
        plan = run(found, PAYMENTS)
        assert (plan.people, plan.state) == (0, PlanState.DONE)
    plan = found.drawn(PAYMENTS)
    assert (plan.people, plan.because) == (
        1,
        "3 rollbacks of payments in a row were started by no person",
    )


def test_a_circle_of_services_goes_back_as_well() -> None:
    fleet = Fleet((deployed("web", {"payments": HARD}), deployed("payments", {"web": HARD})))
    found = here(fleet)
    assert run(found, BOTH).state is PlanState.DONE


@pytest.mark.parametrize("at", range(4, 60, 3))
def test_a_coordinator_that_dies_anywhere_goes_on_where_it_was(at: int) -> None:
    found = here(die_at=frozenset({at}))
    plan = run(found, BOTH)
    assert plan.state is PlanState.DONE
    assert all(count == 1 for count in found.acted.values())


def test_what_is_isolated_is_opened_behind_its_gate_and_its_protection_is_named() -> None:
    found = here()
    found.run(found.drawn(Asked("contain", ("web",))).id)
    plan = found.drawn(Asked("rollback", ("web",)))
    order = {step.id: step.after for step in plan.steps}
    assert order["reopen-web"] == ("gate-web",)
    run(found, Asked("rollback", ("web",)))
    assert not found.truth["web"].isolated
    assert bites(plan) == {}
