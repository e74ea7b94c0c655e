"""Declaring, classifying and re-classifying."""

from __future__ import annotations

from allstop.domain.authority import declaring_rule, may, may_declare
from allstop.domain.deciding import kinship
from allstop.domain.deciding.all_stop import ensure_all_stop, order_all_stop
from allstop.domain.deciding.calling import call_informed, call_responders
from allstop.domain.deciding.diagnosing import disputed, note_disputes
from allstop.domain.deciding.informing import TITLE_LIMIT
from allstop.domain.deciding.mode_keeping import begin_mode, follow_severity
from allstop.domain.deciding.owing import owe
from allstop.domain.deciding.team import fill_roles, note_lacking
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, refuse
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.kin import services_about
from allstop.domain.moment import between
from allstop.domain.policy import EmergencyKind, Policy, Protocol
from allstop.domain.principal import MONITOR, Kind, Principal
from allstop.domain.recognition import first_phase, hit_domains, kind_holds, kinds_that_hold
from allstop.domain.severity import Classification, classify, worse
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World

NAME_LIMIT = 100
GIVEN = "set by whoever declared"


def declare(draft: Draft, command: c.DeclareIncident) -> None:
    open_incident(draft, command)


def open_incident(draft: Draft, command: c.DeclareIncident, proposal: str = "") -> None:
    """Open an incident, or the one that has come back. proposal: the one it confirms, or empty."""
    policy = draft.book.latest
    kind = _kind(policy, command)
    name = kind.name if kind else command.kind
    ground = hit_domains(policy, command.services, command.domain)
    allowed = may_declare(policy, draft.who, name, ground)
    draft.require(allowed & _well_formed(draft, policy, command))
    if command.private and draft.who.kind is not Kind.SYSTEM:
        draft.only_people("declares in private, where no audience is told")
    rule = declaring_rule(policy, draft.who, name, ground)
    known = _recurring(draft, command)
    if known is not None:
        _reopen(draft, known, command)
        call_informed(draft, known.id, rule)
        return
    id = f"INC-{len(draft.world.incidents) + 1}"
    found = _record(draft, policy, command, id, kind, proposal)
    shown = _halt_conditions(policy, command.impact, kind)
    if policy.protocol.severity(found.severity).all_stop or any(one.all_stop for one in shown):
        order_all_stop(draft, id)
    _enter_first_phase(draft, policy, id, kind)
    if policy.protocol.channel:
        name = policy.protocol.channel.replace("{incident}", id.lower())
        draft.on_incident(id, ce.ChannelOpened(name))
    fill_roles(draft, id)
    for one in shown:
        if one is not kind:
            draft.on_incident(id, e.NoteAdded(f"{one.title} as well: the impact shows it"))
        call_responders(draft, id, one)
    call_informed(draft, id, rule)
    services = draft.incident(id).services
    _note_unknown(draft, policy, id, services)
    _request_evidence(draft, policy, id, services)
    begin_mode(draft, id, f"{id} was declared")
    owe(draft, id, "declared")
    order = policy.protocol.all_stop.order if draft.world.halts_of(id) else ""
    announce(draft, id, "declared", {"because": found.because, "order": order})
    draft.result["incident"] = id


def _record(
    draft: Draft, policy: Policy, command: c.DeclareIncident, id: str, kind: EmergencyKind | None,
    proposal: str,
) -> Classification:  # fmt: skip
    """The declaration itself, its impact and its first severity."""
    # Named twice, a service would be isolated by two steps of one name.
    services = tuple(dict.fromkeys(command.services))
    # A source whose clock is ahead must not cost the emergency: it began now at the latest.
    began_at = min(command.began_at, draft.now.utc) if command.began_at else None
    draft.on_incident(
        id,
        e.IncidentDeclared(
            id, command.title.strip(), services, command.trigger, draft.book.current,
            command.dedup, began_at, command.evidence, kind.name if kind else "", command.domain,
            proposal, command.source or source_of(draft.who), command.private,
        ),
    )  # fmt: skip
    if command.impact != Impact():
        draft.on_incident(id, e.ImpactMeasured(command.impact))
    found = _first_severity(policy, command, kind)
    given = bool(command.severity) and found.severity == command.severity
    by_person = given and draft.who.kind is Kind.PERSON
    draft.on_incident(id, e.SeverityClassified(found.severity, found.because, found.row, by_person))
    return found


def source_of(who: Principal) -> str:
    """Where an incident was seen, when nobody says: by the monitoring, by a source, or by the team."""
    match who.kind:
        case Kind.SYSTEM:
            return "monitoring"
        case Kind.SOURCE:
            return who.id
        case _:
            return "team"


def _kind(policy: Policy, command: c.DeclareIncident) -> EmergencyKind | None:
    """The kind that was named, or else the first one the impact shows."""
    if command.kind:
        return policy.protocol.activation.kind(command.kind)
    return next(iter(kinds_that_hold(policy.protocol, command.impact)), None)


def _halt_conditions(
    policy: Policy, impact: Impact, kind: EmergencyKind | None
) -> tuple[EmergencyKind, ...]:
    """The kind itself, and every halt condition that holds beside it: none waits for being named."""
    others = (
        one
        for one in kinds_that_hold(policy.protocol, impact)
        if one.all_stop and (kind is None or one.name != kind.name)
    )
    return (*((kind,) if kind else ()), *others)


def _enter_first_phase(
    draft: Draft, policy: Policy, incident: str, kind: EmergencyKind | None
) -> None:
    """Begin at the first phase, or where the kind begins: a disaster recovery begins at recovery."""
    phases = policy.protocol.phases
    first = first_phase(policy.protocol, kind.name if kind else "")
    skipped = ", ".join(phase.title for phase in phases[: phases.index(first)])
    kinship.begin_response(draft, incident, first)
    if skipped and kind:
        text = f"{kind.title} begins at {first.title}; passed over: {skipped}"
        draft.on_incident(incident, e.NoteAdded(text))


def _recurring(draft: Draft, command: c.DeclareIncident) -> Incident | None:
    """The last incident that was stood down so recently that this is the same one: it bears the same
    key, or the monitor sees what failed then fail again. Closing changes nothing about that."""
    for incident in reversed(tuple(draft.world.incidents.values())):
        if incident.state not in ("stood-down", "closed"):
            continue
        within = draft.policy(incident).protocol.reopen_within_ms
        ended = incident.stood_down_at
        if not within or not ended or between(ended, draft.now.utc) > within:
            continue
        if incident.dedup == command.dedup and command.dedup:
            return incident
        if draft.who == MONITOR and _fails_again(draft.world, incident, command):
            return incident
    return None


def _fails_again(world: World, incident: Incident, command: c.DeclareIncident) -> bool:
    """Whether one of its services is suspected again, or one of the functions it cost is down again.

    Not where another incident is open for its key: that one goes on instead.
    """
    impact, worst = command.impact, incident.worst_impact
    down = {*impact.core_functions_down, *impact.functions_down}
    cost = {*worst.core_functions_down, *worst.functions_down}
    again = bool(set(services_about(world, incident)) & set(command.services) or down & cost)
    return again and world.open_for(incident.dedup) is None


def _reopen(draft: Draft, incident: Incident, command: c.DeclareIncident) -> None:
    """It has come back: the response goes on where the record of the first time stands."""
    new = tuple(one for one in command.services if one not in incident.services)
    kinship.reopen_recurrence(draft, incident, command.title.strip(), new)
    _note_unknown(draft, draft.policy(incident), incident.id, new)
    _request_evidence(draft, draft.policy(incident), incident.id, new)
    if command.impact not in (Impact(), incident.impact):
        _take_impact(draft, incident.id, command.impact)
    policy = draft.policy(incident)
    # Seen in the first round already, so it is nothing new; it stops everybody again all the same.
    if any(kind.all_stop for kind in kinds_that_hold(policy.protocol, command.impact)):
        ensure_all_stop(draft, incident.id)
    known = draft.incident(incident.id).severity
    # It is judged by the rules it was declared under first, which may not have today's severities.
    if command.severity and command.severity not in {
        one.name for one in policy.protocol.severities
    }:
        text = f"declared again as {command.severity}, which the protocol of {incident.id} does not know"
        draft.on_incident(incident.id, e.NoteAdded(text))
    elif command.severity and worse(policy.protocol, command.severity, known) != known:
        by_person = draft.who.kind is Kind.PERSON
        event = e.SeverityClassified(command.severity, GIVEN, -1, by_person)
        change_severity(draft, incident.id, event)
    draft.result["incident"] = incident.id
    draft.result["reopened"] = True


def measure_impact(draft: Draft, command: c.MeasureImpact) -> None:
    """Record impact. A worse one raises the severity; a milder one never lowers it by itself."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("set-severity", draft.who, policy, incident.roles))
    before = incident.impact
    by_system = draft.who.kind is Kind.SYSTEM
    impact = before.measured(command.impact) if by_system else before.reported(command.impact)
    if impact != before:
        _take_impact(draft, incident.id, impact)


def _take_impact(draft: Draft, id: str, impact: Impact) -> None:
    """Another impact: what it shows for the first time is acted on, and the severity may rise."""
    before = draft.incident(id)
    policy = draft.policy(before)
    new = tuple(
        kind
        for kind in kinds_that_hold(policy.protocol, impact)
        if kind.name != before.kind and not kind_holds(kind, before.worst_impact)
    )
    disputes = disputed(draft, id)
    draft.on_incident(id, e.ImpactMeasured(impact))
    note_disputes(draft, id, disputes)
    for kind in new:
        draft.on_incident(id, e.NoteAdded(f"recognised by the impact: {kind.title}"))
    found = classify(policy.protocol, impact)
    raise_to_kinds(draft, id, new, found if found.row >= 0 else None)
    for kind in new:
        call_responders(draft, id, kind)


def raise_to_kinds(
    draft: Draft, id: str, kinds: tuple[EmergencyKind, ...], measured: Classification | None = None
) -> None:
    """Whatever kinds of emergency bring that show only now: the all-stop, and at least their severity.

    measured: what the table says now, where that may raise the severity as well.
    """
    incident = draft.incident(id)
    protocol = draft.policy(incident).protocol
    # The kind that was declared stays; a halt condition stops everybody whenever it is seen.
    if any(kind.all_stop for kind in kinds):
        ensure_all_stop(draft, id)
    found = measured or Classification(incident.severity, -1, incident.severity_because)
    for kind in kinds:
        found = _at_least(protocol, found, kind)
    if worse(protocol, found.severity, incident.severity) != incident.severity:
        change_severity(draft, id, e.SeverityClassified(found.severity, found.because, found.row))


def set_severity(draft: Draft, command: c.SetSeverity) -> None:
    """A person sets the severity, up or down, with a reason."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("set-severity", draft.who, policy, incident.roles))
    draft.only_people("sets a severity by hand")
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
    event = e.SeverityClassified(command.severity, command.reason, -1, by_person=True)
    change_severity(draft, incident.id, event)


def change_severity(draft: Draft, incident: str, event: e.SeverityClassified) -> None:
    """Everything that goes with another severity: the all-stop, emergency mode, what is owed, the word."""
    before = draft.incident(incident).severity
    draft.on_incident(incident, event)
    protocol = draft.policy(draft.incident(incident)).protocol
    if protocol.severity(event.severity).all_stop:
        ensure_all_stop(draft, incident)
    follow_severity(draft, incident, before)
    if protocol.severity(event.severity).rank < protocol.severity(before).rank:
        note_lacking(draft, incident)
        owe(draft, incident, "declared")
    announce(draft, incident, "severity", {"before": before, "because": event.because})


def _at_least(
    protocol: Protocol, found: Classification, kind: EmergencyKind | None
) -> Classification:
    """A kind of emergency may have a severity of its own, which the classified one is never below."""
    floor = kind.severity if kind else ""
    if not kind or not floor or worse(protocol, floor, found.severity) == found.severity:
        return found
    return Classification(floor, -1, f"{kind.title} is {floor} at least")


def _first_severity(
    policy: Policy, command: c.DeclareIncident, kind: EmergencyKind | None
) -> Classification:
    """Measured severity, or the one given by hand; given and measured: the worse of the two. A kind is
    never milder than its own."""
    measured = classify(policy.protocol, command.impact)
    if command.severity:
        given = Classification(command.severity, -1, GIVEN)
        milder = worse(policy.protocol, command.severity, measured.severity) != command.severity
        if command.impact == Impact() or not milder:
            measured = given
    return _at_least(policy.protocol, measured, kind)


def _well_formed(draft: Draft, policy: Policy, command: c.DeclareIncident) -> Verdict:
    reasons = []
    if not command.title.strip() or len(command.title) > TITLE_LIMIT:
        text = f"a title has 1 to {TITLE_LIMIT} characters"
        reasons.append(Reason("bad-title", text, "say in a few words what fails"))
    reasons += _service_reasons(policy, command.services)
    for what, name in (("domain", command.domain), ("source", command.source)):
        if len(name) > NAME_LIMIT:
            text = f"the name of a {what} has at most {NAME_LIMIT} characters"
            reasons.append(Reason(f"bad-{what}", text))
    severities = [rule.name for rule in policy.protocol.severities]
    if command.severity and command.severity not in severities:
        text = f"the protocol has no severity {command.severity}"
        reasons.append(Reason("unknown-severity", text, nearest(command.severity, severities)))
    if command.kind and policy.protocol.activation.kind(command.kind) is None:
        kinds = [kind.name for kind in policy.protocol.activation.kinds]
        text = f"the protocol has no kind of emergency {command.kind}"
        reasons.append(Reason("unknown-kind", text, nearest(command.kind, kinds)))
    if one := draft.world.open_for(command.dedup):
        text = f"{one.id} is open for {command.dedup}"
        reasons.append(Reason("already-declared", text, f"allstop show {one.id}"))
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
