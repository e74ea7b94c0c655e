"""One protocol by itself, without fleet and roster: for looking, comparing, rehearsing, measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from allstop.domain.approvals import APPROVAL_FACTS
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import Condition, Protocol
from allstop.domain.remedy import REMEDY_FACTS
from allstop.domain.verdict import nearest
from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check import check
from allstop.protocol.compile_protocol import compile_protocol
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.documents import Documents
from allstop.protocol.inherit import Source, every_pack, packs, read_chain
from allstop.protocol.problems import Problem, in_order, problem
from allstop.protocol.reader import Node
from allstop.protocol.shape import Document, shape
from allstop.protocol.tables import Situation, examine


class Standalone(NamedTuple):
    """protocol: None when a problem is an error; document: for the place of each value."""

    protocol: Protocol | None
    problems: tuple[Problem, ...]
    document: Document[ProtocolDocument] | None


@dataclass(frozen=True, slots=True)
class Totality:
    """How far a table answers.

    situations: combinations of values its tests can tell apart, unknown among them; gaps: how many of
    them no row matches, with some `examples`; contradictions: rows with the same tests as an earlier
    one and another outcome; dead: rows no situation reaches; exact: False when the table was too
    large to be searched to the end.
    """

    name: str
    rows: int
    situations: int
    gaps: int
    examples: tuple[Situation, ...]
    contradictions: int
    dead: int
    exact: bool


def load_protocol(source: str | Path, today: date | None = None) -> Standalone:
    """A built-in protocol by name, or a file by path. Never raises for what it holds.

    today: None leaves out what depends on the date.

    Checks that need a fleet or a roster are left out; so names of people, teams, channels and probes
    are taken as they stand.
    """
    name = str(source)
    if isinstance(source, str) and name in every_pack():
        start = Source(f"packs/{name}.yaml", None, name)
    else:
        start = Source(name, Path(name))
    root, chain, problems = read_chain(start)
    if root is None:
        return Standalone(None, in_order(problems), None)
    if (abstract := _abstract(root)) is not None:
        return Standalone(None, in_order((*problems, abstract)), None)
    document, found = shape(root, ProtocolDocument, start.shown)
    problems = in_order(
        (*problems, *found, *check(Documents(document, None, None, chain), Catalogue(), today))
    )
    protocol = None
    if document.model is not None and not any(each.is_error for each in problems):
        protocol = compile_protocol(document.model, chain)
    return Standalone(protocol, problems, document)


def _abstract(root: Node) -> Problem | None:
    entry = root.value.get("abstract") if isinstance(root.value, dict) else None
    if entry is None or entry.value is not True:
        return None
    text = "this protocol is made to be extended, and is none of its own"
    return problem("AP033", entry.place, text, nearest("", packs()))


def totality(protocol: Protocol) -> tuple[Totality, ...]:
    """The tables of a protocol, each searched over its whole fact space."""
    ranks = len(protocol.severities)
    classification = [(row.when, row.severity) for row in protocol.classification]
    remedy = [(row.when, row.remedy) for row in protocol.remedy.rows]
    approvals = [(row.when, (row.by, row.people, row.reviewers)) for row in protocol.approvals.rows]
    tables: tuple[tuple[str, Sequence[tuple[tuple[Condition, ...], object]], dict[str, str]], ...]
    tables = (
        ("classification", classification, IMPACT_FACTS),
        ("remedy", remedy, REMEDY_FACTS),
        ("approvals", approvals, APPROVAL_FACTS),
    )
    # No approval table means one person who may approve: there is nothing to search.
    return tuple(_totality(name, rows, facts, ranks) for name, rows, facts in tables if rows)


def _totality(
    name: str,
    rows: Sequence[tuple[tuple[Condition, ...], object]],
    facts: Mapping[str, str],
    ranks: int,
) -> Totality:
    report = examine([when for when, _ in rows], facts, ranks)
    return Totality(
        name=name,
        rows=len(rows),
        situations=report.situations,
        gaps=report.uncovered,
        examples=report.gaps,
        contradictions=sum(rows[row][1] != rows[earlier][1] for row, earlier in report.doubles),
        dead=len(report.dead) + len(report.doubles),
        exact=report.exact,
    )
