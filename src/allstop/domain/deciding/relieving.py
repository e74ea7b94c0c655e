"""Relief: whoever has been on duty for long is told so, and with them those who can send somebody else."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.authority import people_meant
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules
from allstop.domain.duty import hours, relief_at, roles_of
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident.state import Incident
from allstop.domain.moment import words
from allstop.domain.policy import Policy


def ask_relief(draft: Draft, command: cc.AskRelief) -> None:
    """Ask for it when it is due, and say who could take over what. Nobody is taken off duty by a machine."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    due = relief_at(policy, incident, command.person)
    if due is None or due > draft.now.utc:
        return
    served = hours(incident.duty[command.person], policy.protocol.relief, draft.now.utc)
    roles = roles_of(incident, command.person)
    now = draft.now.utc
    fresh = {role: _who_could(policy, incident, role, command.person, now) for role in roles}
    event = ce.ReliefAsked(command.person, roles, served.since_rest_ms, fresh)
    draft.on_incident(incident.id, event)
    name = _name(policy, command.person)
    spent = words(served.since_rest_ms)
    hints = [
        f"{role}: allstop handoff {role} --to {who}" if who else f"{role}: nobody else is there"
        for role, who in fresh.items()
    ]
    subject = f"{incident.id}: {name} has been on duty for {spent} and needs relief"
    for person in _told(policy, incident, command.person):
        tell_person(draft, incident.id, person, subject, "\n".join(hints))


def _told(policy: Policy, incident: Incident, tired: str) -> tuple[str, ...]:
    """The person, the commander, and the owner where the commander is the one who is tired."""
    commander = people_meant(policy, incident.roles, "commander")
    owners = people_meant(policy, incident.roles, "owner") if tired in commander else ()
    return tuple(dict.fromkeys((tired, *commander, *owners)))


def _who_could(policy: Policy, incident: Incident, role: str, tired: str, now: datetime) -> str:
    """Who is there, may hold the role, is off duty if anybody is, and has served least in this incident since
    their rest; the roster's order decides."""
    able = [
        one.id
        for one in policy.roster.people
        if role in one.roles and not one.away and one.id != tired
    ]
    rules = policy.protocol.relief

    def served(person: str) -> tuple[bool, int]:
        duty = incident.duty.get(person)
        return (duty.is_on, hours(duty, rules, now).since_rest_ms) if duty else (False, 0)

    return min(able, key=served, default="")


def _name(policy: Policy, person: str) -> str:
    known = policy.roster.person(person)
    return known.name if known else person


RULES: Rules = {cc.AskRelief: ask_relief}
INTERNAL: frozenset[type] = frozenset({cc.AskRelief})
