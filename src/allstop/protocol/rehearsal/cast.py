"""A cast for a protocol: enough people, agents and services to play every part it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from allstop.domain.policy import (
    ActionSpec,
    AgentEntry,
    Channel,
    Fleet,
    Function,
    MonitorSettings,
    Person,
    Policy,
    ProbeSpec,
    Protocol,
    Roster,
    Service,
    Team,
)

ADAPTER = "rehearsal"
INTERVAL_MS = 30_000
# What a service is tried with when the story names none.
DEFAULT_SERVICE = "payments"


def cast_for(protocol: Protocol, services: dict[str, dict[str, str]]) -> Policy:
    """A policy around the protocol: one person per role, office and reviewer, two agents per team, and
    the services of the story (class, domain). Audiences without a channel get one of their own."""
    audiences = tuple(
        one if one.channels else replace(one, channels=(f"to-{one.name}",))
        for one in protocol.audiences
    )
    teams = tuple(dict.fromkeys(_teams(protocol))) or ("agents",)
    people = tuple(_people(protocol))
    channels = {name for one in audiences for name in one.channels}
    channels |= {name for person in people for name in person.channels}
    roster = Roster(
        people=people,
        agents=tuple(
            AgentEntry(f"{team}-{number}", f"{team} {number}", team, ADAPTER, {})
            for team in teams
            for number in (1, 2)
        ),
        teams=tuple(Team(team, team.title(), (team,)) for team in teams),
        channels=tuple(Channel(name, ADAPTER, {}) for name in sorted(channels)),
    )
    return Policy(replace(protocol, audiences=audiences), _fleet(services), roster)


def _teams(protocol: Protocol) -> Iterator[str]:
    for crew in protocol.crews:
        yield from crew.teams
        yield from crew.domains
    for rule in protocol.activation.who:
        if rule.who.startswith("team:"):
            yield rule.who[5:]


def _people(protocol: Protocol) -> Iterator[Person]:
    """`commander` holds the role commander, `headmaster` the office; `owner` is the owner."""
    skills = {
        role.name: tuple({skill for needed in role.needs.values() for skill in needed})
        for role in protocol.roles
    }
    offices = [name for name in protocol.offices if name not in skills]
    for name, needed in skills.items():
        office = name if name in protocol.offices else ""
        yield _person(name, (name,), office, needed)
    for name in offices:
        yield _person(name, (), name, ())
    if "owner" not in {*skills, *offices}:
        yield replace(_person("owner", (), "", ()), owner=True)


def _person(id: str, roles: tuple[str, ...], office: str, skills: tuple[str, ...]) -> Person:
    return Person(
        id, id.replace("-", " ").title(), "", roles, (), (f"to-{id}",), owner=id == "owner",
        office=office, skills=skills,
    )  # fmt: skip


def _fleet(services: dict[str, dict[str, str]]) -> Fleet:
    found = services or {DEFAULT_SERVICE: {}}
    return Fleet(
        tuple(_service(name, about) for name, about in found.items()),
        tuple(Function(name, name, True, f"{name}-probe", (name,)) for name in found),
        (),
        MonitorSettings(INTERVAL_MS, 600_000),
    )


def _service(name: str, about: dict[str, str]) -> Service:
    def action(verb: str) -> ActionSpec:
        return ActionSpec(ADAPTER, verb, {}, 10_000)

    def probe(id: str) -> ProbeSpec:
        return ProbeSpec(id, name, ADAPTER, {}, 10_000, 2, 2)

    return Service(
        name, name.title(), "revenue", 50, protected=about.get("protected") == "true",
        stateful=about.get("stateful") == "true", depends=(), probes=(probe(f"{name}-probe"),),
        actions={verb: action(verb) for verb in ("isolate", "reopen", "rollback", "restart")},
        verify={what: probe(what) for what in ("isolated", "open", "release")},
        diagnose={
            what: action(what)
            for what in ("recent-changes", "service-state", "recent-errors", "resources", "health")
        },
        service_class=about.get("class", ""), domain=about.get("domain", name),
    )  # fmt: skip
