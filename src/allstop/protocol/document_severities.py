"""How bad it is: severities and the classification, as `protocol.yaml` writes them."""

from __future__ import annotations

from pydantic import Field

from allstop.protocol.document_conditions import When
from allstop.protocol.scalars import Duration, Name, Shape, Text
from allstop.protocol.times import SpanText


class TargetsDocument(Shape):
    """Times to reach, counted from detection; measured and reported, not enforced."""

    detect: Duration | None = Field(
        default=None, description="from the first bad moment to declaring"
    )
    respond: Duration | None = Field(default=None, description="to the acknowledgement")
    contain: Duration | None = Field(default=None, description="to containment")
    resolve: Duration | None = Field(default=None, description="to resolution")


class SeverityDocument(Shape):
    """One severity. The first in the document is the worst."""

    title: Text = Field(default="", description="a short name for people")
    description: Text = Field(default="", description="what belongs here")
    respond_within: SpanText = Field(description="deadline to acknowledge; then it is escalated")
    update_every: SpanText | None = Field(
        default=None, description="cadence of updates; none owed when absent"
    )
    all_stop: bool = Field(
        default=False, description="whether declaring orders every agent to stop"
    )
    tell: list[Name] = Field(default_factory=list, description="audiences that are told")
    targets: TargetsDocument = Field(default_factory=TargetsDocument, description="times to reach")


class ClassificationDocument(Shape):
    """One row of the classification; the first that holds decides."""

    severity: Name = Field(description="a severity of this protocol")
    when: When = Field(default_factory=dict, description="tests of facts; without any, always")
    because: Text = Field(min_length=1, description="the reason people read")
