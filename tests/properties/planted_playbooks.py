"""Bugs planted into plans made by playbooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from allstop.domain.decide import RULES
from allstop.domain.deciding import own_steps, plan_running
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as p
from allstop.domain.record import plan_stream
from allstop.testing.invariants import check
from allstop.testing.traces import Trace, Violation
from tests.domain.builders import MINUTE
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import miss, owe, phase, play, settle, task, tell
from tests.properties.planted import Plant

Patch = pytest.MonkeyPatch


def judged(ground: Ground) -> Iterable[Violation]:
    return check(Trace(tuple(ground.records), ground.book))


def claimed(patch: Patch, *kinds: str) -> None:
    """Steps of these kinds are done as soon as they begin, whatever they are about."""
    right = own_steps.carry_out

    def claim(draft: Any, plan: str, step: p.Step) -> Any:
        return (True, "so they say") if step.kind in kinds else right(draft, plan, step)

    patch.setattr(plan_running, "carry_out", claim)


def duty_forgotten(patch: Patch) -> Iterable[Violation]:
    claimed(patch, "owe")
    ground, _ = play(phase("first", 0, 2, owe("law")))
    return judged(ground)


def told_to_nobody(patch: Patch) -> Iterable[Violation]:
    claimed(patch, "tell")
    ground, _ = play(phase("first", 0, 2, tell("word", "deaf")))
    return judged(ground)


def task_by_machine(patch: Patch) -> Iterable[Violation]:
    """A task is done because its phase is late."""

    def done(draft: Any, command: c.MissPhase) -> None:
        draft.emit(plan_stream(command.plan), p.StepDone("look", "nobody said otherwise"))

    patch.setitem(RULES, c.MissPhase, done)
    ground, _ = play(phase("first", 0, 2, task("look")))
    return judged(miss(ground, "first"))


def late(draft: Any, command: c.MissPhase) -> None:
    """What is called late without a look at the clock, at what waits, or at what was said before."""
    plan = draft.world.plans[command.plan]
    event = p.PhaseLate(command.phase, command.phase, plan.phases[0].within_ms, ())
    draft.emit(plan_stream(plan.id), event)


def late_too_soon(patch: Patch) -> Iterable[Violation]:
    patch.setitem(RULES, c.MissPhase, late)
    ground, _ = play(phase("first", 0, 2, task("look")))
    return judged(miss(ground, "first"))


def late_again(patch: Patch) -> Iterable[Violation]:
    patch.setitem(RULES, c.MissPhase, late)
    ground, _ = play(phase("first", 0, 2, task("look")))
    ground.let_pass(3 * MINUTE)
    return judged(miss(miss(ground, "first"), "first"))


def late_when_over(patch: Patch) -> Iterable[Violation]:
    patch.setitem(RULES, c.MissPhase, late)
    ground, _ = play(phase("first", 0, 2, task("look")), phase("second", 2, 4, task("more")))
    settle(ground, "look")
    ground.let_pass(3 * MINUTE)
    return judged(miss(ground, "first"))


PLANTS_PLAYBOOKS: tuple[Plant, ...] = (
    Plant("a duty is done and nothing is owed", "own_steps_true", duty_forgotten),
    Plant("nobody is told and it is done", "own_steps_true", told_to_nobody),
    Plant("a clock does the task of a person", "own_steps_true", task_by_machine),
    Plant("a phase is late before its time", "late_said_once", late_too_soon),
    Plant("a phase is late again and again", "late_said_once", late_again),
    Plant("a phase that is over is late", "late_said_once", late_when_over),
)
