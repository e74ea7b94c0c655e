"""Stop rules: what a running plan is judged by, and when the passing of time may violate one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation

from allstop.domain.conditions import all_hold
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy, StopRule
from allstop.domain.policy.tables import Condition, Scalar

MINUTE_MS = 60_000
PLAN_MINUTES = "plan_minutes"


def violated(
    policy: Policy, incident: Incident, plan: Plan, at: datetime
) -> tuple[tuple[StopRule, dict[str, Scalar]], ...]:
    """The rules a running plan violates now, each with the facts it was judged by.

    A rule the plan was held for before is not found again: a person has accepted it.
    """
    if plan.state is not PlanState.RUNNING or plan.started_at is None:
        return ()
    minutes = max(0, between(plan.started_at, at)) // MINUTE_MS
    facts: dict[str, Scalar] = {**incident.impact.facts(), PLAN_MINUTES: minutes}
    return tuple(
        (rule, {test.fact: facts.get(test.fact) for test in rule.when})
        for rule in policy.protocol.stop_rules
        if rule.id not in plan.violated and all_hold(rule.when, facts)
    )


def turning_points(policy: Policy, plan: Plan) -> Iterator[datetime]:
    """The instants at which a test of the minutes a plan takes changes its answer."""
    if plan.state is not PlanState.RUNNING or plan.started_at is None:
        return
    for rule in policy.protocol.stop_rules:
        for test in rule.when if rule.id not in plan.violated else ():
            if test.fact == PLAN_MINUTES:
                yield from (after(plan.started_at, at * MINUTE_MS) for at in _minutes(test))


def _minutes(test: Condition) -> tuple[int, ...]:
    """Whole minutes pass one by one, so a test turns at its number or just behind it."""
    try:
        number = int(Decimal(str(test.value)))
    except (InvalidOperation, ValueError, OverflowError):
        return ()
    return (number, number + 1) if 0 <= number <= 1_000_000 else ()
