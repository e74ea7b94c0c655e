"""When a lever that is pulled is asked about, taken back and said to be overdue; and what keeps it from being
taken back. Derived from state alone, so a restart forgets nothing."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.business_time import due_at
from allstop.domain.fleet.standing import Pulled
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between
from allstop.domain.plan.events import Step
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.preflight import lets_start
from allstop.domain.world import World

# Somebody is asked a quarter of a lever's time before its end, and at most an hour before it.
ASK_SHARE, ASK_AT_MOST_MS = 4, 3_600_000
# How often an overdue lever is said again at least.
EVERY_MS = 3_600_000
UNDER_WAY = frozenset({PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED})
# What keeps a lever pulled for a while only: it is tried again once that has passed.
PASSING = frozenset({"stopped", "busy", "preflight"})


def ask_at(one: Pulled) -> datetime | None:
    """When somebody is asked whether it stays; None when nobody is, or somebody was."""
    if one.until is None or one.asked:
        return None
    share = min(between(one.granted or one.since, one.until) // ASK_SHARE, ASK_AT_MOST_MS)
    return after(one.until, -share)


def overdue_at(one: Pulled, policy: Policy, incident: Incident) -> datetime | None:
    """When it is said again that it is pulled beyond its time: at the cadence of the incident's updates, and once
    an hour at least."""
    if not one.expired or one.told_at is None:
        return None
    every = policy.protocol.severity(incident.severity).update_every if incident.is_open else None
    latest = after(one.told_at, EVERY_MS)
    if every is None:
        return latest
    return min(latest, due_at(one.told_at, every, policy.protocol.calendar))


def home_of(world: World, one: Pulled) -> Incident | None:
    """The incident whose plan pulled it; where that was merged, the one it went into."""
    plan = world.plans.get(one.plan)
    found = world.incidents.get(plan.incident) if plan is not None else None
    while found is not None and found.state == "merged":
        found = world.incidents.get(found.merged_into)
    return found


def at_work_on(world: World, service: str) -> Plan | None:
    """A plan under way that works on a service: by its nodes; a remedy has none, and works by its steps."""
    for plan in world.plans.values():
        if plan.state not in UNDER_WAY:
            continue
        parts = plan.nodes or (plan.steps if plan.purpose == "remedy" else ())
        if any(part.service == service for part in parts):
            return plan
    return None


def blocked(world: World, policy: Policy, incident: Incident, service: str) -> str:
    """Why the coordinator cannot change a service by itself now: protected, stopped, busy or preflight; or empty."""
    known = policy.fleet.service(service)
    if known is not None and known.protected:
        return "protected"
    if at_work_on(world, service) is not None:
        return "busy"
    # There is nobody to ask anything of, and a plan that is held there would keep it from coming back.
    if world.standing_of(service).stopped:
        return "stopped"
    if incident.is_open and not lets_start(policy, incident, _some_plan(incident, service)).allowed:
        return "preflight"
    return ""


def _some_plan(incident: Incident, service: str) -> Plan:
    """Stands for a plan that does not exist yet, where it is asked whether one might start."""
    step = Step("any", "act", "", service)
    return Plan(
        "", incident.id, "", "", (step,), "", "", 0, incident.policy, incident.declared_at
    )  # fmt: skip
