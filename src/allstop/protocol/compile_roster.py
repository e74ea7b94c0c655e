"""`roster.yaml` to the roster of the policy."""

from __future__ import annotations

from allstop.domain.policy import AgentEntry, Channel, Person, Roster, Team
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.options import copied


def compile_roster(written: RosterDocument) -> Roster:
    """`roster.yaml` as the core reads it."""
    return Roster(
        people=tuple(
            Person(
                id=id,
                name=person.name,
                login=person.login or "",
                roles=tuple(person.roles),
                domains=tuple(person.domains),
                channels=tuple(person.channels),
                owner=person.owner,
                office=person.office or "",
                team=person.team or "",
                skills=tuple(person.skills),
                away=person.away,
            )
            for id, person in written.people.items()
        ),
        agents=tuple(
            AgentEntry(
                id=id,
                name=agent.name or id,
                team=agent.team or "",
                adapter=agent.adapter,
                options=copied(agent.options),
                office=agent.office or "",
                domains=tuple(agent.domains),
                skills=tuple(agent.skills),
            )
            for id, agent in written.agents.items()
        ),
        teams=tuple(
            Team(name, team.title or name, tuple(team.domains))
            for name, team in written.teams.items()
        ),
        channels=tuple(
            Channel(name, channel.adapter, copied(channel.options))
            for name, channel in written.channels.items()
        ),
    )
