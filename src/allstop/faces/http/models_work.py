"""What the operations on the work in an incident take: forms, tasks, findings, crews, changes, owed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from allstop.faces.http.models import Body, Count, Instant, Line, Name, Names, Text

# The longest field of a form: a timeline or an analysis may run over pages.
LongText = Annotated[str, StringConstraints(max_length=20_000)]
Fields = Annotated[dict[Name, LongText], Field(max_length=100)]
# A fact as a person states it; null says that it is not known.
Fact = bool | Count | Line | None
Points = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Priority = Literal["high", "medium", "low"]


class Form(Body):
    """fields: text by the id of the field."""

    fields: Fields


class Task(Body):
    """owner: a responder, or empty."""

    title: Line
    owner: Name = ""


class Owner(Body):
    """Who has it from now on."""

    owner: Name


class TaskEnd(Body):
    """A dropped one needs a note."""

    state: Literal["done", "dropped"]
    note: Text = ""


class Finding(Body):
    """Evidence by hand. link: where it is kept."""

    kind: Literal["observation", "change", "log", "metric", "scope", "hypothesis"]
    text: Text
    service: Name = ""
    link: Line = ""


class Diagnosis(Body):
    """services: by default those of the incident; names: of recipes, by default all there are."""

    services: Names = ()
    names: Names = ()


class Facts(Body):
    """Facts for the decision table, and why they are believed."""

    facts: Annotated[dict[Name, Fact], Field(min_length=1, max_length=100)]
    because: Text


class Crew(Body):
    """members: person:NAME or agent:ID, empty takes what was proposed; objective: empty keeps it."""

    members: Names = ()
    objective: Line = ""


class Change(Body):
    """A change by hand. risk: level of the protocol, 0 takes the protocol's for the action."""

    title: Line
    risk: Annotated[int, Field(ge=0, le=100)] = 0
    action: Name = ""
    service: Name = ""
    detail: Text = ""


class ChangeEnd(Body):
    """What became of it."""

    state: Literal["made", "refused", "withdrawn"]
    note: Text = ""


class Action(Body):
    """An action item. link: where it is tracked."""

    title: Line
    owner: Name
    due_at: Instant
    priority: Priority = "medium"
    link: Line = ""


class ActionChange(Body):
    """What is left out stays as it is."""

    state: Literal["", "open", "done", "dropped"] = ""
    owner: Name = ""
    due_at: Instant | None = None
    priority: Literal["", "high", "medium", "low"] = ""
    link: Line = ""
    note: Text = ""


class Met(Body):
    """How it was done."""

    how: Text


class Award(Body):
    """Points by hand. incident: empty outside one."""

    team: Name
    points: Points
    because: Text
    incident: Name = ""
