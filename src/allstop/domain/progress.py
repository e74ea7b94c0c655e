"""Marks: things that have or have not happened in an incident.

Deadlines say `until` which marks, obligations are `met_by` one, and closing `requires` some.
"""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.halt.lifecycle import SETTLED
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.world import World

# The marks without a name behind them, and what each means.
MARKS: dict[str, str] = {
    "acknowledged": "somebody has acknowledged it",
    "triaged": "a person has confirmed that it is real, and how bad",
    "roll-call": "every agent is confirmed or enforced",
    "crews": "every crew has members",
    "evidence": "the evidence that was asked for has come in",
    "remedy": "rollback, fix or investigate was decided",
    "updated": "a first update was posted",
    "contained": "the milestone was reached",
    "mitigated": "the milestone was reached",
    "resolved": "the milestone was reached",
    "stood-down": "it was stood down",
    "report": "the report was written",
    "action-items": "there is an action item, and each has an owner, a due date and a priority",
    "obligations": "everything that is owed was done",
}
# Marks about something that has a name: `form:briefing`.
NAMED_MARKS: dict[str, str] = {
    "form": "the form was filed, with every required field",
    "statement": "somebody stated it",
    "role": "the role is filled",
    "obligation": "the obligation was met",
}


def reached(world: World, policy: Policy, incident: Incident, mark: str) -> bool:
    """Whether a mark has been reached. An unknown mark never is (the checker refuses it)."""
    kind, _, name = mark.partition(":")
    if name:
        return _named(incident, kind, name)
    test = _TESTS.get(mark)
    return test is not None and test(world, policy, incident)


def mark_words(mark: str) -> str:
    """A mark in words: `briefing filed`, `resolved`."""
    kind, _, name = mark.partition(":")
    if not name:
        return mark.replace("-", " ")
    words = {"form": "filed", "statement": "stated", "role": "filled", "obligation": "met"}
    return f"{name.replace('-', ' ')} {words.get(kind, kind)}"


def _named(incident: Incident, kind: str, name: str) -> bool:
    match kind:
        case "form":
            return name in incident.forms
        case "statement":
            return name in incident.statements
        case "role":
            return bool(incident.roles.get(name))
        case "obligation":
            owed = incident.obligations.get(name)
            return owed is not None and bool(owed.met)
        case _:
            return False


def _roll_call(world: World, policy: Policy, incident: Incident) -> bool:
    del policy
    halts = [halt for halt in world.halts_of(incident.id) if halt.scope == "all"]
    if not halts:
        return False
    return all((line.held_as or line.state) in SETTLED for line in halts[-1].roll.values())


def _crews(world: World, policy: Policy, incident: Incident) -> bool:
    del world
    return all(
        rule.name in incident.crews and incident.crews[rule.name].members
        for rule in policy.protocol.crews
    )


def _actions(world: World, policy: Policy, incident: Incident) -> bool:
    del world, policy
    kept = [one for one in incident.actions.values() if one.state != "dropped"]
    return bool(kept) and all(one.owner and one.priority for one in kept)


_TESTS: dict[str, Callable[[World, Policy, Incident], bool]] = {
    "acknowledged": lambda _, __, incident: incident.acknowledged_at is not None,
    "triaged": lambda _, __, incident: incident.triaged_at is not None,
    "roll-call": _roll_call,
    "crews": _crews,
    "evidence": lambda _, __, incident: all(
        piece.state != "requested" for piece in incident.evidence.values()
    ),
    "remedy": lambda _, __, incident: incident.remedy is not None,
    "updated": lambda _, __, incident: incident.updates > 0,
    "contained": lambda _, __, incident: bool(
        {"contained", "mitigated", "resolved"} & incident.milestones.keys()
    ),
    "mitigated": lambda _, __, incident: bool(
        {"mitigated", "resolved"} & incident.milestones.keys()
    ),
    "resolved": lambda _, __, incident: "resolved" in incident.milestones,
    "stood-down": lambda _, __, incident: incident.state in ("stood-down", "closed"),
    "report": lambda _, __, incident: bool(incident.report),
    "action-items": _actions,
    "obligations": lambda _, __, incident: all(one.met for one in incident.obligations.values()),
}
