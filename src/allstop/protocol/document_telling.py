"""What people write down and who is told, as `protocol.yaml` writes it: updates, audiences, forms."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.document_conditions import When
from allstop.protocol.scalars import DurationOrZero, Name, Shape, Text, Words
from allstop.protocol.times import ClockRanges, Date, SpansText, Zone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Prefill = Literal[
    "severity", "impact", "services", "since", "changes", "errors", "duration", "remedy", "cause",
    "timeline", "blast_radius", "stakeholders", "resources", "estimate",
]  # fmt: skip


def _occasion(value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= 200 and value.count("@") <= 1:
        occasion, at, audience = value.partition("@")
        if occasion and bool(at) == bool(audience):
            return value
    raise PydanticCustomError("name", "must be an occasion, or OCCASION@AUDIENCE")


OccasionKey = Annotated[
    str, BeforeValidator(_occasion), WithJsonSchema({"type": "string"}), Words("occasion")
]


class CalendarDocument(Shape):
    """Business time, for spans such as 4bh and 3bd."""

    zone: Zone = Field(default="UTC", description="whose clock it is")
    hours: dict[Weekday, ClockRanges] | None = Field(
        default=None, description="open hours by weekday; mon to fri 09:00-17:00 when absent"
    )
    holidays: list[Date] = Field(
        default_factory=list, description="days that are closed, such as 2026-12-25"
    )


class FormFieldDocument(Shape):
    """One field."""

    title: Text = Field(default="", description="a short name for people; the id when absent")
    required: bool = Field(default=True, description="whether it must be filled in")
    kind: Literal["text", "list", "choice", "time"] = Field(
        default="text", description="what is written: text, one entry a line, a choice, a time"
    )
    choices: list[Text] = Field(default_factory=list, description="with kind: choice")
    prefill: Prefill | None = Field(
        default=None, description="what the coordinator fills in when nobody does"
    )

    @model_validator(mode="after")
    def _choices(self) -> Self:
        if self.kind == "choice" and not self.choices:
            raise PydanticCustomError("choices", "is a choice and has no `choices`")
        if self.kind != "choice" and self.choices:
            raise PydanticCustomError("choices", "has `choices`, which belongs to kind: choice")
        if len(set(self.choices)) < len(self.choices):
            raise PydanticCustomError("choices", "has one choice twice")
        if not all(choice.strip() for choice in self.choices):
            raise PydanticCustomError("choices", "has a choice that is empty")
        return self


class FormDocument(Shape):
    """A structured record: a briefing, an assessment, a post-mortem."""

    title: Text = Field(default="", description="a short name for people; the id when absent")
    fields: dict[Name, FormFieldDocument] = Field(min_length=1, description="by id, in order")
    tell: list[Name] = Field(
        default_factory=list, description="audiences that get it when it is filed"
    )
    after: bool = Field(
        default=False, description="belongs to the time after stand-down; may be filed before"
    )


class UpdatesDocument(Shape):
    """Updates during the incident; their cadence is the severity's."""

    grace: DurationOrZero = Field(
        default=120_000, description="how late one may be before it is escalated"
    )
    statuses: list[Name] = Field(
        default=["investigating", "containing", "fixing", "resolved"],
        description="what an update may say",
    )
    fields: dict[Name, FormFieldDocument] = Field(
        default_factory=dict, description="what an update consists of beside its text, by id"
    )


class AudienceDocument(Shape):
    """A group that is told things."""

    title: Text = Field(default="", description="a short name for people")
    channels: list[Name] = Field(default_factory=list, description="channels of roster.yaml")
    when: When = Field(
        default_factory=dict, description="only of incidents whose worst impact satisfies this"
    )
    after: SpansText = Field(
        default_factory=dict, description="told so long after declaring; at once when absent"
    )


class TemplateDocument(Shape):
    """What is told on an occasion, with `{placeholders}`."""

    subject: Text | None = Field(
        default=None, min_length=1, description="one line; the built-in one when absent"
    )
    text: Text | None = Field(
        default=None, min_length=1, description="what follows; the built-in one when absent"
    )
