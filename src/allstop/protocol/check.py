"""Cross-checks: what no single value shows. Pure; adapters are handed in as a catalogue."""

from __future__ import annotations

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_authority import check_authority
from allstop.protocol.check_fleet import check_fleet
from allstop.protocol.check_gates import check_gates, check_watching
from allstop.protocol.check_protocol import check_protocol, check_telling
from allstop.protocol.check_roster import check_people, check_roster
from allstop.protocol.check_tables import check_tables
from allstop.protocol.documents import Documents
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Problem, in_order


def check(documents: Documents, catalogue: Catalogue) -> tuple[Problem, ...]:
    """Every problem, sorted. A document without its shape is left out, with what refers to it."""
    found = Findings()
    protocol, fleet, roster = documents.protocol, documents.fleet, documents.roster
    if protocol and protocol.model:
        check_protocol(protocol, protocol.model, found)
        check_tables(protocol, protocol.model, found)
        check_gates(protocol, protocol.model, found)
    if fleet and fleet.model:
        check_fleet(fleet, fleet.model, catalogue, found)
    if roster and roster.model:
        check_roster(roster, roster.model, catalogue, found)
    if protocol and protocol.model and roster and roster.model:
        check_authority(protocol, protocol.model, roster.model, found)
        check_telling(protocol, protocol.model, roster.model, found)
        check_people(protocol, protocol.model, roster, found)
    if protocol and protocol.model and fleet and fleet.model:
        check_watching(protocol, protocol.model, fleet, found)
    return in_order(found.problems)
