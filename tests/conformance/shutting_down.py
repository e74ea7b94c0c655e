"""What people do in the stories of the shutdown coordinator pack, over the API."""

from __future__ import annotations

from typing import Any

from allstop.testing.stage import Stage
from tests.conformance import responding as r

BUYING = {"core_functions_down": ["buying"]}
SMALL = {"failed_share_percent": 2}
REVIEWERS = {
    "security": "person:cho", "architecture": "person:dee", "data": "person:dan",
    "observability": "person:fay",
}  # fmt: skip


def usd(amount: str) -> dict[str, Any]:
    return {"lost_per_hour": {"amount": amount, "currency": "USD"}}


def broken(stage: Stage, service: str = "search", **more: Any) -> str:
    """A service dies, and somebody declares it. Nothing else is hit."""
    stage.outside.kill(service)
    body = {"services": [service], "impact": usd("50000")} | more
    return stage.declare(f"no {service}", "person:gus", **body)


def bad_release(stage: Stage, **more: Any) -> str:
    """The release of today breaks the payments; the one before is known to be good."""
    stage.wait(30)
    stage.outside.deploy("payments", "tree-bad")
    return stage.declare("no payments", "person:gus", services=["payments"], impact=BUYING, **more)


def plan(stage: Stage, incident: str, purpose: str) -> dict[str, Any]:
    """The newest plan of a purpose."""
    plans: list[dict[str, Any]] = stage.show(incident)["plans"]
    return next(one for one in reversed(plans) if one["purpose"] == purpose)


def agree(stage: Stage, incident: str, purpose: str) -> None:
    """Everybody whose signature the newest plan of a purpose waits for gives it."""
    found = plan(stage, incident, purpose)
    path, body = (
        f"incidents/{incident}/approvals",
        {"subject": f"plan:{found['id']}", "binds": found["hash"]},
    )
    for who in ("person:ada", "person:ben")[: found["people"]]:
        stage.do(path, who, **body)
    for role in found["reviewers"]:
        stage.do(path, REVIEWERS[role], as_reviewer=True, **body)


def to_the_end(stage: Stage, incident: str, repaired: str) -> None:
    """Through every stage, to a stand-down."""
    stage.post(f"incidents/{incident}/acknowledge", r.COMMANDER)
    stage.wait(30)
    r.fill(stage, incident, "situation-analysis", r.COMMANDER)
    if plan(stage, incident, "contain")["state"] == "proposed":
        agree(stage, incident, "contain")
        stage.settle()
    for subject in ("contained", "data-safe", "stabilised", "infrastructure", "data"):
        r.state(stage, incident, subject)
    stage.outside.repair(repaired)
    stage.wait(40)
    for subject in ("services", "customers", "operations"):
        r.state(stage, incident, subject)
    stage.wait(minutes=17)
    assert stage.show(incident)["line"]["phase"] == "verify", stage.show(incident)["line"]
    for subject in ("resolved", "root-cause", "prevention", "handed-over"):
        r.state(stage, incident, subject)
    stage.do(f"incidents/{incident}/approvals", r.COMMANDER, subject="stand-down")
    stage.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="It works again.")
