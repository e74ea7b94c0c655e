"""People: they acknowledge, post updates, approve, settle, state causes, stand down; and err."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random  # noqa: TID251  (seeded: one seed drives everything)
from typing import Any

from allstop.domain.gates import phase_standings
from allstop.domain.halt import commands as halt
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.incident import commands as c
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, between
from allstop.domain.plan import commands as plans
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import CriterionKind, Policy
from allstop.domain.world import World
from allstop.testing.simulator.faults import Faults
from allstop.testing.simulator.world import BAD, OutsideWorld

MINUTE = 60_000
PATIENCE_MS = 25 * MINUTE
TRIES = 5


@dataclass(slots=True)
class Mind:
    """What one person remembers; it outlives the coordinator, as people do."""

    id: str
    chance: Random
    faults: Faults
    tried: dict[str, int] = field(default_factory=dict)

    def once(self, what: str) -> bool:
        """Whether this comes to mind for the first time."""
        self.tried[what] = self.tried.get(what, 0) + 1
        return self.tried[what] == 1

    def errs(self, what: str) -> bool:
        """Whether this person makes this mistake; it is made once."""
        share = self.faults.hasty
        return share > 0 and self.once(f"err {what}") and self.chance.randrange(100) < share


@dataclass(slots=True)
class Sight:
    """What a person sees when they look."""

    world: World
    policy: Policy
    now: Now
    outside: OutsideWorld


Duty = Callable[[Mind, Sight], Iterator[Any]]


def next_request(mind: Mind, sight: Sight) -> Any | None:
    """The most urgent thing this person wants to ask for, or None."""
    for duty in DUTIES:
        for command in duty(mind, sight):
            return command
    return None


def _age(sight: Sight, incident: Incident) -> int:
    return between(incident.declared_at, sight.now.utc)


def _open(mind: Mind, sight: Sight, role: str) -> Iterator[Incident]:
    """Open incidents in which this person holds the role."""
    for incident in sight.world.open_incidents():
        if incident.roles.get(role) == mind.id:
            yield incident


def _acknowledge(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in _open(mind, sight, "commander"):
        if incident.acknowledged_at is None and not mind.errs(f"overhear {incident.id}"):
            yield c.AcknowledgeIncident(incident.id)


def _approve(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in _open(mind, sight, "commander"):
        for plan in sight.world.plans_of(incident.id):
            if plan.state is PlanState.PROPOSED and plan.approve:
                wrong = mind.errs(f"hash {plan.id}")
                binds = "0" * 64 if wrong else plan.hash
                yield c.Approve(incident.id, f"plan:{plan.id}", binds)


def _unstick(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in _open(mind, sight, "commander"):
        for plan in sight.world.plans_of(incident.id):
            if plan.state is PlanState.HELD:
                yield from _held(mind, sight, plan)


def _held(mind: Mind, sight: Sight, plan: Plan) -> Iterator[Any]:
    for step in plan.steps:
        state = plan.standing(step.id).state
        if state not in (StepState.FAILED, StepState.UNKNOWN):
            continue
        mind.once(f"retry {plan.id} {step.id}")
        if mind.tried[f"retry {plan.id} {step.id}"] > TRIES:
            yield plans.AbortPlan(plan.id, "it does not work out")
        elif state is StepState.FAILED:
            yield plans.RetryStep(plan.id, step.id)
        else:
            there = _took_effect(sight.outside, step.service, step.verb)
            yield plans.SettleStep(plan.id, step.id, there, "I looked at it myself")


def _took_effect(outside: OutsideWorld, service: str, verb: str) -> bool:
    """What a person sees who goes and looks."""
    seen = outside.services[service]
    return {
        "isolate": not seen.open,
        "reopen": seen.open,
        "rollback": seen.release != BAD,
        "restart": seen.running,
    }.get(verb, False)


def _choose(mind: Mind, sight: Sight) -> Iterator[Any]:
    """Where the table only says investigate, or its plan was aborted, a person decides."""
    for incident in _open(mind, sight, "commander"):
        made = sight.world.plans_of(incident.id)
        remedies = [plan for plan in made if plan.purpose == "remedy"]
        stuck = incident.remedy is not None and (
            incident.remedy.remedy == "investigate"
            or bool(remedies and remedies[-1].state is PlanState.ABORTED)
        )
        if not stuck or any(plan.ended_at is None for plan in made) or not incident.services:
            continue
        if _age(sight, incident) > PATIENCE_MS:
            continue
        if not mind.once(f"choose {incident.id} {len(remedies)}"):
            continue
        name = incident.services[0]
        bad = sight.outside.services[name].release == BAD
        remedy = "rollback" if bad and name in sight.world.known_good else "fix"
        yield c.DecideRemedy(incident.id, remedy, "I have looked into it", name)


def _update(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in _open(mind, sight, "communications"):
        if incident.update_requested > incident.updates:
            number = incident.updates + 1
            if not mind.errs(f"forget {incident.id} {number}"):
                yield c.PostUpdate(incident.id, "investigating", f"we are at it, {number}")


def _attend(mind: Mind, sight: Sight) -> Iterator[Any]:
    """An agent that force could not stop is stopped by hand, and reported."""
    for held in sight.world.standing_halts():
        for line in held.roll.values():
            if line.state is Hold.ESCAPED and mind.id == "ben":
                sight.outside.stop_by_hand(line.agent)
                if mind.once(f"attend {held.id} {line.agent}"):
                    yield halt.AnswerRollCall(line.agent, held.id, "stopped by hand")


def _hand_over(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in sight.world.open_incidents():
        if mind.id in incident.offers.values():
            for role, to in incident.offers.items():
                if to == mind.id:
                    yield c.AcceptHandoff(incident.id, role)
        if incident.roles.get("commander") == "ada" == mind.id and mind.errs(
            f"shift {incident.id}"
        ):
            yield c.OfferHandoff(incident.id, "commander", "cho", "my shift ends")


def _blunder(mind: Mind, sight: Sight) -> Iterator[Any]:
    """What should be refused, or is at least odd."""
    for incident in sight.world.open_incidents():
        if mind.id == "ben" and mind.errs(f"power {incident.id}"):
            yield c.StandDown(incident.id, "I think it is fine")
        if mind.id == "eve" and mind.errs(f"halt {incident.id}"):
            yield halt.OrderHalt("agent:builder-1", "it looks odd")
        if incident.roles.get("commander") == mind.id:
            if mind.errs(f"early {incident.id}"):
                yield c.StandDown(incident.id, "too early")
            if mind.errs(f"raise {incident.id}"):
                yield c.SetSeverity(incident.id, "SEV1", "it is worse than it looks")


def _lift(mind: Mind, sight: Sight) -> Iterator[Any]:
    """Hand-made halts are lifted by the owner after a while."""
    for held in sight.world.standing_halts():
        old = between(held.ordered_at, sight.now.utc) > 2 * MINUTE
        if mind.id == "eve" and not held.incident and old:
            yield halt.ReleaseHalt(held.id, "it was nothing")


def _lose_patience(mind: Mind, sight: Sight) -> Iterator[Any]:
    """The owner repairs by hand and lets through what still blocks, on the record."""
    if mind.id != "eve":
        return
    for incident in sight.world.open_incidents():
        if _age(sight, incident) < PATIENCE_MS:
            continue
        for name in incident.services:
            if name in sight.outside.services and mind.once(f"repair {incident.id} {name}"):
                sight.outside.repair(name)
        for plan in sight.world.plans_of(incident.id):
            if plan.ended_at is None:
                yield plans.AbortPlan(plan.id, "repaired by hand")
        phase = sight.policy.protocol.phase(incident.phase)
        for one in phase_standings(sight.world, sight.policy, incident, phase):
            if not one.passed and one.criterion.kind is not CriterionKind.STABLE_FOR:
                yield c.Override(incident.id, one.criterion.id, "repaired by hand")


def _wind_down(mind: Mind, sight: Sight) -> Iterator[Any]:
    for incident in _open(mind, sight, "commander"):
        if "resolved" not in incident.milestones:
            continue
        for subject in ("resolved", "root-cause"):
            if subject not in incident.statements:
                yield c.RecordStatement(incident.id, subject, "as the evidence says")
        if "stand-down" not in incident.approvals:
            yield c.Approve(incident.id, "stand-down")
        yield c.StandDown(incident.id, "all is well again.")


DUTIES: tuple[Duty, ...] = (
    _attend, _acknowledge, _blunder, _hand_over, _approve, _unstick, _choose, _update, _lift,
    _lose_patience, _wind_down,
)  # fmt: skip
