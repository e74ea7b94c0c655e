"""Every invariant can fail: bugs are planted, and each must be caught by the one meant for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.testing.invariants import CHECKS, check
from allstop.testing.simulator import Faults
from allstop.testing.simulator.run import Run
from allstop.testing.traces import Trace
from tests.domain.builders import outage
from tests.properties.planted import PLANTS as OTHERS
from tests.properties.planted import Plant
from tests.properties.planted_clauses import PLANTS_CLAUSES, taken_back_after_the_end
from tests.properties.planted_halts import PLANTS_HALTS
from tests.properties.planted_levers import PLANTS_LEVERS
from tests.properties.planted_people import PLANTS_PEOPLE
from tests.properties.planted_playbooks import PLANTS_PLAYBOOKS
from tests.simulation.__main__ import hush

PLANTS = (
    *OTHERS,
    *PLANTS_PEOPLE,
    *PLANTS_PLAYBOOKS,
    *PLANTS_LEVERS,
    *PLANTS_CLAUSES,
    *PLANTS_HALTS,
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    hush()
    found = (one for one in plant.play(monkeypatch) if one.what.startswith(plant.caught_by))
    assert next(found, None) is not None, f"{plant.caught_by} did not catch: {plant.name}"


def test_a_tampered_entry_breaks_the_chain() -> None:
    run = Run(1, Faults.calm())
    run.play()
    stored = tuple(run.disk.events)
    place = next(at for at, one in enumerate(stored) if at > 10 and "a" in one.body)
    body = stored[place].body.replace("a", "b", 1)
    tampered = (*stored[:place], replace(stored[place], body=body), *stored[place + 1 :])
    found = check(Trace((), outage().book, stored=tampered))
    assert [one.where for one in found] == [str(place + 1)]


def test_planted_as_many_as_caught() -> None:
    """Every check has a planted bug of its own (`chained` stands above)."""
    checks = {one.__name__ for one in CHECKS}
    assert checks - {plant.caught_by for plant in PLANTS} == {"chained"}


def test_a_sound_story_has_no_violation() -> None:
    story = outage().settle()
    assert check(Trace(tuple(story.records), story.book)) == ()


def test_a_lever_goes_back_after_the_end_of_its_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """It outlives its incident on purpose, and so does the plan that takes it back."""
    found = [one.what for one in taken_back_after_the_end(monkeypatch)]
    assert not [what for what in found if what.startswith(("ended_whole", "levers_in_time"))]
