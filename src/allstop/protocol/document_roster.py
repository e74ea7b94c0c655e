"""`roster.yaml` as people write it. Descriptions here become the reference page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.scalars import Name, Options, Shape, Text


class TeamDocument(Shape):
    """A named group of people and agents."""

    title: Text = Field(default="", description="a short name for people")
    domains: list[Name] = Field(default_factory=list, description="what all of it knows")


class ChannelDocument(Shape):
    """A way to reach somebody."""

    adapter: Name = Field(description="an adapter that can notify")
    options: Options = Field(description="what the adapter wants to know")


class PersonDocument(Shape):
    """Somebody who can be called."""

    name: Text = Field(min_length=1, description="the name people read")
    login: Name | None = Field(
        default=None,
        description="operating-system user that is this person on the coordinator's socket",
    )
    roles: list[Name] = Field(
        default_factory=list, description="incident roles they may hold, the preferred one first"
    )
    domains: list[Name] = Field(
        default_factory=list, description="what they know: services, subjects"
    )
    channels: list[Name] = Field(default_factory=list, description="how they are reached")
    owner: bool = Field(default=False, description="holds the override")
    office: Name | None = Field(
        default=None, description="standing position, one of the protocol's offices"
    )
    team: Name | None = Field(default=None, description="one of the teams")
    skills: list[Name] = Field(default_factory=list, description="what roles may ask for")
    away: bool = Field(default=False, description="not proposed for anything")


class AgentDocument(Shape):
    """An agent that can be stopped."""

    name: Text = Field(default="", description="the name people read; the id when absent")
    team: Name | None = Field(default=None, description="one of the teams")
    office: Name | None = Field(
        default=None, description="standing position, one of the protocol's offices"
    )
    domains: list[Name] = Field(default_factory=list, description="what it knows")
    skills: list[Name] = Field(default_factory=list, description="what it can do")
    adapter: Name = Field(description="an adapter that reaches agents")
    options: Options = Field(description="what the adapter wants to know")


class RosterDocument(Shape):
    """`roster.yaml`."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    teams: dict[Name, TeamDocument] = Field(default_factory=dict, description="by name")
    channels: dict[Name, ChannelDocument] = Field(default_factory=dict, description="by name")
    people: dict[Name, PersonDocument] = Field(default_factory=dict, description="by id")
    agents: dict[Name, AgentDocument] = Field(default_factory=dict, description="by id")

    def holders(self, role: str) -> list[str]:
        """People who may hold a role."""
        return [id for id, person in self.people.items() if role in person.roles]

    def team_domains(self, team: str | None) -> list[str]:
        """What all of a team knows; nothing for no team."""
        return self.teams[team].domains if team is not None and team in self.teams else []
