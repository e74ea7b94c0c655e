"""The course of a response to values: roles, crews, phases, deadlines, modes."""

from __future__ import annotations

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import (
    AllStop,
    CrewRule,
    Criterion,
    CriterionKind,
    DeadlineRule,
    EmergencyMode,
    Escalation,
    Phase,
    Preflight,
    ReleaseRule,
    ReleaseStage,
    Relief,
    RoleRule,
)
from allstop.protocol.compile_conditions import conditions
from allstop.protocol.document_response import (
    AllStopDocument,
    CrewDocument,
    CriterionDocument,
    DeadlineDocument,
    EscalationDocument,
    ModeDocument,
    PhaseDocument,
    PreflightDocument,
    ReliefDocument,
    RoleDocument,
    StagesDocument,
)
from allstop.protocol.times import spans

# What each kind of criterion keeps as its subject; the others speak about everything.
_SUBJECTS = ("plan", "statement", "approval", "role", "form")


def compile_roles(written: dict[str, RoleDocument]) -> tuple[RoleRule, ...]:
    return tuple(
        RoleRule(
            name,
            role.title or name,
            role.fill,
            role.duties,
            {severity: tuple(skills) for severity, skills in role.needs.items()},
        )
        for name, role in written.items()
    )


def compile_crews(written: dict[str, CrewDocument]) -> tuple[CrewRule, ...]:
    return tuple(
        CrewRule(
            name=name,
            title=crew.title or name,
            objective=crew.objective,
            teams=tuple(crew.teams),
            domains=tuple(crew.domains),
            hit_domain=crew.hit_domain,
            size=crew.size,
        )
        for name, crew in written.items()
    )


def compile_all_stop(written: AllStopDocument) -> AllStop:
    return AllStop(
        roll_call_ms=written.roll_call,
        reminder_ms=written.remind_after,
        enforce=written.enforce,
        order=written.order,
        release=tuple(
            ReleaseRule(severity, rule.persons, rule.keys)
            for severity, rule in (*written.release.items(), ("", written.release_by_hand))
            if rule is not None
        ),
        stages=_stages(written.stages) if written.stages is not None else (),
    )


def _stages(written: StagesDocument) -> tuple[ReleaseStage, ...]:
    parts = (
        ("responders", written.responders),
        ("reading", written.reading),
        ("canary", written.canary),
    )
    return tuple(ReleaseStage(name, part.watch) for name, part in parts if part is not None)


def compile_phases(written: dict[str, PhaseDocument]) -> tuple[Phase, ...]:
    return tuple(
        Phase(
            name=name,
            title=phase.title or name,
            automatic=phase.automatic,
            exit=compile_criteria(phase.exit),
            actions=tuple(phase.actions),
        )
        for name, phase in written.items()
    )


def compile_criteria(written: dict[str, CriterionDocument]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(
            id=id,
            kind=CriterionKind(criterion.kind),
            title=criterion.title or id,
            subject=str(getattr(criterion, criterion.kind)) if criterion.kind in _SUBJECTS else "",
            probes=tuple(criterion.watched or ()),
            window_ms=criterion.stable_for or criterion.timer or 0,
            min_samples=criterion.fewest,
            when=conditions(criterion.impact or {}, IMPACT_FACTS),
        )
        for id, criterion in written.items()
    )


def compile_deadlines(written: dict[str, DeadlineDocument]) -> tuple[DeadlineRule, ...]:
    return tuple(
        DeadlineRule(
            id=id,
            title=rule.title or id,
            within=spans(rule.within),
            until=tuple(rule.until),
            begins=rule.begins,
        )
        for id, rule in written.items()
    )


def compile_escalation(written: EscalationDocument) -> Escalation:
    return Escalation(tuple(written.chain), written.every)


def compile_relief(written: ReliefDocument) -> Relief:
    return Relief(written.after or 0, written.again or 0, written.rest or 0)


def compile_mode(written: ModeDocument) -> EmergencyMode:
    return EmergencyMode(
        suspended={id: title or id for id, title in written.suspend.items()},
        enabled={id: title or id for id, title in written.enable.items()},
        expires_ms=written.expires or 0,
        severities=tuple(written.severities),
    )


def compile_preflight(written: PreflightDocument) -> Preflight:
    return Preflight(
        tuple(written.checks), written.required, written.understood_every or 0, written.every,
        tuple(written.tell),
    )  # fmt: skip
