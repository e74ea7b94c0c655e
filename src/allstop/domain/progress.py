"""Marks: things that have or have not happened in an incident.

Deadlines say `until` which marks, obligations are `met_by` one, and closing `requires` some.
"""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.gates import roll_call
from allstop.domain.incident.parts import ActionItem, Owed
from allstop.domain.incident.state import GONE, Incident
from allstop.domain.moment import time_words
from allstop.domain.policy import Policy
from allstop.domain.work_gates import crews_lacking
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
    "contained": "it was contained, mitigated or resolved",
    "mitigated": "a remedy's gates have passed, or the last phase was entered",
    "resolved": "the last gate has passed, or was overridden",
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
    "aftercare": "the watch has ended, and every look was taken and good",
}


def reached(world: World, policy: Policy, incident: Incident, mark: str) -> bool:
    """Whether a mark has been reached. An unknown mark never is (the checker refuses it)."""
    test = _TESTS.get(mark)
    if test is not None:
        return test(world, policy, incident)
    kind, _, name = mark.partition(":")
    return bool(name) and _named(incident, kind, name)


def mark_words(mark: str) -> str:
    """A mark in words: `briefing filed`, `resolved`."""
    kind, _, name = mark.partition(":")
    if not name:
        return mark.replace("-", " ")
    words = {"form": "filed", "statement": "stated", "role": "filled", "obligation": "met"}
    words["aftercare"] = "ended clean"
    return f"{name.replace('-', ' ')} {words.get(kind, kind)}"


def meetable(world: World, policy: Policy, incident: Incident) -> tuple[Owed, ...]:
    """Obligations whose mark was reached, and of which nobody has recorded it yet."""
    return tuple(
        owed
        for owed in incident.obligations.values()
        if not owed.met
        and owed.met_by
        and incident.state not in GONE
        and reached(world, policy, incident, owed.met_by)
    )


def mark_sentence(mark: str) -> str:
    """What it means that a mark was reached: `the report was written`, `briefing filed`."""
    return MARKS.get(mark) or mark_words(mark)


def missing(world: World, policy: Policy, incident: Incident, mark: str) -> tuple[str, ...]:
    """What keeps a mark from being reached, one sentence for each thing; empty once it is reached."""
    if reached(world, policy, incident, mark):
        return ()
    if mark == "obligations":
        return tuple(
            f"{one.title}: owed by the {one.owner} until {time_words(one.due_at)}"
            for one in incident.obligations.values()
            if not one.met
        )
    if mark == "action-items":
        kept = _kept_actions(incident)
        lacking = (f"action item {one.id} lacks {_lack(one)}" for one in kept if _lack(one))
        return tuple(lacking) if kept else ("there is no action item",)
    kind, _, name = mark.partition(":")
    if kind == "obligation" and name in incident.obligations:
        one = incident.obligations[name]
        return (f"{one.title}: owed by the {one.owner}",)
    return (f"not yet: {mark_sentence(mark)}",)


def mark_hint(mark: str, incident: str) -> str:
    """The command that would reach a mark; empty where there is no single one."""
    kind, _, name = mark.partition(":")
    hints = {
        "form": f"allstop fill {name}",
        "statement": f'allstop state {name} "..."',
        "role": f"allstop assign {name} NAME",
        "report": f"allstop report {incident} --file",
        "acknowledged": "allstop ack",
        "updated": 'allstop update "..."',
    }
    return hints.get(kind, "")


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
        case "aftercare":
            watched = incident.aftercare.get(name)
            return watched is not None and watched.verdict == "clean"
        case _:
            return False


def _kept_actions(incident: Incident) -> list[ActionItem]:
    return [one for one in incident.actions.values() if one.state != "dropped"]


def _lack(item: ActionItem) -> str:
    """What an action item is not yet: every one has a due date from the beginning."""
    lacks = ["an owner"] if not item.owner else []
    lacks += ["a priority"] if not item.priority else []
    return " and ".join(lacks)


def _actions(world: World, policy: Policy, incident: Incident) -> bool:
    del world, policy
    kept = _kept_actions(incident)
    return bool(kept) and not any(_lack(one) for one in kept)


def _mitigated(world: World, policy: Policy, incident: Incident) -> bool:
    """By a plan whose gates passed; or, where people repaired by hand, by everything that stands before
    the last phase, which only watches."""
    del world
    phases = policy.protocol.phases
    watching = len(phases) > 1 and incident.phase == phases[-1].name
    return watching or bool({"mitigated", "resolved"} & incident.milestones.keys())


_TESTS: dict[str, Callable[[World, Policy, Incident], bool]] = {
    "acknowledged": lambda _, __, incident: incident.acknowledged_at is not None,
    "triaged": lambda _, __, incident: incident.triaged_at is not None,
    "roll-call": lambda world, policy, incident: roll_call(world, policy, incident)[0],
    "crews": lambda _, policy, incident: not crews_lacking(policy, incident),
    "evidence": lambda _, __, incident: all(
        piece.state != "requested" for piece in incident.evidence.values()
    ),
    "remedy": lambda _, __, incident: incident.remedy is not None,
    "updated": lambda _, __, incident: bool(incident.status),
    "contained": lambda _, __, incident: bool(
        {"contained", "mitigated", "resolved"} & incident.milestones.keys()
    ),
    "mitigated": _mitigated,
    "resolved": lambda _, __, incident: "resolved" in incident.milestones,
    "stood-down": lambda _, __, incident: incident.state in ("stood-down", "closed"),
    "report": lambda _, __, incident: bool(incident.report),
    "action-items": _actions,
    "obligations": lambda _, __, incident: all(one.met for one in incident.obligations.values()),
}
