"""An emergency from the first call to the report, through real sockets."""

import asyncio
import hashlib

import httpx

from allstop.application.ports import Write
from allstop.domain.effects import Lane
from tests.faces.http.house import AGENT, COMMANDER, House, declared


async def test_an_incident_from_declaration_to_its_report(
    house: House, owner: httpx.AsyncClient
) -> None:
    async with house.remote(COMMANDER) as ada:
        incident = await declared(
            ada, services=["payments"],
            impact={"core_functions_down": ["buying"], "lost_per_hour": {"amount": "1200.50", "currency": "EUR"}},
            began_at="2026-11-21T02:55:00+01:00", evidence="errors in the log",
        )  # fmt: skip
        shown = (await ada.get("/api/v1/incidents/current")).json()
        assert shown["line"]["id"] == incident
        assert shown["line"]["severity"] == "SEV1"
        assert shown["halts"][0]["total"] == 2
        steps = [
            ("acknowledge", {}),
            ("updates", {"status": "investigating", "text": "We are looking."}),
            ("notes", {"text": "first look"}),
            ("statements", {"subject": "root-cause", "text": "a bad release"}),
            ("severity", {"severity": "SEV2", "because": "half of it works"}),
            ("roles/scribe", {"person": "ben"}),
            ("roles/commander/handoff", {"to": "eve", "notes": "my shift ends"}),
        ]
        for path, body in steps:
            answer = await ada.post(f"/api/v1/incidents/current/{path}", json=body)
            assert answer.status_code == 200, (path, answer.text)
        assert (
            await ada.post("/api/v1/incidents/current/roles/commander/accept")
        ).status_code == 403
    assert (await owner.post("/api/v1/incidents/current/roles/commander/accept")).status_code == 200
    overriding = {"subject": "root-cause", "because": "known"}
    assert (
        await owner.post(f"/api/v1/incidents/{incident}/overrides", json=overriding)
    ).status_code == 200
    remedy = {"remedy": "fix", "because": "it is gone"}
    assert (await owner.post(f"/api/v1/incidents/{incident}/remedy", json=remedy)).status_code in (
        200,
        409,
    )
    approval = {"subject": "stand-down"}
    assert (
        await owner.post(f"/api/v1/incidents/{incident}/approvals", json=approval)
    ).status_code == 200
    refused = await owner.post(f"/api/v1/incidents/{incident}/stand-down", json={"reason": "done"})
    assert refused.status_code == 409
    assert len(refused.json()["reasons"]) > 1
    report = await owner.get(f"/api/v1/incidents/{incident}/report")
    assert report.headers["content-type"].startswith("text/markdown")
    assert "a bad release" in report.text
    for form, media in (("html", "text/html"), ("json", "application/json")):
        other = await owner.get(
            f"/api/v1/incidents/{incident}/report?kind=post-mortem&format={form}"
        )
        assert other.headers["content-type"].startswith(media)
        assert other.headers["content-disposition"].startswith("attachment")
        assert "a bad release" in other.text
    for query in ("?format=odt", "?kind=novel"):
        answer = await owner.get(f"/api/v1/incidents/{incident}/report{query}")
        assert answer.status_code == 404
    filed = (await owner.post(f"/api/v1/incidents/{incident}/report")).json()
    assert filed["path"].endswith(f"{incident}.md")
    entries = (await owner.get(f"/api/v1/incidents/{incident}/timeline?everything=true")).json()
    assert [one["position"] for one in entries] == sorted(one["position"] for one in entries)
    assert {"incident.declared", "halt.ordered", "report.written"} <= {
        one["kind"] for one in entries
    }


async def test_a_halt_its_roll_call_and_its_release(house: House, owner: httpx.AsyncClient) -> None:
    async with house.remote(AGENT) as agent:
        ordered = await agent.post("/api/v1/halts", json={"scope": "all", "reason": "I broke it"})
        assert ordered.status_code == 201
        halt = ordered.json()["halt"]
        answer = {"halt": halt, "state": "stopped", "working_on": "a cart", "checkpoint": "abc"}
        said = await agent.post("/api/v1/agents/builder-1/roll-call", json=answer)
        assert said.status_code == 200
        other = await agent.post("/api/v1/agents/builder-2/roll-call", json=answer)
        assert (other.status_code, other.json()["reasons"][0]["code"]) == (403, "not-yours")
    roll = {
        line["agent"]: line for line in (await owner.get(f"/api/v1/halts/{halt}")).json()["roll"]
    }
    assert roll["builder-1"]["working_on"] == "a cart"
    assert (await owner.get("/api/v1/agents")).json()[0]["held_by"] == [halt]
    released = await owner.post(f"/api/v1/halts/{halt}/release", json={"because": "false alarm"})
    assert released.json() == {"halt": halt, "still_held": []}
    assert not (await owner.get("/api/v1/halts")).json()[0]["stands"]


async def test_what_can_be_read(owner: httpx.AsyncClient, house: House) -> None:
    await owner.post("/api/v1/halts/HALT-9/release", json={"because": "x"})
    assert "HALT-9" in (await owner.get("/api/v1/refusals")).text
    assert (await owner.get("/api/v1/overview")).json()["protocol"] == "Test protocol"
    assert (await owner.get("/api/v1/policy")).json()[
        "digest"
    ] == house.coordinator.post.book.current
    assert (await owner.get("/api/v1/audit")).json()["whole"] is True
    for path in ("effects", "adapters", "services", "incidents", "halts"):
        assert (await owner.get(f"/api/v1/{path}")).status_code == 200, path


async def test_evidence_is_a_download_of_plain_text(house: House, owner: httpx.AsyncClient) -> None:
    digest = hashlib.sha256(b"<script>x</script>").hexdigest()
    await house.coordinator.store.write(
        Lane.COMMAND, lambda _: Write(blobs={digest: b"<script>x</script>"})
    )
    found = await owner.get(f"/api/v1/evidence/{digest}")
    assert found.content == b"<script>x</script>"
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"].startswith("attachment")
    for wrong in ("cd" * 32, "..", "AB" * 32, "x"):
        assert (await owner.get(f"/api/v1/evidence/{wrong}")).status_code == 404


async def test_a_plan_that_does_not_exist(owner: httpx.AsyncClient) -> None:
    assert (await owner.get("/api/v1/plans/PLAN-1")).status_code == 404
    for path, body in (
        ("retry", {"step": "a"}), ("abort", {"because": "x"}),
        ("settle", {"step": "a", "happened": True, "evidence": "seen"}),
    ):  # fmt: skip
        answer = await owner.post(f"/api/v1/plans/PLAN-1/{path}", json=body)
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (404, "unknown-plan")


async def test_an_agent_comes_during_a_halt(owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/halts", json={"scope": "all", "reason": "wait"})
    new = {
        "agent": "late",
        "name": "Late",
        "team": "builders",
        "adapter": "script",
        "options": {"a": [1, {"b": None}]},
    }
    assert (await owner.post("/api/v1/agents", json=new)).status_code == 201
    agents = {one["id"]: one for one in (await owner.get("/api/v1/agents")).json()}
    assert agents["late"]["held_by"] == ["HALT-1"]


async def test_metrics_say_what_stands(owner: httpx.AsyncClient, house: House) -> None:
    await declared(owner)
    text = (await owner.get("/metrics")).text
    assert 'allstop_open_incidents{severity="SEV3"} 1.0' in text
    assert 'allstop_http_requests_total{operation="declare",status="201"} 1.0' in text
    assert "allstop_store_bytes" in text
    async with house.remote() as stranger:
        assert (await stranger.get("/metrics")).status_code == 401


async def test_down_ends_the_server(house: House, owner: httpx.AsyncClient) -> None:
    answer = await owner.post("/api/v1/down")
    assert (answer.status_code, answer.json()) == (202, {"stopping": True})
    await asyncio.wait_for(house.serving, 8)
    assert not house.socket.exists()


async def test_the_documents_are_read_again(owner: httpx.AsyncClient) -> None:
    assert len((await owner.post("/api/v1/reload")).json()["digest"]) == 64
