"""A night of stories can be stopped, and gone on with; what it says in the end is what was told."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.properties.__main__ import turns
from tests.properties.counting import Heard, Night, Unfit, table

PACKS = ("one", "two")
ROOT = Path(__file__).parents[2]


def heard(pack: str, seed: int, *violations: str) -> Heard:
    kinds = frozenset({"incident.declared", "plan.done"} if seed % 2 else {"incident.declared"})
    return Heard(pack, seed, 50, 20, 300, kinds, frozenset({"no-authority"}), violations)


def told(stories: int = 4) -> Night:
    """A night in which each pack has so many; in the second story of `two` something was found."""
    night = Night(PACKS, 10, 50)
    night.add((heard("one", 10 + place) for place in range(stories)), 2.0)
    night.add(
        (heard("two", 10 + place, *["S1: lost"] * (place == 1)) for place in range(stories)), 2.0
    )
    return night


def test_what_was_kept_is_gone_on_from(tmp_path: Path) -> None:
    """Given a night that was kept, when another takes it over, then it is as far, and knows as much."""
    file = tmp_path / "night.json"
    told().keep(file)
    again = Night(PACKS, 10, 50)
    again.go_on(file)
    assert again.plain() == told().plain()
    assert again.totals["two"].violations == {11: ["S1: lost"]}
    again.add([heard("one", 14)], 1.0)
    assert (again.stories, again.failing, again.seconds) == (9, 1, 5.0)


def test_a_file_that_is_not_there_yet_is_a_beginning(tmp_path: Path) -> None:
    night = Night(PACKS, 10, 50)
    night.go_on(tmp_path / "night.json")
    assert night.stories == 0


@pytest.mark.parametrize("other", [
    {"seed": 11}, {"commands": 20}, {"packs": {}}, {"code": "of yesterday"},
])  # fmt: skip
def test_other_stories_are_not_counted_in(tmp_path: Path, other: dict[str, Any]) -> None:
    """Given what was kept of other seeds, packs, lengths or code, then nobody goes on from it."""
    file = tmp_path / "night.json"
    told().keep(file)
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | other), "utf-8")
    with pytest.raises(Unfit):
        Night(PACKS, 10, 50).go_on(file)


def test_packs_take_turns_and_whoever_is_behind_goes_first() -> None:
    """Given a pack that is ahead, when the rest is told, then the other catches up, and both come to the end."""
    night = Night(PACKS, 10, 50)
    night.add((heard("one", 10 + place) for place in range(100)), 1.0)
    order = []
    for jobs in turns(night, argparse.Namespace(stories=300, turn=100)):
        order.append((jobs[0][0], jobs[0][1] - 10, len(jobs)))
        night.add((heard(pack, seed) for pack, seed, _ in jobs), 1.0)
    assert order == [
        ("two", 0, 50), ("two", 50, 50), ("one", 100, 50), ("one", 150, 50), ("two", 100, 50),
        ("two", 150, 50), ("one", 200, 50), ("one", 250, 50), ("two", 200, 50), ("two", 250, 50),
    ]  # fmt: skip
    assert {total.stories for total in night.totals.values()} == {300}


def test_the_table_has_a_column_for_each_pack_and_one_for_all() -> None:
    lines = table(told()).splitlines()
    assert lines[0].split() == ["one", "two", "all"]
    rows = {line[:34].strip(): line[34:].split() for line in lines[1:-1]}
    assert rows["seeds"] == ["10-13", "10-13"]
    assert rows["stories"] == ["4", "4", "8"]
    assert rows["with violations"] == ["0", "1", "1"]
    assert rows["events"] == ["1,200", "1,200", "2,400"]
    assert rows["stories with a plan done"] == ["50.0%", "50.0%", "50.0%"]
    assert lines[-1] == "8 stories in 4 seconds, 2.0 a second"


@pytest.mark.slow
def test_a_run_that_was_stopped_is_finished_by_the_next(tmp_path: Path) -> None:
    """Given a run of two stories that was kept, when four are asked for, then two more are told."""
    file = tmp_path / "night.json"

    def run(stories: int) -> dict[str, Any]:
        command = "--pack standard --jobs 1 --commands 5 --json --stories"
        done = subprocess.run(
            [sys.executable, "-m", "tests.properties", *command.split(), str(stories), "--keep", file],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=True, capture_output=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    first, second = run(2), run(4)
    assert (first["stories"], second["stories"]) == (2, 4)
    assert second["packs"]["standard"]["asked"] == 20
    assert second["failing"] == 0
    assert second["seconds"] > first["seconds"]
