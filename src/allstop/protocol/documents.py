"""The three documents together, as far as each could be understood."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.shape import Document


@dataclass(frozen=True, slots=True)
class Documents:
    """None where a file could not be parsed; chain: what the protocol extends, nearest first."""

    protocol: Document[ProtocolDocument] | None
    fleet: Document[FleetDocument] | None
    roster: Document[RosterDocument] | None
    chain: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all three have the shape they must have."""
        found = (self.protocol, self.fleet, self.roster)
        return all(each is not None and each.model is not None for each in found)
