"""How often people are told: cadences, of one severity or of all."""

from __future__ import annotations

import re

from allstop.protocol.importing.assuming import named_in, worst
from allstop.protocol.importing.draft import Draft, Value
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.words import span_in

_CADENCE = re.compile(
    r"\b(?:updates?|status|communicat\w*|brief\w*)\b[^.;]*?\b(?:every|each|hourly|daily|half[\s-]hourly)\b[^.;]*",
    re.IGNORECASE,
)
_EVERY = re.compile(
    r"\bevery\b[^.;]{0,40}\b(?:updates?|status)\b|\b(?:hourly|daily) (?:status )?updates?\b|\bupdate (?:interval|frequency|cadence)\b[^.;]*",
    re.IGNORECASE,
)


def read_cadence(found: list[Piece], draft: Draft) -> None:
    """`Updates every 15 minutes`: for the severities it names, else for all that have none of their own."""
    for piece in draft.free(found, "updates", "phase", "", "procedure", "severity"):
        match = _CADENCE.search(piece.text) or _EVERY.search(piece.text)
        if match is None:
            continue
        at = re.search(r"every|each", match[0], re.IGNORECASE)
        span = span_in(match[0][at.start() :] if at else match[0])
        if span:
            _put(draft, span, named_in(draft, piece.text) or worst(draft), piece)


def _put(draft: Draft, span: str, names: list[str], piece: Piece) -> None:
    taken = False
    for name in names:
        before = draft.get("severities", name, "update_every")
        if before is not None and before.value == span:
            lines = tuple(sorted({*before.lines, *piece.lines}))
            draft.at("severities", name)["update_every"] = Value(span, lines)
            draft.claimed |= set(piece.lines)
            taken = True
        else:
            taken = draft.put(("severities", name, "update_every"), span, piece) or taken
    if names and not taken:
        draft.note(piece, piece.text, "each severity has a cadence from another line already")
