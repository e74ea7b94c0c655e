"""The degradation table, as people write it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.scalars import Duration, Name, Percent, Shape, Text

DegreeKey = Literal["minor", "major", "critical"]


class DegreeDocument(Shape):
    """One degree of degradation. The fleet's levers of this degree and of all milder ones are pulled."""

    severities: list[Name] = Field(
        default_factory=list, description="that call for it; each in one row only"
    )
    isolate: list[Text] = Field(
        default_factory=list,
        description="cut off as well: services, or `category:`, `class:`, `domain:` and the like",
    )
    capacity: dict[Text, Percent] = Field(
        default_factory=dict, description="cut back: target, and the percent that stays"
    )
    look_every: Duration | None = Field(
        default=None,
        description="the monitor looks at least so often while such an incident is open",
    )
