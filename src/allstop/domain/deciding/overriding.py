"""Break-glass: what stands in the way is let through by a named holder, with a reason, on the record."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.telling import announce
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.verdict import nearest


def override(draft: Draft, command: c.Override) -> None:
    """Let one thing through. It is recorded as an override, and everybody who is told hears of it."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("override", draft.who, policy, incident.roles))
    reason = checked(command.reason, "an override")
    known = {one.id for one in policy.protocol.criteria()}
    if command.subject not in known:
        text = f"there is no criterion {command.subject}"
        refuse("unknown-criterion", text, nearest(command.subject, known))
    draft.on_incident(incident.id, e.CriterionOverridden(command.subject, reason))
    fields = {"who": str(draft.who), "subject": command.subject, "because": reason}
    announce(draft, incident.id, "override", fields)


RULES: Rules = {c.Override: override}
INTERNAL: frozenset[type] = frozenset()
