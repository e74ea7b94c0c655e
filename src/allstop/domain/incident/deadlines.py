"""Deadlines, derived from state: they survive restarts because nothing stores them but the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, words
from allstop.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Deadline:
    """id: stable within the incident; what: said when it is missed; at: UTC."""

    id: str
    what: str
    at: datetime


def deadlines(incident: Incident, policy: Policy) -> tuple[Deadline, ...]:
    """Everything that is owed now and could still be missed, missed ones included."""
    if not incident.is_open or not incident.severity:
        return ()
    rule = policy.protocol.severity(incident.severity)
    found = []
    if incident.acknowledged_at is None:
        at = after(incident.declared_at, rule.respond_ms)
        found.append(
            Deadline("acknowledge", f"nobody acknowledged within {words(rule.respond_ms)}", at)
        )
    due = update_due_at(incident, policy)
    if due is not None:
        number = incident.updates + 1
        late = after(due, policy.protocol.updates.grace_ms)
        found.append(Deadline(f"update:{number}", f"update {number} is late", late))
    targets = (
        ("contain", rule.targets.contain_ms, "contained"),
        ("resolve", rule.targets.resolve_ms, "resolved"),
    )
    for name, target, milestone in targets:
        # Who has mitigated has nothing left to contain.
        over = milestone in incident.milestones or (
            name == "contain" and {"mitigated", "resolved"} & incident.milestones.keys()
        )
        if target is not None and not over:
            text = f"not {milestone} within {words(target)}"
            found.append(Deadline(f"target:{name}", text, after(incident.declared_at, target)))
    return tuple(found)


def deadline_named(incident: Incident, policy: Policy, id: str) -> Deadline | None:
    return next((one for one in deadlines(incident, policy) if one.id == id), None)


def update_due_at(incident: Incident, policy: Policy) -> datetime | None:
    """When the next update is due; None when the severity owes none."""
    every = policy.protocol.severity(incident.severity).update_every_ms
    if every is None:
        return None
    return after(incident.last_update_at or incident.declared_at, every)
