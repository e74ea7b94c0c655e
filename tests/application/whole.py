"""The builders' policy with everything a protocol can ask for beside the response itself."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.authority import ACTIONS
from allstop.domain.policy import (
    Activation,
    Closing,
    Condition,
    CrewRule,
    Drill,
    EmergencyKind,
    EmergencyMode,
    Form,
    FormField,
    Grant,
    Ledger,
    LedgerRule,
    Obligation,
    Person,
    Policy,
    Review,
    Span,
)
from allstop.domain.principal import Kind, Principal
from tests.domain import builders

HOUR = 3_600_000
# On the roster, and in nothing: whoever is kept out of private incidents.
ZOE = Principal("zoe", Kind.PERSON)
BRIEFING = Form(
    "briefing", "Threat briefing",
    (FormField("situation", "Situation"), FormField("scope", "Scope", required=False)),
)  # fmt: skip


def whole(policy: Policy | None = None) -> Policy:
    """Every action is granted to people, but to read private incidents to nobody."""
    policy = policy or builders.policy()
    known = {grant.action for grant in policy.protocol.authority}
    granted = tuple(
        Grant(action, ("person",)) for action in ACTIONS if action not in known | {"read-private"}
    )
    protocol = replace(
        policy.protocol,
        authority=(*policy.protocol.authority, *granted),
        forms=(BRIEFING, Form("post-mortem", "Post-mortem", (FormField("cause", "Cause"),), after=True)),
        crews=(CrewRule("containment", "Shield casters", "Keep it from spreading"),),
        mode=EmergencyMode({"scoring": "Scoring"}, {"direct": "Direct words"}, 12 * HOUR, ("SEV1", "SEV2", "SEV3")),
        obligations=(
            Obligation("customers", "Customers are told", "communications", Span(HOUR), begins="declared"),
            Obligation("review", "The review is held", "commander", Span(24 * HOUR), meeting=True),
        ),
        closing=Closing(dict.fromkeys(("SEV1", "SEV2", "SEV3"), ("form:post-mortem", "action-items"))),
        ledger=Ledger((LedgerRule("solved", "resolver", 10, "it was solved"),), "containment"),
        activation=Activation(
            phrases=("battle stations",), confirm=("owner",),
            kinds=(EmergencyKind("breach", "Security breach", (Condition("breach", "is", True),)),),
        ),
        drills=(Drill("outage", "Outage drill", 90, ("outage",)),),
        review=Review(90, "2026-10-01"),
    )  # fmt: skip
    zoe = Person("zoe", "Zoe", "zoe", (), (), (), owner=False)
    roster = replace(policy.roster, people=(*policy.roster.people, zoe))
    return replace(policy, protocol=protocol, roster=roster)
