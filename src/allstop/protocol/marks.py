"""Marks in documents: does what they name exist?"""

from __future__ import annotations

from allstop.domain.progress import MARKS, NAMED_MARKS
from allstop.domain.verdict import nearest
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place


def check_mark(mark: str, model: ProtocolDocument, place: Place, found: Findings) -> bool:
    """Whether a mark is one, and what it names exists."""
    kind, colon, name = mark.partition(":")
    if not colon and mark in MARKS:
        return True
    if not colon or kind not in NAMED_MARKS or not name:
        named = [f"{each}:NAME" for each in NAMED_MARKS]
        found.add("AP112", place, f"there is no mark {mark}", nearest(mark, (*MARKS, *named)))
        return False
    match kind:
        case "form":
            return found.known("AP113", name, model.forms, place, "form")
        case "role":
            return found.known("AP041", name, model.roles, place, "role")
        case "obligation":
            return found.known("AP112", name, model.obligations, place, "obligation")
        case "aftercare":
            return found.known("AP112", name, model.aftercare, place, "watch of the aftercare")
        case _:
            # What may be stated is open: a statement's name is whatever people agree on.
            return True
