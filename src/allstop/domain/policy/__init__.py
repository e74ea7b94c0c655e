"""`Policy`: protocol, fleet and roster, compiled and immutable.

People write documents (see `allstop.protocol`); the core sees only these values. A policy is
identified by the SHA-256 digest of its canonical JSON, and an incident keeps the one it was
declared under.
"""

from allstop.domain.policy.fleet import (
    ActionSpec,
    Dependency,
    DependencyKind,
    Fleet,
    Function,
    Meter,
    MonitorSettings,
    ProbeSpec,
    Service,
)
from allstop.domain.policy.policy import Policy, PolicyBook
from allstop.domain.policy.protocol import (
    AllStop,
    Audience,
    ClassificationRow,
    Condition,
    Criterion,
    CriterionKind,
    Grant,
    Obligation,
    Phase,
    Protocol,
    RemedyRow,
    RemedyRules,
    RoleRule,
    SeverityRule,
    Targets,
    UpdateRules,
)
from allstop.domain.policy.roster import AgentEntry, Channel, Person, Roster, Team

__all__ = [
    "ActionSpec",
    "AgentEntry",
    "AllStop",
    "Audience",
    "Channel",
    "ClassificationRow",
    "Condition",
    "Criterion",
    "CriterionKind",
    "Dependency",
    "DependencyKind",
    "Fleet",
    "Function",
    "Grant",
    "Meter",
    "MonitorSettings",
    "Obligation",
    "Person",
    "Phase",
    "Policy",
    "PolicyBook",
    "ProbeSpec",
    "Protocol",
    "RemedyRow",
    "RemedyRules",
    "RoleRule",
    "Roster",
    "Service",
    "SeverityRule",
    "Targets",
    "Team",
    "UpdateRules",
]
