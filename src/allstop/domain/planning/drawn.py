"""What planning gives: a plan that has not been made yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.domain.plan.asked import Outlook
from allstop.domain.plan.events import Bite, Node, Pace, Step


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plan as it would be made now."""

    title: str
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]
    pace: Pace = field(default_factory=Pace)
    bites: tuple[Bite, ...] = ()
    outlook: Outlook = field(default_factory=Outlook)
