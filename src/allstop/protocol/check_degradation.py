"""Checks of the degradation table."""

from __future__ import annotations

from allstop.domain.planning.selecting import KINDS
from allstop.domain.verdict import nearest
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path


def check_degradation(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Each severity calls for one degree, and each target is of a kind that a fleet can have."""
    rows: dict[str, str] = {}
    for level, degree in model.degradation.items():
        path = ("degradation", level)
        for place, severity in enumerate(degree.severities):
            first = rows.setdefault(severity, level)
            if first != level:
                where = document.at(*path, "severities", place)
                text = f"{severity} calls for {first} already"
                found.add("AP158", where, text, "name it in one of the rows")
        targets: list[tuple[str, Path]] = [
            (target, ("isolate", place)) for place, target in enumerate(degree.isolate)
        ]
        targets += [(target, ("capacity", target)) for target in degree.capacity]
        for target, step in targets:
            kind, colon, value = target.partition(":")
            if colon and (kind not in KINDS or not value):
                text = f"{target}: services are named by {', '.join(KINDS)}"
                found.add("AP159", document.at(*path, *step), text, nearest(kind, KINDS))
