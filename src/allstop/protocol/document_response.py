"""The course of the response, as `protocol.yaml` writes it: roles, crews, phases, deadlines, modes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.document_conditions import When
from allstop.protocol.scalars import (
    Duration,
    DurationOrZero,
    Entry,
    Mark,
    Name,
    Shape,
    Short,
    Text,
    Words,
)
from allstop.protocol.times import Days, SpansText

CRITERION_KINDS = (
    "roll_call", "evidence", "remedy", "plan", "probe", "stable_for", "statement", "approval", "role",
    "form", "crews", "tasks", "timer", "impact",
)  # fmt: skip


def _names_or_all(value: Any) -> Any:
    """`all` becomes an empty list, which is how the policy says every probe of the fleet."""
    if value == "all":
        return []
    if value == []:
        raise PydanticCustomError("too_short", "must name a probe, or be `all`")
    return value


ProbeNames = Annotated[
    list[Name],
    BeforeValidator(_names_or_all),
    WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}),
    Words("list of names, or `all`"),
]


class RoleDocument(Shape):
    """A role of the incident."""

    title: Text = Field(default="", description="a short name for people")
    fill: bool = Field(default=False, description="assign it from the roster when declaring")
    duties: Text = Field(default="", description="what the holder does")
    needs: dict[Name, list[Name]] = Field(
        default_factory=dict, description="skills a holder must have, by severity"
    )


class CrewDocument(Shape):
    """A group formed for one incident out of the responders who are available."""

    title: Text = Field(default="", description="a short name for people")
    objective: Text = Field(default="", description="what it is formed for")
    teams: list[Name] = Field(default_factory=list, description="teams its members come from")
    domains: list[Name] = Field(default_factory=list, description="domains its members know")
    hit_domain: bool = Field(
        default=False, description="members who know the domains of the services that are hit"
    )
    size: int = Field(default=3, ge=1, le=100, description="at most so many are proposed")


class ReleaseDocument(Shape):
    """What lifting a halt takes."""

    persons: int = Field(
        default=1, ge=1, le=2, description="how many different people must ask for it"
    )
    keys: int = Field(
        default=0, ge=0, le=2,
        description="how many different release keys must have signed it; hosts check that themselves",
    )  # fmt: skip


class StageDocument(Shape):
    """A part of a release."""

    watch: Duration = Field(description="how long it is watched before anybody may go on")


class StagesDocument(Shape):
    """The parts of a release, in this order; whoever is left goes on when they are over."""

    responders: StageDocument | None = Field(
        default=None, description="first the agents that are in a crew of the incident"
    )
    reading: StageDocument | None = Field(
        default=None, description="then everybody may read, where that was blocked"
    )
    canary: StageDocument | None = Field(default=None, description="then one agent of each team")


class AllStopDocument(Shape):
    """How agents are stopped and counted."""

    roll_call: Duration = Field(description="how long agents have to answer")
    remind_after: Duration = Field(description="when those who have not answered are asked again")
    enforce: Literal["freeze", "none"] = Field(
        default="freeze", description="what happens to an agent that did not answer"
    )
    order: Text = Field(min_length=1, description="what agents are told")
    release: dict[Name, ReleaseDocument] = Field(
        default_factory=dict,
        description="what lifting a halt takes, by the severity of its incident; one person where nothing is said",
    )
    release_by_hand: ReleaseDocument | None = Field(
        default=None, description="what lifting a halt takes that belongs to no incident"
    )
    stages: StagesDocument | None = Field(
        default=None, description="in which a release lets agents go on; all at once when absent"
    )


class CriterionDocument(Shape):
    """One exit criterion: exactly one kind, with what belongs to it."""

    title: Text = Field(default="", description="what people read; the id when absent")
    roll_call: Literal[True] | None = Field(
        default=None, description="every agent confirmed or enforced"
    )
    evidence: Literal["all"] | None = Field(
        default=None, description="all requested evidence came in"
    )
    remedy: Literal["decided"] | None = Field(default=None, description="the remedy was decided")
    plan: Literal["contain", "remedy"] | None = Field(default=None, description="the plan is done")
    probe: ProbeNames | None = Field(default=None, description="so many good samples in a row")
    stable_for: Duration | None = Field(default=None, description="good samples for this long")
    statement: Name | None = Field(
        default=None, description="somebody who may has recorded a statement on this"
    )
    approval: Name | None = Field(
        default=None, description="a holder of the role, or the owner, approved"
    )
    role: Name | None = Field(default=None, description="the role is filled")
    form: Name | None = Field(default=None, description="the form was filed")
    crews: Literal[True] | None = Field(default=None, description="every crew has members")
    tasks: Literal[True] | None = Field(
        default=None, description="every task of the phase is done, or dropped with a reason"
    )
    timer: Duration | None = Field(default=None, description="the phase has lasted this long")
    impact: When | None = Field(
        default=None, min_length=1, description="the impact as measured satisfies these tests"
    )
    probes: ProbeNames | None = Field(default=None, description="with stable_for; all when absent")
    samples: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="with probe (1) or stable_for (3): fewest good samples",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in CRITERION_KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise PydanticCustomError(
                "criterion", "must be of exactly one kind, not {found}", {"found": found}
            )
        if self.probes is not None and kinds != ["stable_for"]:
            raise PydanticCustomError("criterion", "has `probes`, which belongs to stable_for only")
        if self.samples is not None and kinds[0] not in {"probe", "stable_for"}:
            raise PydanticCustomError(
                "criterion", "has `samples`, which belongs to probe or stable_for"
            )
        return self

    @property
    def kind(self) -> str:
        """Which of `CRITERION_KINDS` it is."""
        return next(kind for kind in CRITERION_KINDS if getattr(self, kind) is not None)

    @property
    def watched(self) -> list[str] | None:
        """Names of probes, empty for all of the fleet; None when no probe is concerned."""
        if self.stable_for is not None:
            return self.probes or []
        return self.probe

    @property
    def fewest(self) -> int:
        """How many good samples it needs."""
        return self.samples or (3 if self.stable_for is not None else 1)


class PhaseDocument(Shape):
    """A phase of the response, in the order of the document."""

    title: Text = Field(default="", description="a short name for people")
    automatic: bool = Field(
        default=True, description="enter the next phase as soon as all criteria hold"
    )
    actions: list[Text] = Field(
        default_factory=list, description="what is done here; becomes the tasks of the phase"
    )
    exit: dict[Name, CriterionDocument] = Field(
        default_factory=dict, description="criteria by id; ids are unique in the whole protocol"
    )


class DeadlineDocument(Shape):
    """Something that must have happened by then, or it is escalated."""

    title: Text = Field(default="", description="a short name for people; the id when absent")
    within: SpansText = Field(description="counted from `begins`; none where no span is named")
    until: list[Mark] = Field(min_length=1, description="marks that must all be reached")
    begins: Text = Field(
        default="declared", description="declared, severity (when it was set), or phase:NAME"
    )


class EscalationDocument(Shape):
    """Who is told of a missed deadline. A plain list is the chain."""

    chain: list[Entry] = Field(
        default_factory=list, description="in order: roles, `office:NAME`, `person:ID`, `owner`"
    )
    every: DurationOrZero = Field(
        default=0, description="while nobody acknowledges, the next one is called so often"
    )


def _chain(value: Any) -> Any:
    return {"chain": value} if isinstance(value, list) else value


EscalationText = Annotated[
    EscalationDocument,
    BeforeValidator(_chain),
    Short(({"type": "array", "items": {"type": "string"}},)),
    Words("mapping, or the chain"),
]


class ReliefDocument(Shape):
    """Relief for those who are on duty: whoever holds a role of an open incident is."""

    after: Duration | None = Field(
        default=None, description="how long somebody may be on duty until relief is asked for"
    )
    again: Duration | None = Field(
        default=None, description="how often it is asked for again while they are"
    )
    rest: Duration | None = Field(
        default=None, description="a break of this length lets their hours begin anew"
    )


class ModeDocument(Shape):
    """What changes while an incident is open."""

    severities: list[Name] = Field(default_factory=list, description="where it applies")
    suspend: dict[Name, Text] = Field(default_factory=dict, description="switched off: id, title")
    enable: dict[Name, Text] = Field(default_factory=dict, description="switched on: id, title")
    expires: Duration | None = Field(
        default=None, description="it ends by itself after this long, unless it is extended"
    )


class PreflightDocument(Shape):
    """What is looked at before anything is executed."""

    checks: list[Name] = Field(default_factory=list, description="names of checks, see below")
    required: bool = Field(default=False, description="whether plans wait until all have passed")
    understood_every: Days | None = Field(
        default=None, description="how old a person's word that they know the protocol may be"
    )
    every: DurationOrZero = Field(
        default=900_000, description="how often all of it is looked at while no plan runs; 0: never"
    )
    tell: list[Entry] = Field(
        default_factory=lambda: ["owner"],
        description="who is told when that turns red, and when it passes again: people, before there is an incident",
    )
