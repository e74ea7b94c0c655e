"""One fleet document by itself, such as a draft: without the protocol and the roster beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from allstop.domain.policy import Fleet
from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check import check
from allstop.protocol.compile_fleet import compile_fleet
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.documents import Documents
from allstop.protocol.inherit import Source, read_source
from allstop.protocol.problems import Place, Problem, in_order
from allstop.protocol.shape import shape


class StandaloneFleet(NamedTuple):
    """fleet: None when a problem is an error."""

    fleet: Fleet | None
    problems: tuple[Problem, ...]


def load_fleet(path: Path, catalogue: Catalogue) -> StandaloneFleet:
    """A fleet document by path. Never raises for what it holds. Checks that need a protocol are left out."""
    shown = str(path)
    root, problems = read_source(Source(shown, path), Place(shown, 1, 1))
    if root is None:
        return StandaloneFleet(None, in_order(problems))
    document, found = shape(root, FleetDocument, shown)
    checked = check(Documents(None, document, None), catalogue)
    problems = in_order((*problems, *found, *checked))
    fleet = None
    if document.model is not None and not any(each.is_error for each in problems):
        fleet = compile_fleet(document.model)
    return StandaloneFleet(fleet, problems)
