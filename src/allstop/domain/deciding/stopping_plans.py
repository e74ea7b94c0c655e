"""Stop rules: a plan that runs against one is held, the rule is cited, and it is escalated."""

from __future__ import annotations

from allstop.domain.conditions import sentence
from allstop.domain.deciding.escalating import escalate
from allstop.domain.draft import Draft, Rules
from allstop.domain.incident.course_events import RuleViolated
from allstop.domain.incident.events import ImpactMeasured
from allstop.domain.plan.commands import CheckRules
from allstop.domain.plan.events import PlanHeld
from allstop.domain.plan.state import RULE, Plan
from allstop.domain.policy import StopRule
from allstop.domain.record import plan_stream
from allstop.domain.stop_rules import violated


def hold_by_rules(draft: Draft, plan_id: str) -> None:
    """Hold a running plan for every rule it violates now. Each rule stops a plan once."""
    plan = draft.world.plans[plan_id]
    if plan.finished:
        return
    incident = draft.incident(plan.incident, must_be_open=False)
    found = violated(draft.policy(incident), incident, plan, draft.now.utc)
    for rule, facts in found:
        event = RuleViolated(rule.id, rule.title, plan.id, rule.because, facts)
        draft.on_incident(incident.id, event)
        draft.emit(plan_stream(plan.id), PlanHeld(f"{RULE}{rule.id}", _cited(rule)))
    if found:
        _tell(draft, plan, tuple(rule for rule, _ in found))


def _cited(rule: StopRule) -> str:
    """`stop rule Too slow: it was for minutes (plan_minutes more than 2)`."""
    tests = ", ".join(sentence(test) for test in rule.when)
    return f"stop rule {rule.title}: {rule.because}" + (f" ({tests})" if tests else "")


def hold_touched_plans(draft: Draft) -> None:
    """After each command: judge the plans it moved, and those of incidents whose impact it measured."""
    plans: set[str] = set()
    for record in draft.records:
        kind, _, id = record.stream.partition("/")
        if kind == "plan":
            plans.add(id)
        elif isinstance(record.event, ImpactMeasured):
            plans |= {plan.id for plan in draft.world.plans_of(id)}
    for id in sorted(plans):
        hold_by_rules(draft, id)


def check_rules(draft: Draft, command: CheckRules) -> None:
    """The time a plan takes may violate a rule now."""
    if command.plan in draft.world.plans:
        hold_by_rules(draft, command.plan)


def _tell(draft: Draft, plan: Plan, rules: tuple[StopRule, ...]) -> None:
    """The commander, and the next of the chain: a rule that was broken is not one person's secret."""
    commander = draft.incident(plan.incident, must_be_open=False).roles.get("commander", "")
    first = (commander,) if commander else ()
    named = ", ".join(rule.title for rule in rules)
    cited = "; ".join(_cited(rule) for rule in rules)
    hints = ", ".join(f"allstop plan retry {plan.id} {RULE}{rule.id}" for rule in rules)
    text = (
        f"{plan.id} was to: {plan.title}. {cited[0].upper()}{cited[1:]}. "
        f"Accept it and go on: {hints}. Or stop: allstop plan abort {plan.id}"
    )
    escalate(draft, plan.incident, f"{plan.id} is held by a stop rule: {named}", text, first)


RULES: Rules = {CheckRules: check_rules}
INTERNAL: frozenset[type] = frozenset(RULES)
