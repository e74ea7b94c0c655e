"""Proposals: a message or an alert that looks like an emergency, for somebody to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from allstop.domain.record import Record
from allstop.domain.registry import event


@event("activation.proposed")
@dataclass(frozen=True, slots=True)
class ActivationProposed:
    """because: the phrase or the alert rule that was recognised; asked: people who may confirm."""

    proposal: str
    text: str
    source: str
    because: str
    kind: str
    asked: tuple[str, ...]
    policy: str
    labels: dict[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()


@event("activation.confirmed")
@dataclass(frozen=True, slots=True)
class ActivationConfirmed:
    incident: str


@event("activation.dismissed")
@dataclass(frozen=True, slots=True)
class ActivationDismissed:
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """state: open | confirmed | dismissed; incident: the one it became; labels: of an alert."""

    id: str
    text: str
    source: str
    because: str
    kind: str
    asked: tuple[str, ...]
    services: tuple[str, ...]
    at: datetime
    by: str
    policy: str
    state: str = "open"
    incident: str = ""
    reason: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProposeActivation:
    """text: a message, or an alert's summary; labels: an alert's."""

    text: str
    source: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmActivation:
    """Declares what was proposed. title, severity, kind: instead of the proposed ones."""

    proposal: str
    title: str = ""
    severity: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class DismissActivation:
    proposal: str
    reason: str


def proposal_stream(id: str) -> str:
    return f"proposal/{id}"


def proposed(record: Record) -> Proposal:
    one: ActivationProposed = record.event
    return Proposal(
        one.proposal, one.text, one.source, one.because, one.kind, one.asked, one.services,
        record.at, record.actor, one.policy, labels=one.labels,
    )  # fmt: skip


def evolve(proposal: Proposal, record: Record) -> Proposal:
    """The proposal after one event on its stream. Total."""
    found: Any = record.event
    match found:
        case ActivationConfirmed(incident):
            return replace(proposal, state="confirmed", incident=incident)
        case ActivationDismissed(reason):
            return replace(proposal, state="dismissed", reason=reason)
        case _:
            return proposal
