"""What people do in the stories of `pioneer` and `rollback-first`, step by step, over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allstop.testing.stage import Stage
from tests.conformance import responding as r

OUTAGE = {"core_functions_down": ["buying"]}


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def clock(stage: Stage, incident: str, id: str) -> dict[str, Any]:
    """A deadline of an incident, by its id."""
    found: dict[str, Any] = next(
        one for one in stage.show(incident)["deadlines"] if one["id"] == id
    )
    return found


def clocks(stage: Stage, incident: str) -> set[str]:
    return {one["id"] for one in stage.show(incident)["deadlines"]}


def missed(stage: Stage, incident: str, words: str) -> list[str]:
    """What the timeline says of deadlines that were missed and speak of this."""
    entries = stage.entries(incident, "deadline.missed")
    return [one["text"] for one in entries if words in one["text"]]


def owed(stage: Stage, incident: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in stage.show(incident)["obligations"]}


def form(stage: Stage, incident: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in stage.get(f"incidents/{incident}/forms").data if one["id"] == id
    )
    return found


def phase(stage: Stage, incident: str) -> str:
    return str(stage.show(incident)["line"]["phase"])


def known_facts(stage: Stage, incident: str, **facts: Any) -> None:
    """State facts for the decision table, and let the coordinator think."""
    body = {"facts": facts, "because": "this is what we found"}
    stage.do(f"incidents/{incident}/facts", r.COMMANDER, **body)
    stage.wait(1)


def over_and_out(stage: Stage, incident: str) -> None:
    """The owner ends it over everything that still stands in the way."""
    ended = stage.post(f"incidents/{incident}/stand-down", "person:eve", reason="it is over")
    for _ in range(9):
        if ended.ok:
            break
        for reason in ended.reasons:
            if reason.startswith("criterion:"):
                body = {"subject": reason.removeprefix("criterion:"), "because": "it is over"}
                stage.post(f"incidents/{incident}/overrides", "person:eve", **body)
        stage.settle()
        ended = stage.post(f"incidents/{incident}/stand-down", "person:eve", reason="it is over")
    assert ended.ok, ended.texts


# --- pioneer ----------------------------------------------------------------------------------------


def outage(stage: Stage, **more: Any) -> str:
    """Payments run a release that breaks buying, and somebody has seen it before the monitor."""
    stage.wait(25)
    stage.outside.deploy("payments", "tree-bad")
    body = {"services": ["payments"], "impact": OUTAGE} | more
    return stage.declare("no payments", **body)


def triage(stage: Stage, incident: str, **more: Any) -> None:
    body = {"real": True, "text": "I have seen it myself"} | more
    stage.do(f"incidents/{incident}/triage", "person:ben", **body)


def pioneer_to_mitigate(stage: Stage, incident: str) -> None:
    """Through triage and the investigation."""
    stage.settle()
    triage(stage, incident)
    stage.wait(20)
    for crew in stage.get(f"incidents/{incident}/crews").data:
        path = f"incidents/{incident}/crews/{crew['name']}"
        stage.do(path, "person:ben", members=crew["proposed"] or ["person:ben"])
    r.fill(stage, incident, "investigation", candidates="the release of tonight")
    stage.settle()
    assert phase(stage, incident) == "mitigate", stage.show(incident)["line"]["waits_for"]


def pioneer_to_verify(stage: Stage, incident: str) -> None:
    """Mitigated by hand, and seen by every probe."""
    pioneer_to_mitigate(stage, incident)
    stage.outside.repair("payments")
    r.fill(stage, incident, "mitigation")
    stage.wait(45)
    assert phase(stage, incident) == "verify", stage.show(incident)["line"]["waits_for"]


def pioneer_to_the_end(stage: Stage, incident: str) -> None:
    """All the way through standing down."""
    pioneer_to_verify(stage, incident)
    stage.wait(minutes=16)
    r.state(stage, incident, "resolved", "the release before is back")
    r.state(stage, incident, "root-cause", "a pool was halved")
    commander = f"person:{holder(stage, incident, 'commander')}"
    stage.do(f"incidents/{incident}/approvals", commander, subject="stand-down")
    stage.do(f"incidents/{incident}/stand-down", commander, reason="Payments are back.")


def holder(stage: Stage, incident: str, role: str) -> str:
    roles = {one["role"]: one["person"] for one in stage.show(incident)["roles"]}
    return str(roles[role])


# --- rollback-first ---------------------------------------------------------------------------------


def assess(stage: Stage, incident: str) -> None:
    """Through the assessment: who must stop has stopped, the evidence is in, the form is filed."""
    stage.post(f"incidents/{incident}/acknowledge", r.COMMANDER)
    stage.wait(20)
    r.fill(stage, incident, "assessment", causes="the release of tonight")
    stage.settle()
    assert phase(stage, incident) == "remedy", stage.show(incident)["line"]["waits_for"]


def go_back(stage: Stage, incident: str) -> None:
    """Approve the way back, let it run, and say so."""
    assess(stage, incident)
    r.approve_plans(stage, incident)
    stage.wait(minutes=2)
    r.state(stage, incident, "remedied", "returned to tree-good")
    stage.wait(45)
    assert phase(stage, incident) == "verify", stage.show(incident)["line"]["waits_for"]


def rolled_back_to_the_end(stage: Stage, incident: str) -> None:
    go_back(stage, incident)
    r.fill(stage, incident, "verification")
    stage.wait(minutes=31)
    r.state(stage, incident, "resolved", "the release before is back")
    stage.do(f"incidents/{incident}/approvals", r.COMMANDER, subject="stand-down")
    stage.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="Payments are back.")
