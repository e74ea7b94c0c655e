"""Preflight and diagnosis of a whole fleet: SC-02, CH-01 and CH-03, over the API."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from allstop.domain.fleet.copies import Copy
from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance import responding_by_hand as h
from tests.conformance.clauses import clause
from tests.conformance.shutting_down import agree, broken, plan

INTERVAL_MINUTES = 17
SECRET = "hunter2hunter2"
SERVICES = {"payments", "search", "gateway", "mcp", "vault", "reports"}


def checked(stage: Stage, **query: Any) -> dict[str, dict[str, Any]]:
    """What a preflight finds, by check and subject."""
    answer = stage.get("preflight", **query)
    assert answer.ok, answer.data
    return {f"{one['check']} {one['subject']}".strip(): one for one in answer.data["checks"]}


def red(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in found.items() if one["ok"] is not True}


def readiness(stage: Stage) -> dict[str, Any]:
    answer = stage.get("overview")
    assert answer.ok
    found: dict[str, Any] = answer.data["readiness"]
    return found


# --- SC-02, CH-01: everything that is named is tried -----------------------------------------------


@clause("SC-02", "CH-01")
def test_every_actuator_probe_and_channel_of_the_fleet_is_tried_and_none_acts(
    shutdown: Stage,
) -> None:
    """Given a fleet in which all is well, when everything is checked, then each service was looked at, each place
    where something would be done could do it, and nothing was done."""
    shutdown.wait(30)
    before = len(shutdown.outside.journal.deeds)
    found = checked(shutdown)
    assert red(found) == set()
    assert {name for one in found.values() for name in one["concerns"]} >= SERVICES
    assert "could act in" in found["adapters sim"]["text"]
    probes = {name for name in found if name.startswith("probes ")}
    assert {"probes search isolated", "probes traffic", "probes checkout"} <= probes
    assert "channels mail" in found
    assert len(shutdown.outside.journal.deeds) == before


@clause("SC-02")
def test_what_could_not_be_done_now_is_named_with_the_services_and_what_mends_it(
    shutdown: Stage,
) -> None:
    shutdown.wait(30)
    shutdown.trouble.unready["restart"] = "no socket"
    found = checked(shutdown, check="adapters")
    bad = {name: found[name] for name in red(found)}
    assert {one["text"] for one in bad.values()} == {"no socket"}
    assert {name for one in bad.values() for name in one["concerns"]} >= {
        "search/restart", "payments/restart",
    }  # fmt: skip
    assert all("fleet.yaml" in one["mend"] for one in bad.values())


@clause("CH-01")
@pytest.mark.parametrize(("hours", "fresh"), [(0, False), (23, True), (25, False)])
def test_copies_of_data_are_fresh_and_proven_or_named(
    shutdown: Stage, hours: int, fresh: bool
) -> None:
    """Given services with data, then one of which nobody has proven a copy is named; with a copy that a plan has
    made and a restore has proven it is fine until that copy is older than the fleet allows."""
    shutdown.wait(30)
    if hours:
        shutdown.coordinator.post.world.copies["vault"] = _proven_copy(shutdown, hours)  # type: ignore[index]
    found = checked(shutdown, check="backups")
    assert found["backups payments"]["ok"] is False
    assert found["backups payments"]["text"] == "no probe shows a copy, and no plan has made one"
    assert found["backups vault"]["ok"] is fresh
    assert found["backups vault"]["concerns"] == ["vault"]


def _proven_copy(stage: Stage, hours: int) -> tuple[Any, ...]:
    taken = stage.now - timedelta(hours=hours)
    return (Copy("c-1", taken, taken),)


@clause("CH-01")
def test_for_every_role_somebody_can_be_told_now(shutdown: Stage) -> None:
    """Given channels that work, then each role has somebody who can be told; when all of them are shut, nobody can,
    and that is named role by role."""
    shutdown.wait(30)
    found = checked(shutdown, check="reachable,drill")
    assert red(found) == set()
    assert any("can be told: " in one["text"] for one in found.values())
    rooms = [str(one.options.get("room", "")) for one in shutdown.policy.roster.channels]
    shutdown.trouble.shut |= dict.fromkeys(rooms, "the relay is down")
    found = checked(shutdown, check="reachable")
    assert red(found) == set(found)
    assert "reachable owner" in found
    assert all("the relay is down" in one["text"] for one in found.values())


@clause("CH-01")
def test_a_part_of_the_fleet_can_be_checked_by_itself(shutdown: Stage) -> None:
    shutdown.wait(30)
    shutdown.trouble.silent = {"search-deep", "vault-deep"}
    found = checked(shutdown, service="vault")
    assert red(found) == {"probes vault-deep"}
    assert {name.partition("/")[0] for one in found.values() for name in one["concerns"]} == {
        "vault"
    }
    wrong = shutdown.get("preflight", service="valt,search", check="prboes")
    assert wrong.status == 409
    assert wrong.reasons == ["unknown-check", "unknown-service"]


# --- SC-02: by itself, again and again ---------------------------------------------------------------


@clause("SC-02", "CH-01")
def test_it_is_looked_at_all_the_time_and_everybody_sees_how_it_stands(shutdown: Stage) -> None:
    """Given a coordinator nobody asks anything of, then it has looked by itself; when a probe falls silent, the
    next look is red, twice in a row, and that is on the record once; when it answers again, it is green."""
    shutdown.wait(minutes=2)
    assert readiness(shutdown)["passed"]
    seen = shutdown.get("preflight", newest="true")
    assert seen.data["state"] == "passed"
    shutdown.trouble.silent = {"mcp-deep"}
    shutdown.wait(minutes=INTERVAL_MINUTES + 2)
    assert readiness(shutdown)["failing"] == ["probes mcp-deep: no answer"]
    assert shutdown.get("preflight", newest="true").data["state"] == "failed"
    shutdown.wait(hours=2)
    turns = [one for one in shutdown.disk.events if one.kind == "preflight.turned"]
    assert len(turns) == 2
    metrics = shutdown.coordinator.post.world.readiness
    assert metrics is not None
    assert not metrics.passed
    shutdown.trouble.silent = set()
    shutdown.restart(down_seconds=3600)
    assert not readiness(shutdown)["passed"], "what was known is known after a restart"
    shutdown.wait(minutes=3)
    assert readiness(shutdown)["passed"]


# --- SC-02: execution ---------------------------------------------------------------------------------


@clause("SC-02")
def test_a_red_check_elsewhere_keeps_no_plan_back(shutdown: Stage) -> None:
    """Given a tool server that does not answer, when search is to be cut off, then that goes on; the red check is on
    the record all the same."""
    shutdown.wait(30)
    shutdown.trouble.silent = {"mcp-deep"}
    incident = broken(shutdown)
    shutdown.wait(60)
    preflight = shutdown.show(incident)["preflight"]
    assert preflight["state"] == "failed"
    assert not shutdown.outside.services["search"].open


@clause("SC-02")
def test_a_plan_that_somebody_asks_for_waits_for_what_concerns_it_and_says_all_of_it(
    shutdown: Stage,
) -> None:
    """Given a fleet with two things wrong about search and one elsewhere, when a plan to isolate search is run, then it
    is refused with both and without the third; after an override by a holder it runs."""
    shutdown.wait(30)
    incident = broken(shutdown, "reports")
    shutdown.wait(30)
    shutdown.trouble.silent = {"search-deep", "mcp-deep"}
    shutdown.trouble.unready["isolate"] = "no socket"
    made = str(shutdown.do(
        f"incidents/{incident}/plans", r.COMMANDER, purpose="contain", targets=["search"]
    )["plan"])  # fmt: skip
    shutdown.do(f"incidents/{incident}/preflight", r.COMMANDER)
    shutdown.wait(30)
    agree(shutdown, incident, "contain")
    refused = shutdown.post(f"plans/{made}/run", r.COMMANDER)
    assert refused.status == 409
    assert set(refused.reasons) == {"preflight"}
    texts = [one["text"] for one in refused.data["reasons"]]
    assert sum("search" in text for text in texts) == 2
    assert not any("mcp" in text for text in texts)
    assert "allstop preflight" in refused.texts
    assert shutdown.outside.services["search"].open
    shutdown.do(
        f"incidents/{incident}/overrides", "person:xia", subject="preflight", because="we know"
    )
    shutdown.trouble.unready.clear()
    shutdown.do(f"plans/{made}/run", r.COMMANDER)
    shutdown.settle()
    assert not shutdown.outside.services["search"].open


@clause("SC-02")
def test_a_rule_that_is_violated_while_a_plan_of_nodes_runs_stops_it_and_is_cited(
    shutdown: Stage,
) -> None:
    """Given a plan over several services that somebody asked for, when nine tenths of the capacity are gone while it
    runs, then nothing further starts, the rule is on the record and both who lead hear of it."""
    shutdown.wait(30)
    incident = broken(shutdown, "search")
    shutdown.wait(30)
    made = str(shutdown.do(
        f"incidents/{incident}/plans", r.COMMANDER, purpose="contain", targets=["reports", "mcp"]
    )["plan"])  # fmt: skip
    agree(shutdown, incident, "contain")
    shutdown.trouble.silent.add("proof")
    shutdown.do(f"plans/{made}/run", r.COMMANDER)
    shutdown.wait(10)
    assert plan(shutdown, incident, "contain")["state"] == "running"
    path = f"incidents/{incident}/impact"
    shutdown.do(path, "person:ben", impact={"capacity_lost_percent": 90})
    shutdown.wait(5)
    held = plan(shutdown, incident, "contain")
    assert (held["id"], held["state"]) == (made, "held")
    assert "may be the last that runs" in held["held_because"]
    (cited,) = [one for one in shutdown.entries(incident, "rule.violated") if made in one["text"]]
    assert "may be the last that runs" in cited["text"]
    told = {one.to for one in shutdown.letters() if "held by a stop rule" in one.subject}
    assert {"person:ada", "person:ben"} <= told


# --- CH-03 ---------------------------------------------------------------------------------------------


def evidence(stage: Stage, incident: str) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in stage.show(incident)["evidence"]}


def body_of(stage: Stage, piece: dict[str, Any]) -> str:
    answer = stage.get(f"evidence/{piece['sha256']}")
    assert answer.ok
    text = answer.data if isinstance(answer.data, str) else str(answer.data)
    assert hashlib.sha256(text.encode()).hexdigest() == piece["sha256"]
    return text


@clause("CH-03")
def test_any_service_can_be_diagnosed_by_all_it_offers_and_each_answer_is_kept(
    rollback_first: Stage,
) -> None:
    """Given an incident about one service, when another one is diagnosed as well, then its recipes ran and read,
    each piece bears the digest of what is kept of it, and nothing of the fleet was changed."""
    rollback_first.wait(25)
    incident = h.outage(rollback_first)
    told = rollback_first.do(
        f"incidents/{incident}/diagnosis", r.COMMANDER, services=["api", "web"]
    )
    assert {"api/recent-errors", "api/resources", "api/health", "api/recent-changes", "web/health"} <= set(
        told["looked"]
    )  # fmt: skip
    rollback_first.settle()
    found = evidence(rollback_first, incident)
    pieces = [found[id] for id in told["looked"]]
    assert {one["state"] for one in pieces} == {"collected"}
    assert all(body_of(rollback_first, one) for one in pieces)
    touched = {one.effect.target for one in rollback_first.outside.journal.deeds}
    assert not touched & {"api", "web"}


@clause("CH-03")
def test_a_service_whose_fleet_names_no_recipe_is_looked_at_all_the_same(
    rollback_first: Stage,
) -> None:
    """Given a service without any diagnosis of its own, then its probe is the evidence, good or bad, and one that
    gives no answer is no evidence that all is well."""
    rollback_first.wait(25)
    incident = h.outage(rollback_first)
    rollback_first.do(f"incidents/{incident}/diagnosis", r.COMMANDER, services=["batch"])
    rollback_first.settle()
    assert evidence(rollback_first, incident)["batch/health"]["state"] == "collected"
    rollback_first.outside.kill("batch")
    rollback_first.do(f"incidents/{incident}/diagnosis", r.COMMANDER, services=["batch"])
    rollback_first.settle()
    assert evidence(rollback_first, incident)["batch/health"]["summary"] == "bad: it fails"
    rollback_first.trouble.silent = {"healthy"}
    rollback_first.do(f"incidents/{incident}/diagnosis", r.COMMANDER, services=["batch"])
    rollback_first.settle()
    assert evidence(rollback_first, incident)["batch/health"]["state"] == "failed"
    wrong = rollback_first.post(
        f"incidents/{incident}/diagnosis", r.COMMANDER, services=["btch"], names=["helth"]
    )
    assert (wrong.status, set(wrong.reasons)) == (409, {"unknown-service"})


@clause("CH-03")
def test_no_secret_is_kept_with_the_evidence(rollback_first: Stage) -> None:
    """Given a release whose name and log hold a password, when the service is diagnosed, then neither the record nor
    what is kept beside it holds it, and the record says that secrets were masked."""
    rollback_first.wait(25)
    rollback_first.outside.deploy("api", f"tree-9 password={SECRET}")
    rollback_first.outside.kill("api")
    incident = h.outage(rollback_first)
    rollback_first.do(f"incidents/{incident}/diagnosis", r.COMMANDER, services=["api"])
    rollback_first.settle()
    found = evidence(rollback_first, incident)
    errors = found["api/recent-errors"]
    assert "password=[masked]" in errors["summary"]
    assert "masked" in errors["facts"]
    assert "password=[masked]" in body_of(rollback_first, errors)
    kept = "\n".join(
        body_of(rollback_first, one) for one in found.values() if one["sha256"]
    ) + repr(rollback_first.timeline(incident))
    assert SECRET not in kept
    assert SECRET not in repr(rollback_first.get("effects").data)
