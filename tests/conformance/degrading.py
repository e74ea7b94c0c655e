"""A shop with levers, a breaker and data, under the shutdown coordinator protocol, and what people do to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.conftest import PROJECTS
from tests.conformance.shutting_down import REVIEWERS

EVERYBODY = ("web", "payments", "search", "reports", "ledger")
_FLEET = """\
schema: allstop/1
monitor: {interval: 10s}
circuits: {failures: 5, retry_after: 300s}
limits: {share_percent: 90}
services:
  web:
    category: revenue
    importance: 90
    depends: {payments: hard, search: soft}
    probes: {web-deep: {adapter: sim, options: {service: web, look: healthy}}}
    actions:
      stop: {adapter: sim, verb: stop, timeout: 2s}
      kill: {adapter: sim, verb: kill, timeout: 2s}
      start: {adapter: sim, verb: start, timeout: 2s}
    verify:
      stopped: {adapter: sim, timeout: 3s, options: {service: web, look: stopped}}
      started: {adapter: sim, timeout: 3s, options: {service: web, look: started}}
    levers:
      without-search:
        title: The shop without its search
        level: major
        limit: customers browse by category
        expires: 2h
        pull: {adapter: sim, verb: quiesce}
        release: {adapter: sim, verb: unquiesce}
        pulled: {adapter: sim, timeout: 3s, options: {service: web, look: quiesced}}
        released: {adapter: sim, timeout: 3s, options: {service: web, look: healthy}}
    breakers:
      search: {fallback: without-search}
  payments:
    category: revenue
    importance: 95
    protected: true
    depends: {ledger: hard}
    probes: {payments-deep: {adapter: sim, options: {service: payments, look: healthy}}}
    actions:
      stop: {adapter: sim, verb: stop, timeout: 2s}
      start: {adapter: sim, verb: start, timeout: 2s}
    verify: {stopped: {adapter: sim, timeout: 3s, options: {service: payments, look: stopped}}}
    levers:
      read-only:
        title: No new cards
        level: critical
        limit: only cards that are known
        expires: 1h
        pull: {adapter: sim, verb: fence}
        release: {adapter: sim, verb: unfence}
        pulled: {adapter: sim, timeout: 3s, options: {service: payments, look: fenced}}
        released: {adapter: sim, timeout: 3s, options: {service: payments, look: healthy}}
  search:
    category: customer-facing
    importance: 60
    probes: {search-deep: {adapter: sim, options: {service: search, look: healthy}}}
    actions:
      stop: {adapter: sim, verb: stop, timeout: 2s}
      start: {adapter: sim, verb: start, timeout: 2s}
    verify: {stopped: {adapter: sim, timeout: 3s, options: {service: search, look: stopped}}}
  reports:
    category: analytics
    importance: 10
    depends: {ledger: soft}
    probes: {reports-deep: {adapter: sim, options: {service: reports, look: healthy}}}
    actions:
      stop: {adapter: sim, verb: stop, timeout: 2s}
      start: {adapter: sim, verb: start, timeout: 2s}
    verify: {stopped: {adapter: sim, timeout: 3s, options: {service: reports, look: stopped}}}
    levers:
      deferred:
        title: Reports tomorrow
        level: minor
        limit: reports a day late
        expires: 2h
        pull: {adapter: sim, verb: quiesce}
        release: {adapter: sim, verb: unquiesce}
        pulled: {adapter: sim, timeout: 3s, options: {service: reports, look: quiesced}}
        released: {adapter: sim, timeout: 3s, options: {service: reports, look: healthy}}
  ledger:
    category: internal
    importance: 95
    stateful: true
    domain: core-data
    probes: {ledger-deep: {adapter: sim, options: {service: ledger, look: healthy}}}
    actions:
      isolate: {adapter: sim, verb: isolate}
      reopen: {adapter: sim, verb: reopen}
      quiesce: {adapter: sim, verb: quiesce}
      unquiesce: {adapter: sim, verb: unquiesce}
      drain: {adapter: sim, verb: drain}
      undrain: {adapter: sim, verb: undrain}
      fence: {adapter: sim, verb: fence}
      unfence: {adapter: sim, verb: unfence}
      flush: {adapter: sim, verb: flush}
      snapshot: {adapter: sim, verb: snapshot}
      verify-snapshot: {adapter: sim, verb: verify-snapshot}
      stop: {adapter: sim, verb: stop, timeout: 2s}
      start: {adapter: sim, verb: start, timeout: 2s}
    verify:
      isolated: {adapter: sim, timeout: 3s, options: {service: ledger, look: isolated}}
      open: {adapter: sim, timeout: 3s, options: {service: ledger, look: open}}
      quiesced: {adapter: sim, timeout: 3s, options: {service: ledger, look: quiesced}}
      drained: {adapter: sim, timeout: 3s, options: {service: ledger, look: drained}}
      fenced: {adapter: sim, timeout: 3s, options: {service: ledger, look: fenced}}
      flushed: {adapter: sim, timeout: 3s, options: {service: ledger, look: flushed}}
      snapshot: {adapter: sim, timeout: 3s, options: {service: ledger, look: saved}}
      stopped: {adapter: sim, timeout: 3s, options: {service: ledger, look: stopped}}
"""


def write_shop(folder: Path) -> Path:
    """The project folder of the shop."""
    home = folder / "degrading"
    shutil.copytree(PROJECTS / "shutdown-coordinator", home)
    (home / "services.yaml").unlink()
    (home / "fleet.yaml").write_text(_FLEET, "utf-8")
    return home


def emergency(stage: Stage) -> str:
    """Somebody declares that the shop is slow; the checks before anything is executed have passed."""
    stage.wait(20)
    incident = stage.declare("everything is slow", "person:gus", impact={"failed_share_percent": 2})
    stage.settle()
    stage.do(f"incidents/{incident}/preflight", r.COMMANDER)
    stage.wait(30)
    return incident


def planned(stage: Stage, incident: str, purpose: str, **more: Any) -> str:
    """A plan that everybody who must agree to has agreed to."""
    body = {"purpose": purpose, **more}
    plan = str(stage.do(f"incidents/{incident}/plans", r.COMMANDER, **body)["plan"])
    agree(stage, incident, plan)
    return plan


def agree(stage: Stage, incident: str, plan: str) -> None:
    found = show(stage, plan)
    body = {"subject": f"plan:{plan}", "binds": found["hash"]}
    path = f"incidents/{incident}/approvals"
    for who in ("person:ada", "person:ben")[: found["people"]]:
        stage.do(path, who, **body)
    for role in found["reviewers"]:
        stage.do(path, REVIEWERS[role], as_reviewer=True, **body)


def run(stage: Stage, plan: str, seconds: float = 30) -> dict[str, Any]:
    stage.do(f"plans/{plan}/run", r.COMMANDER)
    stage.wait(seconds)
    return show(stage, plan)


def show(stage: Stage, plan: str) -> dict[str, Any]:
    answer = stage.get(f"plans/{plan}")
    assert answer.ok, answer.data
    found: dict[str, Any] = answer.data
    return found


def states(stage: Stage, plan: str) -> dict[str, str]:
    return {one["id"]: one["state"] for one in show(stage, plan)["nodes"]}


def levers(stage: Stage) -> dict[str, dict[str, Any]]:
    """The levers that are pulled, by name."""
    return {one["name"]: one for one in stage.get("levers").data if one["pulled"]}


def circuit(stage: Stage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in stage.get("circuits").data if one["name"] == name)
    return found


def deeds(stage: Stage, service: str) -> list[str]:
    """What orders have really brought about at a service, in order."""
    done = [one.effect for one in stage.outside.journal.deeds]
    return [one.verb for one in done if one.target == service]


def told(stage: Stage, word: str) -> list[str]:
    return [f"{one.to}: {one.subject}" for one in stage.letters() if word in one.subject]
