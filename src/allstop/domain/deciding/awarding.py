"""The points ledger: by the protocol's rules at stand-down, or by hand with a reason."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.deciding.informing import checked
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import events as e
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.state import Incident
from allstop.domain.ledger import CAUSED_BY, known_teams, teams_meant
from allstop.domain.mode import suspending
from allstop.domain.policy import Policy
from allstop.domain.policy.aftermath import LedgerRule
from allstop.domain.record import LEDGER_STREAM
from allstop.domain.verdict import nearest

POINTS_LIMIT = 1000
# What a protocol calls it when no points are given while an emergency lasts.
SCORING = frozenset({"scoring", "points"})


def award(draft: Draft, incident: str) -> None:
    """The points of an incident that ends, once per team and rule however often it is reopened."""
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    for rule in policy.protocol.ledger.rules:
        teams = teams_meant(draft.world, policy, found, rule.to)
        given = {one.team for one in found.points if one.rule == rule.id}
        for team in teams:
            if team not in given:
                event = we.PointsAwarded(team, rule.points, rule.because, rule.id, incident)
                draft.on_incident(incident, event)
        if not teams:
            _note_nobody(draft, policy, found, rule)


def _note_nobody(draft: Draft, policy: Policy, incident: Incident, rule: LedgerRule) -> None:
    """Points that nobody gets because a crew was left empty or a name is unknown are not lost silently."""
    named = incident.statements.get(CAUSED_BY, "")
    resolver = policy.protocol.ledger.resolver
    if rule.to == "causer" and named:
        text = f"no points for {rule.because}: {named} is nobody who is in a team"
    elif rule.to == "resolver":
        text = f"no points for {rule.because}: nobody of a team was in the crew {resolver}"
    else:
        return
    draft.on_incident(incident.id, e.NoteAdded(text))


def award_by_hand(draft: Draft, command: wc.AwardPoints) -> None:
    """A person gives or takes points, in an incident or outside of one."""
    incident = draft.incident(command.incident, must_be_open=False) if command.incident else None
    policy = draft.policy(incident) if incident else draft.book.latest
    draft.only_people("gives points by hand")
    draft.require(may("points", draft.who, policy, incident.roles if incident else {}))
    because = checked(command.because, "an award")
    if not 0 < abs(command.points) <= POINTS_LIMIT:
        refuse("bad-points", f"an award is 1 to {POINTS_LIMIT} points, given or taken")
    teams = known_teams(draft.world, policy)
    if command.team not in teams:
        refuse("unknown-team", f"there is no team {command.team}", nearest(command.team, teams))
    holding = suspending(draft.world, SCORING)
    if holding is not None:
        text = f"no points are given while the emergency mode of {holding.id} is on"
        refuse("suspended", text, f"wait until it ends: allstop show {holding.id}")
    event = we.PointsAwarded(
        command.team, command.points, because, "", incident.id if incident else ""
    )
    if incident is None:
        draft.emit(LEDGER_STREAM, event)
    else:
        draft.on_incident(incident.id, event)
    draft.result["team"] = command.team


RULES: Rules = {wc.AwardPoints: award_by_hand}
INTERNAL: frozenset[type] = frozenset()
