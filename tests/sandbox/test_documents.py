"""The documents of the demo are documents a user could be proud of: no remark, every proof, every way back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load
from allstop.sandbox.documents import Pace, write_project
from allstop.sandbox.layout import LOAD, SERVICES

PORTS = {name: 15_000 + at for at, name in enumerate((*SERVICES, LOAD))}


def written(home: Path, *, all_off: bool) -> Path:
    """A project for a shop that does not run."""
    record = {
        "urls": {name: f"http://127.0.0.1:{port}" for name, port in PORTS.items()},
        "releases": {name: str(home / "releases" / name) for name in SERVICES},
    }
    write_project(home / "project", home, record, Pace(), all_off=all_off)
    return home / "project"


@pytest.mark.parametrize("all_off", [False, True])
def test_they_are_taken_without_a_remark(tmp_path: Path, *, all_off: bool) -> None:
    home = written(tmp_path, all_off=all_off)

    loaded = load(home, catalogue_of(InstalledAdapters()))

    assert [str(one) for one in loaded.problems] == []
    assert loaded.policy is not None
    fleet = loaded.policy.fleet
    assert {one.name for one in fleet.services} == set(SERVICES)
    assert {one.name for one in fleet.services if one.protected} == (
        {"orders", "payments"} if all_off else set()
    )
    assert [one.name for one in fleet.stages] == ["foundation", "books", "front"]


def test_a_proof_that_is_taken_away_is_missed(tmp_path: Path) -> None:
    """The check is able to fail: without the look at the port, nothing proves a stop."""
    home = written(tmp_path, all_off=True)
    path = home / "fleet.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    del document["services"]["orders"]["verify"]["stopped"]
    path.write_text(yaml.safe_dump(document), "utf-8")

    loaded = load(home, catalogue_of(InstalledAdapters()))

    assert "AP094" in {one.code for one in loaded.problems}


def test_what_is_done_at_the_front_door_is_not_offered_when_that_is_stopped_as_well(
    tmp_path: Path,
) -> None:
    def offered(*, all_off: bool) -> set[str]:
        home = written(tmp_path / str(all_off), all_off=all_off)
        document = yaml.safe_load((home / "fleet.yaml").read_text("utf-8"))
        behind = [one for name, one in document["services"].items() if name != "gateway"]
        return {action for one in behind for action in one["actions"]}

    assert {"isolate", "reopen", "scale"} <= offered(all_off=False)
    assert not {"isolate", "reopen", "scale"} & offered(all_off=True)
