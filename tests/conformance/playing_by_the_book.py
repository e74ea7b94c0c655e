"""Projects with playbooks in the simulated world, and what people do while one is played."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from allstop.testing.stage import Stage, stage_of
from tests.conformance.shutting_down import agree, plan

HERE = Path(__file__).parent
COMMANDER, SECURITY, DATA, COUNSEL = "person:ada", "person:cho", "person:dan", "person:lou"
WRITER, OWNER = "person:gus", "person:eve"


@contextmanager
def opened(fleet: str, folder: Path, more: str = "") -> Iterator[Stage]:
    """The shutdown coordinator protocol over a fleet of its own, with playbooks. more: of fleet.yaml."""
    home = folder / fleet
    shutil.copytree(HERE / "projects" / "shutdown-coordinator", home)
    (home / "services.yaml").unlink()
    shutil.copytree(HERE / "playbooks" / fleet, home, dirs_exist_ok=True)
    if more:
        with (home / "fleet.yaml").open("a", encoding="utf-8") as file:
            file.write(more)
    with stage_of(home) as stage:
        stage.wait(30)
        yield stage


def made(stage: Stage, incident: str, **asked: Any) -> dict[str, Any]:
    """A plan that was asked for, agreed to by all who must."""
    body = {"purpose": "playbook"} | asked
    stage.do(f"incidents/{incident}/plans", COMMANDER, **body)
    if plan(stage, incident, str(body["purpose"]))["approve"]:
        agree(stage, incident, str(body["purpose"]))
    stage.settle()
    return plan(stage, incident, str(body["purpose"]))


def played(stage: Stage, incident: str, **asked: Any) -> str:
    """The same, and it has begun. Returns its id."""
    id = str(made(stage, incident, **asked)["id"])
    stage.do(f"plans/{id}/run", COMMANDER)
    stage.settle()
    return id


def look(stage: Stage, id: str) -> dict[str, Any]:
    answer = stage.get(f"plans/{id}")
    assert answer.ok, answer.data
    found: dict[str, Any] = answer.data
    return found


def states(stage: Stage, id: str) -> dict[str, str]:
    """Where each node stands, by what stands for it in the playbook."""
    return {one["id"].rpartition("@")[2]: one["state"] for one in look(stage, id)["nodes"]}


def phase(stage: Stage, id: str, name: str) -> dict[str, Any]:
    return next(one for one in look(stage, id)["phases"] if one["name"] == name)


def open_tasks(stage: Stage, id: str) -> set[str]:
    """Tasks that wait for a person."""
    steps = look(stage, id)["steps"]
    return {one["id"] for one in steps if one["kind"] == "task" and one["state"] == "running"}


def say_done(stage: Stage, id: str, step: str, who: str, evidence: str = "I looked") -> None:
    stage.do(f"plans/{id}/settle", who, step=step, happened=True, evidence=evidence)
    stage.settle()


def owed(stage: Stage, incident: str, id: str) -> dict[str, Any]:
    return next(one for one in stage.show(incident)["obligations"] if one["id"] == id)
