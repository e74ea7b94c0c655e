"""Cross-checks: what no single value shows. Pure; adapters are handed in as a catalogue."""

from __future__ import annotations

from datetime import date

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_activation import check_activation
from allstop.protocol.check_aftermath import check_aftercare, check_aftermath
from allstop.protocol.check_approvals import check_approvals
from allstop.protocol.check_authority import check_authority, check_releases
from allstop.protocol.check_fleet import check_fleet
from allstop.protocol.check_gates import check_gates, check_watching
from allstop.protocol.check_people import check_answering, check_escalation, check_people
from allstop.protocol.check_playbook import check_playbooks
from allstop.protocol.check_protocol import check_protocol
from allstop.protocol.check_roster import check_roster
from allstop.protocol.check_tables import check_tables
from allstop.protocol.check_telling import check_telling, check_texts
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.documents import Documents
from allstop.protocol.entries import Names
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Problem, in_order
from allstop.protocol.shape import Document


def check(
    documents: Documents, catalogue: Catalogue, today: date | None = None
) -> tuple[Problem, ...]:
    """Every problem, sorted. A document without its shape is left out, with what refers to it.

    today: None leaves out what depends on the date.
    """
    found = Findings()
    protocol, fleet, roster = documents.protocol, documents.fleet, documents.roster
    people = roster if roster and roster.model else None
    if fleet and fleet.model:
        written = protocol.model if protocol else None
        check_fleet(fleet, fleet.model, catalogue, found, written.objectives if written else {})
    if people and people.model:
        check_roster(people, people.model, catalogue, found)
    if protocol and protocol.model:
        _protocol(protocol, protocol.model, people, today, found)
        if fleet and fleet.model:
            check_watching(protocol, protocol.model, fleet, found)
            check_aftercare(protocol, protocol.model, fleet, found)
    names = (
        Names(protocol.model, people.model if people else None)
        if protocol and protocol.model
        else None
    )
    check_playbooks(documents.playbooks, names, fleet.model if fleet else None, found)
    return in_order(found.problems)


def _protocol(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    people: Document[RosterDocument] | None, today: date | None, found: Findings,
) -> None:  # fmt: skip
    """The protocol, with the roster where it is known."""
    roster = people.model if people else None
    names = Names(model, roster)
    check_protocol(document, model, found)
    check_activation(document, names, found)
    check_tables(document, model, found)
    check_gates(document, names, found)
    check_approvals(document, names, found)
    check_texts(document, model, found)
    check_aftermath(document, model, today, found)
    check_authority(document, names, found)
    check_releases(document, names, found)
    check_answering(document, model, roster, found)
    check_escalation(document, names, people, found)
    if people and roster:
        check_telling(document, model, roster, found)
        check_people(document, names, people, found)
