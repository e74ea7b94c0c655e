"""The Patronus protocol, clause by clause, over the API."""

from __future__ import annotations

from datetime import datetime

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open

OUTAGE = {"core_functions_down": ["buying"]}


def outage(stage: Stage, who: str = "person:ada") -> str:
    stage.outside.deploy("payments", "tree-bad")
    return stage.declare("no payments", who, services=["payments"], impact=OUTAGE)


@clause("PT-01")
def test_a_phrase_in_a_message_proposes_an_activation_to_those_who_may_confirm_it(
    patronus: Stage,
) -> None:
    for phrase in (
        "emergency", "production down", "outage", "breach", "critical bug", "all hands", "battle stations",
        "red alert", "patronus",
    ):  # fmt: skip
        answer = patronus.do("proposals", "agent:mint-1", text=f"Team, {phrase.upper()}! {phrase}")
        assert answer["proposal"], phrase
    patronus.settle()
    proposals = patronus.get("proposals").data
    assert len(proposals) == 9
    assert {one.to for one in patronus.letters()} >= {"person:ada", "person:eve"}
    assert patronus.get("incidents").data == []
    done = patronus.do(f"proposals/{proposals[0]['id']}/confirm", "person:ada")
    shown = patronus.show(done["incident"])
    assert shown["line"]["severity"] in ("RED", "ORANGE")


@clause("PT-01")
def test_an_ordinary_message_proposes_nothing_and_an_alert_does(patronus: Stage) -> None:
    refused = patronus.post("proposals", "agent:mint-1", text="lunch is ready, no emergent matters")
    assert "no-trigger" in refused.reasons
    alert = patronus.do(
        "proposals",
        "source:monitoring",
        text="checkout error rate",
        labels={"severity": "critical"},
    )
    assert alert["proposal"]


@clause("PT-02")
def test_head_deputy_head_of_house_prefect_and_any_person_may_activate_each_in_their_bounds(
    patronus: Stage,
) -> None:
    assert patronus.post("incidents", "person:ada", title="for any reason").ok
    in_bounds = {"kind": "outage", "services": ["search"]}
    assert patronus.post("incidents", "agent:deputy-agent", title="search is gone", **in_bounds).ok
    own = {"services": ["payments"]}
    assert patronus.post("incidents", "agent:mint-head", title="our own house", **own).ok
    assert patronus.post("incidents", "person:ben", title="a human always may").ok


@clause("PT-02")
def test_out_of_bounds_is_refused_with_the_reason_and_stands_in_the_record(patronus: Stage) -> None:
    no_kind = patronus.post("incidents", "agent:deputy-agent", title="I would like a meeting")
    other_house = patronus.post("incidents", "agent:mint-head", title="theirs", services=["search"])
    anybody = patronus.post("incidents", "agent:keep-1", title="me too", services=["payments"])
    source = patronus.post("incidents", "source:monitoring", title="beep")
    for refused in (no_kind, other_house, anybody, source):
        assert refused.status == 403
        assert "no-authority" in refused.reasons
    kept = str(patronus.get("refusals").data)
    for who in ("agent:deputy-agent", "agent:mint-head", "agent:keep-1", "source:monitoring"):
        assert who in kept
    assert patronus.get("incidents").data == []


@clause("PT-02")
def test_when_a_prefect_activates_the_headmaster_is_told_at_once(patronus: Stage) -> None:
    incident = patronus.declare("it burns", "agent:mint-prefect", services=["search"])
    patronus.settle()
    called = patronus.entries(incident, "responders.called")
    assert any("ada" in one["text"] for one in called)
    assert any("prefect" in f"{one.subject} {one.text}" for one in patronus.letters("person:ada"))


@clause("PT-03")
def test_the_announcement_says_why_how_bad_who_when_and_orders_all_to_stop(patronus: Stage) -> None:
    incident = outage(patronus)
    patronus.settle()
    (told,) = [one for one in patronus.letters("audience:human") if "Patronus" in one.subject]
    assert "RED" in told.subject
    assert "Reason: users cannot do what they come for" in told.text
    assert "Threat level: Red" in told.text
    assert "person:ada" in told.text
    declared = datetime.fromisoformat(patronus.show(incident)["line"]["declared_at"])
    assert f"{declared:%Y-%m-%d %H:%M:%S} UTC" in told.text
    assert "All stop" in told.text
    orange = patronus.declare("slow", services=["search"], kind="performance")
    assert patronus.show(orange)["line"]["severity"] == "ORANGE"


@clause("PT-04")
def test_every_agent_is_told_saves_its_state_and_stands_by_on_the_board(patronus: Stage) -> None:
    incident = outage(patronus)
    patronus.wait(60)
    (halt,) = patronus.show(incident)["halts"]
    assert {line["state"] for line in halt["roll"]} == {"confirmed"}
    assert all(line["checkpoint"] for line in halt["roll"])
    assert halt["stopped"]


@clause("PT-05")
def test_the_roll_call_says_who_was_at_what_and_who_did_not_answer(patronus: Stage) -> None:
    patronus.outside.agents["atlas-1"].manner = "silent"
    incident = outage(patronus)
    patronus.wait(minutes=4)
    (halt,) = patronus.show(incident)["halts"]
    line = next(one for one in halt["roll"] if one["agent"] == "mint-1")
    assert (line["team"], line["working_on"], line["available"]) == ("mint", "a task", True)
    assert patronus.entries(incident, "agent.unaccounted") == []
    patronus.wait(minutes=1)
    (lost,) = patronus.entries(incident, "agent.unaccounted")
    assert "atlas-1 UNACCOUNTED FOR" in lost["text"]


@clause("PT-06")
def test_the_briefing_has_its_five_parts_and_names_what_is_missing(patronus: Stage) -> None:
    incident = outage(patronus)
    empty = patronus.post(f"incidents/{incident}/forms/briefing", r.COMMANDER, fields={})
    assert not empty.ok
    assert "situation" in empty.texts
    assert "risk" in empty.texts
    r.fill(
        patronus, incident, "briefing", situation="no payment goes through", risk="orders are lost"
    )
    filed = next(
        one for one in patronus.get(f"incidents/{incident}/forms").data if one["id"] == "briefing"
    )
    said = {one["id"]: one["value"] for one in filed["fields"]}
    assert said["situation"] == "no payment goes through"
    assert "RED" in said["severity"]
    assert "buying" in said["impact"]
    assert "investigat" in said["cause"]
    assert said["risk"] == "orders are lost"
    patronus.settle()
    assert any("briefing" in one.subject.lower() for one in patronus.letters("audience:human"))


@clause("PT-07")
def test_all_stop_roll_call_and_briefing_within_five_minutes_is_met(patronus: Stage) -> None:
    incident = outage(patronus)
    patronus.wait(minutes=2)
    r.fill(patronus, incident, "briefing")
    patronus.wait(minutes=10)
    assert not [
        one for one in patronus.entries(incident, "deadline.missed") if "roll call" in one["text"]
    ]


@clause("PT-07")
def test_all_stop_roll_call_and_briefing_within_five_minutes_is_missed_once(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    patronus.wait(minutes=4, seconds=50)
    assert "rule:muster" in {one["id"] for one in patronus.show(incident)["deadlines"]}
    patronus.restart(down_seconds=3600)
    patronus.wait(minutes=30)
    missed = [
        one for one in patronus.entries(incident, "deadline.missed") if "roll call" in one["text"]
    ]
    assert len(missed) == 1
    assert "briefing" in missed[0]["text"]


@clause("PT-08")
def test_four_crews_are_proposed_by_domain_and_availability_and_can_be_changed(
    patronus: Stage,
) -> None:
    patronus.outside.agents["ward-1"].manner = "silent"
    incident = outage(patronus)
    patronus.wait(minutes=6)
    crews = {one["name"]: one for one in patronus.get(f"incidents/{incident}/crews").data}
    assert [one["title"] for one in crews.values()] == [
        "Shield Casters",
        "Healers",
        "Scouts",
        "Messengers",
    ]
    assert all(one["objective"] for one in crews.values())
    assert "agent:keep-1" in crews["containment"]["proposed"]
    assert "agent:ward-1" not in str([one["proposed"] for one in crews.values()])
    assert any(name.startswith("agent:mint") for name in crews["resolution"]["proposed"])
    assert crews["resolution"]["members"] == []
    patronus.do(
        f"incidents/{incident}/crews/resolution", r.COMMANDER,
        members=["agent:mint-1", "person:cho"], objective="put the old release back",
    )  # fmt: skip
    crew = next(
        c for c in patronus.get(f"incidents/{incident}/crews").data if c["name"] == "resolution"
    )
    assert (crew["members"], crew["objective"]) == (
        ["agent:mint-1", "person:cho"], "put the old release back",
    )  # fmt: skip


@clause("PT-09")
def test_updates_fall_due_every_five_minutes_at_red_and_ten_at_orange(open_stage: Open) -> None:
    for severity, minutes in (("RED", 5), ("ORANGE", 10)):
        stage = open_stage("patronus")
        incident = stage.declare("no results", services=["search"], severity=severity)
        stage.post(f"incidents/{incident}/acknowledge", r.COMMANDER)
        stage.wait(minutes=minutes, seconds=-15)
        assert stage.entries(incident, "update.requested") == []
        stage.wait(30)
        assert len(stage.entries(incident, "update.requested")) == 1
        stage.wait(minutes=3)
        late = [
            one
            for one in stage.entries(incident, "deadline.missed")
            if "update 1 is late" in one["text"]
        ]
        assert len(late) == 1
        assert "escalated to" in late[0]["text"]


@clause("PT-09")
def test_an_update_says_progress_expected_time_blockers_and_next_steps(patronus: Stage) -> None:
    incident = outage(patronus)
    bare = patronus.post(f"incidents/{incident}/updates", r.COMMANDER, status="fixing", text="soon")
    assert "progress" in bare.texts
    for status in ("investigating", "containing", "fixing", "resolved"):
        r.post_update(
            patronus, incident, status=status,
            fields={
                "progress": "half", "expected": "2026-11-21T04:00:00Z", "blockers": "a lock",
                "next": "retry",
            },
        )  # fmt: skip
    patronus.settle()
    told = [one for one in patronus.letters("audience:human") if "update" in one.subject][-1]
    for part in ("half", "04:00", "a lock", "retry", "next update is due in 5m"):
        assert part in told.text, part


@clause("PT-10")
def test_the_human_hears_of_the_activation_of_each_update_and_of_delays(patronus: Stage) -> None:
    incident = outage(patronus)
    patronus.settle()
    assert len(patronus.letters("audience:human")) >= 1
    before = len(patronus.letters("audience:human"))
    r.post_update(
        patronus, incident,
        fields={"progress": "half", "expected": "2026-11-21T03:04:00Z", "next": "retry"},
    )  # fmt: skip
    patronus.settle()
    assert len(patronus.letters("audience:human")) > before
    patronus.wait(minutes=15)
    (late,) = [
        one for one in patronus.entries(incident, "deadline.missed") if "expected" in one["text"]
    ]
    assert "not over at 03:04 UTC" in late["text"]
    told = patronus.letters("person:eve") + patronus.letters("person:ada")
    assert any("as was expected" in one.subject for one in told)


@clause("PT-10")
def test_a_change_of_risk_five_waits_for_the_human_and_a_small_one_does_not(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    big = patronus.do(
        f"incidents/{incident}/changes", "agent:mint-1", title="alter the schema", risk=5
    )
    small = patronus.do(
        f"incidents/{incident}/changes", "agent:mint-1", title="empty a cache", risk=1
    )
    changes = {one["id"]: one for one in patronus.show(incident)["changes"]}
    assert changes[big["change"]]["state"] == "proposed"
    assert changes[small["change"]]["state"] == "approved"
    subject = f"change:{big['change']}"
    done = f"incidents/{incident}/changes/{big['change']}/end"
    assert not patronus.post(done, "agent:mint-1", state="made", note="did it").ok
    for who in ("agent:mint-1", "agent:deputy-agent", "person:ada"):
        assert not patronus.post(f"incidents/{incident}/approvals", who, subject=subject).ok, who
    patronus.do(f"incidents/{incident}/approvals", "person:eve", subject=subject)
    assert patronus.post(done, "agent:mint-1", state="made", note="did it").ok


@clause("PT-11")
def test_a_phase_is_left_only_when_its_criterion_holds(patronus: Stage) -> None:
    incident = outage(patronus)
    patronus.wait(60)
    shown = patronus.show(incident)
    assert [one["name"] for one in shown["phases"]] == ["contain", "mitigate", "fix", "verify"]
    assert all(one["criteria"] for one in shown["phases"])
    assert {task["phase"] for task in shown["tasks"]} == {"contain"}
    early = patronus.post(f"incidents/{incident}/phase", r.COMMANDER)
    assert "criterion:briefed" in early.reasons
    assert "criterion:no-new-damage" in early.reasons
    r.patronus_to_verify(patronus, incident)
    entered = [one["text"] for one in patronus.entries(incident, "phase.entered")]
    assert len(entered) == 4


@clause("PT-11")
def test_who_has_the_authority_leaves_a_phase_early_with_a_reason_on_the_record(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    patronus.wait(minutes=1)
    r.fill(patronus, incident, "briefing")
    r.state(patronus, incident, "contained")
    body = {"subject": "crews-formed", "because": "there are only three of us"}
    assert not patronus.post(f"incidents/{incident}/overrides", "person:ada", **body).ok
    patronus.do(f"incidents/{incident}/overrides", "person:eve", **body)
    patronus.settle()
    assert patronus.show(incident)["line"]["phase"] == "mitigate"
    (kept,) = patronus.entries(incident, "criterion.overridden")
    assert "there are only three of us" in kept["text"]
    assert kept["actor"] == "person:eve"


@clause("PT-12")
def test_verify_watches_fifteen_minutes_by_probes_and_a_bad_one_starts_it_again(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    r.patronus_to_verify(patronus, incident)
    patronus.wait(minutes=10)
    patronus.outside.kill("payments")
    patronus.wait(25)
    patronus.outside.repair("payments")
    patronus.wait(minutes=10)
    assert "resolved" not in patronus.kinds(incident)
    assert patronus.entries(incident, "milestone.reached")[-1]["text"] != "Milestone: resolved"
    assert len(patronus.entries(incident, "stability.lost")) == 1
    patronus.wait(minutes=6)
    assert patronus.entries(incident, "milestone.reached")[-1]["text"] == "Milestone: resolved"


@clause("PT-13")
def test_stand_down_names_each_of_the_five_that_is_missing(patronus: Stage) -> None:
    incident = outage(patronus)
    r.patronus_to_verify(patronus, incident)
    refused = patronus.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="I am tired")
    for criterion in ("resolved", "root-cause", "prevention", "still-stable", "commander-approves"):
        assert f"criterion:{criterion}" in refused.reasons, criterion
    patronus.wait(minutes=16)
    for subject in ("resolved", "root-cause", "prevention"):
        r.state(patronus, incident, subject)
    nearly = patronus.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="done")
    assert nearly.reasons == ["criterion:commander-approves"]
    agent = patronus.post(
        f"incidents/{incident}/approvals", "agent:deputy-agent", subject="stand-down"
    )
    assert not agent.ok
    patronus.do(f"incidents/{incident}/approvals", r.COMMANDER, subject="stand-down")
    assert patronus.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="done").ok


@clause("PT-14")
def test_the_stand_down_says_why_how_long_and_the_cause_releases_all_and_schedules_the_review(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    r.patronus_to_the_end(patronus, incident)
    r.state(patronus, incident, "root-cause", "a pool was halved")
    patronus.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="Payments are back.")
    patronus.wait(30)
    told = patronus.letters("audience:human")[-1]
    for part in (
        "Payments are back.",
        "Duration: 17m",
        "a pool was halved",
        "All agents are released",
    ):
        assert part in told.text, (part, told.text)
    assert "review" in told.text.lower()
    assert {one["state"] for one in patronus.get("agents").data} == {"running"}
    assert all(one.running for one in patronus.outside.agents.values())
    (meeting,) = patronus.entries(incident, "meeting.scheduled")
    assert "review" in meeting["text"].lower()


@clause("PT-15")
def test_what_is_owed_within_an_hour_a_day_and_a_week_is_chased_once_each(patronus: Stage) -> None:
    incident = outage(patronus)
    r.patronus_to_the_end(patronus, incident)
    patronus.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="Payments are back.")
    owed = {one["id"]: one for one in patronus.show(incident)["obligations"]}
    hours = {id: round(_hours(patronus, one["due_at"])) for id, one in owed.items()}
    assert {id for id, within in hours.items() if within == 1} == {
        "status-board", "knowledge-entry", "stakeholders-told", "first-cause",
    }  # fmt: skip
    assert {id for id, within in hours.items() if within == 24} == {
        "report", "review-scheduled", "improvements", "documentation",
    }  # fmt: skip
    assert {id for id, within in hours.items() if within == 7 * 24} == {"review", "action-items"}
    assert owed["first-cause"]["met"]
    patronus.do(f"incidents/{incident}/obligations/status-board", r.COMMANDER, how="it says green")
    patronus.do(f"incidents/{incident}/report", r.COMMANDER)
    patronus.restart(down_seconds=26 * 3600)
    patronus.wait(minutes=5)
    missed = [
        one["text"]
        for one in patronus.entries(incident, "deadline.missed")
        if "owed by" in one["text"]
    ]
    assert len(missed) == 5, missed
    assert not any("status board" in text or "Write the report" in text for text in missed)
    patronus.wait(hours=2)
    again = [
        one for one in patronus.entries(incident, "deadline.missed") if "owed by" in one["text"]
    ]
    assert len(again) == 5


@clause("PT-15")
def test_the_review_has_its_parts_and_action_items_have_owner_and_due_date(patronus: Stage) -> None:
    incident = outage(patronus)
    r.patronus_to_the_end(patronus, incident)
    patronus.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="Payments are back.")
    r.fill(patronus, incident, "review")
    form = next(
        one for one in patronus.get(f"incidents/{incident}/forms").data if one["id"] == "review"
    )
    assert [one["id"] for one in form["fields"]] == [
        "what-happened", "root-cause", "impact", "went-well", "could-be-better",
    ]  # fmt: skip
    patronus.do(
        f"incidents/{incident}/actions", r.COMMANDER, title="check pool sizes", owner="ben",
        due_at="2026-11-30T12:00:00Z", priority="high",
    )  # fmt: skip
    patronus.wait(hours=1)
    owed = {one["id"]: one["met"] for one in patronus.show(incident)["obligations"]}
    assert owed["review"]
    assert owed["action-items"]


@clause("PT-16")
def test_while_it_lasts_scoring_is_suspended_and_direct_work_is_on(patronus: Stage) -> None:
    award = {"team": "mint", "points": 3, "because": "tidy"}
    assert patronus.post("points", "person:eve", **award).ok
    incident = outage(patronus)
    mode = str(patronus.get("mode").data)
    for part in (
        "scoring",
        "efficiency",
        "non-critical",
        "direct",
        "cross-house",
        "human",
        "documentation",
    ):
        assert part in mode, part
    refused = patronus.post("points", "person:eve", **award)
    assert not refused.ok
    assert incident in refused.texts
    change = patronus.do(
        f"incidents/{incident}/changes", "person:ben", title="a new release", risk=4
    )
    patronus.do(
        f"incidents/{incident}/approvals", "person:cho", subject=f"change:{change['change']}"
    )
    assert patronus.show(incident)["changes"][0]["state"] == "approved"
    patronus.wait(hours=12, minutes=1)
    assert patronus.entries(incident, "mode.ended")
    assert patronus.post("points", "person:eve", **award).ok


@clause("PT-17")
def test_the_ledger_gives_ten_to_who_resolved_five_to_who_helped_and_takes_from_who_caused_it(
    patronus: Stage,
) -> None:
    incident = outage(patronus)
    r.patronus_to_the_end(patronus, incident)
    r.state(patronus, incident, "caused-by", "agent:atlas-1")
    patronus.do(f"incidents/{incident}/stand-down", r.COMMANDER, reason="Payments are back.")
    given = {(one["team"], one["points"]) for one in patronus.show(incident)["points"]}
    assert ("mint", 10) in given
    assert ("keep", 5) in given
    assert ("ward", 5) in given
    assert ("atlas", -10) in given
    assert not any(points < 0 for team, points in given if team != "atlas")


def _hours(stage: Stage, at: str) -> float:
    return (datetime.fromisoformat(at) - stage.now).total_seconds() / 3600
