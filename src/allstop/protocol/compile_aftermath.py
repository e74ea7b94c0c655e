"""What is owed and kept, to values: obligations, ledger, objectives, drills, review."""

from __future__ import annotations

from allstop.domain.policy import (
    Drill,
    Ledger,
    LedgerRule,
    Objective,
    Obligation,
    Review,
    Watch,
)
from allstop.protocol.document_aftermath import (
    DrillDocument,
    LedgerDocument,
    ObjectiveDocument,
    ObligationDocument,
    ReviewDocument,
    WatchDocument,
)
from allstop.protocol.times import spans


def compile_obligations(written: dict[str, ObligationDocument]) -> tuple[Obligation, ...]:
    return tuple(
        Obligation(
            id=id,
            title=owed.title,
            owner=owed.owner,
            within=owed.within,
            begins=owed.begins,
            met_by=owed.met_by or "",
            severities=tuple(owed.severities),
            kinds=tuple(owed.kinds),
            remind=owed.remind,
            meeting=owed.meeting,
        )
        for id, owed in written.items()
    )


def compile_aftercare(written: dict[str, WatchDocument]) -> tuple[Watch, ...]:
    return tuple(
        Watch(
            id=id,
            title=watch.title or id,
            lasts_ms=watch.lasts,
            every_ms=watch.every or 0,
            probes=None if watch.probes is None else tuple(watch.probes),
            failed_share_percent=watch.failed_share,
            fall=watch.fall,
            when_bad=watch.when_bad,
            severities=tuple(watch.severities),
        )
        for id, watch in written.items()
    )


def compile_ledger(written: LedgerDocument) -> Ledger:
    rules = tuple(
        LedgerRule(id, rule.to, rule.points, rule.because) for id, rule in written.rules.items()
    )
    return Ledger(rules, written.resolver or "")


def compile_objectives(written: dict[str, ObjectiveDocument]) -> tuple[Objective, ...]:
    return tuple(
        Objective(name, spans(objective.rto), objective.rpo) for name, objective in written.items()
    )


def compile_drills(written: dict[str, DrillDocument]) -> tuple[Drill, ...]:
    return tuple(
        Drill(id, drill.title or id, drill.every, tuple(drill.scenarios), drill.announced)
        for id, drill in written.items()
    )


def compile_review(written: ReviewDocument) -> Review:
    return Review(written.every or 0, written.last or "")
