"""A project folder's three documents and its playbooks: read, shaped, checked, compiled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from allstop.domain.policy import Policy
from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check import check
from allstop.protocol.compile import compile_policy
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.documents import Documents
from allstop.protocol.inherit import Source, read_chain, read_source
from allstop.protocol.problems import Place, Problem, in_order
from allstop.protocol.read_playbooks import read_playbooks
from allstop.protocol.shape import Document, M, shape

FILES = ("protocol.yaml", "fleet.yaml", "roster.yaml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """policy: None when any problem is an error; documents: for the place of each value."""

    policy: Policy | None
    problems: tuple[Problem, ...]
    documents: Documents


def load(folder: Path, catalogue: Catalogue, today: date | None = None) -> Loaded:
    """Everything about a project folder at once. Never raises for what its files hold.

    today: None leaves out what depends on the date.
    """
    documents, problems = read_documents(folder)
    problems = in_order((*problems, *check(documents, catalogue, today)))
    policy = None
    if documents.complete and not any(each.is_error for each in problems):
        policy = compile_policy(documents)
    return Loaded(policy, problems, documents)


def read_documents(folder: Path) -> tuple[Documents, tuple[Problem, ...]]:
    """The documents as far as they can be understood, and the problems of reading and shape."""
    source = Source("protocol.yaml", folder / "protocol.yaml")
    root, chain, problems = read_chain(source)
    protocol: Document[ProtocolDocument] | None = None
    if root is not None:
        protocol, found = shape(root, ProtocolDocument, source.shown)
        problems += found
    fleet, found = _one(folder, "fleet.yaml", FleetDocument)
    problems += found
    roster, found = _one(folder, "roster.yaml", RosterDocument)
    problems += found
    playbooks, chains, found = read_playbooks(folder)
    problems += found
    return Documents(protocol, fleet, roster, chain, playbooks, chains), problems


def _one(folder: Path, name: str, model: type[M]) -> tuple[Document[M] | None, tuple[Problem, ...]]:
    root, problems = read_source(Source(name, folder / name), Place(name, 1, 1))
    if root is None:
        return None, problems
    document, found = shape(root, model, name)
    return document, problems + found
