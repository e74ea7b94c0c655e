"""What faces show of the playbooks of a project."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.draft import Refuse
from allstop.domain.planning.selecting import select
from allstop.domain.policy import Playbook, PlaybookPhase, PlaybookStep, PlayedService, Policy


@dataclass(frozen=True, slots=True)
class PlaybookStepLine:
    """sort: plan | action | lever | release | tell | owe | task | gate; what: which one of its sort."""

    id: str
    title: str
    sort: str
    what: str
    on: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    role: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class PlaybookPhaseLine:
    """from_ms, within_ms: from the start of the plan; recovery: part of the way back."""

    name: str
    title: str
    from_ms: int
    within_ms: int
    recovery: bool
    steps: tuple[PlaybookStepLine, ...]


@dataclass(frozen=True, slots=True)
class PlayedServiceLine:
    """What the playbook calls some services. services: which of the fleet; none when nobody named them."""

    name: str
    title: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaybookView:
    """kinds, severities, domains: which incidents it is for; extends: what it was made from."""

    name: str
    title: str
    kinds: tuple[str, ...]
    severities: tuple[str, ...]
    domains: tuple[str, ...]
    extends: tuple[str, ...]
    services: tuple[PlayedServiceLine, ...]
    phases: tuple[PlaybookPhaseLine, ...]


def playbook_views(policy: Policy) -> tuple[PlaybookView, ...]:
    """Those that incidents declared from now on would use."""
    return tuple(_view(policy, one) for one in policy.playbooks)


def _view(policy: Policy, playbook: Playbook) -> PlaybookView:
    return PlaybookView(
        playbook.name, playbook.title, playbook.kinds, playbook.severities, playbook.domains,
        playbook.extends, tuple(_played(policy, one) for one in playbook.services),
        tuple(_phase(one) for one in playbook.phases),
    )  # fmt: skip


def _played(policy: Policy, one: PlayedService) -> PlayedServiceLine:
    try:
        found = select(policy.fleet, one.targets)
    except Refuse:
        found = ()
    return PlayedServiceLine(one.name, one.title, found)


def _phase(phase: PlaybookPhase) -> PlaybookPhaseLine:
    return PlaybookPhaseLine(
        phase.name, phase.title, phase.from_ms, phase.within_ms, phase.recovery,
        tuple(_step(one) for one in phase.steps),
    )  # fmt: skip


def _step(step: PlaybookStep) -> PlaybookStepLine:
    return PlaybookStepLine(
        step.id, step.title, step.sort.value, step.what, step.on, step.after, step.role, step.early
    )
