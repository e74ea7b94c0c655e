"""What similar incidents of the last twelve months taught: which remedy, how long it took, what went wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from allstop.domain.incident.state import Incident
from allstop.domain.moment import between, words
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.plan.state import UNTOUCHED, Plan
from allstop.domain.world import World

YEAR = timedelta(days=365)
# As many are told one by one, the newest first; as many troubled steps of each.
TOLD, STEPS = 5, 4
# Never real, or told in another incident.
_NOTHING = frozenset({"merged", "dismissed"})
_REACHED = ("contained", "mitigated", "resolved")
_TROUBLED = frozenset({StepState.FAILED, StepState.UNKNOWN, StepState.WAIVED})


def similar(world: World, incident: Incident, now: datetime) -> tuple[Incident, ...]:
    """Incidents of the last twelve months of its kind, or about one of its services; the newest first.

    What is private stays out of what everybody may read.
    """
    since = now - YEAR
    found = [
        one
        for one in world.incidents.values()
        if one.id != incident.id
        and one.declared_at >= since
        and not one.private
        and one.state not in _NOTHING
        and _alike(one, incident)
    ]
    return tuple(reversed(found))


def lessons(world: World, incident: Incident, now: datetime) -> tuple[str, ...]:
    """One line for each similar incident, behind one that counts them. Says so when there is none."""
    found = similar(world, incident, now)
    if not found:
        return ("no similar incident in the last twelve months",)
    many = "one similar incident" if len(found) == 1 else f"{len(found)} similar incidents"
    more = f", the newest {TOLD}" if len(found) > TOLD else ""
    return (
        f"{many} in the last twelve months{more}",
        *(_line(world, incident, one) for one in found[:TOLD]),
    )


def _alike(one: Incident, other: Incident) -> bool:
    same_kind = bool(other.kind) and one.kind == other.kind
    return same_kind or bool(set(one.services) & set(other.services))


def _line(world: World, incident: Incident, one: Incident) -> str:
    """`INC-3 of 2026-05-03 (critical-failure; payments): remedy rollback (payments); contained after 2m, ...`."""
    shared = [name for name in one.services if name in incident.services]
    about = "; ".join(filter(None, (one.kind, ", ".join(shared))))
    parts = [_remedy(one), _times(one), _trouble(world, one)]
    told = "; ".join(part for part in parts if part)
    return f"{one.id} of {one.declared_at:%Y-%m-%d} ({about}): {told}"


def _remedy(one: Incident) -> str:
    if one.remedy is None:
        return "no remedy was decided"
    of = f" ({one.remedy.service})" if one.remedy.service else ""
    return f"remedy {one.remedy.remedy}{of}"


def _times(one: Incident) -> str:
    parts = [
        f"{name} after {words(between(one.begun, one.milestones[name]))}"
        for name in _REACHED
        if name in one.milestones
    ]
    if one.stood_down_at is not None:
        parts.append(f"over after {words(between(one.begun, one.stood_down_at))}")
    return ", ".join(parts) or "still going on"


def _trouble(world: World, one: Incident) -> str:
    """The steps of its plans that failed, were tried again or were let go."""
    found = [
        f"{step} of {plan.id}" for plan in world.all_plans_of(one.id) for step in _troubled(plan)
    ]
    if not found:
        return ""
    more = f" and {len(found) - STEPS} more" if len(found) > STEPS else ""
    return f"trouble with {', '.join(found[:STEPS])}{more}"


def _troubled(plan: Plan) -> list[str]:
    found = []
    for step in plan.steps:
        at = plan.progress.get(step.id, UNTOUCHED)
        if at.state in _TROUBLED or at.attempt > 1:
            again = f", {at.attempt} attempts" if at.attempt > 1 else ""
            found.append(f"{step.id} ({at.state.value}{again})")
    return found
