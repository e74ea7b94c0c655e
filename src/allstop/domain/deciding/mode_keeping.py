"""Emergency mode: begun with the incident, extended, ended, expired."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.informing import checked, checked_time
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.mode import mode_is_on
from allstop.domain.moment import after
from allstop.domain.principal import Kind


def begin_mode(draft: Draft, incident: str, because: str) -> None:
    """Begin emergency mode where the protocol has one for the severity; nothing while it is on."""
    found = draft.incident(incident)
    rules = draft.policy(found).protocol.mode
    if found.severity not in rules.severities or mode_is_on(found):
        return
    until = after(draft.now.utc, rules.expires_ms) if rules.expires_ms else None
    event = ce.ModeBegun(dict(rules.suspended), dict(rules.enabled), until, because)
    draft.on_incident(incident, event)


def end_mode(draft: Draft, incident: str, because: str) -> None:
    """End emergency mode, where it is on. For whatever ends the incident too, before or after."""
    found = draft.incident(incident, must_be_open=False)
    if found.mode is not None and not found.mode.ended:
        draft.on_incident(incident, ce.ModeEnded(because))


def follow_severity(draft: Draft, incident: str, before: str) -> None:
    """A severity raised into those of emergency mode begins it; one lowered out of them ends it."""
    found = draft.incident(incident)
    applies = draft.policy(found).protocol.mode.severities
    if found.severity in applies and before not in applies:
        begin_mode(draft, incident, f"the severity is {found.severity} now")
    elif found.severity not in applies and before in applies:
        end_mode(draft, incident, f"the severity is {found.severity} now")


def extend_mode(draft: Draft, command: cc.ExtendMode) -> None:
    """Move the end of emergency mode, or begin it again when it had ended."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("mode", draft.who, policy, incident.roles))
    reason = checked(command.reason, "extending emergency mode")
    rules = policy.protocol.mode
    if incident.mode is None and incident.severity not in rules.severities:
        refuse("no-mode", f"{incident.id} has no emergency mode: {incident.severity} begins none")
    until = checked_time(command.until)
    if until <= draft.now.utc:
        refuse("in-the-past", "emergency mode can only be extended to a time to come")
    known = incident.mode
    suspended = known.suspended if known else rules.suspended
    enabled = known.enabled if known else rules.enabled
    event = ce.ModeBegun(dict(suspended), dict(enabled), until, reason)
    draft.on_incident(incident.id, event)


def end_mode_by_hand(draft: Draft, command: cc.EndMode) -> None:
    """A person ends it with a reason, or its time is over."""
    incident = draft.incident(command.incident)
    draft.require(may("mode", draft.who, draft.policy(incident), incident.roles))
    reason = checked(command.reason, "ending emergency mode")
    if draft.who.kind is Kind.SYSTEM:
        _expire(draft, command.incident, reason)
        return
    if not mode_is_on(incident):
        refuse("no-mode", f"emergency mode of {incident.id} is not on")
    draft.on_incident(incident.id, ce.ModeEnded(reason))


def _expire(draft: Draft, incident: str, because: str) -> None:
    """The timekeeper looked when it fell due; it may have been extended or ended since."""
    mode = draft.incident(incident).mode
    if mode is None or mode.ended or mode.until is None or draft.now.utc < mode.until:
        return
    draft.on_incident(incident, ce.ModeEnded(because))


RULES: Rules = {cc.ExtendMode: extend_mode, cc.EndMode: end_mode_by_hand}
INTERNAL: frozenset[type] = frozenset()
