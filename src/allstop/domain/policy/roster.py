"""What `roster.yaml` compiles to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach somebody: an adapter's verb with its options."""

    name: str
    adapter: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """login: operating-system user that is this person on the coordinator's socket.

    roles: incident roles they may hold, in order of preference; domains: what they know;
    owner: holds the override; office: standing position the protocol names; skills: what roles may
    ask for; away: not proposed for anything.
    """

    id: str
    name: str
    login: str
    roles: tuple[str, ...]
    domains: tuple[str, ...]
    channels: tuple[str, ...]
    owner: bool
    office: str = ""
    team: str = ""
    skills: tuple[str, ...] = ()
    away: bool = False


@dataclass(frozen=True, slots=True)
class AgentEntry:
    """An agent and the runtime adapter that reaches it. office: standing position, such as prefect."""

    id: str
    name: str
    team: str
    adapter: str
    options: dict[str, Any]
    office: str = ""
    domains: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Team:
    """A named group of people and agents. domains: what all of it knows."""

    name: str
    title: str
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who can be called, and every agent that can be stopped."""

    people: tuple[Person, ...] = ()
    agents: tuple[AgentEntry, ...] = ()
    teams: tuple[Team, ...] = ()
    channels: tuple[Channel, ...] = ()

    def person(self, id: str) -> Person | None:
        return next((person for person in self.people if person.id == id), None)

    def agent(self, id: str) -> AgentEntry | None:
        return next((agent for agent in self.agents if agent.id == id), None)

    def channel(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels if channel.name == name), None)
