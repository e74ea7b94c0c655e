"""`replace` for state does what that of `dataclasses` does, for every state there is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from allstop.domain.copying import replace
from allstop.domain.incident.parts import Evidence
from allstop.domain.world import World
from tests.domain.builders import outage

STATES: dict[str, Any] = {
    "World": outage().world,
    "Incident": outage().world.incidents["INC-1"],
    "Plan": next(iter(outage().settle().world.plans.values())),
    "with slots": Evidence("payments/state", "payments", "state"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_copy_is_what_the_constructor_would_have_made(name: str) -> None:
    """Given a state, when each of its fields is changed in turn, then both ways lead to the same."""
    state = STATES[name]
    for one in dataclasses.fields(state):
        change = {one.name: "something else"}
        assert replace(state, **change) == dataclasses.replace(state, **change)
        assert getattr(replace(state, **change), one.name) == "something else"
    assert replace(state) == state


def test_what_was_copied_stays_as_it_was_and_as_frozen() -> None:
    """Given a copy with another field, then the first one has not changed, and neither can be."""
    first = outage().world
    second = replace(first, epoch=first.epoch + 1)
    assert second.epoch == first.epoch + 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        second.epoch = 0  # type: ignore[misc]


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="World has no epok"):
        replace(World(), epok=1)  # type: ignore[call-arg]


def test_nothing_is_remembered_of_another_world() -> None:
    """Given a world from which something was worked out, when it changes, then that is forgotten."""
    world = outage().world
    world.remembered["INC-1"] = "what was worked out"
    assert replace(world, halts={}).remembered == {}
    assert world.remembered == {"INC-1": "what was worked out"}
    assert world == replace(world)
