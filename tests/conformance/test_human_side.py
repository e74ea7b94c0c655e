"""What people rely on whatever the protocol: the record, kinship, privacy, recurrence, their documents.

On the shutdown coordinator pack, which has all of it; over the API like the clauses.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open
from tests.conformance.shutting_down import BUYING, SMALL, agree, bad_release, plan, to_the_end


@clause("SC-23")
def test_a_correction_stands_beside_the_original_and_can_be_corrected(shutdown: Stage) -> None:
    incident = shutdown.declare("no buying", "person:gus", impact=BUYING)
    path = f"incidents/{incident}"
    shutdown.do(f"{path}/notes", "person:gus", text="the cable was cut at 02:10")
    (note,) = [
        one for one in shutdown.entries(incident, "note.added") if "the cable" in one["text"]
    ]
    body = {"version": note["version"], "text": "it was cut at 01:10", "because": "local time"}
    for who in ("person:gus", "person:cho", "agent:guard-1", "source:monitoring"):
        assert shutdown.post(f"{path}/corrections", who, **body).status == 403, who
    shutdown.do(f"{path}/corrections", "person:ben", **body)
    shutdown.do(f"{path}/corrections", "person:ada", **{**body, "text": "cut at 01:12"})
    again = next(one for one in shutdown.timeline(incident) if one["position"] == note["position"])
    assert again["text"] == note["text"]
    assert again["correction"] == "cut at 01:12"
    kept = shutdown.entries(incident, "entry.corrected")
    assert [one["actor"] for one in kept] == ["person:ben", "person:ada"]
    assert "it was cut at 01:10" in kept[0]["text"]
    assert "local time" in kept[0]["text"]
    report = shutdown.get(f"{path}/report").data
    assert "the cable was cut at 02:10" in report
    assert "cut at 01:12" in report
    assert shutdown.get("audit").data["ok"]


def test_a_merge_keeps_every_agent_held_and_the_worse_severity(shutdown: Stage) -> None:
    into = shutdown.declare("slow search", "person:gus", impact=SMALL)
    worse = shutdown.declare("no buying", "person:gus", services=["payments"], impact=BUYING)
    shutdown.wait(30)
    assert shutdown.show(into)["halts"] == []
    assert not any(agent.running for agent in shutdown.outside.agents.values())
    body = {"into": into, "because": "one cable"}
    assert shutdown.post(f"incidents/{worse}/merge", "person:gus", **body).status == 403
    shutdown.do(f"incidents/{worse}/merge", "person:ada", **body)
    shutdown.wait(minutes=2)
    left, kept = shutdown.show(worse), shutdown.show(into)
    assert (left["line"]["state"], left["merged_into"]) == ("merged", into)
    assert kept["line"]["severity"] == "level-1"
    assert [halt["stands"] for halt in left["halts"]] == [False]
    assert [(halt["scope"], halt["stopped"]) for halt in kept["halts"]] == [("all", True)]
    # Not for a moment was one of them let go.
    for id in shutdown.outside.agents:
        ran = [one.running for one in shutdown.journal.ran if one.agent == id]
        assert ran == [True, False], id
    assert {one["to"]: one["how"] for one in kept["links"]} == {worse: "duplicated-by"}
    assert {one["to"]: one["how"] for one in left["links"]} == {into: "duplicate-of"}
    note = next(one for one in shutdown.entries(into, "note.added") if worse in one["text"])
    assert "no buying" in note["text"]
    assert "payments" in note["text"]
    late = shutdown.post(
        f"incidents/{worse}/updates", "person:ada", status="isolating", text="still here"
    )
    assert not late.ok


def test_a_merge_keeps_whom_a_person_stopped_although_the_other_stops_nobody(
    shutdown: Stage,
) -> None:
    into = shutdown.declare("slow search", "person:gus", impact=SMALL)
    other = shutdown.declare("slow lists", "person:gus", impact=SMALL)
    order = {"scope": "agent:guard-1", "reason": "it writes too much", "incident": other}
    shutdown.do("halts", "agent:guard-2", **order)
    shutdown.wait(30)
    shutdown.do(f"incidents/{other}/merge", "person:ada", into=into, because="one cable")
    shutdown.wait(minutes=1)
    (halt,) = shutdown.show(into)["halts"]
    assert (halt["scope"], halt["stands"], halt["stopped"]) == ("agent:guard-1", True, True)
    ran = [one.running for one in shutdown.journal.ran if one.agent == "guard-1"]
    assert ran == [True, False]
    assert shutdown.outside.agents["guard-2"].running


def test_a_link_is_read_from_both_sides(shutdown: Stage) -> None:
    cause = shutdown.declare("no network", "person:gus", impact=SMALL)
    effect = shutdown.declare("no search", "person:gus", impact=SMALL)
    body = {"to": cause, "how": "caused-by"}
    assert shutdown.post(f"incidents/{effect}/links", "person:gus", **body).status == 403
    shutdown.do(f"incidents/{effect}/links", "person:ben", **body)
    assert shutdown.post(f"incidents/{effect}/links", "person:ben", **body).reasons == [
        "already-linked"
    ]
    (here,), (there,) = (shutdown.show(one)["links"] for one in (effect, cause))
    assert (here["to"], here["how"], here["title"]) == (cause, "caused-by", "no network")
    assert (there["to"], there["how"], there["title"]) == (effect, "causes", "no search")
    assert {shutdown.show(one)["line"]["state"] for one in (cause, effect)} == {"open"}


SECRET = "the payroll of the board is for sale"


def test_a_private_incident_does_not_exist_for_strangers(shutdown: Stage) -> None:
    shutdown.wait(30)
    shutdown.outside.deploy("payments", "tree-bad")
    incident = shutdown.declare(
        SECRET, "person:lou", services=["payments"], private=True, impact={"breach": True, **BUYING}
    )
    shutdown.wait(60)
    name = plan(shutdown, incident, "contain")["id"]
    piece = shutdown.show(incident, "person:ada")["evidence"][0]["sha256"]
    parts = ("", "/timeline", "/report", "/read-in", "/forms", "/crews", "/owed")
    closed = [f"incidents/{incident}{part}" for part in parts] + [f"plans/{name}"]
    everywhere = (
        "overview", "incidents", "halts", "agents", "services", "effects", "refusals", "proposals",
        "mode", "points", "protocol", "preflight",
    )  # fmt: skip
    for who in ("person:gus", "person:xia", "agent:guard-1", "source:monitoring"):
        for path in closed:
            answer = shutdown.get(path, who)
            assert answer.status == 404, (who, path)
            assert SECRET not in str(answer.data)
        assert shutdown.get(f"evidence/{piece}", who).status == 404
        assert shutdown.post(f"incidents/{incident}/notes", who, text="hello").status == 404
        for path in everywhere:
            answer = shutdown.get(path, who)
            assert answer.ok, (who, path)
            assert SECRET not in str(answer.data), (who, path)
            assert incident not in str(answer.data), (who, path)
        # Agents see that they are held, and by what.
        assert len(shutdown.get("halts", who).data) == 1
    for who in ("person:ada", "person:eve", "person:lou", "person:cho"):
        assert shutdown.show(incident, who)["line"]["title"] == SECRET
        assert incident in str(shutdown.get("overview", who).data)
    assert not [one for one in shutdown.letters() if one.to.startswith("audience:")]
    shutdown.do(f"incidents/{incident}/privacy", "person:eve", private=False, because="it is out")
    shutdown.settle()
    assert shutdown.show(incident, "person:gus")["line"]["title"] == SECRET
    assert any(SECRET in one.subject for one in shutdown.letters("audience:executives"))


def test_what_comes_back_within_a_day_is_the_same_incident_and_demands_everything_again(
    shutdown: Stage,
) -> None:
    incident = bad_release(shutdown, dedup="checkout")
    shutdown.wait(30)
    agree(shutdown, incident, "remedy")
    to_the_end(shutdown, incident, "payments")
    assert {one["state"] for one in shutdown.get("agents").data} == {"running"}
    shutdown.restart(down_seconds=20 * 3600)
    shutdown.outside.deploy("payments", "tree-bad")
    back = shutdown.do(
        "incidents", "source:monitoring", title="no payments again", dedup="checkout", impact=BUYING
    )
    assert (back["incident"], back["reopened"]) == (incident, True)
    shutdown.wait(60)
    shown = shutdown.show(incident)
    assert (shown["line"]["state"], shown["line"]["phase"]) == ("open", "assess")
    assert shown["line"]["commander"] == "ada"
    assert len(shown["halts"]) == 2
    assert shown["halts"][-1]["stopped"] or shown["halts"][0]["stopped"]
    assert not any(agent.running for agent in shutdown.outside.agents.values())
    assert shown["acknowledged_by"] == ""
    assert len(shutdown.entries(incident, "preflight.done")) == 2
    fresh = [one for one in shown["plans"] if not one["earlier"]]
    assert [one["purpose"] for one in fresh if one["signatures"]] == []
    # What was said, filed and signed the first time opens no gate now.
    open_gates = {
        one["id"] for phase in shown["phases"] for one in phase["criteria"] if one["passed"]
    }
    for id in ("analysed", "nothing-spreads", "data-safe", "services-verified", "stable"):
        assert id not in open_gates, id
    refused = shutdown.post(f"incidents/{incident}/stand-down", r.COMMANDER, reason="as before")
    for id in ("resolved", "root-cause", "prevention", "handed-over", "commander-approves"):
        assert f"criterion:{id}" in refused.reasons, id
    agree(shutdown, incident, "remedy")
    to_the_end(shutdown, incident, "payments")
    assert shutdown.show(incident)["line"]["state"] == "stood-down"
    shutdown.restart(down_seconds=24 * 3600 + 60)
    other = shutdown.declare("no payments", "source:monitoring", dedup="checkout", impact=BUYING)
    assert other != incident


def test_whoever_joins_late_reads_what_they_need_in_order(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.do(f"incidents/{incident}/acknowledge", "person:ada")
    shutdown.wait(40)
    finding = {"kind": "hypothesis", "text": "a pool is too small"}
    shutdown.do(f"incidents/{incident}/findings", "agent:guard-1", **finding)
    shutdown.do(f"incidents/{incident}/tasks", "person:ada", title="ask the bank", owner="ben")
    shutdown.do(f"incidents/{incident}/tasks", "person:ada", title="read the logs")
    told = shutdown.get(f"incidents/{incident}/read-in", "person:gus").data
    parts = {one["id"]: [point["text"] for point in one["points"]] for one in told["parts"]}
    assert list(parts) == [
        "what",
        "bad",
        "who",
        "done",
        "decided",
        "running",
        "next",
        "open",
        "take",
    ]
    assert "no payments" in parts["what"][0]
    assert "level-1" in parts["bad"][0]
    assert "Incident commander: Ada" in parts["who"]
    assert "Ben does: ask the bank" in parts["who"]
    assert any("isolate payments" in text for text in parts["done"])
    assert "rollback of payments" in parts["decided"][0]
    assert any(text.startswith("roll payments back") for text in parts["running"])
    assert any("waits for" in text for text in parts["running"])
    assert any("Situation analysis" in text for text in parts["next"])
    assert any("a pool is too small" in text for text in parts["open"])
    assert "which you may hold" in parts["take"][0]
    assert "task: read the logs" in parts["take"]
    assert len(told["sentences"]) == sum(len(one) for one in parts.values())


def test_a_decision_names_its_row_its_facts_and_what_nobody_knew(shutdown: Stage) -> None:
    incident = bad_release(shutdown)
    shutdown.wait(40)
    (entry,) = shutdown.entries(incident, "remedy.decided")
    assert "ROLLBACK" in entry["text"]
    assert "deployed recently" in entry["text"]
    assert "cause" in entry["text"].partition("Not known")[2]
    told = shutdown.get(f"incidents/{incident}/read-in", "person:cho").data
    decided = next(one for one in told["parts"] if one["id"] == "decided")["points"][0]["text"]
    for fact in ("recent deployment", "known good release", "severity rank"):
        assert fact in decided.replace("_", " "), decided
    # What is learned turns it, by another row.
    path, body = f"incidents/{incident}/impact", {"impact": {"data_loss": True}}
    assert shutdown.post(path, "agent:guard-1", **body).status == 403
    shutdown.do(path, "person:ada", **body)
    shutdown.settle()
    assert shutdown.show(incident)["remedy"] == "investigate"
    last = shutdown.entries(incident, "remedy.decided")[-1]["text"]
    assert "further writes may worsen" in last
    assert plan(shutdown, incident, "remedy")["state"] == "aborted"


def _edit(stage: Stage, more: str) -> Path:
    file: Path = stage.home / "protocol.yaml"
    file.write_text(file.read_text("utf-8") + more, "utf-8")
    return file


def test_a_bad_edit_leaves_the_last_good_policy_in_force_and_says_so(shutdown: Stage) -> None:
    before = shutdown.get("policy").data["digest"]
    good = (shutdown.home / "protocol.yaml").read_text("utf-8")
    _edit(shutdown, "\nseverities: {level-1: {respond_within: soon}}\n")
    refused = shutdown.post("reload", "person:eve")
    assert refused.status == 422
    line = len(good.splitlines()) + 2
    assert f"protocol.yaml:{line}" in refused.texts
    assert "respond_within" in refused.texts
    assert shutdown.get("policy").data["digest"] == before
    incident = shutdown.declare("no buying", "person:gus", impact=BUYING)
    assert shutdown.show(incident)["policy"] == before
    clock = next(one for one in shutdown.show(incident)["deadlines"] if one["id"] == "acknowledge")
    assert shutdown.seconds_until(clock["at"]) == pytest.approx(300, abs=2)


def test_a_good_edit_is_for_the_next_incident_and_a_running_one_keeps_its_policy(
    open_stage: Open,
) -> None:
    stage = open_stage("shutdown-coordinator")
    running = stage.declare("no buying", "person:gus", impact=BUYING)
    before = stage.show(running)["policy"]
    _edit(stage, "\nseverities: {level-1: {respond_within: 2m, update_every: 5m}}\n")
    for who in ("person:ada", "person:xia", "agent:guard-1"):
        assert stage.post("reload", who).status == 403, who
    adopted = stage.do("reload", "person:eve")["digest"]
    assert adopted != before
    later = stage.declare("no finding", "person:gus", impact=BUYING)
    assert (stage.show(running)["policy"], stage.show(later)["policy"]) == (before, adopted)

    def answer_within(incident: str) -> str:
        clocks = stage.show(incident)["deadlines"]
        return str(next(one["what"] for one in clocks if one["id"] == "acknowledge"))

    stage.restart(down_seconds=1)
    assert answer_within(running) == "nobody acknowledged within 5m"
    assert answer_within(later) == "nobody acknowledged within 2m"
    stage.wait(minutes=2)
    assert not [
        one for one in stage.entries(running, "deadline.missed") if "acknowledged" in one["text"]
    ]
    assert [one for one in stage.entries(later, "deadline.missed") if "acknowledged" in one["text"]]
