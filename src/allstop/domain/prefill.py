"""What the coordinator fills into a form when nobody does: from the record, and never a guess.

Where the record says nothing the answer is empty, and a field that is required is then missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from allstop.domain.clocks import lasted
from allstop.domain.fleet_graph import dependents
from allstop.domain.halt.lifecycle import SETTLED
from allstop.domain.hearing import concerns
from allstop.domain.incident.state import Incident
from allstop.domain.moment import between, words
from allstop.domain.policy import Policy
from allstop.domain.world import World

# What a field may be filled in with, and what that is.
PREFILLS: dict[str, str] = {
    "severity": "the severity and why it is so bad",
    "impact": "the worst impact so far, and the impact now",
    "services": "the services it is about",
    "since": "when it was last seen well, or when it was declared",
    "changes": "recent changes, from the evidence",
    "errors": "recent errors, from the evidence, and probes that fail",
    "duration": "how long it has lasted",
    "remedy": "rollback, fix or investigate, and why",
    "cause": "the root cause as stated, or that it is under investigation",
    "timeline": "when it was declared, acknowledged, contained, mitigated and resolved",
    "blast_radius": "what is hit, and what depends on it",
    "stakeholders": "who is told of it at this severity",
    "resources": "roles that nobody holds, and who is free",
    "estimate": "how long earlier incidents like it took",
}


@dataclass(frozen=True, slots=True)
class Known:
    """Everything a prefill may look at."""

    world: World
    policy: Policy
    incident: Incident
    now: datetime


def prefilled(known: Known, name: str) -> str:
    """The text for a prefill; empty when the record has nothing to say, or there is no such prefill."""
    source = _SOURCES.get(name)
    return source(known).strip() if source is not None else ""


def choice_of(known: Known, name: str, choices: tuple[str, ...]) -> str:
    """What a prefill comes to where only some answers can be given; empty when it is none of them."""
    incident = known.incident
    short = {"severity": incident.severity, "remedy": incident.remedy and incident.remedy.remedy}
    said = short.get(name) or prefilled(known, name)
    return said if said in choices else ""


def _severity(known: Known) -> str:
    incident = known.incident
    title = known.policy.protocol.severity(incident.severity).title
    because = f": {incident.severity_because}" if incident.severity_because else ""
    return f"{incident.severity} ({title}){because}"


def _impact(known: Known) -> str:
    worst = known.incident.worst_impact.sentence("")
    now = known.incident.impact.sentence("")
    return worst if worst == now or not now else f"at worst: {worst}\nnow: {now}"


def _services(known: Known) -> str:
    found = []
    for name in known.incident.services:
        service = known.policy.fleet.service(name)
        titled = service is not None and service.title and service.title != name
        found.append(f"{name} ({service.title})" if service and titled else name)
    return ", ".join(found)


def _since(known: Known) -> str:
    return f"{known.incident.began_at or known.incident.declared_at:%Y-%m-%dT%H:%M:%SZ}"


def _collected(known: Known, name: str, finding: str) -> list[str]:
    """What the diagnosis of this name said of each service, and what people added of that kind."""
    said = [
        f"{piece.service}: {piece.summary}"
        for piece in known.incident.evidence.values()
        if piece.name == name and piece.state == "collected" and piece.summary
    ]
    added = [one for one in known.incident.findings.values() if one.kind == finding]
    return said + [f"{one.service}: {one.text}" if one.service else one.text for one in added]


def _changes(known: Known) -> str:
    return "\n".join(_collected(known, "recent-changes", "change"))


def _errors(known: Known) -> str:
    failing = [
        f"{sample.probe}: {sample.text}"
        for sample in known.incident.last_samples.values()
        if sample.good is False
    ]
    return "\n".join(_collected(known, "recent-errors", "log") + failing)


def _duration(known: Known) -> str:
    return lasted(known.incident, known.incident.stood_down_at or known.now)


def _remedy(known: Known) -> str:
    chosen = known.incident.remedy
    if chosen is None:
        return ""
    of = f" of {chosen.service}" if chosen.service else ""
    return f"{chosen.remedy}{of}: {chosen.because}"


def _cause(known: Known) -> str:
    return known.incident.statements.get("root-cause", "under investigation")


def _timeline(known: Known) -> str:
    incident = known.incident
    marks = [("declared", incident.declared_at)]
    marks += [("acknowledged", incident.acknowledged_at)] if incident.acknowledged_at else []
    marks += list(incident.milestones.items())
    marks += [("reopened", at) for at in incident.reopened]
    marks += [("stood down", incident.stood_down_at)] if incident.stood_down_at else []
    lines = sorted((at, what) for what, at in marks)
    began = (
        [f"{incident.began_at:%Y-%m-%d %H:%M:%S} UTC last seen well"] if incident.began_at else []
    )
    return "\n".join(began + [f"{at:%Y-%m-%d %H:%M:%S} UTC {what}" for at, what in lines])


def _blast_radius(known: Known) -> str:
    fleet = known.policy.fleet
    hit = [name for name in known.incident.services if fleet.service(name) is not None]
    if not hit:
        return ""
    above = dependents(fleet, hit)
    reach = {*hit, *above}
    lost = [one.title for one in fleet.functions if reach & set(one.services)]
    lines = [f"hit: {', '.join(hit)}"]
    lines.append(f"depends on it: {', '.join(sorted(above)) or 'nothing'}")
    lines += [f"what the business loses with it: {', '.join(lost)}"] if lost else []
    return "\n".join(lines)


def _stakeholders(known: Known) -> str:
    if known.incident.private:
        return "nobody: the incident is private"
    told = (
        one.title or one.name
        for one in known.policy.protocol.audiences
        if concerns(known.policy, known.incident, one)
    )
    return ", ".join(told)


def _resources(known: Known) -> str:
    roles, people = known.incident.roles, known.policy.roster.people
    unfilled = [rule.title for rule in known.policy.protocol.roles if not roles.get(rule.name)]
    busy = {
        holder
        for incident in known.world.open_incidents()
        for holder in incident.roles.values()
        if holder
    }
    free = [one.name for one in people if one.id not in busy and not one.away]
    halts = known.world.halts_of(known.incident.id)
    agents = {
        line.agent
        for halt in halts
        for line in halt.roll.values()
        if line.available and line.state in SETTLED
    }
    return "\n".join((
        f"roles nobody holds: {', '.join(unfilled) or 'none'}",
        f"free: {', '.join((*free, *sorted(agents))) or 'nobody'}",
    ))  # fmt: skip


def _estimate(known: Known) -> str:
    """The median, because one long night must not make every estimate long. Private ones are left out: the
    form that says so may be read by anybody."""
    kind, severity = known.incident.kind, known.incident.severity
    ended = [
        one
        for one in known.world.incidents.values()
        if one.id != known.incident.id
        and not one.private
        and one.state in ("stood-down", "closed")
        and one.stood_down_at
    ]
    alike = [one for one in ended if kind and one.kind == kind]
    what = f"of the kind {kind}" if alike else f"at {severity}"
    alike = alike or [one for one in ended if one.severity == severity]
    if not alike:
        return "no earlier incident to go by"
    took = [between(one.declared_at, one.stood_down_at) for one in alike if one.stood_down_at]
    spread = f", from {words(min(took))} to {words(max(took))}" if len(took) > 1 else ""
    many = "incident" if len(took) == 1 else "incidents"
    return f"{words(int(median(took)))}: the median of {len(took)} earlier {many} {what}{spread}"


_SOURCES: dict[str, Callable[[Known], str]] = {
    "severity": _severity,
    "impact": _impact,
    "services": _services,
    "since": _since,
    "changes": _changes,
    "errors": _errors,
    "duration": _duration,
    "remedy": _remedy,
    "cause": _cause,
    "timeline": _timeline,
    "blast_radius": _blast_radius,
    "stakeholders": _stakeholders,
    "resources": _resources,
    "estimate": _estimate,
}
