"""People confirm that they know the protocol in force: each for themselves, and again when it runs out."""

from __future__ import annotations

from allstop.domain.confirmations import ConfirmProtocol, ProtocolConfirmed, holds_until
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.principal import Kind
from allstop.domain.record import PROTOCOL_STREAM


def confirm_protocol(draft: Draft, command: ConfirmProtocol) -> None:
    """On the record with the documents as they are now. Doing it again renews it."""
    if draft.who.kind is not Kind.PERSON:
        text = f"only a person can say that they know the protocol, and {draft.who} is none"
        refuse("human-only", text, "each person for themselves: allstop protocol confirm")
    policy = draft.book.latest
    if policy.roster.person(draft.who.id) is None:
        text = f"{draft.who} is not on the roster, and nobody else's word is asked for"
        refuse("no-authority", text, "add them to roster.yaml, then: allstop reload")
    protocol = policy.protocol.name
    if command.protocol != protocol:
        text = f"the protocol in force is {protocol}, not {command.protocol}"
        refuse("other-protocol", text, "read it first: allstop protocol show")
    draft.emit(PROTOCOL_STREAM, ProtocolConfirmed(protocol, draft.book.current))
    until = holds_until(policy, draft.now.utc)
    draft.result["person"] = draft.who.id
    draft.result["protocol"] = protocol
    draft.result["until"] = until.isoformat().replace("+00:00", "Z") if until else None


RULES: Rules = {ConfirmProtocol: confirm_protocol}
INTERNAL: frozenset[type] = frozenset()
