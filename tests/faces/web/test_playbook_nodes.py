"""A plan made by a playbook on its card: the task that waits for a person, with the command that ends it."""

from __future__ import annotations

from dataclasses import replace

from allstop.application.plan_shapes import PlanView
from allstop.application.plan_shaping import plan_view
from allstop.domain.plan.commands import AbortPlan
from allstop.faces.web.pages import next_step
from allstop.faces.web.plan_nodes import laid_out
from tests.domain.builders import ADA
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import phase, play, task
from tests.faces.cli import recorded

SETTLE = 'allstop plan settle PLAN-1 look --happened --evidence "what you saw"'


def card(ground: Ground) -> PlanView:
    world = ground.world
    return plan_view(world.plans["PLAN-1"], world, ground.book.latest, world.incidents["INC-1"])


def commands(ground: Ground) -> dict[str, tuple[str, ...]]:
    laid = laid_out(card(ground), (), ground.now.utc, opened=True)
    shown = [*laid.listed, *(one for fold in laid.folds for one in fold.nodes)]
    return {one.line.id: one.commands for one in shown}


def test_an_open_task_stands_beside_the_command_that_ends_it() -> None:
    ground, _ = play(phase("first", 0, 2, task("look"), task("later", after=("look",))))
    found = commands(ground)
    assert found["look"] == (SETTLE,)
    assert found["later"] == ()
    assert found["phase:first"] == ()


def test_a_task_goes_before_what_waits_for_approval() -> None:
    """Given a task of a plan under way and another plan that waits, then the page leads to the task."""
    ground, _ = play(phase("first", 0, 2, task("look", title="Look behind it", role="scribe")))
    under_way = card(ground)
    waits = replace(recorded.PLAN, id="PLAN-2", incident="INC-1")
    view = replace(recorded.VIEW, plans=(waits, under_way))
    laid = {"PLAN-1": laid_out(under_way, (), ground.now.utc, opened=True)}
    assert next_step(view, laid) == (
        "allstop plan show PLAN-1", "PLAN-1 asks scribe: Look behind it",
    )  # fmt: skip
    ground.do(AbortPlan("PLAN-1", "a false alarm"), ADA)
    view = replace(view, plans=(waits, card(ground)))
    assert next_step(view, {}) == (
        "allstop approve PLAN-2", "PLAN-2 waits for approval by commander: Isolate payments",
    )  # fmt: skip


def test_nothing_is_asked_for_a_plan_that_was_given_up() -> None:
    ground, _ = play(phase("first", 0, 2, task("look")))
    ground.do(AbortPlan("PLAN-1", "a false alarm"), ADA)
    assert not any(commands(ground).values())
