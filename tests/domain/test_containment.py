"""Plans an incident makes by itself: what they touch decides who must agree, wherever it stands in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DecideRemedy, DeclareIncident
from allstop.domain.plan.commands import MakePlan
from allstop.domain.plan.state import Plan
from allstop.domain.policy import ApprovalRow, Approvals, Condition, Policy
from allstop.domain.principal import MONITOR, TIMEKEEPER
from tests.domain.builders import ADA, Story, action, outage, policy, probe

ORDERS = (("payments", "gateway"), ("gateway", "payments"))


def shop(*rows: ApprovalRow, risk: dict[str, int] | None = None, **gateway: Any) -> Policy:
    """Both services can be isolated. rows: who must agree; otherwise as the test protocol says."""
    rules = policy()
    payments, front = rules.fleet.services
    front = replace(
        front, actions={"isolate": action("isolate")}, verify={"isolated": probe("isolated", "gateway")}, **gateway
    )  # fmt: skip
    payments = replace(payments, stateful=False)
    table = Approvals(rows, risk or {}) if rows else rules.protocol.approvals
    protocol = replace(rules.protocol, approvals=table)
    return replace(rules, fleet=replace(rules.fleet, services=(payments, front)), protocol=protocol)


def contained(rules: Policy, *services: str) -> Plan:
    story = Story(rules).register()
    story.when(DeclareIncident("all fails", services, impact=Impact(("buying",))), MONITOR)
    story.when(MakePlan("INC-1", "contain"), TIMEKEEPER)
    return next(iter(story.world.plans.values()))


def asks(when: Condition) -> tuple[ApprovalRow, ...]:
    return (
        ApprovalRow((when,), ("owner",), 1, "somebody must look first"),
        ApprovalRow((), (), 0, "all else goes by itself"),
    )


@pytest.mark.parametrize("services", ORDERS)
def test_one_protected_service_among_others_is_enough_to_need_a_person(
    services: tuple[str, str],
) -> None:
    plan = contained(shop(protected=True), *services)
    assert plan.approve == "commander, owner"
    assert plan.people == 1
    assert [step.id for step in plan.steps if step.kind == "act"] == [f"isolate-{one}" for one in services]  # fmt: skip
    assert contained(shop(), *services).people == 0


@pytest.mark.parametrize("services", ORDERS)
def test_one_service_with_data_among_others_is_enough_as_well(services: tuple[str, str]) -> None:
    rows = asks(Condition("stateful", "is", True))
    assert contained(shop(*rows, stateful=True), *services).people == 1
    assert contained(shop(*rows), *services).people == 0


def test_the_riskiest_of_its_actions_counts() -> None:
    rows = asks(Condition("risk", "at_least", 3))
    risky = contained(shop(*rows, risk={"isolate": 3, "prove": 9}), "payments")
    assert (risky.risk, risky.people) == (3, 1)
    calm = contained(shop(*rows, risk={"prove": 9}), "payments")
    assert (calm.risk, calm.people) == (0, 0), "a look is no risk"


def test_a_containment_without_a_service_says_so_and_touches_nothing() -> None:
    plan = contained(shop())
    assert plan.steps == ()
    assert plan.title == "no service is named, so nothing can be isolated"


@pytest.mark.parametrize("remedy", ["investigate", ""])
def test_there_is_no_plan_for_a_remedy_that_nobody_has_decided(remedy: str) -> None:
    story = outage()
    if remedy:
        story.when(DecideRemedy("INC-1", remedy, "look at the disk", "payments"), ADA)
        assert story.refused is None
    before = len(story.world.plans)
    story.when(MakePlan("INC-1", "remedy"), ADA)
    assert story.refused is not None
    assert story.refused.reasons[0].code == "no-remedy"
    assert len(story.world.plans) == before
