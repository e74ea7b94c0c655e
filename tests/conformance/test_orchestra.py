"""The Orchestra protocol, clause by clause, over the API."""

from __future__ import annotations

import json

import pytest

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open

CONDITIONS = {
    "server-errors": {"server_errors": True},
    "breach": {"breach": True},
    "data-loss": {"data_loss": True},
    "financial-error": {"financial_error": True},
}


@clause("OR-01")
def test_four_severities_with_their_response_times(open_stage: Open) -> None:
    stage = open_stage("orchestra")
    cases = (
        ("SEV-1", {"core_functions_down": ["buying"]}, "1m", 60),
        ("SEV-2", {"functions_down": ["finding"]}, "30m", 1800),
        ("SEV-3", {"failed_share_percent": 2}, "2h", 7200),
    )
    for severity, impact, words, seconds in cases:
        incident = stage.declare(f"a {severity}", "person:ada", impact=impact)
        shown = stage.show(incident)
        assert shown["line"]["severity"] == severity
        clock = next(one for one in shown["deadlines"] if one["id"] == "acknowledge")
        assert words in clock["what"]
        assert stage.seconds_until(clock["at"]) == pytest.approx(seconds, abs=2)
    minor = stage.declare(
        "a typo", "person:ada", severity="SEV-4", impact={"failed_share_percent": 0}
    )
    clock = next(one for one in stage.show(minor)["deadlines"] if one["id"] == "acknowledge")
    assert "10 business days" in clock["what"]


@clause("OR-01", "OR-03")
def test_at_sev_1_all_work_stops(orchestra: Stage) -> None:
    incident = orchestra.declare("the site is down", impact={"core_functions_down": ["buying"]})
    orchestra.wait(30)
    (halt,) = orchestra.show(incident)["halts"]
    assert halt["stopped"]
    assert not any(one.running for one in orchestra.outside.agents.values())


@clause("OR-02", "OR-03")
@pytest.mark.parametrize("kind", CONDITIONS)
def test_each_condition_halts_all_calls_its_pair_and_goes_its_own_way_up(
    orchestra: Stage, kind: str
) -> None:
    pairs = {
        "server-errors": ["ben", "ada"], "breach": ["dee", "ada"], "data-loss": ["cho", "ada"],
        "financial-error": ["fay", "cho"],
    }  # fmt: skip
    chains = {
        "server-errors": ["ben", "ada"], "breach": ["dee", "ada", "eve", "lou"],
        "data-loss": ["cho", "ada", "eve"], "financial-error": ["fay", "ada", "eve"],
    }  # fmt: skip
    incident = orchestra.declare(f"a {kind}", "source:monitoring", impact=CONDITIONS[kind])
    orchestra.wait(40)
    shown = orchestra.show(incident)
    assert shown["kind"] == kind
    assert shown["halts"][0]["stopped"]
    called = [name.removeprefix("person:") for name in shown["called"]]
    assert called[:2] == pairs[kind]
    told = {one.to for one in orchestra.letters()}
    assert {f"person:{name}" for name in pairs[kind]} <= told
    if kind == "financial-error":
        assert "person:eve" in told
    orchestra.wait(hours=3)
    missed = orchestra.entries(incident, "deadline.missed")
    reached = [
        one["text"].rpartition("escalated to ")[2].partition(" ")[0].strip(",;.") for one in missed
    ]
    in_order = list(dict.fromkeys(reached))
    assert in_order[: len(chains[kind])] == chains[kind], missed


@clause("OR-03")
def test_a_label_of_the_monitoring_halts_without_a_person(orchestra: Stage) -> None:
    done = orchestra.do(
        "proposals", "source:monitoring", text="RLS bypass", labels={"halt": "breach"}
    )
    orchestra.wait(30)
    shown = orchestra.show(done["incident"])
    assert shown["kind"] == "breach"
    assert shown["halts"][0]["stopped"]


@clause("OR-07")
def test_the_incident_post_is_a_hand_off_block_with_a_payload(orchestra: Stage) -> None:
    incident = orchestra.declare(
        "the site is down", "person:ada", services=["payments"], kind="breach",
        impact={"breach": True, "core_functions_down": ["buying"]},
    )  # fmt: skip
    orchestra.settle()
    (post,) = [
        one for one in orchestra.letters("audience:responders") if one.text.startswith("task:")
    ]
    block = dict(line.split(": ", 1) for line in post.text.splitlines() if ": " in line)
    assert block["task"] == "INCIDENT-2026-11-21-SEV-1"
    assert block["state"] == "blocked"
    assert block["next"]
    assert block["first responder"]
    assert block["severity"] == "SEV-1"
    assert block["description"] == "the site is down"
    assert "buying" in block["impact"]
    assert block["status"] == "investigating"
    assert block["payload"].endswith(post.attachment_name)
    payload = json.loads(post.attachment)
    assert payload["incident"] == incident
    assert payload["severity"] == "SEV-1"


@clause("OR-07")
def test_the_first_responder_reports_in_a_fixed_shape(orchestra: Stage) -> None:
    incident = orchestra.declare("the site is down", impact={"core_functions_down": ["buying"]})
    wrong = orchestra.post(
        f"incidents/{incident}/forms/incident-report", "agent:spec-1",
        fields={"description": "down", "first-responder": "spec-1", "status": "asleep"},
    )  # fmt: skip
    assert "investigating" in wrong.texts
    r.fill(
        orchestra,
        incident,
        "incident-report",
        "agent:spec-1",
        description="down",
        status="mitigating",
    )
    filed = next(
        one
        for one in orchestra.get(f"incidents/{incident}/forms").data
        if one["id"] == "incident-report"
    )
    assert [one["id"] for one in filed["fields"]] == [
        "severity", "description", "impact", "first-responder", "status",
    ]  # fmt: skip
    assert filed["by"] == "agent:spec-1"


@clause("OR-08")
def test_what_was_learnt_is_owed_and_has_its_shape(orchestra: Stage) -> None:
    form = orchestra.declare("the site is down", impact={"core_functions_down": ["buying"]})
    views = {one["id"]: one for one in orchestra.get(f"incidents/{form}/forms").data}
    fields = {one["id"] for one in views["learning"]["fields"]}
    assert {"root-cause", "prevention", "directive", "skill", "knowledge"} <= fields


@clause("OR-09")
def test_the_owner_overrides_gate_severity_halt_and_approval_at_once_and_on_the_record(
    orchestra: Stage,
) -> None:
    incident = orchestra.declare(
        "the site is down", services=["payments"], impact={"core_functions_down": ["buying"]}
    )
    orchestra.wait(20)
    halt = orchestra.show(incident)["halts"][0]["id"]
    change = orchestra.do(f"incidents/{incident}/changes", "agent:spec-1", title="restore", risk=7)
    subjects = ("reported", f"halt:{halt}", f"change:{change['change']}", "severity:SEV-3")
    path = f"incidents/{incident}/overrides"
    for subject in subjects:
        assert not orchestra.post(path, "person:ada", subject=subject, because="I say so").ok
        assert not orchestra.post(path, "agent:spec-1", subject=subject, because="I say so").ok
        assert orchestra.post(path, "person:eve", subject=subject, because="the board decided").ok
    orchestra.settle()
    shown = orchestra.show(incident)
    assert shown["line"]["severity"] == "SEV-3"
    assert not shown["halts"][0]["stands"]
    assert shown["changes"][0]["state"] == "approved"
    kept = [
        one for one in orchestra.timeline(incident)
        if one["kind"] in ("override.recorded", "criterion.overridden")
    ]  # fmt: skip
    assert len(kept) >= 4
    assert all(one["actor"] == "person:eve" and "the board decided" in one["text"] for one in kept)
