"""Decisions, as `protocol.yaml` writes them: the remedy, approvals, stop rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from allstop.domain.approvals import HIGHEST_RISK
from allstop.protocol.document_conditions import When
from allstop.protocol.limits import MOST_ROWS
from allstop.protocol.scalars import Duration, Entry, Name, Shape, Text
from allstop.protocol.times import SpanText

RiskLevel = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]


class RemedyRowDocument(Shape):
    """One row of the decision table; the first that holds decides."""

    remedy: Literal["rollback", "fix", "investigate"] = Field(description="what to do")
    when: When = Field(default_factory=dict, description="tests of facts; without any, always")
    because: Text = Field(min_length=1, description="the reason people read")


class GateDocument(Shape):
    """The gates of a remedy plan: on the service itself, then on what it serves."""

    samples: int = Field(default=3, ge=1, le=1000, description="fewest good samples in a row")
    window: Duration = Field(default=15_000, description="good for at least this long")
    limit: Duration = Field(
        default=120_000, description="after this long without a pass the plan holds"
    )


class RemedyDocument(Shape):
    """Rollback, fix or investigate."""

    table: list[RemedyRowDocument] = Field(
        min_length=1, max_length=MOST_ROWS, description="rows, the first match wins"
    )
    recent: Duration = Field(
        default=86_400_000, description="how fresh a deployment counts as recent"
    )
    decide_within: Duration = Field(
        default=120_000, description="the table is consulted with what is known by then"
    )
    gate: GateDocument = Field(default_factory=GateDocument, description="gates of the plan")


class ApprovalRowDocument(Shape):
    """One row of the approval table; the first that holds decides."""

    when: When = Field(default_factory=dict, description="tests of facts; without any, always")
    by: list[Entry] = Field(
        default_factory=list,
        description="who may sign: roles, offices, people, owner; whoever may `approve` when absent",
    )
    people: int = Field(
        default=1,
        ge=0,
        le=20,
        description="how many different people must sign; 0 for nobody, but what is protected "
        "always needs one",
    )
    reviewers: list[Name] = Field(
        default_factory=list, description="roles that must sign it off as well"
    )
    within: SpanText | None = Field(
        default=None, description="how long reviewers have before it is escalated"
    )
    because: Text = Field(min_length=1, description="the reason people read")


class ApprovalsDocument(Shape):
    """Who must agree before a plan or a change runs."""

    risk: dict[Name, Annotated[int, Field(ge=0, le=HIGHEST_RISK)]] = Field(
        default_factory=dict,
        description="risk level, 0 to 10, of what a plan or change does: isolate, reopen, rollback, "
        "restart, or a word of your own; 0 when absent",
    )
    levels: dict[RiskLevel, Text] = Field(
        default_factory=dict, description="what a risk level means, by its number"
    )
    table: list[ApprovalRowDocument] = Field(
        default_factory=list,
        max_length=MOST_ROWS,
        description="rows, the first match wins; when absent, one person who may `approve`",
    )


class StopRuleDocument(Shape):
    """While a plan runs and the tests hold, the plan is held and the rule is cited."""

    title: Text = Field(default="", description="a short name for people")
    when: When = Field(
        min_length=1, description="tests of the impact, of plan_minutes and plan_phases"
    )
    because: Text = Field(min_length=1, description="the reason people read")
