"""Crews: proposed from who is available, assigned by a person."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.crews import crews_due, form_crews
from allstop.domain.deciding.naming import responder
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.parts import Crew
from allstop.domain.incident.state import Incident
from allstop.domain.policy import CrewRule, Policy
from allstop.domain.principal import Kind
from allstop.domain.verdict import nearest

OBJECTIVE_LIMIT = 500


def propose_crews(draft: Draft, command: wc.ProposeCrews) -> None:
    """Who could be in which crew, from the roll call; the commander hears of it and assigns."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    if not crews_due(draft.world, policy, incident):
        return
    formed = form_crews(draft.world, policy, incident)
    lines = []
    for rule in policy.protocol.crews:
        if rule.name in formed:
            one = formed[rule.name]
            event = we.CrewProposed(rule.name, one.members, rule.objective, one.because)
            draft.on_incident(incident.id, event)
            lines.append(f"{rule.title}: {', '.join(one.members) or 'nobody'}.")
    commander = incident.roles.get("commander", "")
    if commander:
        hint = f"Take it over, or change it: allstop crew accept --incident {incident.id}, or allstop crew set"
        subject = f"{incident.id}: crews are proposed"
        tell_person(draft, incident.id, commander, subject, " ".join((*lines, hint)))


def assign_crew(draft: Draft, command: wc.AssignCrew) -> None:
    """Who is in a crew from now on; as often as is wanted."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("crew", draft.who, policy, incident.roles))
    rule = _rule(policy, command.crew)
    known = incident.crews.get(rule.name) or Crew(rule.name, rule.objective)
    members = _members(draft, policy, command.members) if command.members else known.proposed
    if not members:
        text = f"nobody was proposed for {rule.title}"
        refuse("nobody-proposed", text, f"name somebody: allstop crew set {rule.name} NAME")
    objective = command.objective.strip() or known.objective or rule.objective
    if len(objective) > OBJECTIVE_LIMIT:
        refuse("too-long", f"an objective has at most {OBJECTIVE_LIMIT} characters")
    if (members, objective) == (known.members, known.objective):
        refuse("already-assigned", f"{rule.title} is {', '.join(members)} already")
    draft.on_incident(incident.id, we.CrewAssigned(rule.name, members, objective))
    _tell(draft, incident, rule, known, members, objective)
    draft.result["crew"] = rule.name
    draft.result["members"] = list(members)


def _rule(policy: Policy, name: str) -> CrewRule:
    rules = {rule.name: rule for rule in policy.protocol.crews}
    if name not in rules:
        refuse("unknown-crew", f"the protocol has no crew {name}", nearest(name, rules))
    return rules[name]


def _members(draft: Draft, policy: Policy, given: tuple[str, ...]) -> tuple[str, ...]:
    """Each as `person:ada` or `agent:builder-1`, once."""
    found = (responder(draft, policy, name, "unknown-member") for name in given)
    return tuple(dict.fromkeys(found))


def _tell(
    draft: Draft, incident: Incident, rule: CrewRule, before: Crew, members: tuple[str, ...],
    objective: str,
) -> None:  # fmt: skip
    """Newcomers, everybody when the objective changed, and whoever is out again. Agents read the board."""
    again = objective != before.objective
    for member in members:
        if again or member not in before.members:
            text = f"{objective} With you: {', '.join(members)}. {incident.title}".strip()
            _tell_one(draft, incident, member, f"{incident.id}: you are in {rule.title}", text)
    for member in before.members:
        if member not in members:
            subject = f"{incident.id}: you are not in {rule.title} any more"
            _tell_one(draft, incident, member, subject, incident.title)


def _tell_one(draft: Draft, incident: Incident, member: str, subject: str, text: str) -> None:
    kind, _, id = member.partition(":")
    if kind == Kind.PERSON.value:
        tell_person(draft, incident.id, id, subject, text)


RULES: Rules = {wc.ProposeCrews: propose_crews, wc.AssignCrew: assign_crew}
INTERNAL: frozenset[type] = frozenset({wc.ProposeCrews})
