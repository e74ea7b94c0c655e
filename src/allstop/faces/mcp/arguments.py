"""What tools take: every text has its longest length, every name its letters. What does not fit is refused, never cut."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

IncidentId = Annotated[
    str,
    Field(
        pattern=r"^(INC-[0-9]{1,9}|current)$",
        description="Such as INC-3; `current` when one is open.",
    ),
]
HaltId = Annotated[str, Field(pattern=r"^HALT-[0-9]{1,9}$", description="Such as HALT-2.")]
ActionId = Annotated[str, Field(pattern=r"^CHG-[0-9]{1,9}$", description="Such as CHG-1.")]
AgentId = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
        description="Your own name as it is registered; leave it out when your client is set up with it.",
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=300)]
Item = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Items = Annotated[list[Item], Field(max_length=5)]
Count = Annotated[int, Field(ge=1, le=50)]

Status = Literal["investigating", "working", "blocked", "done"]
ActionKind = Literal["contain", "mitigate", "fix", "rollback", "shutdown"]
Outcome = Literal["made", "withdrawn"]
StoppedAs = Literal["stopped", "stopping", "cannot-stop"]


class ReportedImpact(BaseModel):
    """What you have seen yourself; leave out what you do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    functions_down: Annotated[list[Name], Field(max_length=10)] = []
    failed_share_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    users: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None
    data_loss: bool | None = None
    breach: bool | None = None

    def words(self) -> str:
        """In one sentence; empty when nothing is known."""
        known = {
            name: value for name, value in self.model_dump().items() if value not in (None, [])
        }
        told = (f"{name.replace('_', ' ')}: {_told(value)}" for name, value in known.items())
        return "; ".join(told)


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
