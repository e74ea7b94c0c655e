"""The points ledger: who gets points when an incident ends, and what each team has."""

from __future__ import annotations

from allstop.domain.crews import team_in
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.principal import Kind, Principal
from allstop.domain.world import World

# The statement that names who caused an incident.
CAUSED_BY = "caused-by"


def balances(world: World) -> dict[str, int]:
    """The points of each team, from every incident and from outside of them, by name of the team."""
    every = [*world.ledger, *(one for found in world.incidents.values() for one in found.points)]
    totals: dict[str, int] = {}
    for given in every:
        totals[given.team] = totals.get(given.team, 0) + given.points
    return dict(sorted(totals.items()))


def known_teams(world: World, policy: Policy) -> tuple[str, ...]:
    """Every team there is: on the roster, of somebody on it, or of a registered agent."""
    roster = policy.roster
    named = [team.name for team in roster.teams]
    named += [one.team for one in roster.people]
    named += [one.team for one in roster.agents]
    named += [one.team for one in world.agents.values()]
    return tuple(dict.fromkeys(name for name in named if name))


def teams_meant(world: World, policy: Policy, incident: Incident, to: str) -> tuple[str, ...]:
    """The teams a rule of the ledger speaks of: `resolver`, `supporter` or `causer`."""
    resolver = policy.protocol.ledger.resolver
    resolved = _teams_of_crews(world, policy, incident, (resolver,))
    match to:
        case "resolver":
            return resolved
        case "supporter":
            others = tuple(name for name in incident.crews if name != resolver)
            helped = _teams_of_crews(world, policy, incident, others)
            return tuple(team for team in helped if team not in resolved)
        case "causer":
            caused = responder_named(world, policy, incident.statements.get(CAUSED_BY, ""))
            team = team_in(world, policy, caused) if caused else ""
            return (team,) if team else ()
        case _:
            return ()


def responder_named(world: World, policy: Policy, text: str) -> Principal | None:
    """Whom a text names: `agent:builder-1`, `person:ada`, an id, or a name as the roster writes it."""
    wanted = " ".join(text.split()).casefold()
    roster = policy.roster
    known: list[tuple[Kind, str, str]] = [
        *((Kind.PERSON, one.id, one.name) for one in roster.people),
        *((Kind.AGENT, one.id, one.name) for one in roster.agents),
        *((Kind.AGENT, one.id, one.name) for one in world.agents.values()),
    ]
    for kind, id, name in known:
        if wanted in (f"{kind.value}:{id}".casefold(), id.casefold(), name.casefold()):
            return Principal(id, kind)
    return None


def _teams_of_crews(
    world: World, policy: Policy, incident: Incident, names: tuple[str, ...]
) -> tuple[str, ...]:
    """The teams of whoever was assigned to these crews, each once."""
    found = []
    for name in names:
        crew = incident.crews.get(name)
        for member in crew.members if crew else ():
            kind, _, id = member.partition(":")
            found.append(team_in(world, policy, Principal(id, Kind(kind))))
    return tuple(dict.fromkeys(team for team in found if team))
