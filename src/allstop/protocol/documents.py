"""The three documents together, as far as each could be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_playbook import PlaybookDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.shape import Document


@dataclass(frozen=True, slots=True)
class Documents:
    """None where a file could not be parsed; chain: what the protocol extends, nearest first; playbooks: those
    that could be parsed; chains: what each of them extends, by its file."""

    protocol: Document[ProtocolDocument] | None
    fleet: Document[FleetDocument] | None
    roster: Document[RosterDocument] | None
    chain: tuple[str, ...] = ()
    playbooks: tuple[Document[PlaybookDocument], ...] = ()
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all three have the shape they must have."""
        found = (self.protocol, self.fleet, self.roster)
        return all(each is not None and each.model is not None for each in found)
