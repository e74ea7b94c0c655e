"""A protocol with kinds of emergency, phrases and alert rules, for the tests of how one begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from allstop.domain.policy import (
    Activation,
    AlertRule,
    Condition,
    EmergencyKind,
    Grant,
    Policy,
)
from allstop.domain.principal import Kind, Principal
from allstop.domain.proposals import Proposal
from tests.domain.builders import MINUTE, Story, policy

CHAT = Principal("chat", Kind.SOURCE)
ALERTS = Principal("alertmanager", Kind.SOURCE)
HOUR = 60 * MINUTE
KINDS = (
    EmergencyKind(
        "breach", "Security breach", (Condition("breach", "is", True),), "SEV2", all_stop=True,
        first_responders=("person:ben", "person:ada"), escalation=("person:ben",), tell=("owner",),
    ),
    EmergencyKind("server-errors", "Server errors", (Condition("server_errors", "is", True),), all_stop=True,
                  first_responders=("communications",)),
    EmergencyKind("slow", "Slow", (Condition("users", "at_least", 1),)),
    EmergencyKind("recovery", "Disaster recovery", severity="SEV1", phase="restore"),
)  # fmt: skip
ALERT_RULES = (
    AlertRule({"severity": "page", "team": "shop"}, "slow"),
    AlertRule({"severity": "halt"}, "breach", "declare"),
)


def ready(**more: Any) -> Policy:
    """The test protocol with kinds, phrases, alert rules, and ada and the owner to confirm."""
    base = policy()
    grant = Grant("propose", ("person", "agent", "source"))
    wanted: dict[str, Any] = {
        "activation": Activation(
            phrases=("outage", "production down", "production", "all hands (now)"),
            confirm=("person:ada", "owner"), alerts=ALERT_RULES, kinds=KINDS,
        ),
        "authority": (*base.protocol.authority, grant),
    }  # fmt: skip
    return replace(base, protocol=replace(base.protocol, **(wanted | more)))


def story(**more: Any) -> Story:
    return Story(ready(**more)).register()


def codes(found: Story) -> list[str]:
    assert found.refused is not None, "it was allowed"
    return [reason.code for reason in found.refused.reasons]


def events(found: Story, kind: str) -> list[Any]:
    return [record.event for record in found.records if record.kind == kind]


def told(found: Story) -> list[tuple[str, str]]:
    return [(one.to, one.subject) for one in events(found, "notification.requested")]


def proposal(found: Story, id: str = "PROP-1") -> Proposal:
    return found.world.proposals[id]


def ended(found: Story, state: str = "stood-down") -> Story:
    """INC-1 has ended just now; how it came to that is not what these tests are about."""
    incident = found.world.incidents["INC-1"]
    over = replace(incident, state=state, stood_down_at=found.now.utc, stood_down_by="person:ada")
    found.world = replace(found.world, incidents={**found.world.incidents, "INC-1": over})
    return found
