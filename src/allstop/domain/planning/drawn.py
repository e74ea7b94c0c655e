"""What planning gives: a plan that has not been made yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.incident.state import Incident
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Node, Pace, PlanPhase, Step
from allstop.domain.policy import Policy
from allstop.domain.world import World


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a plan is drawn from. incident: whose plan it is; now: UTC."""

    world: World
    policy: Policy
    incident: Incident
    asked: Asked
    now: datetime


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plan as it would be made now."""

    title: str
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]
    pace: Pace = field(default_factory=Pace)
    bites: tuple[Bite, ...] = ()
    outlook: Outlook = field(default_factory=Outlook)
    phases: tuple[PlanPhase, ...] = ()
