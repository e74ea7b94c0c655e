"""The Pioneer protocol, clause by clause, over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance import responding_by_hand as h
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open

# The eve of a holiday, a Thursday; the Friday is the holiday, and a weekend follows.
HOLY_EVE = h.utc(2026, 12, 24, 16)
TOKYO = "calendar: {zone: Asia/Tokyo}\n"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- PI-01 ------------------------------------------------------------------------------------------


@clause("PI-01")
@pytest.mark.parametrize(
    ("severity", "impact"),
    [
        ("SEV1", {"core_functions_down": ["buying"]}),
        ("SEV1", {"data_loss": True, "users": 10}),
        ("SEV1", {"data_loss": True}),
        ("SEV1", {"breach": True, "records_exposed": 1}),
        ("SEV2", {"capacity_lost_percent": 51}),
        ("SEV2", {"failed_share_percent": 50}),
        ("SEV2", {"functions_down": ["finding", "sorting"]}),
        ("SEV2", {"data_loss": True, "users": 9}),
        ("SEV3", {"functions_down": ["finding"], "failed_share_percent": 0}),
        ("SEV3", {"users": 3, "failed_share_percent": 0}),
        ("SEV3", {"failed_share_percent": 1}),
        ("SEV4", {"failed_share_percent": 0, "users": 0}),
    ],
)
def test_how_bad_it_is_follows_from_the_impact(
    pioneer: Stage, severity: str, impact: dict[str, Any]
) -> None:
    incident = pioneer.declare("something", impact=impact)
    assert pioneer.show(incident)["line"]["severity"] == severity


@clause("PI-01")
def test_a_hole_that_can_be_exploited_is_major_and_a_concern_moderate(pioneer: Stage) -> None:
    calm = {"failed_share_percent": 0, "users": 0}
    for kind, severity in (("vulnerability", "SEV2"), ("security-concern", "SEV3")):
        incident = pioneer.declare(f"a {kind}", kind=kind, impact=calm)
        assert pioneer.show(incident)["line"]["severity"] == severity


@clause("PI-01")
@pytest.mark.parametrize(
    ("severity", "respond", "update", "words"),
    [
        ("SEV1", h.utc(2026, 12, 24, 16, 15), h.utc(2026, 12, 24, 16, 15), "15m"),
        ("SEV2", h.utc(2026, 12, 24, 17), h.utc(2026, 12, 24, 18), "1h"),
        ("SEV3", h.utc(2026, 12, 28, 16), h.utc(2026, 12, 28, 16), "1 business day"),
        ("SEV4", h.utc(2026, 12, 30, 16), None, "3 business days"),
    ],
)
def test_times_to_respond_and_between_updates_over_a_holiday_and_a_weekend(
    open_stage: Open, severity: str, respond: datetime, update: datetime | None, words: str
) -> None:
    stage = open_stage("pioneer", begin=HOLY_EVE)
    incident = stage.declare(f"a {severity}", severity=severity)
    answer = h.clock(stage, incident, "acknowledge")
    assert abs((at(answer["at"]) - respond).total_seconds()) < 10
    assert f"nobody acknowledged within {words}" in answer["what"]
    due = stage.show(incident)["line"]["update_due_at"]
    assert (due is None) == (update is None)
    if update is not None:
        assert abs((at(due) - update).total_seconds()) < 10


@clause("PI-01")
@pytest.mark.parametrize(
    ("severity", "respond"),
    # In Tokyo the holiday has begun: it counts from Monday's opening, which is Monday 00:00 UTC.
    [("SEV3", h.utc(2026, 12, 29)), ("SEV4", h.utc(2026, 12, 31))],
)
def test_business_days_are_those_of_the_zone(
    open_stage: Open, severity: str, respond: datetime
) -> None:
    stage = open_stage("pioneer", TOKYO, begin=HOLY_EVE)
    incident = stage.declare(f"a {severity}", severity=severity)
    assert at(h.clock(stage, incident, "acknowledge")["at"]) == respond


@clause("PI-01")
def test_business_days_are_counted_in_real_time_and_an_answer_that_stays_away_is_escalated(
    open_stage: Open,
) -> None:
    stage = open_stage("pioneer", begin=HOLY_EVE)
    incident = stage.declare("search is slow", severity="SEV3")
    stage.restart(down_seconds=4 * 24 * 3600 - 120)
    assert h.missed(stage, incident, "acknowledged") == []
    stage.wait(minutes=3)
    (late,) = h.missed(stage, incident, "nobody acknowledged within 1 business day")
    assert "escalated to" in late


@clause("PI-01")
def test_at_sev1_all_hands_stop_executives_are_told_and_it_goes_on_around_the_clock(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    pioneer.wait(30)
    (halt,) = pioneer.show(incident)["halts"]
    assert halt["stopped"]
    assert not any(one.running for one in pioneer.outside.agents.values())
    assert any("declared" in one.subject for one in pioneer.letters("audience:executives"))
    mode = pioneer.get("mode").data
    assert "around-the-clock" in mode["enabled"]
    assert "ordinary" in mode["suspended"]


@clause("PI-01")
def test_at_sev2_a_team_works_on_it_and_the_rest_goes_on(pioneer: Stage) -> None:
    incident = pioneer.declare("half of it is slow", services=["ledger"], severity="SEV2")
    pioneer.wait(30)
    assert pioneer.show(incident)["halts"] == []
    assert all(one.running for one in pioneer.outside.agents.values())
    (crew,) = pioneer.get(f"incidents/{incident}/crews").data
    assert "person:fay" in crew["proposed"]
    assert pioneer.get("mode").data["enabled"] == {}
    assert any("declared" in one.subject for one in pioneer.letters("audience:executives"))


@clause("PI-01", "PI-06")
@pytest.mark.parametrize(("severity", "minutes"), [("SEV1", 15), ("SEV2", 120)])
def test_an_update_that_stays_away_is_asked_for_and_then_escalated(
    pioneer: Stage, severity: str, minutes: int
) -> None:
    incident = pioneer.declare("slow", severity=severity)
    pioneer.post(f"incidents/{incident}/acknowledge", "person:ben")
    pioneer.restart(down_seconds=minutes * 60 - 30)
    assert pioneer.entries(incident, "update.requested") == []
    pioneer.wait(60)
    assert len(pioneer.entries(incident, "update.requested")) == 1
    pioneer.wait(minutes=2)
    (late,) = h.missed(pioneer, incident, "update 1 is late")
    assert "escalated to" in late


# --- PI-02 to PI-05 ---------------------------------------------------------------------------------


@clause("PI-02")
def test_whoever_saw_it_stands_on_the_record_monitoring_a_customer_or_the_team(
    pioneer: Stage,
) -> None:
    team = pioneer.declare("odd totals", "person:fay")
    customer = pioneer.declare("a customer called", "person:ben", source="customer")
    alert = pioneer.do(
        "proposals", "source:helpdesk", text="cannot pay", labels={"source": "customer"}
    )
    pioneer.settle()
    (asked,) = pioneer.get("proposals").data
    assert asked["source"] == "helpdesk"
    assert {"ben", "eve"} <= {one.removeprefix("person:") for one in asked["asked"]}
    became = pioneer.do(f"proposals/{alert['proposal']}/confirm", "person:ben")["incident"]
    pioneer.outside.kill("payments")
    pioneer.wait(40)
    monitored = next(
        one["id"]
        for one in pioneer.get("incidents").data
        if one["id"] not in (team, customer, became)
    )
    sources = {
        team: "team", customer: "customer", became: "helpdesk", monitored: "monitoring",
    }  # fmt: skip
    for incident, source in sources.items():
        assert pioneer.show(incident)["source"] == source
        assert f"Reported by {source}" in pioneer.timeline(incident)[0]["text"], source
    assert "payments-deep failed" in pioneer.timeline(monitored)[0]["text"]


@clause("PI-02")
def test_whoever_is_on_call_sets_the_first_severity(pioneer: Stage) -> None:
    incident = pioneer.declare("odd totals", "person:fay")
    assert pioneer.show(incident)["line"]["severity"] == "SEV2"
    path = f"incidents/{incident}/triage"
    body = {"real": True, "text": "only the looks", "severity": "SEV4"}
    assert "no-authority" in pioneer.post(path, "person:fay", **body).reasons
    assert pioneer.post(path, "agent:cash-1", **body).status == 403
    pioneer.do(path, "person:ben", **body)
    assert pioneer.show(incident)["line"]["severity"] == "SEV4"
    kept = pioneer.entries(incident, "severity.classified")[-1]
    assert kept["actor"] == "person:ben"
    assert "only the looks" in kept["text"]


@clause("PI-03")
@pytest.mark.parametrize(
    ("severity", "commander"), [("SEV1", "ada"), ("SEV2", "cho"), ("SEV3", "dee"), ("SEV4", "dee")]
)
def test_the_commander_is_assigned_by_severity(
    pioneer: Stage, severity: str, commander: str
) -> None:
    incident = pioneer.declare("something", "person:fay", severity=severity)
    assert h.holder(pioneer, incident, "commander") == commander
    pioneer.settle()
    assert any(
        "Incident commander" in one.subject for one in pioneer.letters(f"person:{commander}")
    )


@clause("PI-03")
def test_triage_validates_confirms_forms_the_team_opens_the_channel_and_starts_the_timeline(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    pioneer.wait(25)
    shown = pioneer.show(incident)
    assert shown["channel"] == f"inc-{incident.lower()}"
    assert pioneer.kinds(incident)[0] == "incident.declared"
    assert "channel.opened" in pioneer.kinds(incident)
    assert shown["line"]["phase"] == "triage"
    refused = pioneer.post(f"incidents/{incident}/phase", r.COMMANDER)
    assert "criterion:team-formed" in refused.reasons
    h.triage(pioneer, incident)
    assert pioneer.show(incident)["triaged_at"]
    r.fill_crews(pioneer, incident)
    pioneer.settle()
    shown = pioneer.show(incident)
    assert shown["line"]["phase"] == "investigate"
    assert shown["crews"][0]["members"] == ["person:fay", "agent:cash-1"]
    pioneer.wait(minutes=16)
    assert h.missed(pioneer, incident, "Triage") == []


@clause("PI-03")
def test_a_triage_that_stays_away_is_missed_once_and_says_what_it_lacks(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    pioneer.wait(minutes=14)
    due = h.clock(pioneer, incident, "rule:triage")
    assert pioneer.seconds_until(due["at"]) == pytest.approx(60, abs=3)
    pioneer.restart(down_seconds=3600)
    pioneer.wait(60)
    (late,) = h.missed(pioneer, incident, "Triage")
    assert "missing: triaged, crews" in late


@clause("PI-03")
def test_a_false_alarm_ends_with_a_reason(pioneer: Stage) -> None:
    incident = pioneer.declare("a test page", "source:helpdesk", severity="SEV3")
    path = f"incidents/{incident}/triage"
    assert not pioneer.post(path, "person:ben", real=False, text="").ok
    pioneer.do(path, "person:ben", real=False, text="somebody tried the form")
    assert pioneer.show(incident)["line"]["state"] == "dismissed"


@clause("PI-04")
def test_an_investigation_collects_changes_logs_metrics_scope_and_causes_as_evidence(
    pioneer: Stage,
) -> None:
    pioneer.wait(25)
    pioneer.outside.deploy("ledger", "tree-bad")
    hit = {"failed_share_percent": 50}
    incident = pioneer.declare("the ledger fails", services=["ledger"], impact=hit)
    pioneer.wait(15)
    collected = {one["id"]: one for one in pioneer.show(incident)["evidence"]}
    assert set(collected) == {
        "ledger/recent-changes", "ledger/service-state", "ledger/recent-errors", "ledger/resources",
        "ledger/health",
    }  # fmt: skip
    assert all(one["sha256"] for one in collected.values())
    path = f"incidents/{incident}/findings"
    added = {
        "change": "the pool was halved at 01:10",
        "log": "26 times: no connection left",
        "metric": "connections at their limit",
        "scope": "every shop in the north",
        "hypothesis": "the pool is too small",
    }
    for kind, text in added.items():
        pioneer.do(path, "person:fay", kind=kind, text=text, service="ledger")
    assert not pioneer.post(path, "person:fay", kind="rumour", text="they say").ok
    shown = {one["kind"]: one for one in pioneer.show(incident)["findings"]}
    assert {kind: one["text"] for kind, one in shown.items()} == added
    told = [one["text"] for one in pioneer.entries(incident, "evidence.added")]
    assert len(told) == 5
    assert any("every shop in the north" in text for text in told)
    pioneer.do(
        f"incidents/{incident}/forms/investigation", r.COMMANDER, fields={"candidates": "the pool"}
    )
    filed = {
        one["id"]: one["value"] for one in h.form(pioneer, incident, "investigation")["fields"]
    }
    assert list(filed) == ["changes", "logs", "scope", "impact", "candidates"]
    assert "the pool was halved at 01:10" in filed["changes"]
    assert "no connection left" in filed["logs"]
    assert "500 by tree-bad" in filed["logs"]
    assert "ledger" in filed["scope"].lower()
    assert "50% of requests failing" in filed["impact"]


@clause("PI-04")
def test_the_investigation_is_a_gate(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    pioneer.settle()
    h.triage(pioneer, incident)
    pioneer.wait(20)
    r.fill_crews(pioneer, incident)
    pioneer.settle()
    refused = pioneer.post(f"incidents/{incident}/phase", r.COMMANDER)
    assert refused.reasons == ["criterion:investigated"]
    r.fill(pioneer, incident, "investigation")
    pioneer.settle()
    assert h.phase(pioneer, incident) == "mitigate"


@clause("PI-05")
def test_mitigation_takes_a_measure_a_plan_its_execution_validation_and_stability(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_mitigate(pioneer, incident)
    first = pioneer.show(incident)["plans"][0]
    assert (first["purpose"], first["state"]) == ("contain", "done")
    assert not pioneer.outside.services["payments"].open
    remedy = pioneer.show(incident)["plans"][-1]
    assert (remedy["purpose"], remedy["state"]) == ("remedy", "proposed")
    titles = [one["title"] for one in remedy["steps"]]
    assert any("roll payments back" in one for one in titles), titles
    r.approve_plans(pioneer, incident)
    pioneer.wait(minutes=2)
    done = pioneer.show(incident)["plans"][-1]
    assert done["state"] == "done"
    assert all(one["state"] == "done" for one in done["steps"])
    assert pioneer.outside.services["payments"].open
    # Carried out and not validated yet: nobody has written down how it was seen to work.
    assert h.phase(pioneer, incident) == "mitigate"
    fields = [one["id"] for one in h.form(pioneer, incident, "mitigation")["fields"]]
    assert fields == ["immediate", "plan", "execution", "validation", "stability"]
    bare = pioneer.post(
        f"incidents/{incident}/forms/mitigation",
        r.COMMANDER,
        fields={"plan": "back", "immediate": "cut"},
    )
    assert "How it was seen that it works" in bare.texts
    r.fill(pioneer, incident, "mitigation")
    pioneer.wait(30)
    assert h.phase(pioneer, incident) == "verify"


@clause("PI-05")
def test_it_is_stable_only_after_a_quarter_of_an_hour_without_one_bad_sample(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_verify(pioneer, incident)
    pioneer.wait(minutes=10)
    pioneer.outside.kill("payments")
    pioneer.wait(15)
    pioneer.outside.repair("payments")
    pioneer.wait(minutes=12)
    assert len(pioneer.entries(incident, "stability.lost")) == 1
    refused = pioneer.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="enough")
    assert "criterion:stable" in refused.reasons or "criterion:still-stable" in refused.reasons
    early = [one["text"] for one in pioneer.entries(incident, "milestone.reached")]
    assert "Milestone: resolved" not in early
    pioneer.wait(minutes=5)
    milestones = [one["text"] for one in pioneer.entries(incident, "milestone.reached")]
    assert milestones[-1] == "Milestone: resolved"


# --- PI-06, PI-07 -----------------------------------------------------------------------------------


@clause("PI-06", "PI-07")
def test_a_role_is_offered_with_notes_and_moves_only_when_it_is_accepted(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    pioneer.settle()
    path = f"incidents/{incident}/roles/commander"
    pioneer.do(f"{path}/handoff", r.COMMANDER, to="cho", notes="the bank calls back at four")
    pioneer.settle()
    assert h.holder(pioneer, incident, "commander") == "ada"
    assert any("the bank calls back at four" in one.text for one in pioneer.letters("person:cho"))
    assert "not-yours" in pioneer.post(f"{path}/accept", "person:dee").reasons
    pioneer.do(f"{path}/accept", "person:cho")
    assert h.holder(pioneer, incident, "commander") == "cho"
    (offered,) = pioneer.entries(incident, "handoff.offered")
    assert offered["actor"] == "person:ada"
    moved = pioneer.entries(incident, "role.assigned")[-1]
    assert "cho is commander (handoff accepted, was ada)" in moved["text"]
    assert moved["actor"] == "person:cho"
    assert "no-offer" in pioneer.post(f"{path}/accept", "person:cho").reasons


@clause("PI-06")
def test_a_handover_says_where_it_stands_what_was_done_what_is_open_and_what_was_promised(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    pioneer.settle()
    fields = [one["id"] for one in h.form(pioneer, incident, "handover")["fields"]]
    assert fields == ["state", "done", "open", "risks", "promised"]
    r.fill(pioneer, incident, "handover", open="the bank calls back at four")
    pioneer.settle()
    told = [one for one in pioneer.letters("audience:responders") if "Handover" in one.subject]
    assert "the bank calls back at four" in told[0].text


@clause("PI-06")
def test_customers_hear_of_it_only_if_some_are_hit_and_the_status_page_in_any_case(
    pioneer: Stage,
) -> None:
    nobody = pioneer.declare("buying fails", impact=h.OUTAGE)
    pioneer.settle()
    assert pioneer.letters("audience:customers") == []
    (page,) = [
        one for one in pioneer.letters("audience:public") if "We have a problem" in one.subject
    ]
    assert nobody in page.subject
    some = pioneer.declare("buying fails", impact=h.OUTAGE | {"users": 5})
    pioneer.settle()
    told = pioneer.letters("audience:customers")
    assert told
    assert all(some in one.subject for one in told)


@clause("PI-06")
@pytest.mark.parametrize(
    ("severity", "public", "customers"),
    [("SEV1", 0, 0), ("SEV2", 15 * 60, 3600)],
)
def test_customers_and_the_status_page_hear_by_severity(
    pioneer: Stage, severity: str, public: int, customers: int
) -> None:
    pioneer.declare("slow", impact={"users": 5, "failed_share_percent": 0}, severity=severity)
    for seconds, audience in ((public, "audience:public"), (customers, "audience:customers")):
        if seconds:
            pioneer.wait(pioneer.seconds_until("2026-11-21T03:00:05Z") + seconds - 10)
            assert pioneer.letters(audience) == []
        pioneer.wait(20)
        assert "Next word by 2026-11-21" in pioneer.letters(audience)[0].text


@clause("PI-06")
def test_at_sev3_they_hear_if_it_lasts_into_business_time(open_stage: Open) -> None:
    stage = open_stage("pioneer", begin=h.utc(2026, 12, 24, 15))
    stage.declare("slow", impact={"users": 5, "failed_share_percent": 0})
    # Two business hours on Thursday, two on Monday for the page; a business day for the customers.
    stage.restart(down_seconds=3 * 24 * 3600 + 19.9 * 3600)
    assert stage.letters("audience:public") == []
    stage.wait(minutes=10)
    assert len(stage.letters("audience:public")) == 1
    assert stage.letters("audience:customers") == []
    stage.restart(down_seconds=4 * 3600)
    stage.wait(60)
    assert len(stage.letters("audience:customers")) == 1


@clause("PI-06")
def test_updates_go_to_those_who_were_told_and_the_last_word_is_a_final_notice(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer, impact=h.OUTAGE | {"users": 5})
    pioneer.settle()
    r.post_update(pioneer, incident, fields={"next": "go back"}, text="We know what it is.")
    pioneer.settle()
    for audience in ("responders", "executives", "customers", "public"):
        told = pioneer.letters(f"audience:{audience}")[-1]
        assert "We know what it is." in told.text, audience
        assert "The next update is due in 15m" in told.text, audience
    h.pioneer_to_the_end(pioneer, incident)
    pioneer.settle()
    for audience in ("customers", "public"):
        last = pioneer.letters(f"audience:{audience}")[-1]
        assert last.subject == f"{incident} is over"
        assert "It works again" in last.text
        assert "It lasted" in last.text
        assert "Ada" not in last.text
    assert pioneer.letters("audience:customers")[-1].text.endswith("answer this message.")


POWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("coordinates", "tasks", {"title": "watch the queue", "owner": "fay"}),
    ("assigns", "roles/operations", {"person": "ben"}),
    ("forms the team", "crews/response", {"members": ["person:fay"]}),
    ("decides", "remedy", {"remedy": "investigate", "because": "it is not the release"}),
    ("communicates", "updates", {"status": "investigating", "text": "We look."}),
    ("escalates", "severity", {"severity": "SEV1", "because": "it is worse"}),
    ("keeps the timeline", "corrections", {"version": 1, "text": "it was search", "because": "a slip"}),
]  # fmt: skip


@clause("PI-07")
def test_the_powers_belong_to_the_role_and_go_with_it(pioneer: Stage) -> None:
    incident = pioneer.declare("slow", "person:fay", services=["search"], severity="SEV2")
    pioneer.settle()
    assert h.holder(pioneer, incident, "commander") == "cho"
    open_to_all = {"coordinates", "communicates"}
    for power, path, body in POWERS:
        if power not in open_to_all:
            refused = pioneer.post(f"incidents/{incident}/{path}", "person:dee", **body)
            assert "no-authority" in refused.reasons, power
    role = f"incidents/{incident}/roles/commander"
    pioneer.do(f"{role}/handoff", "person:cho", to="dee", notes="I am off")
    pioneer.do(f"{role}/accept", "person:dee")
    for power, path, body in POWERS:
        if power not in open_to_all:
            refused = pioneer.post(f"incidents/{incident}/{path}", "person:cho", **body)
            assert "no-authority" in refused.reasons, power
    for power, path, body in POWERS:
        answer = pioneer.post(f"incidents/{incident}/{path}", "person:dee", **body)
        assert answer.ok, (power, answer.texts)
    (told,) = [one for one in pioneer.letters("person:cho") if "you are" in one.subject]
    duties = told.text.lower()
    for word in (
        "coordinates", "assigns", "decides", "communicates", "escalates", "timeline", "post-mortem",
    ):  # fmt: skip
        assert word in duties, word


@clause("PI-07")
def test_who_took_over_is_asked_for_updates_and_leads_the_post_mortem(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    pioneer.settle()
    role = f"incidents/{incident}/roles/commander"
    pioneer.do(f"{role}/handoff", r.COMMANDER, to="cho", notes="I am off")
    pioneer.do(f"{role}/accept", "person:cho")
    pioneer.wait(minutes=16)
    assert any("update 1 is due" in one.subject for one in pioneer.letters("person:cho"))
    h.pioneer_to_the_end(pioneer, incident)
    pioneer.settle()
    assert any("Hold the post-mortem" in one.text for one in pioneer.letters("person:cho"))
    assert not any("Hold the post-mortem" in one.text for one in pioneer.letters("person:ada"))


# --- PI-08, PI-09 -----------------------------------------------------------------------------------


@clause("PI-08")
def test_the_post_mortem_meeting_is_within_48_hours_and_can_be_moved_but_not_past_them(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_the_end(pioneer, incident)
    owed = h.owed(pioneer, incident)["post-mortem"]
    assert pioneer.seconds_until(owed["due_at"]) == pytest.approx(48 * 3600, abs=5)
    assert 0 < pioneer.seconds_until(owed["meeting_at"]) <= 48 * 3600
    (kept,) = pioneer.entries(incident, "meeting.scheduled")
    assert "post-mortem" in kept["text"]
    path = f"incidents/{incident}/obligations/post-mortem/meeting"
    assert "after-due" in pioneer.post(path, r.COMMANDER, at="2026-11-24T10:00:00Z").reasons
    pioneer.do(path, r.COMMANDER, at="2026-11-22T10:00:00Z")
    pioneer.settle()
    assert h.owed(pioneer, incident)["post-mortem"]["meeting_at"] == "2026-11-22T10:00:00Z"
    assert any("meeting moves" in one.subject for one in pioneer.letters("person:ada"))


@clause("PI-08")
def test_findings_actions_runbooks_and_lessons_are_owed_and_chased(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_the_end(pioneer, incident)
    owed = h.owed(pioneer, incident)
    assert set(owed) == {"post-mortem", "report", "action-items", "runbooks", "lessons"}
    # Stood down on a Saturday: five business days end on the Monday of the week after the next.
    assert at(owed["runbooks"]["due_at"]) == at(owed["lessons"]["due_at"]) == h.utc(2026, 11, 30, 9)
    pioneer.do(
        f"incidents/{incident}/obligations/lessons", r.COMMANDER, how="told at the weekly meeting"
    )
    pioneer.restart(down_seconds=49 * 3600)
    pioneer.wait(30)
    late = h.missed(pioneer, incident, "owed by")
    assert len(late) == 3
    assert any("Hold the post-mortem" in one for one in late)
    pioneer.restart(down_seconds=8 * 24 * 3600)
    pioneer.wait(30)
    late = h.missed(pioneer, incident, "owed by")
    assert len(late) == 4
    assert "runbooks" in late[-1]


SECTIONS = {
    "summary": ["summary", "impact", "timeline"],
    "chronology": ["chronology", "decisions"],
    "root cause": ["cause", "cause-technical", "cause-process", "cause-communication"],
    "resolution": ["steps", "effectiveness", "workarounds"],
    "prevention": ["prevention-technical", "prevention-process", "prevention-monitoring"],
}


@clause("PI-09")
def test_a_post_mortem_has_six_sections_of_which_five_are_its_form(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_the_end(pioneer, incident)
    fields = h.form(pioneer, incident, "post-mortem")["fields"]
    assert [one["id"] for one in fields] == [id for ids in SECTIONS.values() for id in ids]
    titles = {one["id"]: one["title"].lower() for one in fields}
    for section, ids in SECTIONS.items():
        assert all(titles[id].startswith(section) for id in ids), section
    assert all(one["required"] for one in fields)
    for one in fields:
        if not one["prefill"]:
            texts = {other["id"]: "some words" for other in fields if other is not one}
            lacking = pioneer.post(
                f"incidents/{incident}/forms/post-mortem", r.COMMANDER, fields=texts
            )
            assert not lacking.ok, one["id"]
            assert one["title"] in lacking.texts
    for lack in ("owner", "due_at"):
        body = {"title": "an alarm", "owner": "ben", "due_at": "2026-11-30T12:00:00Z"}
        body.pop(lack)
        assert pioneer.post(f"incidents/{incident}/actions", r.COMMANDER, **body).status == 422


@clause("PI-09")
@pytest.mark.parametrize("severity", ["SEV1", "SEV2"])
def test_sev1_and_sev2_are_not_closed_without_it(pioneer: Stage, severity: str) -> None:
    incident = pioneer.declare("slow", services=["search"], severity=severity)
    h.over_and_out(pioneer, incident)
    commander = f"person:{h.holder(pioneer, incident, 'commander')}"
    close = f"incidents/{incident}/close"
    refused = pioneer.post(close, commander)
    assert refused.reasons == ["closing:form:post-mortem", "closing:report", "closing:action-items"]
    r.fill(pioneer, incident, "post-mortem", commander)
    assert pioneer.post(close, commander).reasons == ["closing:report", "closing:action-items"]
    pioneer.do(f"incidents/{incident}/report", commander)
    assert pioneer.post(close, commander).reasons == ["closing:action-items"]
    bad = pioneer.post(
        f"incidents/{incident}/actions", commander, title="an alarm", owner="ben",
        due_at="2026-11-30T12:00:00Z", priority="high", link="the tracker",
    )  # fmt: skip
    assert "bad-link" in bad.reasons
    pioneer.do(
        f"incidents/{incident}/actions", commander, title="an alarm", owner="ben",
        due_at="2026-11-30T12:00:00Z", priority="high", link="https://tracker.example/7",
    )  # fmt: skip
    (item,) = pioneer.show(incident)["actions"]
    assert (item["owner"], item["priority"], item["due_at"], item["link"]) == (
        "ben", "high", "2026-11-30T12:00:00Z", "https://tracker.example/7",
    )  # fmt: skip
    pioneer.do(close, commander, note="learnt a lot")
    assert pioneer.show(incident)["line"]["state"] == "closed"


@clause("PI-09")
def test_sev3_is_closed_without_one(pioneer: Stage) -> None:
    incident = pioneer.declare("slow", services=["search"], severity="SEV3")
    h.over_and_out(pioneer, incident)
    assert h.owed(pioneer, incident) == {}
    pioneer.do(f"incidents/{incident}/close", "person:eve")


# --- PI-10 to PI-12 ---------------------------------------------------------------------------------


@clause("PI-10")
def test_a_drill_is_due_each_quarter_and_has_forms_for_its_plan_and_its_review(
    pioneer: Stage,
) -> None:
    (drill,) = pioneer.get("protocol").data["drills"]
    assert drill["every_days"] == 90
    assert drill["late"]
    assert set(drill["scenarios"]) == {"outage", "breach", "data-loss", "degradation"}
    calm = {"failed_share_percent": 0, "users": 0}
    incident = pioneer.declare("a rehearsal", trigger="drill:quarterly", impact=calm)
    plan = [one["id"] for one in h.form(pioneer, incident, "drill-plan")["fields"]]
    assert plan == ["scenario", "participants", "success"]
    review = [one["id"] for one in h.form(pioneer, incident, "drill-review")["fields"]]
    assert review == ["course", "duration", "effectiveness", "improvements", "procedures"]
    r.fill(pioneer, incident, "drill-plan", scenario="the shop is down")
    r.fill(pioneer, incident, "drill-review", improvements="somebody to call the bank")
    filed = {one["id"] for one in pioneer.show(incident)["forms"]}
    assert filed == {"drill-plan", "drill-review"}
    (drill,) = pioneer.get("protocol").data["drills"]
    assert not drill["late"]
    assert (at(drill["due_at"]) - at(drill["last_at"])).days == 90


# Thursday before a holiday, a weekend behind it: one business day is Monday, two Tuesday, five Friday,
# and that one is a holiday again, so the fifth is the Monday after.
OBJECTIVES: dict[str, dict[str, datetime]] = {
    "payments": {"SEV1": h.utc(2026, 12, 24, 16, 30), "SEV2": h.utc(2026, 12, 24, 18), "SEV3": h.utc(2026, 12, 28, 16)},
    "ledger": {"SEV1": h.utc(2026, 12, 24, 17), "SEV2": h.utc(2026, 12, 24, 20), "SEV3": h.utc(2026, 12, 28, 16)},
    "search": {"SEV1": h.utc(2026, 12, 24, 20), "SEV2": h.utc(2026, 12, 25), "SEV3": h.utc(2026, 12, 29, 16)},
    "archive": {"SEV1": h.utc(2026, 12, 25, 16), "SEV2": h.utc(2026, 12, 26, 16), "SEV3": h.utc(2027, 1, 4, 16)},
}  # fmt: skip


@clause("PI-11")
@pytest.mark.parametrize("severity", ["SEV1", "SEV2", "SEV3", "SEV4"])
def test_recovery_objectives_by_class_and_severity(open_stage: Open, severity: str) -> None:
    stage = open_stage("pioneer", begin=HOLY_EVE)
    incident = stage.declare("all of it", services=list(OBJECTIVES), severity=severity)
    found = {
        id.removeprefix("rto:"): h.clock(stage, incident, id)
        for id in h.clocks(stage, incident)
        if id.startswith("rto:")
    }
    if severity == "SEV4":
        assert found == {}
        return
    assert set(found) == set(OBJECTIVES)
    declared = at(stage.show(incident)["line"]["declared_at"])
    for service, one in found.items():
        due = OBJECTIVES[service][severity]
        assert abs((at(one["at"]) - due).total_seconds()) < 10, service
        share = (at(one["warn_at"]) - declared) / (at(one["at"]) - declared)
        assert share == pytest.approx(0.75, abs=0.01), service


@clause("PI-11")
def test_a_breach_is_warned_of_before_and_recorded_when_it_happens_once_each(
    pioneer: Stage,
) -> None:
    incident = h.outage(pioneer)
    pioneer.settle()
    pioneer.post(f"incidents/{incident}/acknowledge", r.COMMANDER)
    declared = at(pioneer.show(incident)["line"]["declared_at"])
    pioneer.wait(minutes=22)
    assert pioneer.entries(incident, "deadline.warned") == []
    pioneer.wait(30)
    (warned,) = pioneer.entries(incident, "deadline.warned")
    assert "payments: not recovered within its objective of 30m" in warned["text"]
    assert (at(warned["at"]) - declared).total_seconds() == pytest.approx(22.5 * 60, abs=3)
    assert any("soon: payments" in one.subject for one in pioneer.letters("person:ada"))
    assert h.missed(pioneer, incident, "objective") == []
    pioneer.restart(down_seconds=3600)
    pioneer.wait(minutes=5)
    (late,) = h.missed(pioneer, incident, "payments: not recovered within its objective of 30m")
    assert "escalated to" in late
    assert len(pioneer.entries(incident, "deadline.warned")) == 1
    assert h.clock(pioneer, incident, "rto:payments")["missed"]


@clause("PI-11")
def test_what_came_back_in_time_is_neither_warned_of_nor_missed(pioneer: Stage) -> None:
    incident = h.outage(pioneer)
    h.pioneer_to_verify(pioneer, incident)
    pioneer.wait(minutes=35)
    assert pioneer.entries(incident, "deadline.warned") == []
    assert h.missed(pioneer, incident, "objective") == []


@clause("PI-12")
@pytest.mark.parametrize(
    ("now", "late"), [(h.utc(2027, 1, 12, 23), False), (h.utc(2027, 1, 14, 1), True)]
)
def test_the_protocol_is_reviewed_each_quarter_and_says_when_it_is_late(
    open_stage: Open, now: datetime, late: bool
) -> None:
    stage = open_stage("pioneer", begin=now)
    review = stage.get("protocol").data["review"]
    assert review["every_days"] == 90
    assert review["last"] == "2026-10-15"
    assert at(review["due_at"]) == h.utc(2027, 1, 13)
    assert review["late"] is late
    assert stage.get("overview").data["review"]["late"] is late
