"""The shutdown coordinator protocol, clause by clause, over the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from allstop.application.codec import read_record
from allstop.domain.moment import words
from allstop.domain.world import World, evolve
from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open
from tests.conformance.shutting_down import (
    BUYING,
    REVIEWERS,
    SMALL,
    agree,
    bad_release,
    broken,
    plan,
    to_the_end,
    usd,
)

CHECKS = (
    "documents", "adapters", "probes", "channels", "monitoring", "credentials", "history", "team",
    "dependencies", "capacity",
)  # fmt: skip
CHAIN = ("ada", "ben", "xia", "eve")


# --- how it begins -----------------------------------------------------------------------------------


@clause("SC-01")
@pytest.mark.parametrize(
    ("impact", "kind", "severity", "called"),
    [
        ({"breach": True}, "breach-detected", "level-1", ["cho", "ada"]),
        ({"data_loss": True}, "data-corruption", "level-1", ["dan", "ada"]),
        ({"compliance": "violated"}, "compliance-violation", "level-1", ["ada"]),
        ({"functions_down": ["a", "b", "c"]}, "cascading-failure", "level-1", ["dee", "ada"]),
        (BUYING, "critical-failure", "level-1", ["ada", "dee"]),
        ({"capacity_lost_percent": 80}, "infrastructure-catastrophe", "level-2", ["dee", "fay"]),
    ],
)
def test_what_is_measured_shows_the_trigger_and_calls_its_responders(
    shutdown: Stage, impact: dict[str, Any], kind: str, severity: str, called: list[str]
) -> None:
    incident = shutdown.declare("something", "source:monitoring", impact=impact)
    shutdown.settle()
    shown = shutdown.show(incident)
    assert (shown["kind"], shown["line"]["severity"]) == (kind, severity)
    assert [name.removeprefix("person:") for name in shown["called"]] == called
    for name in called:
        assert any("first responder" in one.subject for one in shutdown.letters(f"person:{name}"))


@clause("SC-01")
@pytest.mark.parametrize(
    "trigger",
    [
        "breach-detected", "critical-failure", "data-corruption", "cascading-failure",
        "compliance-violation", "infrastructure-catastrophe", "automated-threat-response",
    ],
)  # fmt: skip
def test_a_trigger_of_the_monitoring_declares_without_a_person(
    shutdown: Stage, trigger: str
) -> None:
    done = shutdown.do(
        "proposals", "source:monitoring", text="the guard has acted", labels={"trigger": trigger}
    )
    shown = shutdown.show(done["incident"])
    assert shown["kind"] == trigger
    assert shown["line"]["state"] == "open"
    shutdown.wait(30)
    halts = shutdown.show(done["incident"])["halts"]
    assert halts[0]["stopped"]
    assert not any(one.running for one in shutdown.outside.agents.values())


@clause("SC-01")
def test_a_person_declares_by_hand_and_a_critical_alert_only_proposes(shutdown: Stage) -> None:
    manual = shutdown.declare("I do not like this", "person:gus", kind="manual", impact=SMALL)
    shown = shutdown.show(manual)
    assert (shown["kind_title"], shown["line"]["severity"]) == ("Declared by a person", "level-3")
    asked = shutdown.do(
        "proposals", "source:monitoring", text="disk is full", labels={"tier": "critical"}
    )
    assert "incident" not in asked
    (proposal,) = shutdown.get("proposals").data
    assert [name.removeprefix("person:") for name in proposal["asked"]] == ["xia", "eve"]
    assert len(shutdown.get("incidents").data) == 1
    assert shutdown.post(f"proposals/{proposal['id']}/confirm", "person:xia").ok


@clause("SC-01")
def test_a_disaster_recovery_begins_at_the_recovery(shutdown: Stage) -> None:
    incident = shutdown.declare("everything back", "person:gus", kind="disaster-recovery")
    shutdown.settle()
    shown = shutdown.show(incident)
    assert (shown["line"]["severity"], shown["line"]["phase"]) == (
        "level-1", "recover-infrastructure",
    )  # fmt: skip
    passed = next(
        one for one in shutdown.entries(incident, "note.added") if "passed" in one["text"]
    )
    for phase in ("Assess", "Isolate", "Stabilise"):
        assert phase in passed["text"]
    assert shown["plans"] == []
    assert "rule:analysis" not in {one["id"] for one in shown["deadlines"]}
    r.state(shutdown, incident, "infrastructure")
    shutdown.settle()
    assert shutdown.show(incident)["line"]["phase"] == "recover-data"


# --- before anything is executed ---------------------------------------------------------------------


@clause("SC-02")
def test_every_check_is_made_before_the_first_step(shutdown: Stage) -> None:
    shutdown.wait(30)
    incident = broken(shutdown)
    shutdown.wait(30)
    preflight = shutdown.show(incident)["preflight"]
    assert preflight["state"] == "passed"
    assert tuple(dict.fromkeys(one["check"] for one in preflight["checks"])) == CHECKS
    seen = {(one["check"], one["subject"]) for one in preflight["checks"]}
    rooms = ("chat", "owner", "board", "mail", "newsletter", "page", "letter")
    assert {("channels", name) for name in rooms} <= seen
    assert {("probes", name) for name in ("search-deep", "checkout", "mcp-deep")} <= seen
    roles = ("commander", "deputy", "security", "architecture", "data", "observability")
    assert {("team", name) for name in roles} <= seen
    assert {("adapters", "sim"), ("capacity", "disk"), ("capacity", "memory")} <= seen
    kinds = shutdown.kinds(incident)
    assert kinds.index("preflight.done") < kinds.index("step.started")
    assert plan(shutdown, incident, "contain")["state"] == "done"


def _documents(stage: Stage) -> None:
    stage.ground.problems = ("protocol.yaml:7: severity level-9 is not known",)


def _probe(stage: Stage) -> None:
    stage.trouble.silent.add("search-deep")


def _channel(stage: Stage) -> None:
    stage.trouble.shut["board"] = "no folder /var/board"


def _adapter(stage: Stage) -> None:
    stage.trouble.lacking.add("rollback")


def _capacity(stage: Stage) -> None:
    stage.ground.room = type(stage.ground.room)(10**8, 10**11, 8 * 10**9, 16 * 10**9)


FAULTS = {
    "documents": (_documents, "level-9 is not known"),
    "probes search-deep": (_probe, "no answer"),
    "channels board": (_channel, "no folder /var/board"),
    "adapters sim": (_adapter, "no verb rollback"),
    "capacity disk": (_capacity, "0% free, 100 MB"),
}


@clause("SC-02")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_is_named_and_nothing_runs_until_it_is_mended(
    shutdown: Stage, fault: str
) -> None:
    arrange, text = FAULTS[fault]
    shutdown.wait(30)
    arrange(shutdown)
    incident = broken(shutdown)
    shutdown.wait(minutes=2)
    check, _, subject = fault.partition(" ")
    preflight = shutdown.show(incident)["preflight"]
    (bad,) = [one for one in preflight["checks"] if one["ok"] is not True]
    assert preflight["state"] == "failed"
    assert (bad["check"], bad["subject"]) == (check, subject)
    assert text in bad["text"]
    assert shutdown.outside.services["search"].open
    assert plan(shutdown, incident, "contain")["state"] == "proposed"
    assert "step.started" not in shutdown.kinds(incident)
    told = [one for one in shutdown.letters("person:ada") if "nothing starts" in one.subject]
    assert text in told[0].text
    # Mended and looked at again, it goes on by itself.
    shutdown.trouble.silent.clear()
    shutdown.trouble.shut.clear()
    shutdown.trouble.lacking.clear()
    shutdown.ground.problems, shutdown.ground.room = (), type(shutdown.ground)().room
    shutdown.settle()
    assert shutdown.outside.services["search"].open
    shutdown.wait(20)
    shutdown.do(f"incidents/{incident}/preflight", "person:gus")
    shutdown.wait(20)
    assert shutdown.show(incident)["preflight"]["number"] == 2
    assert plan(shutdown, incident, "contain")["state"] == "done"
    assert not shutdown.outside.services["search"].open


@clause("SC-02")
def test_a_holder_lets_it_run_although_a_check_failed_and_that_is_on_the_record(
    shutdown: Stage,
) -> None:
    shutdown.wait(30)
    shutdown.trouble.shut["mail"] = "refused"
    incident = broken(shutdown)
    shutdown.wait(30)
    path = f"incidents/{incident}/overrides"
    for who in ("person:ada", "person:ben", "person:gus", "agent:guard-1", "source:monitoring"):
        assert shutdown.post(path, who, subject="preflight", because="go").status == 403, who
    assert shutdown.outside.services["search"].open
    shutdown.do(path, "person:xia", subject="preflight", because="the mail can wait")
    shutdown.settle()
    assert not shutdown.outside.services["search"].open
    (kept,) = shutdown.entries(incident, "override.recorded")
    assert kept["actor"] == "person:xia"
    assert "preflight" in kept["text"]
    assert "the mail can wait" in kept["text"]


@clause("SC-02")
def test_similar_incidents_of_twelve_months_are_found_and_older_ones_are_not(
    shutdown: Stage,
) -> None:
    def incident_about(service: str) -> str:
        return shutdown.declare("slow", "person:ada", services=[service], impact=SMALL)

    def history(incident: str) -> str:
        shutdown.do(f"incidents/{incident}/preflight", "person:ada")
        shutdown.wait(10)
        checks = shutdown.show(incident)["preflight"]["checks"]
        return str(next(one["text"] for one in checks if one["check"] == "history"))

    first = incident_about("search")
    assert history(first) == "none was similar, of 0 in the last twelve months"
    shutdown.do(f"incidents/{first}/triage", "person:ada", real=False, text="a probe lied")
    shutdown.restart(down_seconds=360 * 86400)
    second = incident_about("search")
    other = incident_about("payments")
    assert history(second) == f"similar: {first}, of 2 in the last twelve months"
    for one in (second, other):
        shutdown.do(f"incidents/{one}/triage", "person:ada", real=False, text="a probe lied")
    shutdown.restart(down_seconds=10 * 86400)
    third = incident_about("search")
    assert history(third) == f"similar: {second}, of 2 in the last twelve months"


@clause("SC-02")
@pytest.mark.parametrize(
    ("minutes", "fails", "rule", "because"),
    [
        (10, True, "ineffective", "the plan has not helped"),
        (60, False, "endless", "what it was approved for has passed"),
    ],
)
def test_a_rule_that_is_violated_while_a_plan_runs_stops_it_cites_the_rule_and_escalates(
    shutdown: Stage, minutes: int, fails: bool, rule: str, because: str
) -> None:
    shutdown.wait(30)
    hit = ["reports"]
    if fails:
        shutdown.outside.kill("payments")
        hit.append("payments")
    incident = broken(shutdown, "reports", services=hit)
    while "plan.started" not in shutdown.kinds(incident):
        shutdown.wait(0.1)
    # What would prove that it is isolated gives no answer, so the plan goes on looking.
    shutdown.trouble.silent.add("proof")
    shutdown.wait(20)
    shutdown.post(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(minutes=minutes - 1)
    assert plan(shutdown, incident, "contain")["state"] == "running"
    shutdown.wait(minutes=1, seconds=10)
    held = plan(shutdown, incident, "contain")
    assert held["state"] == "held"
    assert because in held["held_because"]
    (cited,) = shutdown.entries(incident, "rule.violated")
    assert because in cited["text"]
    told = {one.to for one in shutdown.letters() if "held by a stop rule" in one.subject}
    assert {"person:ada", "person:ben"} <= told
    # It stands until a person takes it upon themselves.
    path, step = f"plans/{held['id']}/retry", f"rule:{rule}"
    assert shutdown.post(path, "agent:guard-1", step=step).status == 403
    shutdown.do(path, "person:ada", step=step)
    assert plan(shutdown, incident, "contain")["state"] == "running"


@clause("SC-02")
def test_an_impact_that_is_reported_while_a_plan_runs_stops_it_at_once(shutdown: Stage) -> None:
    shutdown.wait(30)
    incident = broken(shutdown, "reports")
    while "plan.started" not in shutdown.kinds(incident):
        shutdown.wait(0.1)
    shutdown.trouble.silent.add("proof")
    shutdown.wait(minutes=2)
    assert plan(shutdown, incident, "contain")["state"] == "running"
    path, body = f"incidents/{incident}/impact", {"impact": {"capacity_lost_percent": 90}}
    shutdown.do(path, "person:ben", **body)
    held = plan(shutdown, incident, "contain")
    assert held["state"] == "held"
    assert "may be the last that runs" in held["held_because"]
    assert "may be the last that runs" in shutdown.entries(incident, "rule.violated")[0]["text"]


@clause("SC-02")
def test_with_the_last_reserve_a_plan_is_stopped_before_its_first_step(shutdown: Stage) -> None:
    shutdown.wait(30)
    incident = broken(shutdown, impact={"capacity_lost_percent": 90})
    shutdown.wait(30)
    held = plan(shutdown, incident, "contain")
    assert (held["state"], {one["state"] for one in held["steps"]}) == ("held", {"waiting"})
    assert "may be the last that runs" in held["held_because"]
    assert shutdown.outside.services["search"].open


# --- how bad is it -----------------------------------------------------------------------------------


@clause("SC-03")
@pytest.mark.parametrize(
    ("impact", "severity"),
    [
        (usd("100000.01"), "level-1"), (usd("100001"), "level-1"), (usd("100000"), "level-2"),
        (usd("10000"), "level-2"), (usd("9999.99"), "level-3"),
        ({"records_exposed": 10_001}, "level-1"), ({"records_exposed": 10_000}, "level-2"),
        ({"records_exposed": 0}, "level-3"),
        (BUYING, "level-1"), ({"functions_down": ["finding"], **SMALL}, "level-3"),
        ({"compliance": "violated", **SMALL}, "level-1"),
        ({"compliance": "possible", **SMALL}, "level-2"),
        ({"compliance": "none", **SMALL}, "level-3"),
        ({"capacity_lost_percent": 51}, "level-2"), ({"capacity_lost_percent": 50}, "level-3"),
        ({"breach": True, **SMALL}, "level-1"),
        (SMALL, "level-3"), ({}, "level-2"),
    ],
)  # fmt: skip
def test_the_level_follows_from_the_impact_to_the_dollar(
    shutdown: Stage, impact: dict[str, Any], severity: str
) -> None:
    incident = shutdown.declare("something", "person:gus", impact=impact)
    shown = shutdown.show(incident)
    assert shown["line"]["severity"] == severity
    assert shown["severity_because"]


@clause("SC-03")
def test_a_threat_that_was_contained_and_is_active_is_level_2(shutdown: Stage) -> None:
    incident = shutdown.declare("intruder", "person:gus", impact={"breach": True, **SMALL})
    path = f"incidents/{incident}/severity"
    body = {"severity": "level-2", "because": "contained, and still active"}
    assert shutdown.post(path, "agent:guard-1", **body).status == 403
    shutdown.do(path, "person:ada", **body)
    assert shutdown.show(incident)["line"]["severity"] == "level-2"
    named = shutdown.declare("another", "person:gus", kind="manual", impact={"breach": True})
    assert shutdown.show(named)["line"]["severity"] == "level-2"


@clause("SC-03")
@pytest.mark.parametrize(
    ("impact", "minutes", "severity"),
    [(BUYING, 5, "level-1"), (usd("50000"), 15, "level-2"), (SMALL, 60, "level-3")],
)
def test_each_level_is_answered_within_its_time_or_it_is_escalated(
    shutdown: Stage, impact: dict[str, Any], minutes: int, severity: str
) -> None:
    incident = shutdown.declare("something", "person:gus", impact=impact)
    assert shutdown.show(incident)["line"]["severity"] == severity
    shutdown.wait(minutes=minutes, seconds=-2)
    late = f"nobody acknowledged within {words(minutes * 60_000)}"
    assert not [one for one in shutdown.entries(incident, "deadline.missed") if late in one["text"]]
    shutdown.wait(4)
    (missed,) = [
        one for one in shutdown.entries(incident, "deadline.missed") if late in one["text"]
    ]
    assert "escalated to" in missed["text"]
    answered = shutdown.declare("another", "person:gus", impact=impact)
    shutdown.do(f"incidents/{answered}/acknowledge", "person:ada")
    shutdown.wait(minutes=minutes + 1)
    assert not [one for one in shutdown.entries(answered, "deadline.missed") if late in one["text"]]


# --- the situation -----------------------------------------------------------------------------------


@clause("SC-04")
def test_the_situation_analysis_has_its_five_parts_from_graph_history_and_team(
    shutdown: Stage,
) -> None:
    took = []
    for pause in (1, 20):
        earlier = broken(shutdown, "search", impact=SMALL, kind="manual")
        shutdown.wait(minutes=pause)
        to_the_end(shutdown, earlier, "search")
        shown = shutdown.show(earlier)
        ends = (shown["stood_down_at"], shown["line"]["declared_at"])
        ended, declared = (datetime.fromisoformat(one) for one in ends)
        took.append(round((ended - declared).total_seconds() * 1000))
    incident = shutdown.declare(
        "no payments", "person:gus", services=["payments"], kind="manual",
        impact={"users": 40, **BUYING},
    )  # fmt: skip
    path = f"incidents/{incident}/forms/situation-analysis"
    bare = shutdown.post(path, "person:cho", fields={})
    assert "Threat vector" in bare.texts or "vector" in bare.texts
    assert shutdown.post(path, "agent:guard-1", fields={"vector": "a key"}).status == 403
    shutdown.do(path, "person:cho", fields={"vector": "a stolen key of a partner"})
    filed = next(
        one
        for one in shutdown.get(f"incidents/{incident}/forms").data
        if one["id"] == "situation-analysis"
    )
    said = {one["id"]: one["value"] for one in filed["fields"]}
    assert said["vector"] == "a stolen key of a partner"
    assert said["radius"].splitlines() == [
        "hit: payments", "depends on it: gateway", "what the business loses with it: buying",
    ]  # fmt: skip
    assert "buying" in said["impact"]
    for audience in ("Responders", "Executives", "Customers", "Status page"):
        assert audience in said["stakeholders"]
    assert "Regulators" not in said["stakeholders"]
    median, least, most = sum(took) // 2, min(took), max(took)
    assert said["estimate"] == (
        f"{words(median)}: the median of 2 earlier incidents of the kind manual, "
        f"from {words(least)} to {words(most)}"
    )
    missing, free = said["resources"].splitlines()
    assert missing == "roles nobody holds: Operations lead, Communications lead, Scribe"
    assert free == "free: Gus, Lou, Xia, Eve"
    shutdown.settle()
    for audience in ("responders", "executives"):
        told = [one.text for one in shutdown.letters(f"audience:{audience}")]
        assert any("a stolen key of a partner" in text for text in told)


@clause("SC-04")
def test_the_analysis_is_owed_within_a_quarter_of_an_hour_and_holds_the_isolation_open(
    shutdown: Stage,
) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(60)
    shown = shutdown.show(incident)
    assert shown["line"]["phase"] == "assess"
    assert "The situation analysis is in" in str(shown["line"]["waits_for"])
    clock = next(one for one in shown["deadlines"] if one["id"] == "rule:analysis")
    declared = datetime.fromisoformat(shown["line"]["declared_at"])
    assert (datetime.fromisoformat(clock["at"]) - declared).total_seconds() == 15 * 60
    r.fill(shutdown, incident, "situation-analysis", "person:cho")
    shutdown.settle()
    assert shutdown.show(incident)["line"]["phase"] == "isolate"


# --- who must agree, and who is told -----------------------------------------------------------------


def _called(stage: Stage, incident: str) -> list[str]:
    """Whom the missed deadlines were escalated to, in order."""
    return [
        one["text"].rpartition("escalated to ")[2].strip(".")
        for one in stage.entries(incident, "deadline.missed")
    ]


@clause("SC-05")
def test_the_escalation_climbs_the_chain_once_each_in_order_across_a_restart(
    shutdown: Stage,
) -> None:
    incident = shutdown.declare("a smell", "person:gus", impact=SMALL)
    shutdown.restart(down_seconds=3590 - 5)
    assert _called(shutdown, incident) == []
    shutdown.wait(10)
    assert _called(shutdown, incident) == ["ada"]
    shutdown.wait(minutes=4, seconds=45)
    assert _called(shutdown, incident) == ["ada"]
    shutdown.wait(20)
    assert _called(shutdown, incident) == ["ada", "ben"]
    shutdown.restart(down_seconds=3 * 60)
    shutdown.wait(minutes=8)
    assert _called(shutdown, incident) == list(CHAIN)
    shutdown.restart(down_seconds=20 * 60)
    shutdown.wait(minutes=10)
    assert _called(shutdown, incident) == list(CHAIN)
    for name in CHAIN:
        told = [one for one in shutdown.letters(f"person:{name}") if "acknowledged" in one.subject]
        assert len(told) == 1, name


@clause("SC-05")
def test_a_breach_goes_its_own_way_up_through_counsel(shutdown: Stage) -> None:
    incident = shutdown.declare("intruder", "person:gus", impact={"breach": True})
    shutdown.wait(hours=1, minutes=20)
    in_order = list(dict.fromkeys(_called(shutdown, incident)))
    assert in_order == ["cho", "ada", "lou", "xia", "eve"]


@clause("SC-05")
def test_a_plan_is_shown_before_it_is_agreed_to_and_only_that_plan_is(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(30)
    found = plan(shutdown, incident, "remedy")
    shown = shutdown.get(f"plans/{found['id']}", "person:ada").data
    assert shown["state"] == "proposed"
    titles = [one["title"] for one in shown["steps"]]
    assert titles[0] == "roll payments back to tree-good"
    assert "let traffic back to payments" in titles
    assert len(shown["hash"]) == 64
    assert shown["because"]
    path, subject = f"incidents/{incident}/approvals", f"plan:{found['id']}"
    unseen = shutdown.post(path, "person:ada", subject=subject)
    assert (unseen.status, unseen.reasons) == (422, ["no-hash"])
    other = shutdown.post(path, "person:ada", subject=subject, binds="0" * 64)
    assert other.reasons == ["plan-changed"]
    for who in ("agent:guard-1", "source:monitoring", "person:gus"):
        refused = shutdown.post(path, who, subject=subject, binds=shown["hash"])
        assert refused.status == 403, who
    shutdown.do(path, "person:ada", subject=subject, binds=shown["hash"])
    assert plan(shutdown, incident, "remedy")["state"] == "proposed"
    shutdown.do(path, "person:dan", subject=subject, binds=shown["hash"], as_reviewer=True)
    shutdown.wait(minutes=3)
    assert plan(shutdown, incident, "remedy")["state"] == "done"
    assert shutdown.outside.services["payments"].release == "tree-good"


@clause("SC-05")
def test_two_people_agree_to_what_changes_data_and_nobody_counts_twice(shutdown: Stage) -> None:
    incident = shutdown.declare("spoilt orders", "person:gus", impact=BUYING)
    change = shutdown.do(
        f"incidents/{incident}/changes", "person:ada", title="restore the orders", action="data"
    )["change"]
    path, subject = f"incidents/{incident}/approvals", f"change:{change}"
    done = f"incidents/{incident}/changes/{change}/end"

    def sign(who: str, **more: Any) -> list[str]:
        return shutdown.post(path, who, subject=subject, **more).reasons

    def state() -> tuple[str, str]:
        (one,) = shutdown.show(incident)["changes"]
        return one["state"], one["waits_for"]

    (line,) = shutdown.show(incident)["changes"]
    assert (line["risk"], line["people"], line["reviewers"]) == (6, 2, ["data", "architecture"])
    assert sign("person:ada") == ["own-change"]
    assert sign("person:gus") == ["no-authority"]
    assert sign("person:ben") == []
    assert sign("person:ben") == ["already-signed"]
    assert sign("person:dan", as_reviewer=True) == []
    assert sign("person:cho", as_reviewer=True) == ["no-reviewer"]
    assert sign("person:dee", as_reviewer=True) == []
    assert state()[0] == "proposed"
    early = shutdown.post(done, "person:ada", state="made", note="did it")
    assert early.reasons == ["not-approved"]
    assert sign("person:eve") == []
    assert state() == ("approved", "")
    assert shutdown.post(done, "person:ada", state="made", note="did it").ok


@clause("SC-05")
def test_stakeholders_hear_by_themselves_each_at_their_time(shutdown: Stage) -> None:
    incident = shutdown.declare("no buying", "person:gus", impact={"users": 12, **BUYING})
    shutdown.settle()
    at_once = ("responders", "executives", "stakeholders")
    later = ("customers", "public")
    for audience in at_once:
        assert any(incident in one.subject for one in shutdown.letters(f"audience:{audience}"))
    assert not any(shutdown.letters(f"audience:{audience}") for audience in later)
    shutdown.do(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(minutes=4, seconds=45)
    assert not any(shutdown.letters(f"audience:{audience}") for audience in later)
    shutdown.wait(20)
    for audience in later:
        (told,) = shutdown.letters(f"audience:{audience}")
        assert "gus" not in told.text
    r.post_update(shutdown, incident, status="isolating", fields={"unknown": "the cause"})
    shutdown.settle()
    for audience in (*at_once, *later):
        assert "isolating" in shutdown.letters(f"audience:{audience}")[-1].subject
    assert shutdown.letters("audience:regulators") == []
    r.fill(shutdown, incident, "regulator-notice", "person:lou")
    shutdown.settle()
    assert len(shutdown.letters("audience:regulators")) == 1


PRINCIPALS = {
    "commander": "person:ada", "deputy": "person:ben", "reviewer": "person:cho",
    "bystander": "person:gus", "executive": "person:xia", "owner": "person:eve",
    "agent": "agent:guard-1", "source": "source:monitoring",
}  # fmt: skip
PEOPLE = {"commander", "deputy", "reviewer", "bystander", "executive", "owner"}
LEADS, DECIDES = {"commander", "deputy", "owner"}, {"commander", "owner"}
# Requests that have authority as their only hope: whoever has it is told what else is wrong with them.
MATRIX: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("declare", "incidents", {"title": " "}, {*PRINCIPALS}),
    ("order a halt", "halts", {"scope": "nobody", "reason": "stop"}, {*PRINCIPALS}),
    ("note", "ONE/notes", {"text": " "}, {*PRINCIPALS}),
    ("finding", "ONE/findings", {"kind": "log", "text": " "}, {*PRINCIPALS}),
    ("propose a change", "ONE/changes", {"title": " ", "risk": 1}, {*PEOPLE, "agent"}),
    ("task", "ONE/tasks", {"title": " "}, {*PEOPLE, "agent"}),
    ("update", "ONE/updates", {"status": "odd", "text": "x"}, PEOPLE),
    ("state", "ONE/statements", {"subject": "resolved", "text": " "}, PEOPLE),
    ("facts", "ONE/facts", {"facts": {"odd": True}, "because": "x"}, PEOPLE),
    ("form", "ONE/forms/odd", {"fields": {}}, PEOPLE),
    ("assign a role", "ONE/roles/deputy", {"person": "nobody"}, LEADS),
    ("impact", "ONE/impact", {"impact": {}}, LEADS),
    ("severity", "ONE/severity", {"severity": "odd", "because": "x"}, LEADS),
    ("triage", "ONE/triage", {"real": False, "text": " "}, LEADS),
    ("crew", "ONE/crews/odd", {}, LEADS),
    ("link", "ONE/links", {"to": "ONE"}, LEADS),
    ("merge", "ONE/merge", {"into": "ONE", "because": "x"}, LEADS),
    ("correct", "ONE/corrections", {"version": 9999, "text": "x", "because": "x"}, LEADS),
    ("remedy", "ONE/remedy", {"remedy": "investigate", "because": " "}, DECIDES),
    ("abort a plan", "PLAN/abort", {"because": " "}, DECIDES),
    ("advance", "ONE/phase", {}, DECIDES),
    ("privacy", "ONE/privacy", {"private": False, "because": "x"}, DECIDES),
    ("stand down", "ONE/stand-down", {"reason": "x"}, DECIDES),
    ("close", "ONE/close", {}, DECIDES),
    ("end the mode", "ONE/mode", {"end": True, "because": " "}, DECIDES),
    ("release a halt", "HALT/release", {"because": " "}, DECIDES),
    ("award", "points", {"team": "odd", "points": 1, "because": "x"}, {"owner"}),
    ("override", "ONE/overrides", {"subject": "odd", "because": "x"}, {"executive", "owner"}),
    ("tokens", "tokens", {"principal": "person:nobody"}, {"owner"}),
]


@clause("SC-05")
def test_the_matrix_of_authority_holds_over_the_api(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(30)
    shown = shutdown.show(incident)
    names = {
        "ONE": f"incidents/{incident}", "HALT": f"halts/{shown['halts'][0]['id']}",
        "PLAN": f"plans/{plan(shutdown, incident, 'remedy')['id']}",
    }  # fmt: skip
    wrong = []
    for action, place, body, allowed in MATRIX:
        first, slash, rest = place.partition("/")
        path = names.get(first, first) + slash + rest
        filled = {key: incident if value == "ONE" else value for key, value in body.items()}
        for kind, who in PRINCIPALS.items():
            answer = shutdown.post(path, who, **filled)
            denied = answer.status == 403 or {"no-authority", "human-only"} & {*answer.reasons}
            if bool(denied) == (kind in allowed):
                wrong.append((action, kind, answer.status, answer.reasons))
    assert wrong == []
    # Nothing of it went through, and each refusal is kept.
    assert shutdown.show(incident)["line"]["state"] == "open"
    assert shutdown.show(incident)["halts"][0]["stands"]
    assert "source:monitoring" in str(shutdown.get("refusals").data)


@clause("SC-05")
def test_there_is_more_than_one_way_back_and_a_person_may_choose_another(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(30)
    assert shutdown.show(incident)["remedy"] == "rollback"
    back = plan(shutdown, incident, "remedy")
    assert "roll payments back" in back["title"]
    path = f"incidents/{incident}/remedy"
    refused = shutdown.post(path, "agent:guard-1", remedy="fix", because="I know better")
    assert refused.status == 403
    body = {"remedy": "fix", "because": "only its memory is full"}
    assert shutdown.post(path, "person:ada", **body).reasons == ["plan-active"]
    shutdown.do(f"plans/{back['id']}/abort", "person:ada", because="a restart is enough")
    shutdown.do(path, "person:ada", **body)
    shutdown.settle()
    shown = shutdown.show(incident)
    assert (shown["remedy"], shown["remedy_because"]) == ("fix", "only its memory is full")
    restart = plan(shutdown, incident, "remedy")
    assert (restart["title"], restart["state"]) == ("restart payments", "proposed")
    # It does not help, so the way back is taken after all.
    agree(shutdown, incident, "remedy")
    shutdown.wait(minutes=3)
    assert plan(shutdown, incident, "remedy")["state"] == "held"
    shutdown.do(f"plans/{restart['id']}/abort", "person:ada", because="it did not help")
    shutdown.do(path, "person:ada", remedy="rollback", because="a restart did not help")
    shutdown.settle()
    again = plan(shutdown, incident, "remedy")
    assert "roll payments back" in again["title"]
    agree(shutdown, incident, "remedy")
    shutdown.wait(minutes=3)
    assert plan(shutdown, incident, "remedy")["state"] == "done"
    assert shutdown.outside.services["payments"].healthy


# --- reviewers ---------------------------------------------------------------------------------------


@clause("SC-22")
@pytest.mark.parametrize(
    ("service", "purpose", "people", "reviewers"),
    [
        ("vault", "contain", 2, ["security", "architecture", "data", "observability"]),
        ("mcp", "contain", 2, ["security", "architecture"]),
        ("payments", "remedy", 1, ["data"]),
        ("search", "remedy", 1, ["architecture", "observability"]),
    ],
)
def test_a_plan_runs_only_when_its_reviewers_have_signed_it_off(
    shutdown: Stage, service: str, purpose: str, people: int, reviewers: list[str]
) -> None:
    shutdown.wait(30)
    incident = broken(shutdown, service)
    shutdown.do(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(40)
    found = plan(shutdown, incident, purpose)
    assert (found["people"], found["reviewers"]) == (people, reviewers)
    assert found["state"] == "proposed"
    path, subject = f"incidents/{incident}/approvals", f"plan:{found['id']}"
    body = {"subject": subject, "binds": found["hash"]}
    for who in ("person:ada", "person:ben")[:people]:
        shutdown.do(path, who, **body)
    for role in REVIEWERS.keys() - {*reviewers}:
        refused = shutdown.post(path, REVIEWERS[role], as_reviewer=True, **body)
        assert refused.reasons == ["no-reviewer"], role
    for role in reviewers:
        assert plan(shutdown, incident, purpose)["state"] == "proposed"
        shutdown.do(path, REVIEWERS[role], as_reviewer=True, **body)
    signed = plan(shutdown, incident, purpose)
    assert {(one["person"], one["role"]) for one in signed["signatures"] if one["review"]} == {
        (REVIEWERS[role], role) for role in reviewers
    }
    shutdown.wait(minutes=6)
    assert plan(shutdown, incident, purpose)["state"] == "done"
    assert not [
        one
        for one in shutdown.entries(incident, "deadline.missed")
        if f"{found['id']} waits" in one["text"]
    ]


@clause("SC-22")
def test_one_plan_waits_for_all_four_of_them_whoever_is_the_last(shutdown: Stage) -> None:
    """Given a plan for what is protected and holds data, when two people have agreed and three of the four
    reviewers have signed it off, then it waits for the fourth by name, and runs once they have."""
    shutdown.wait(30)
    incident = broken(shutdown, "vault")
    shutdown.do(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(40)
    found = plan(shutdown, incident, "contain")
    assert set(found["reviewers"]) == set(REVIEWERS)
    path = f"incidents/{incident}/approvals"
    body = {"subject": f"plan:{found['id']}", "binds": found["hash"]}
    for who in ("person:ada", "person:ben"):
        shutdown.do(path, who, **body)
    left = dict(REVIEWERS)
    for role in ("observability", "security", "data", "architecture"):
        waits = plan(shutdown, incident, "contain")
        assert waits["state"] == "proposed"
        asked = waits["waits_for"].removeprefix("review by ")
        assert set(asked.split(", ")) == set(left)
        shutdown.do(path, left.pop(role), as_reviewer=True, **body)
    shutdown.wait(minutes=2)
    assert plan(shutdown, incident, "contain")["state"] == "done"
    assert not shutdown.outside.services["vault"].open


@clause("SC-22")
@pytest.mark.parametrize("service", ["search", "payments", "mcp", "vault"])
def test_what_cannot_be_undone_is_signed_off_by_all_four(shutdown: Stage, service: str) -> None:
    incident = shutdown.declare("spoilt orders", "person:gus", impact=BUYING)
    change = shutdown.do(
        f"incidents/{incident}/changes", "person:gus", title="erase what was spoilt",
        action="erase", service=service,
    )["change"]  # fmt: skip
    path, body = f"incidents/{incident}/approvals", {"subject": f"change:{change}"}

    def line() -> dict[str, Any]:
        (found,) = shutdown.show(incident)["changes"]
        return dict(found)

    assert (line()["risk"], line()["people"]) == (7, 2)
    assert set(line()["reviewers"]) == set(REVIEWERS)
    for who in ("person:ada", "person:ben"):
        shutdown.do(path, who, **body)
    for role, who in REVIEWERS.items():
        assert (line()["state"], role in line()["waits_for"]) == ("proposed", True)
        shutdown.do(path, who, as_reviewer=True, **body)
    assert (line()["state"], line()["waits_for"]) == ("approved", "")


@clause("SC-22")
def test_all_four_reviewers_are_there_from_the_beginning_and_are_asked(shutdown: Stage) -> None:
    shutdown.wait(30)
    incident = broken(shutdown)
    shutdown.wait(30)
    held = {one["role"]: one["person"] for one in shutdown.show(incident)["roles"]}
    assert {role: f"person:{held[role]}" for role in REVIEWERS} == REVIEWERS
    name = plan(shutdown, incident, "remedy")["id"]
    for role in ("architecture", "observability"):
        told = shutdown.letters(REVIEWERS[role])
        assert any(name in one.subject and "approval" in one.subject for one in told), role


@clause("SC-22")
def test_a_review_that_stays_away_for_five_minutes_is_escalated_once_and_can_be_overridden(
    shutdown: Stage,
) -> None:
    shutdown.wait(30)
    incident = broken(shutdown)
    shutdown.do(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(40)
    found = plan(shutdown, incident, "remedy")
    subject = f"plan:{found['id']}"
    path, body = f"incidents/{incident}/approvals", {"subject": subject, "binds": found["hash"]}
    shutdown.do(path, "person:ada", **body)
    shutdown.do(path, "person:dee", as_reviewer=True, **body)
    made = datetime.fromisoformat(shutdown.entries(incident, "plan.made")[-1]["at"])
    assert (datetime.fromisoformat(found["review_by"]) - made).total_seconds() == 300

    def missed() -> list[str]:
        return [
            one["text"]
            for one in shutdown.entries(incident, "deadline.missed")
            if "review by" in one["text"]
        ]

    shutdown.wait(shutdown.seconds_until(found["review_by"]) - 2)
    assert missed() == []
    shutdown.wait(4)
    (late,) = missed()
    assert "observability" in late
    assert "architecture" not in late
    shutdown.restart(down_seconds=600)
    shutdown.wait(30)
    assert missed() == [late]
    told = {one.to for one in shutdown.letters() if "waits for its review" in one.subject}
    assert told == {"person:fay", "person:ada"}
    assert plan(shutdown, incident, "remedy")["state"] == "proposed"
    path = f"incidents/{incident}/overrides"
    body = {"subject": subject, "because": "Fay is on a plane"}
    for who in ("person:ada", "person:dee", "agent:guard-1"):
        assert shutdown.post(path, who, **body).status == 403, who
    shutdown.do(path, "person:eve", **body)
    shutdown.wait(minutes=3)
    assert plan(shutdown, incident, "remedy")["state"] == "done"
    (kept,) = shutdown.entries(incident, "override.recorded")
    assert (kept["actor"], subject in kept["text"]) == ("person:eve", True)
    assert "Fay is on a plane" in kept["text"]


# --- the record, and what is protected ---------------------------------------------------------------


@clause("SC-23")
def test_the_sequence_can_be_rebuilt_exactly_from_the_log_in_utc(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(30)
    agree(shutdown, incident, "remedy")
    to_the_end(shutdown, incident, "payments")
    entries = shutdown.timeline(incident)
    assert all(one["at"].endswith("Z") and one["actor"] for one in entries)
    times = [datetime.fromisoformat(one["at"]) for one in entries]
    assert times == sorted(times)
    assert [one["position"] for one in entries] == sorted({one["position"] for one in entries})
    for kind in (
        "incident.declared",
        "plan.made",
        "plan.signed",
        "step.done",
        "incident.stood_down",
    ):
        assert kind in {one["kind"] for one in entries}, kind
    audit = shutdown.get("audit").data
    assert audit["ok"]
    assert audit["entries"] == len(shutdown.disk.events)
    world = World()
    for stored in shutdown.disk.events:
        world = evolve(world, read_record(stored))
    assert world == shutdown.coordinator.post.world
    shutdown.wait(10)
    before = shutdown.show(incident), shutdown.get("halts").data, shutdown.timeline(incident)
    shutdown.restart(down_seconds=0)
    after = shutdown.show(incident), shutdown.get("halts").data, shutdown.timeline(incident)
    for shown in (before[0], after[0]):
        shown["line"].pop("age")
    assert before == after


@clause("SC-23")
def test_an_entry_that_was_edited_afterwards_is_found(shutdown: Stage) -> None:
    incident = shutdown.declare("something", "person:gus")
    shutdown.settle()
    place, stored = next(
        (place, one)
        for place, one in enumerate(shutdown.disk.events)
        if one.stream == f"incident/{incident}" and "gus" in one.actor
    )
    shutdown.disk.events[place] = replace(stored, actor="person:cho")
    audit = shutdown.get("audit").data
    assert not audit["ok"]
    assert audit["problems"][0]["kind"] == "edited"
    assert audit["problems"][0]["position"] == stored.position


EVERYTHING_ALLOWED = """
approvals:
  table:
    - {people: 0, because: nobody has to agree to anything}
preflight: {required: false}
"""


@clause("SC-23")
def test_tool_servers_are_not_touched_without_people_whatever_the_table_says(
    open_stage: Open,
) -> None:
    stage = open_stage("shutdown-coordinator", EVERYTHING_ALLOWED)
    stage.wait(30)
    stage.outside.kill("mcp")
    stage.outside.kill("search")
    both = {
        name: stage.declare(f"no {name}", "person:gus", services=[name], impact=BUYING)
        for name in ("mcp", "search")
    }
    stage.wait(minutes=3)
    assert stage.outside.services["search"].running
    found = plan(stage, both["mcp"], "contain")
    assert (found["state"], found["people"]) == ("proposed", 1)
    assert stage.outside.services["mcp"].open
    path, subject = f"incidents/{both['mcp']}/approvals", f"plan:{found['id']}"
    for who in ("agent:guard-1", "source:monitoring"):
        refused = stage.post(path, who, subject=subject, binds=found["hash"])
        assert refused.reasons == ["human-only"], who
    change = stage.do(
        f"incidents/{both['mcp']}/changes", "agent:guard-1", title="restart it", risk=1,
        service="mcp",
    )["change"]  # fmt: skip
    ended = f"incidents/{both['mcp']}/changes/{change}/end"
    assert stage.post(ended, "agent:guard-1", state="made").reasons == ["not-approved"]
    assert "mcp" not in {
        deed.effect.target for deed in stage.journal.deeds if deed.effect.lane.value == "command"
    }
    stage.do(path, "person:ada", subject=subject, binds=found["hash"])
    stage.settle()
    assert not stage.outside.services["mcp"].open


@clause("SC-23")
def test_by_the_pack_a_tool_server_takes_two_people_and_is_restored(shutdown: Stage) -> None:
    shutdown.wait(30)
    incident = broken(shutdown, "mcp")
    shutdown.wait(minutes=3)
    found = plan(shutdown, incident, "contain")
    assert (found["people"], found["reviewers"]) == (2, ["security", "architecture"])
    assert "remedy" not in {one["purpose"] for one in shutdown.show(incident)["plans"]}
    assert shutdown.outside.services["mcp"].open
    agree(shutdown, incident, "contain")
    shutdown.wait(30)
    assert not shutdown.outside.services["mcp"].open
    back = plan(shutdown, incident, "remedy")
    assert back["state"] == "proposed"
    assert [one["id"] for one in back["steps"] if one["kind"] == "act"] == ["restart", "reopen"]
    agree(shutdown, incident, "remedy")
    shutdown.wait(minutes=2)
    mcp = shutdown.outside.services["mcp"]
    assert (mcp.running, mcp.open) == (True, True)


# --- afterwards --------------------------------------------------------------------------------------


@clause("SC-19")
def test_what_is_owed_after_a_day_a_week_and_a_month(shutdown: Stage) -> None:
    incident = broken(shutdown, kind="data-corruption")
    to_the_end(shutdown, incident, "search")
    owed = {one["id"]: one for one in shutdown.show(incident)["obligations"]}
    hours = {id: round(shutdown.seconds_until(one["due_at"]) / 3600) for id, one in owed.items()}

    def due(within: int) -> set[str]:
        return {id for id, one in hours.items() if one == within} - {"legal-check", "regulators"}

    assert due(24) == {"report", "evidence-kept", "stakeholders-told"}
    assert due(7 * 24) == {"post-mortem", "action-items", "data-verified"}
    assert due(30 * 24) == {"detection", "playbooks"}
    assert due(90 * 24) == {"follow-up"}
    assert owed["post-mortem"]["meeting_at"]
    late = shutdown.post(f"incidents/{incident}/close", "person:ada")
    assert not late.ok
    shutdown.restart(down_seconds=31 * 86400)
    shutdown.wait(minutes=2)
    missed = [
        one["text"]
        for one in shutdown.entries(incident, "deadline.missed")
        if "owed by" in one["text"]
    ]
    assert len(missed) == len(set(missed)) == len(owed) - 1
    assert not any("whether the action items were done" in text for text in missed)
