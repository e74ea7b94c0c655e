"""Documents to the immutable `Policy` the core consults."""

from __future__ import annotations

from typing import Any

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import (
    ActionSpec,
    AgentEntry,
    AllStop,
    Audience,
    Channel,
    ClassificationRow,
    Condition,
    Criterion,
    CriterionKind,
    Dependency,
    DependencyKind,
    Fleet,
    Function,
    Grant,
    Meter,
    MonitorSettings,
    Obligation,
    Person,
    Phase,
    Policy,
    ProbeSpec,
    Protocol,
    RemedyRow,
    RemedyRules,
    RoleRule,
    Roster,
    Service,
    SeverityRule,
    Targets,
    Team,
    UpdateRules,
)
from allstop.domain.remedy import REMEDY_FACTS
from allstop.protocol.document_fleet import (
    ActionDocument,
    FleetDocument,
    MeterDocument,
    ServiceDocument,
    VerifyDocument,
)
from allstop.protocol.document_protocol import CriterionDocument, ProtocolDocument, When
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.documents import Documents
from allstop.protocol.scalars import parse_money

# What each kind of criterion keeps as its subject; the others speak about everything.
_SUBJECTS = ("plan", "statement", "approval", "role")


def compile_policy(documents: Documents) -> Policy:
    """The policy of documents that passed `check`. Raises ValueError when one lacks its shape."""
    protocol, fleet, roster = documents.protocol, documents.fleet, documents.roster
    if not (protocol and protocol.model and fleet and fleet.model and roster and roster.model):
        raise ValueError("documents with problems cannot be compiled")
    return Policy(
        protocol=compile_protocol(protocol.model, documents.chain),
        fleet=_fleet(fleet.model),
        roster=_roster(roster.model),
    )


def conditions(when: When, facts: dict[str, str]) -> tuple[Condition, ...]:
    """The tests of a row. facts: sorts by name; amounts of money lose their currency to `unit`."""
    found = []
    for fact, test in when.items():
        for op, value in test.written():
            money = (
                parse_money(value)
                if facts.get(fact) == "money" and isinstance(value, str)
                else None
            )
            if money is not None:
                found.append(Condition(fact, op, money[0], money[1]))
            else:
                found.append(Condition(fact, op, value))
    return tuple(found)


def compile_protocol(written: ProtocolDocument, chain: tuple[str, ...]) -> Protocol:
    """`protocol.yaml`, with what it extends merged in, as the core reads it."""
    return Protocol(
        name=written.name,
        title=written.title or written.name,
        extends=chain,
        severities=_severities(written),
        classification=tuple(
            ClassificationRow(row.severity, conditions(row.when, IMPACT_FACTS), row.because)
            for row in written.classification
        ),
        roles=tuple(
            RoleRule(name, role.title or name, role.fill, role.duties)
            for name, role in written.roles.items()
        ),
        authority=tuple(Grant(action, tuple(to)) for action, to in written.authority.items()),
        all_stop=AllStop(
            roll_call_ms=written.all_stop.roll_call,
            reminder_ms=written.all_stop.remind_after,
            enforce=written.all_stop.enforce,
            order=written.all_stop.order,
        ),
        phases=tuple(
            Phase(
                name,
                phase.title or name,
                phase.automatic,
                _criteria(phase.exit),
                tuple(phase.actions),
            )
            for name, phase in written.phases.items()
        ),
        stand_down=_criteria(written.stand_down),
        remedy=_remedy(written),
        updates=UpdateRules(written.updates.grace, tuple(written.updates.statuses)),
        audiences=tuple(
            Audience(name, audience.title or name, tuple(audience.channels))
            for name, audience in written.audiences.items()
        ),
        escalation=tuple(written.escalation),
        evidence=tuple(written.evidence),
        obligations=tuple(
            Obligation(id, owed.title, owed.owner, owed.within)
            for id, owed in written.obligations.items()
        ),
        terms=dict(written.terms),
    )


def _severities(written: ProtocolDocument) -> tuple[SeverityRule, ...]:
    return tuple(
        SeverityRule(
            name=name,
            rank=rank,
            title=rule.title or name,
            description=rule.description,
            respond_ms=rule.respond_within,
            update_every_ms=rule.update_every,
            all_stop=rule.all_stop,
            audiences=tuple(rule.tell),
            targets=Targets(
                detect_ms=rule.targets.detect,
                respond_ms=rule.targets.respond,
                contain_ms=rule.targets.contain,
                resolve_ms=rule.targets.resolve,
            ),
        )
        for rank, (name, rule) in enumerate(written.severities.items(), start=1)
    )


def _criteria(written: dict[str, CriterionDocument]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(
            id=id,
            kind=CriterionKind(criterion.kind),
            title=criterion.title or id,
            subject=str(getattr(criterion, criterion.kind)) if criterion.kind in _SUBJECTS else "",
            probes=tuple(criterion.watched or ()),
            window_ms=criterion.stable_for or 0,
            min_samples=criterion.fewest,
        )
        for id, criterion in written.items()
    )


def _remedy(written: ProtocolDocument) -> RemedyRules:
    rules = written.remedy
    return RemedyRules(
        rows=tuple(
            RemedyRow(row.remedy, conditions(row.when, REMEDY_FACTS), row.because)
            for row in rules.table
        ),
        contain_automatic=tuple(rules.contain_automatically),
        approve=rules.approve or "",
        recent_ms=rules.recent,
        decide_within_ms=rules.decide_within,
        gate_samples=rules.gate.samples,
        gate_window_ms=rules.gate.window,
        gate_limit_ms=rules.gate.limit,
    )


def _fleet(written: FleetDocument) -> Fleet:
    return Fleet(
        services=tuple(_service(name, service) for name, service in written.services.items()),
        functions=tuple(
            Function(name, each.title or name, each.core, each.probe, tuple(each.services))
            for name, each in written.functions.items()
        ),
        meters=tuple(_meter(name, meter) for name, meter in written.meters.items()),
        monitor=MonitorSettings(written.monitor.interval, written.monitor.known_good_after),
    )


def _service(name: str, written: ServiceDocument) -> Service:
    return Service(
        name=name,
        title=written.title or name,
        category=written.category,
        importance=written.importance,
        protected=written.protected,
        stateful=written.stateful,
        depends=tuple(Dependency(to, DependencyKind(kind)) for to, kind in written.depends.items()),
        probes=tuple(
            ProbeSpec(
                id, name, probe.adapter, _copy(probe.options), probe.timeout, probe.fall, probe.rise
            )
            for id, probe in written.probes.items()
        ),
        actions={str(purpose): _action(action) for purpose, action in written.actions.items()},
        verify={
            str(purpose): _single(f"{name}/{purpose}", name, verify)
            for purpose, verify in written.verify.items()
        },
        diagnose={id: _action(action) for id, action in written.diagnose.items()},
    )


def _single(name: str, service: str, written: VerifyDocument | MeterDocument) -> ProbeSpec:
    """A probe whose first sample counts."""
    return ProbeSpec(name, service, written.adapter, _copy(written.options), written.timeout, 1, 1)


def _action(written: ActionDocument) -> ActionSpec:
    return ActionSpec(written.adapter, written.verb, _copy(written.options), written.timeout)


def _meter(name: str, written: MeterDocument) -> Meter:
    reads = written.reads
    return Meter(
        probe=_single(name, "", written),
        attempts=reads.attempts or "",
        failures=reads.failures or "",
        lost=reads.lost or "",
        currency=reads.currency or "",
        window_ms=reads.window_ms or "",
        users=reads.users or "",
    )


def _roster(written: RosterDocument) -> Roster:
    return Roster(
        people=tuple(
            Person(
                id=id,
                name=person.name,
                login=person.login or "",
                roles=tuple(person.roles),
                domains=tuple(person.domains),
                channels=tuple(person.channels),
                owner=person.owner,
            )
            for id, person in written.people.items()
        ),
        agents=tuple(
            AgentEntry(id, agent.name or id, agent.team or "", agent.adapter, _copy(agent.options))
            for id, agent in written.agents.items()
        ),
        teams=tuple(Team(name, team.title or name) for name, team in written.teams.items()),
        channels=tuple(
            Channel(name, channel.adapter, _copy(channel.options))
            for name, channel in written.channels.items()
        ),
    )


def _copy(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the policy's own, so that nothing else can change them later."""
    return {key: _copied(value) for key, value in options.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return _copy(value)
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value
