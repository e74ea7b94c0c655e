"""The decisions of a protocol to values: the remedy, approvals, stop rules."""

from __future__ import annotations

from allstop.domain.approvals import APPROVAL_FACTS
from allstop.domain.policy import (
    ApprovalRow,
    Approvals,
    RemedyRow,
    RemedyRules,
    StopRule,
)
from allstop.domain.remedy import REMEDY_FACTS
from allstop.protocol.compile_conditions import STOP_FACTS, conditions
from allstop.protocol.document_remedy import (
    ApprovalsDocument,
    RemedyDocument,
    StopRuleDocument,
)


def compile_remedy(written: RemedyDocument) -> RemedyRules:
    return RemedyRules(
        rows=tuple(
            RemedyRow(row.remedy, conditions(row.when, REMEDY_FACTS), row.because)
            for row in written.table
        ),
        recent_ms=written.recent,
        decide_within_ms=written.decide_within,
        gate_samples=written.gate.samples,
        gate_window_ms=written.gate.window,
        gate_limit_ms=written.gate.limit,
    )


def compile_approvals(written: ApprovalsDocument) -> Approvals:
    return Approvals(
        rows=tuple(
            ApprovalRow(
                when=conditions(row.when, APPROVAL_FACTS),
                by=tuple(row.by),
                people=row.people,
                because=row.because,
                reviewers=tuple(row.reviewers),
                within=row.within,
            )
            for row in written.table
        ),
        risk=dict(written.risk),
        levels={str(level): text for level, text in written.levels.items()},
    )


def compile_stop_rules(written: dict[str, StopRuleDocument]) -> tuple[StopRule, ...]:
    return tuple(
        StopRule(id, rule.title or id, conditions(rule.when, STOP_FACTS), rule.because)
        for id, rule in written.items()
    )
