"""What is owed and kept, as `protocol.yaml` writes it: obligations, ledger, objectives, drills, review."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.document_response import ProbeNames
from allstop.protocol.scalars import Duration, Mark, Name, Percent, Shape, Text
from allstop.protocol.times import Date, Days, SpansText, SpanText


class ObligationDocument(Shape):
    """Something owed."""

    title: Text = Field(min_length=1, description="what is owed")
    owner: Name = Field(description="the role that owes it")
    within: SpanText = Field(description="counted from `begins`")
    begins: Literal["stood-down", "declared"] = Field(
        default="stood-down", description="what its time is counted from"
    )
    met_by: Mark | None = Field(
        default=None, description="the mark that meets it; a person says so when absent"
    )
    severities: list[Name] = Field(
        default_factory=list, description="only at these severities; at all when absent"
    )
    kinds: list[Name] = Field(
        default_factory=list, description="only for these kinds of emergency; all when absent"
    )
    remind: SpanText | None = Field(
        default=None, description="its owner is reminded so long before it is due"
    )
    meeting: bool = Field(
        default=False, description="its time is scheduled at the beginning and can be moved"
    )


class WatchDocument(Shape):
    """A part of the aftercare: what is watched on after standing down."""

    title: Text = Field(default="", description="a short name for people; the id when absent")
    lasts: Duration = Field(description="how long, from standing down")
    every: Duration | None = Field(
        default=None,
        description="the distance between two looks; every round of the monitor when absent",
    )
    probes: ProbeNames | None = Field(
        default=None,
        description="what is looked at; what the incident was about when absent",
    )
    failed_share: Percent | None = Field(
        default=None,
        description="bad when more of the requests fail, as the meters say; not asked when absent",
    )
    fall: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="so many bad looks in a row are bad; one is repeated at the next round",
    )
    when_bad: Literal["reopen", "tell"] = Field(
        default="reopen", description="open the incident again, or tell the commander"
    )
    severities: list[Name] = Field(
        default_factory=list, description="only at these severities; at all when absent"
    )


class LedgerRuleDocument(Shape):
    """Points at stand-down."""

    to: Literal["resolver", "supporter", "causer"] = Field(description="who gets them")
    points: int = Field(ge=-1_000_000, le=1_000_000, description="may be negative")
    because: Text = Field(min_length=1, description="the reason people read")


class LedgerDocument(Shape):
    """Points that are kept by team."""

    resolver: Name | None = Field(
        default=None, description="the crew whose team counts as the one that resolved it"
    )
    rules: dict[Name, LedgerRuleDocument] = Field(default_factory=dict, description="by id")


class ObjectiveDocument(Shape):
    """Recovery objectives of a class of services."""

    rto: SpansText = Field(description="time until it works again")
    rpo: SpanText | None = Field(default=None, description="how much data may be lost, as time")


class ReportDocument(Shape):
    """The report of an incident."""

    sections: list[Name] = Field(
        default_factory=list, description="its sections in order; the built-in ones when absent"
    )


class DrillDocument(Shape):
    """An exercise that is due again and again."""

    title: Text = Field(default="", description="a short name for people; the id when absent")
    every: Days = Field(description="how often it is due, such as 90d")
    scenarios: list[Name] = Field(default_factory=list, description="what it may be about")
    announced: bool = Field(default=True, description="whether people know beforehand")


class ReviewDocument(Shape):
    """The protocol's own review."""

    every: Days | None = Field(default=None, description="how often it is due; never when absent")
    last: Date | None = Field(default=None, description="the day of the last one")
