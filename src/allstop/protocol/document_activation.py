"""How an emergency begins, as `protocol.yaml` writes it: kinds, who may declare, phrases, alerts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.document_conditions import When
from allstop.protocol.limits import MOST_ROWS
from allstop.protocol.scalars import Entry, Name, Shape, Text


class KindDocument(Shape):
    """A kind of emergency: recognised by tests of the impact, or named by whoever declares."""

    title: Text = Field(default="", description="a short name for people")
    when: When = Field(
        default_factory=dict, description="recognised by these tests; without any, only by name"
    )
    severity: Name | None = Field(
        default=None, description="at least this bad; as classified when absent"
    )
    all_stop: bool = Field(default=False, description="orders every agent to stop, at any severity")
    first_responders: list[Entry] = Field(
        default_factory=list, description="called first, in order; as the protocol says when absent"
    )
    escalation: list[Entry] = Field(
        default_factory=list, description="a chain of its own; the protocol's when absent"
    )
    tell: list[Entry] = Field(default_factory=list, description="people who hear of it at once")
    phase: Name | None = Field(
        default=None, description="where the response begins; the first phase when absent"
    )


class WhoDocument(Shape):
    """One rule of who may declare."""

    who: Entry = Field(description="a person, an office, a team, an agent")
    kinds: list[Name] = Field(
        default_factory=list, description="only these kinds of emergency; any when absent"
    )
    own_domain: bool = Field(
        default=False, description="only for services and domains that belong to theirs"
    )
    tell: list[Entry] = Field(default_factory=list, description="people who hear of it at once")


class AlertDocument(Shape):
    """Alerts whose labels all match; the first rule that matches decides."""

    labels: dict[Text, Text] = Field(min_length=1, description="label and the value it must have")
    kind: Name | None = Field(default=None, description="the kind of emergency it means")
    act: Literal["propose", "declare"] = Field(
        default="propose", description="ask somebody to confirm, or declare by itself"
    )


class ActivationDocument(Shape):
    """How an emergency begins."""

    who: list[WhoDocument] = Field(
        default_factory=list,
        max_length=MOST_ROWS,
        description="who may declare; when absent, the `declare` grants decide alone",
    )
    phrases: list[Text] = Field(
        default_factory=list,
        max_length=MOST_ROWS,
        description="plain words in a message that propose an activation",
    )
    confirm: list[Entry] = Field(
        default_factory=list,
        description="people who are asked to confirm what was proposed; nobody else confirms or dismisses it. "
        "Whoever may declare when absent, or when it means nobody",
    )
    alerts: list[AlertDocument] = Field(
        default_factory=list, max_length=MOST_ROWS, description="alerts that count"
    )
    kinds: dict[Name, KindDocument] = Field(
        default_factory=dict, max_length=MOST_ROWS, description="by name"
    )
