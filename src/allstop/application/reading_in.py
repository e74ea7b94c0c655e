"""Reading in: what somebody who joins late has to know, in the order they need it.

Everything here is in the record; nothing is guessed. The structure is for programs, `sentences` for
reading aloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from allstop.application.plan_shapes import PlanView
from allstop.application.shapes import IncidentView
from allstop.application.timeline_work import named
from allstop.domain.incident.state import Incident
from allstop.domain.moment import between, words
from allstop.domain.policy import Policy
from allstop.domain.principal import Kind, Principal

# So many deadlines are "the next ones".
NEXT = 5


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to know. ref: what it is about (`PLAN-1`, a task, a role), or empty; at: when it was, or
    will be; the text itself does not change as time passes."""

    text: str
    ref: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A part of the summary, with its heading."""

    id: str
    title: str
    points: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class ReadIn:
    """The summary for whoever joins late. parts: in reading order, none of them empty;

    sentences: the same in plain words, one for each point.
    """

    incident: str
    title: str
    state: str
    severity: str
    at: datetime
    parts: tuple[Told, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts in reading order; the name of each is its id."""

    what: tuple[Said, ...]
    bad: tuple[Said, ...]
    who: tuple[Said, ...]
    done: tuple[Said, ...]
    decided: tuple[Said, ...]
    running: tuple[Said, ...]
    next: tuple[Said, ...]
    open: tuple[Said, ...]
    take: tuple[Said, ...]


TITLES = {
    "what": "What it is",
    "bad": "How bad, and since when",
    "who": "Who has what",
    "done": "What has been done",
    "decided": "What is decided, and why",
    "running": "What is running or waiting",
    "next": "What is due next, and what is noted if it is missed",
    "open": "What nobody knows yet",
    "take": "What you could take",
}


def read_in(
    view: IncidentView, incident: Incident, policy: Policy, now: datetime, who: Principal | None
) -> ReadIn:
    """who: whoever joins; what they could take is sorted by what the roster says they may hold."""
    found = _Parts(
        what=tuple(_what(view)),
        bad=tuple(_bad(view, incident)),
        who=tuple(_who(view, policy)),
        done=tuple(_done(view, incident, policy)),
        decided=tuple(_decided(view, incident, policy)),
        running=tuple(_running(view)),
        next=tuple(_next(view, now)),
        open=tuple(_unknown(view, incident, policy)),
        take=tuple(_take(view, policy, who)),
    )
    parts = tuple(
        Told(one.name, TITLES[one.name], getattr(found, one.name))
        for one in fields(_Parts)
        if getattr(found, one.name)
    )
    sentences = tuple(
        f"{part.title}: {point.text}{_passed(point.at, now)}"
        for part in parts
        for point in part.points
    )
    line = view.line
    return ReadIn(line.id, line.title, line.state, line.severity, now, parts, sentences)


def _passed(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    gap = between(at, now)
    return f", {words(gap)} ago" if gap >= 0 else f", in {words(-gap)}"


def _what(view: IncidentView) -> Iterator[Said]:
    line = view.line
    kind = f" ({view.kind_title or view.kind})" if view.kind else ""
    yield Said(f"{line.title}{kind}", line.id)
    seen = f", seen by {view.source}" if view.source else ""
    yield Said(f"declared by {view.declared_by} ({view.trigger}{seen})", "", line.declared_at)
    if line.services:
        yield Said(f"suspected: {', '.join(line.services)}")
    if line.state != "open":
        into = f", its response goes on in {view.merged_into}" if view.merged_into else ""
        since = view.closed_at or view.stood_down_at
        yield Said(f"it is {line.state.replace('-', ' ')}{into}", "", since)
    if view.reopened:
        yield Said("it came back and was reopened", "", view.reopened[-1])
    for link in view.links:
        yield Said(f"{link.how.replace('-', ' ')}: {link.to} {link.title}".rstrip(), link.to)


def _bad(view: IncidentView, incident: Incident) -> Iterator[Said]:
    line = view.line
    yield Said(f"{line.severity} ({line.severity_title}): {view.severity_because}")
    yield Said(line.impact)
    worst = incident.worst_impact.sentence("")
    if worst and worst != incident.impact.sentence(""):
        yield Said(f"at its worst: {worst}")
    since = incident.began_at or line.declared_at
    if line.state == "open":
        yield Said("it began", "", since)
    if view.mode is not None and view.mode.on:
        titles = ", ".join((*view.mode.suspended.values(), *view.mode.enabled.values()))
        yield Said(f"emergency mode is on: {titles}", "", view.mode.since)


def _who(view: IncidentView, policy: Policy) -> Iterator[Said]:
    for role in view.roles:
        if role.person:
            yield Said(f"{role.title}: {role.name or role.person}", role.role)
        if role.offered_to:
            name = _called(policy, role.offered_to)
            yield Said(f"{role.title} is offered to {name}, who has not accepted yet", role.role)
    if not view.acknowledged_by and view.line.state == "open":
        yield Said("nobody has acknowledged it")
    for crew in view.crews:
        if crew.members:
            members = ", ".join(_called(policy, one) for one in crew.members)
            yield Said(f"{crew.title}: {members}; {crew.objective}", crew.name)
    for task in view.tasks:
        if task.state == "open" and task.owner:
            yield Said(f"{_called(policy, task.owner)} does: {task.title}", task.id)
    if view.channel:
        yield Said(f"people talk in {view.channel}")


def _called(policy: Policy, name: str) -> str:
    """Somebody's name, from `person:ada`, `agent:builder-1` or an id."""
    kind, _, id = name.rpartition(":")
    found = policy.roster.agent(id) if kind == "agent" else policy.roster.person(id)
    return found.name if found else name


def _done(view: IncidentView, incident: Incident, policy: Policy) -> Iterator[Said]:
    for name, at in incident.milestones.items():
        yield Said(f"{name}", "", at)
    for plan in view.plans:
        if plan.state == "done":
            yield Said(f"{plan.purpose}: {plan.title}", plan.id)
    for change in view.changes:
        if change.state == "made":
            yield Said(f"changed by hand: {change.title}", change.id)
    for task in view.tasks:
        if task.state == "done":
            yield Said(task.title, task.id)
    for form in view.forms:
        yield Said(f"{form.title} filed by {_called(policy, form.by)}", form.id, form.at)
    if view.status:
        more = f"; {named(view.update_fields)}" if view.update_fields else ""
        yield Said(f"the last update says {view.status}{more}", "", incident.last_update_at)


def _decided(view: IncidentView, incident: Incident, policy: Policy) -> Iterator[Said]:
    chosen = incident.remedy
    if chosen is not None:
        facts = {name: value for name, value in chosen.facts.items() if value is not None}
        used = f" [{named(facts)}]" if facts else ""
        where = f" of {chosen.service}" if chosen.service else ""
        yield Said(f"{chosen.remedy}{where}: {chosen.because}{used}")
    if view.facts:
        yield Said(f"stated by people: {named(view.facts)}")
    for subject, text in view.statements.items():
        yield Said(f"{subject}: {text}", subject)
    for plan in view.plans:
        if plan.approved_by:
            by = _called(policy, plan.approved_by)
            yield Said(f"{plan.title}: approved by {by}", plan.id)
    for subject, reason in view.overrides.items():
        yield Said(f"OVERRIDDEN {subject}: {reason}", subject)


def _running(view: IncidentView) -> Iterator[Said]:
    for halt in view.halts:
        if halt.stands:
            yield Said(f"agents are held: {halt.settled} of {halt.total} accounted for", halt.id)
    for plan in view.plans:
        said = _plan(plan)
        if said:
            yield Said(said, plan.id)
    for change in view.changes:
        if change.state in ("proposed", "approved"):
            yield Said(f"change {change.state}: {change.title}", change.id)
    for piece in view.evidence:
        if piece.state == "requested":
            yield Said(f"evidence asked for: {piece.id}", piece.id)


def _plan(plan: PlanView) -> str:
    """How far a plan is that has not ended; empty for every other."""
    if plan.earlier:
        return ""
    if plan.state == "held":
        return f"HELD: {plan.title}: {plan.held_because}"
    if plan.state == "proposed" and plan.approve:
        return f"{plan.title}: waits for {plan.waits_for or plan.approve}"
    if plan.state in ("approved", "running"):
        done = sum(1 for step in plan.steps if step.state == "done")
        return f"{plan.title}: {done} of {len(plan.steps)} steps done"
    return ""


def _next(view: IncidentView, now: datetime) -> Iterator[Said]:
    line = view.line
    if line.update_due_at is not None:
        yield Said("the next update is due", "", line.update_due_at)
    ahead = sorted((one for one in view.deadlines if not one.missed), key=lambda one: one.at)
    for one in ahead[:NEXT]:
        yield Said(one.what, one.id, one.at)
    for owed in view.obligations:
        if owed.meeting_at is not None and owed.meeting_at > now and not owed.met:
            yield Said(f"meeting for {owed.title}", owed.id, owed.meeting_at)
    if view.expected_at is not None:
        yield Said("it is expected to be over", "", view.expected_at)


def _unknown(view: IncidentView, incident: Incident, policy: Policy) -> Iterator[Said]:
    for finding in view.findings:
        if finding.kind == "hypothesis":
            by = _called(policy, finding.by)
            yield Said(f"hypothesis of {by}: {finding.text}", finding.id, finding.at)
    if incident.remedy is not None and incident.remedy.unknown:
        yield Said(f"not known when the remedy was chosen: {', '.join(incident.remedy.unknown)}")
    for text in view.line.waits_for:
        yield Said(f"it waits for {text}")
    for text in view.missing_before_close if view.line.state == "stood-down" else ():
        yield Said(f"before it may be closed: {text}")


def _take(view: IncidentView, policy: Policy, who: Principal | None) -> Iterator[Said]:
    if view.line.state != "open":
        return
    person = policy.roster.person(who.id) if who is not None and who.kind is Kind.PERSON else None
    able = person.roles if person else ()
    free = [role for role in view.roles if not role.person]
    for role in sorted(free, key=lambda one: one.role not in able):
        fits = ", which you may hold" if role.role in able else ""
        yield Said(f"{role.title}: nobody has it{fits}", role.role)
    for task in view.tasks:
        if task.state == "open" and not task.owner:
            yield Said(f"task: {task.title}", task.id)
    for crew in view.crews:
        if not crew.members:
            yield Said(f"{crew.title}: nobody is in it yet", crew.name)
