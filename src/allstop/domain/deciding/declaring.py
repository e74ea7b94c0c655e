"""Declaring, classifying and re-classifying."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.all_stop import order_all_stop
from allstop.domain.deciding.team import fill_roles
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, refuse
from allstop.domain.gates import watches
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.policy import Policy
from allstop.domain.severity import Classification, classify, worse
from allstop.domain.verdict import Reason, Verdict, nearest

TITLE_LIMIT = 200
NAME_LIMIT = 100


def declare(draft: Draft, command: c.DeclareIncident) -> None:
    """Open an incident: severity by the table, all-stop, team, diagnosis, first announcement."""
    policy = draft.book.latest
    draft.require(may("declare", draft.who, policy, {}) & _well_formed(draft, policy, command))
    id = f"INC-{len(draft.world.incidents) + 1}"
    # Named twice, a service would be isolated by two steps of one name.
    services = tuple(dict.fromkeys(command.services))
    # A source whose clock is ahead must not cost the emergency: it began now at the latest.
    began_at = min(command.began_at, draft.now.utc) if command.began_at else None
    draft.on_incident(
        id,
        e.IncidentDeclared(
            id, command.title.strip(), services, command.trigger, draft.book.current,
            command.dedup, began_at, command.evidence,
        ),
    )  # fmt: skip
    if command.impact != Impact():
        draft.on_incident(id, e.ImpactMeasured(command.impact))
    found = _first_severity(policy, command)
    by_person = bool(command.severity) and found.severity == command.severity
    draft.on_incident(id, e.SeverityClassified(found.severity, found.because, found.row, by_person))
    if policy.protocol.severity(found.severity).all_stop:
        order_all_stop(draft, id)
    first = policy.protocol.phases[0]
    watched = watches(policy, first.exit) + watches(policy, policy.protocol.stand_down)
    draft.on_incident(id, e.PhaseEntered(first.name, watched))
    fill_roles(draft, id)
    _note_unknown(draft, policy, id, services)
    _request_evidence(draft, policy, id, services)
    order = policy.protocol.all_stop.order if draft.world.halts_of(id) else ""
    announce(draft, id, "declared", {"because": found.because, "order": order})
    draft.result["incident"] = id


def measure_impact(draft: Draft, command: c.MeasureImpact) -> None:
    """Record impact. A worse one raises the severity; a milder one never lowers it by itself."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("set-severity", draft.who, policy, incident.roles))
    if command.impact == incident.impact:
        return
    draft.on_incident(incident.id, e.ImpactMeasured(command.impact))
    found = classify(policy.protocol, command.impact)
    if (
        found.row >= 0
        and worse(policy.protocol, found.severity, incident.severity) != incident.severity
    ):
        _change_severity(
            draft, incident.id, e.SeverityClassified(found.severity, found.because, found.row)
        )


def set_severity(draft: Draft, command: c.SetSeverity) -> None:
    """A person sets the severity, up or down, with a reason."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("set-severity", draft.who, policy, incident.roles))
    if draft.who.kind.value != "person":
        refuse("human-only", "only a person sets a severity by hand")
    known = [rule.name for rule in policy.protocol.severities]
    if command.severity not in known:
        refuse(
            "unknown-severity",
            f"the protocol has no severity {command.severity}",
            nearest(command.severity, known),
        )
    if not command.reason.strip():
        refuse("no-reason", "a severity set by hand needs a reason", '--because "..."')
    if command.severity == incident.severity:
        refuse("same-severity", f"{incident.id} is {command.severity} already")
    _change_severity(
        draft,
        incident.id,
        e.SeverityClassified(command.severity, command.reason, -1, by_person=True),
    )


def _change_severity(draft: Draft, incident: str, event: e.SeverityClassified) -> None:
    before = draft.incident(incident).severity
    draft.on_incident(incident, event)
    policy = draft.policy(draft.incident(incident))
    stopped = any(halt.stands and halt.scope == "all" for halt in draft.world.halts_of(incident))
    if policy.protocol.severity(event.severity).all_stop and not stopped:
        order_all_stop(draft, incident)
    announce(draft, incident, "severity", {"before": before, "because": event.because})


def _first_severity(policy: Policy, command: c.DeclareIncident) -> Classification:
    """Measured severity, or the one given by hand; given and measured: the worse of the two."""
    measured = classify(policy.protocol, command.impact)
    if not command.severity:
        return measured
    given = Classification(command.severity, -1, "set by whoever declared")
    if command.impact == Impact():
        return given
    return (
        measured
        if worse(policy.protocol, command.severity, measured.severity) != command.severity
        else given
    )


def _well_formed(draft: Draft, policy: Policy, command: c.DeclareIncident) -> Verdict:
    reasons = []
    if not command.title.strip() or len(command.title) > TITLE_LIMIT:
        reasons.append(
            Reason(
                "bad-title",
                f"a title has 1 to {TITLE_LIMIT} characters",
                "say in a few words what fails",
            )
        )
    reasons += _service_reasons(policy, command.services)
    severities = [rule.name for rule in policy.protocol.severities]
    if command.severity and command.severity not in severities:
        text = f"the protocol has no severity {command.severity}"
        reasons.append(Reason("unknown-severity", text, nearest(command.severity, severities)))
    same = [
        one.id
        for one in draft.world.open_incidents()
        if command.dedup and one.dedup == command.dedup
    ]
    if same:
        reasons.append(
            Reason(
                "already-declared",
                f"{same[0]} is open for {command.dedup}",
                f"allstop show {same[0]}",
            )
        )
    return Verdict(tuple(reasons))


def _service_reasons(policy: Policy, services: tuple[str, ...]) -> list[Reason]:
    """Names the fleet does not have. With no fleet described yet any name is taken: an emergency must
    not wait for a document; the timeline says what cannot be done for it."""
    names = [service.name for service in policy.fleet.services]
    too_long = [name for name in services if not name.strip() or len(name) > NAME_LIMIT]
    if too_long:
        return [Reason("bad-service", f"the name of a service has 1 to {NAME_LIMIT} characters")]
    return [
        Reason("unknown-service", f"the fleet has no service {name}", nearest(name, names))
        for name in services
        if names and name not in names
    ]


def _note_unknown(draft: Draft, policy: Policy, incident: str, services: tuple[str, ...]) -> None:
    unknown = [name for name in services if policy.fleet.service(name) is None]
    if unknown:
        names = ", ".join(unknown)
        text = (
            f"{names}: not in fleet.yaml, so Allstop can neither watch, isolate nor bring it back"
        )
        draft.on_incident(incident, e.NoteAdded(text))


def _request_evidence(
    draft: Draft, policy: Policy, incident: str, services: tuple[str, ...]
) -> None:
    for name in services:
        service = policy.fleet.service(name)
        for kind in policy.protocol.evidence:
            if service is not None and kind in service.diagnose:
                draft.on_incident(incident, e.EvidenceRequested(f"{name}/{kind}", name, kind))
