"""What the operations on the course of an incident take: proposals, triage, kinship, mode, the end; and
what confirming the protocol takes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from allstop.faces.http.models import Body, Instant, Line, Name, Names, Text

Title = Annotated[str, StringConstraints(max_length=200)]
Version = Annotated[int, Field(ge=1, le=2**53 - 1)]


class Propose(Body):
    """A message or an alert that looks like an emergency. labels: an alert's, by name."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    source: Name = ""
    labels: dict[Name, Line] = Field(default_factory=dict, max_length=100)
    services: Names = ()


class Confirm(Body):
    """Declares what was proposed. title, severity, kind: instead of the proposed ones."""

    title: Title = ""
    severity: Name = ""
    kind: Name = ""


class Confirmation(Body):
    """protocol: name of the one in force, as it was shown to whoever says that they know it."""

    protocol: Name


class Triage(Body):
    """real: false ends it as a false alarm; severity, kind: as confirmed, empty for as they are."""

    real: bool
    text: Text = ""
    severity: Name = ""
    kind: Name = ""


class Correction(Body):
    """version: of the entry in the incident's own stream, as the timeline shows it."""

    version: Version
    text: Text
    because: Text


class Link(Body):
    """to: the other incident."""

    to: Name
    how: Literal["related", "caused-by", "causes", "duplicate-of", "duplicated-by"] = "related"


class Merge(Body):
    """into: the incident in which the response goes on."""

    into: Name
    because: Text


class Privacy(Body):
    """private: only for whoever takes part."""

    private: bool
    because: Text


class Close(Body):
    """A last word, if there is one."""

    note: Text = ""


class Mode(Body):
    """Exactly one of the two. until: a new end of emergency mode; end: it ends now."""

    until: Instant | None = None
    end: bool = False
    because: Text

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if self.end == (self.until is not None):
            raise PydanticCustomError("one-of-both", "Give either a new end, or end: true")
        return self


class Meeting(Body):
    """A new time for the meeting."""

    at: Instant
