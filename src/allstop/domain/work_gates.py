"""Gates over the work people do: forms, crews, tasks, time and the impact as measured."""

from __future__ import annotations

from allstop.domain.conditions import all_hold, sentence
from allstop.domain.incident.state import Incident
from allstop.domain.moment import words
from allstop.domain.policy import Criterion, CriterionKind, Policy


def judge_work(policy: Policy, incident: Incident, criterion: Criterion) -> tuple[bool, str]:
    """Whether a criterion of these kinds holds, and how far it is."""
    match criterion.kind:
        case CriterionKind.FORM:
            filed = incident.forms.get(criterion.subject)
            return (filed is not None, f"filed by {filed.by}" if filed else "not filed yet")
        case CriterionKind.CREWS:
            return _crews(policy, incident)
        case CriterionKind.TASKS:
            return _tasks(incident)
        case CriterionKind.TIMER:
            passed = criterion.id in incident.timers
            return (
                passed,
                f"{words(criterion.window_ms)}{' have passed' if passed else ' must pass'}",
            )
        case CriterionKind.IMPACT:
            return _impact(incident, criterion)
        case _:
            return (False, f"{criterion.kind} is not judged here")


def work_hint(criterion: Criterion) -> str:
    """The command that would meet a criterion of these kinds."""
    match criterion.kind:
        case CriterionKind.FORM:
            return f"allstop fill {criterion.subject}"
        case CriterionKind.CREWS:
            return "allstop crew"
        case CriterionKind.TASKS:
            return "allstop tasks"
        case _:
            return ""


def crews_lacking(policy: Policy, incident: Incident) -> tuple[str, ...]:
    """The titles of the crews that nobody was assigned to."""
    return tuple(
        rule.title
        for rule in policy.protocol.crews
        if rule.name not in incident.crews or not incident.crews[rule.name].members
    )


def _crews(policy: Policy, incident: Incident) -> tuple[bool, str]:
    missing = crews_lacking(policy, incident)
    return (not missing, f"nobody in {', '.join(missing)}" if missing else "every crew has members")


def _tasks(incident: Incident) -> tuple[bool, str]:
    mine = [task for task in incident.tasks.values() if task.phase in ("", incident.phase)]
    waiting = [task.title for task in mine if task.state == "open"]
    done = f"{len(mine) - len(waiting)} of {len(mine)} done"
    return (not waiting, f"{done}; open: {', '.join(waiting)}" if waiting else done)


def _impact(incident: Incident, criterion: Criterion) -> tuple[bool, str]:
    facts = incident.impact.facts()
    wanted = ", ".join(sentence(one) for one in criterion.when)
    unknown = [
        one.fact for one in criterion.when if facts.get(one.fact) is None and one.value is not None
    ]
    if unknown:
        return (False, f"wanted: {wanted}; nobody has measured {', '.join(unknown)}")
    holds = all_hold(criterion.when, facts)
    return (holds, f"{wanted}: {'yes' if holds else 'not yet'} ({incident.impact.sentence()})")
