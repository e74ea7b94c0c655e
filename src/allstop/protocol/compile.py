"""Documents to the immutable `Policy` the core consults."""

from __future__ import annotations

from allstop.domain.policy import Policy
from allstop.protocol.compile_fleet import compile_fleet
from allstop.protocol.compile_playbook import compile_playbook
from allstop.protocol.compile_protocol import compile_protocol
from allstop.protocol.compile_roster import compile_roster
from allstop.protocol.documents import Documents
from allstop.protocol.read_playbooks import whole

__all__ = ["compile_fleet", "compile_policy", "compile_protocol", "compile_roster"]


def compile_policy(documents: Documents) -> Policy:
    """The policy of documents that passed `check`. Raises ValueError when one lacks its shape."""
    protocol, fleet, roster = documents.protocol, documents.fleet, documents.roster
    if not (protocol and protocol.model and fleet and fleet.model and roster and roster.model):
        raise ValueError("documents with problems cannot be compiled")
    return Policy(
        protocol=compile_protocol(protocol.model, documents.chain),
        fleet=compile_fleet(fleet.model),
        roster=compile_roster(roster.model),
        playbooks=tuple(
            compile_playbook(model, documents.chains.get(document.file, ()))
            for document, model in whole(documents.playbooks)
        ),
    )
