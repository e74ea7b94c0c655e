"""What a file of `playbooks/` compiles to: steps for a kind of emergency, in phases with their times."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from allstop.domain.policy.spans import Span


class PlaySort(StrEnum):
    """What a step of a playbook is; `PlaybookStep.what` says which one of that sort."""

    PLAN = "plan"  # a plan of the fleet for some services: isolate, stop, recover, ...
    ACTION = "action"  # one action that services offer: quiesce, snapshot, ...
    LEVER = "lever"  # a lever is pulled, by its name
    RELEASE = "release"  # a lever is taken back, by its name
    TELL = "tell"  # an audience is told something, by its name
    OWE = "owe"  # something is owed from now on, in words
    TASK = "task"  # a person does something and says so, in words
    GATE = "gate"  # probes must be good for a while


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """One step. what: by its sort; on: of whom, names of `Playbook.services` or targets of the fleet.

    after: steps before it that must have ended; early: it need not wait for the phase before its own; role:
    who does a task, or owes; level: of a degradation; percent: of a `scale`, 0 for none; dependents: of a
    stop, whoever is broken by it comes along; subject, text: what is told, or more about a task; within,
    remind, met_by: of what is owed, as `Obligation` has them; probes: of a gate, empty for those of its
    services; on_failure: hold | continue, empty for what is usual.
    """

    id: str
    title: str
    sort: PlaySort
    what: str
    on: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    early: bool = False
    role: str = ""
    level: str = ""
    percent: int = 0
    dependents: bool = False
    subject: str = ""
    text: str = ""
    within: Span | None = None
    remind: Span | None = None
    met_by: str = ""
    probes: tuple[str, ...] = ()
    on_failure: str = ""


@dataclass(frozen=True, slots=True)
class PlaybookPhase:
    """A phase; the next begins when all its steps have ended. from_ms, within_ms: when it should begin, and
    have ended, counted from the start of the plan; recovery: it belongs to the way back."""

    name: str
    title: str
    from_ms: int
    within_ms: int
    steps: tuple[PlaybookStep, ...]
    recovery: bool = False


@dataclass(frozen=True, slots=True)
class PlayedService:
    """What the playbook calls some services. targets: which of the fleet, as people write them."""

    name: str
    title: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """kinds: of emergencies it is for (empty: it is played only by its name); severities, domains: only for
    these, all when empty; extends: what it was made from, nearest first."""

    name: str
    title: str
    phases: tuple[PlaybookPhase, ...]
    services: tuple[PlayedService, ...] = ()
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()

    def recovery(self) -> tuple[PlaybookPhase, ...]:
        """The phases of the way back."""
        return tuple(phase for phase in self.phases if phase.recovery)

    def targets_of(self, name: str) -> tuple[str, ...]:
        """What stands for a name of `services`, or the name itself, which is a target of the fleet then."""
        found = next((one for one in self.services if one.name == name), None)
        return found.targets if found is not None else (name,)
