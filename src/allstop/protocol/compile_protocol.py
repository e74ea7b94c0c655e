"""`protocol.yaml`, with what it extends merged in, to the protocol of the policy."""

from __future__ import annotations

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import (
    Activation,
    ActivationRule,
    AlertRule,
    ClassificationRow,
    Closing,
    EmergencyKind,
    Grant,
    Protocol,
    SeverityRule,
    Targets,
)
from allstop.domain.policy.degradation import Degree
from allstop.protocol.compile_aftermath import (
    compile_aftercare,
    compile_drills,
    compile_ledger,
    compile_objectives,
    compile_obligations,
    compile_review,
)
from allstop.protocol.compile_conditions import conditions
from allstop.protocol.compile_decisions import (
    compile_approvals,
    compile_remedy,
    compile_stop_rules,
)
from allstop.protocol.compile_response import (
    compile_all_stop,
    compile_crews,
    compile_criteria,
    compile_deadlines,
    compile_escalation,
    compile_mode,
    compile_phases,
    compile_preflight,
    compile_relief,
    compile_roles,
)
from allstop.protocol.compile_telling import (
    compile_audiences,
    compile_calendar,
    compile_forms,
    compile_templates,
    compile_updates,
)
from allstop.protocol.document_protocol import ProtocolDocument


def compile_protocol(written: ProtocolDocument, chain: tuple[str, ...]) -> Protocol:
    """The protocol as the core reads it. chain: what it extends, nearest first."""
    return Protocol(
        name=written.name,
        title=written.title or written.name,
        extends=chain,
        severities=_severities(written),
        classification=tuple(
            ClassificationRow(row.severity, conditions(row.when, IMPACT_FACTS), row.because)
            for row in written.classification
        ),
        roles=compile_roles(written.roles),
        authority=tuple(Grant(action, tuple(to)) for action, to in written.authority.items()),
        all_stop=compile_all_stop(written.all_stop),
        phases=compile_phases(written.phases),
        stand_down=compile_criteria(written.stand_down),
        remedy=compile_remedy(written.remedy),
        updates=compile_updates(written.updates),
        audiences=compile_audiences(written.audiences),
        escalation=compile_escalation(written.escalation),
        evidence=tuple(written.evidence),
        obligations=compile_obligations(written.obligations),
        terms=dict(written.terms),
        approvals=compile_approvals(written.approvals),
        activation=_activation(written),
        offices={id: title or id for id, title in written.offices.items()},
        crews=compile_crews(written.crews),
        deadlines=compile_deadlines(written.deadlines),
        calendar=compile_calendar(written.calendar),
        forms=compile_forms(written.forms),
        templates=compile_templates(written.templates),
        mode=compile_mode(written.emergency_mode),
        relief=compile_relief(written.relief),
        closing=Closing({name: tuple(marks) for name, marks in written.closing.items()}),
        ledger=compile_ledger(written.ledger),
        objectives=compile_objectives(written.objectives),
        warn_at_percent=written.warn_at,
        stop_rules=compile_stop_rules(written.stop_rules),
        degradation=_degradation(written),
        preflight=compile_preflight(written.preflight),
        reopen_within_ms=written.reopen_within,
        channel=written.channel,
        report_sections=tuple(written.report.sections),
        drills=compile_drills(written.drills),
        review=compile_review(written.review),
        aftercare=compile_aftercare(written.aftercare),
    )


def _severities(written: ProtocolDocument) -> tuple[SeverityRule, ...]:
    return tuple(
        SeverityRule(
            name=name,
            rank=rank,
            title=rule.title or name,
            description=rule.description,
            respond=rule.respond_within,
            update_every=rule.update_every,
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


def _degradation(written: ProtocolDocument) -> tuple[Degree, ...]:
    return tuple(
        Degree(
            level,
            tuple(row.severities),
            tuple(row.isolate),
            dict(row.capacity),
            row.look_every or 0,
        )
        for level, row in written.degradation.items()
    )


def _activation(written: ProtocolDocument) -> Activation:
    rules = written.activation
    return Activation(
        who=tuple(
            ActivationRule(rule.who, tuple(rule.kinds), rule.own_domain, tuple(rule.tell))
            for rule in rules.who
        ),
        phrases=tuple(rules.phrases),
        confirm=tuple(rules.confirm),
        alerts=tuple(
            AlertRule(dict(rule.labels), rule.kind or "", rule.act) for rule in rules.alerts
        ),
        kinds=tuple(
            EmergencyKind(
                name=name,
                title=kind.title or name,
                when=conditions(kind.when, IMPACT_FACTS),
                severity=kind.severity or "",
                all_stop=kind.all_stop,
                first_responders=tuple(kind.first_responders),
                escalation=tuple(kind.escalation),
                tell=tuple(kind.tell),
                phase=kind.phase or "",
            )
            for name, kind in rules.kinds.items()
        ),
    )
