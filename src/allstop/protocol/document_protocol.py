"""`protocol.yaml` as people write it. Descriptions here become the reference page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.document_activation import ActivationDocument
from allstop.protocol.document_aftermath import (
    DrillDocument,
    LedgerDocument,
    ObjectiveDocument,
    ObligationDocument,
    ReportDocument,
    ReviewDocument,
    WatchDocument,
)
from allstop.protocol.document_degradation import DegreeDocument, DegreeKey
from allstop.protocol.document_remedy import (
    ApprovalsDocument,
    RemedyDocument,
    StopRuleDocument,
)
from allstop.protocol.document_response import (
    AllStopDocument,
    CrewDocument,
    CriterionDocument,
    DeadlineDocument,
    EscalationDocument,
    EscalationText,
    ModeDocument,
    PhaseDocument,
    PreflightDocument,
    ReliefDocument,
    RoleDocument,
)
from allstop.protocol.document_severities import ClassificationDocument, SeverityDocument
from allstop.protocol.document_telling import (
    AudienceDocument,
    CalendarDocument,
    FormDocument,
    OccasionKey,
    TemplateDocument,
    UpdatesDocument,
)
from allstop.protocol.limits import MOST_ROWS
from allstop.protocol.scalars import DurationOrZero, Mark, Name, Percent, Shape, Text

CriterionPlace = tuple[tuple[str, ...], str, CriterionDocument]


class ProtocolDocument(Shape):
    """`protocol.yaml` with everything it extends merged in."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    name: Name = Field(description="identifies the protocol")
    title: Text = Field(default="", description="a short name for people")
    extends: Text | None = Field(
        default=None, description="name of a built-in pack, or path of a file relative to this one"
    )
    abstract: bool = Field(
        default=False,
        description="built-in packs only: made to be extended, and no protocol of its own",
    )
    severities: dict[Name, SeverityDocument] = Field(
        min_length=1, description="by name, the worst first"
    )
    classification: list[ClassificationDocument] = Field(
        min_length=1, max_length=MOST_ROWS, description="severity from impact, the first match wins"
    )
    calendar: CalendarDocument = Field(
        default_factory=CalendarDocument, description="business time"
    )
    offices: dict[Name, Text] = Field(
        default_factory=dict, description="standing positions on the roster: id and title"
    )
    activation: ActivationDocument = Field(
        default_factory=ActivationDocument, description="how an emergency begins"
    )
    roles: dict[Name, RoleDocument] = Field(default_factory=dict, description="by name")
    crews: dict[Name, CrewDocument] = Field(default_factory=dict, description="by name")
    authority: dict[Text, list[Text]] = Field(
        default_factory=dict, description="who may do what: action and its grants"
    )
    all_stop: AllStopDocument = Field(description="stopping all agents")
    phases: dict[Name, PhaseDocument] = Field(min_length=1, description="by name, in order")
    stand_down: dict[Name, CriterionDocument] = Field(
        default_factory=dict, description="criteria that must hold to stand down"
    )
    deadlines: dict[Name, DeadlineDocument] = Field(
        default_factory=dict, description="what must have happened by when, by id"
    )
    remedy: RemedyDocument = Field(description="rollback, fix or investigate")
    approvals: ApprovalsDocument = Field(
        default_factory=ApprovalsDocument, description="who must agree"
    )
    stop_rules: dict[Name, StopRuleDocument] = Field(
        default_factory=dict, description="what holds a plan that runs, by id"
    )
    degradation: dict[DegreeKey, DegreeDocument] = Field(
        default_factory=dict, description="doing with less: what each degree means"
    )
    preflight: PreflightDocument = Field(
        default_factory=PreflightDocument, description="looked at before anything is executed"
    )
    updates: UpdatesDocument = Field(default_factory=UpdatesDocument, description="updates")
    audiences: dict[Name, AudienceDocument] = Field(default_factory=dict, description="by name")
    escalation: EscalationText = Field(
        default_factory=EscalationDocument,
        description="who is told of a missed deadline; a plain list is the chain",
    )
    forms: dict[Name, FormDocument] = Field(default_factory=dict, description="by id")
    templates: dict[OccasionKey, TemplateDocument] = Field(
        default_factory=dict,
        description="what is told, by occasion; OCCASION@AUDIENCE for one audience",
    )
    emergency_mode: ModeDocument = Field(
        default_factory=ModeDocument, description="what changes while an incident is open"
    )
    relief: ReliefDocument = Field(
        default_factory=ReliefDocument,
        description="relief for those who have been on duty for long",
    )
    evidence: list[Name] = Field(
        default_factory=list, description="evidence collected from each service that offers it"
    )
    obligations: dict[Name, ObligationDocument] = Field(
        default_factory=dict, description="what is owed, by id"
    )
    aftercare: dict[Name, WatchDocument] = Field(
        default_factory=dict, description="what is watched on after standing down, by id"
    )
    closing: dict[Name, list[Mark]] = Field(
        default_factory=dict, description="marks that must be reached to close, by severity"
    )
    ledger: LedgerDocument = Field(default_factory=LedgerDocument, description="points")
    objectives: dict[Name, ObjectiveDocument] = Field(
        default_factory=dict, description="recovery objectives by class of services"
    )
    warn_at: Percent = Field(default=75, description="warns when so much of an RTO has passed")
    reopen_within: DurationOrZero = Field(
        default=0, description="a recurrence within it reopens the incident; never when 0s"
    )
    channel: Text = Field(
        default="", description="name of the incident's channel, with `{incident}`"
    )
    report: ReportDocument = Field(default_factory=ReportDocument, description="the report")
    drills: dict[Name, DrillDocument] = Field(default_factory=dict, description="by id")
    review: ReviewDocument = Field(
        default_factory=ReviewDocument, description="the protocol's own review"
    )
    terms: dict[Name, Text] = Field(default_factory=dict, description="local words: ours to yours")

    def criteria(self) -> list[CriterionPlace]:
        """(path, id, criterion) of every criterion of the phases and of standing down."""
        found: list[CriterionPlace] = [
            (("phases", name, "exit", id), id, criterion)
            for name, phase in self.phases.items()
            for id, criterion in phase.exit.items()
        ]
        found += [(("stand_down", id), id, criterion) for id, criterion in self.stand_down.items()]
        return found
