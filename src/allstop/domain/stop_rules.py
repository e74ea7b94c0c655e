"""Stop rules: what a running plan is judged by, and when the passing of time may violate one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation

from allstop.domain.conditions import all_hold
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy, StopRule
from allstop.domain.policy.tables import Condition, Scalar

# Minutes are counted in tenths: "more than ten" begins six seconds after the tenth.
TENTH_MS = 6_000
LONGEST = 10_000_000
PLAN_MINUTES, PLAN_PHASES = "plan_minutes", "plan_phases"


def violated(
    policy: Policy, incident: Incident, plan: Plan, at: datetime
) -> tuple[tuple[StopRule, dict[str, Scalar]], ...]:
    """The rules a running plan violates now, each with the facts it was judged by.

    A rule the plan was held for before is not found again: a person has accepted it.
    """
    if plan.state is not PlanState.RUNNING or plan.started_at is None:
        return ()
    passed = _minutes(max(0, between(plan.started_at, at)) // TENTH_MS)
    facts: dict[str, Scalar] = {
        **incident.impact.facts(),
        PLAN_MINUTES: passed,
        PLAN_PHASES: len(plan.phases),
    }
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
                yield from (after(plan.started_at, tenth * TENTH_MS) for tenth in _turns(test))


def _minutes(tenths: int) -> Scalar:
    """A whole number where it is one: 10, and "10.1"."""
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest}" if rest else whole


def _turns(test: Condition) -> tuple[int, ...]:
    """The tenths of minutes at which a test may turn: at its number, and just behind it."""
    try:
        number = Decimal(str(test.value)) * 10
        first = int(number.to_integral_value(ROUND_CEILING))
    except (InvalidOperation, ValueError, OverflowError):
        return ()
    return (first, first + 1) if 0 <= first <= LONGEST else ()
