"""SC-11 and SC-12: a recovery in stages, each line a probe that ran; streams side by side, and people who tire.

The fleet is that of docs/fleet/recovering.md. In the stories its adapters are those of the simulated world; that the
page is right as it stands, with the adapters it names, is a test of its own.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from allstop.adapters.postgresql.probe import PostgresProbe
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load
from allstop.testing.stage import Stage, stage_of
from tests.adapters import postgres_world as world
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.playing_by_the_book import COMMANDER, look, made, played, states
from tests.conformance.shutting_down import plan

PAGE = Path(__file__).parents[2] / "docs" / "fleet" / "recovering.md"
PROJECT = Path(__file__).parent / "projects" / "shutdown-coordinator"
LINES = {
    "infrastructure": ("network", "storage", "compute", "boundary", "monitoring"),
    "data": ("integrity", "checksums", "backups", "replication", "log-integrity", "migrations"),
    "service": ("health", "latency", "authentication", "integrations", "balance"),
    "customers": ("sign-in", "workflows", "payment", "support", "performance"),
    "operations": ("administration", "reporting", "batch", "partners", "compliance"),
}
# Verbs of the page's adapters that the simulated world has under the name of their purpose.
SIMULATED = {"fence", "unfence", "snapshot", "verify-snapshot", "quiesce", "unquiesce", "stop", "start"}  # fmt: skip
DOWN = ["ledger", "payments", "shop", "office"]


def on_the_page() -> str:
    """The fleet.yaml of the page."""
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def in_the_simulated_world(text: str) -> dict[str, Any]:
    """The same fleet: the same services, needs, stages and lines, behind the adapter `sim`."""
    document: dict[str, Any] = yaml.safe_load(text)
    document["monitor"]["interval"] = "10s"
    for name, service in document["services"].items():
        for probe in service["probes"].values():
            probe["adapter"], probe["options"] = "sim", {"service": name, "look": "healthy"}
        verbs = [one for one in service.get("actions", {}) if one in SIMULATED]
        service["actions"] = {one: {"adapter": "sim", "verb": one} for one in verbs}
        proofs = [one for one in service.get("verify", {}) if one not in ("scaled", "open")]
        service["verify"] = {
            one: {"adapter": "sim", "options": {"service": name, "look": one}} for one in proofs
        }
    return document


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """A stage on that fleet. change: of its fleet.yaml."""
    stages = []

    def start(change: Callable[[dict[str, Any]], None] = lambda _: None) -> Stage:
        home = tmp_path / "home"
        shutil.copytree(PROJECT, home)
        (home / "services.yaml").unlink()
        document = in_the_simulated_world(on_the_page())
        change(document)
        # Equal parts are written out each time: documents know no anchors.
        plain = json.loads(json.dumps(document))
        (home / "fleet.yaml").write_text(yaml.safe_dump(plain, sort_keys=False), "utf-8")
        stages.append(stage_of(home))
        stage = stages[-1].__enter__()
        stage.wait(30)
        return stage

    yield start
    for one in stages:
        one.__exit__(None, None, None)


@pytest.fixture
def recovering(opened: Callable[..., Stage]) -> Stage:
    return opened()


def stopped(stage: Stage, *names: str) -> str:
    """An incident under which the named services were stopped in order. Returns its id."""
    incident = stage.declare("everything must go", COMMANDER, kind="disaster-recovery")
    stage.wait(30)
    id = played(stage, incident, purpose="stop", targets=list(names or DOWN))
    stage.wait(minutes=1)
    assert look(stage, id)["state"] == "done", states(stage, id)
    return incident


def gate_of(stage: Stage, id: str, name: str) -> dict[str, Any]:
    steps = look(stage, id)["steps"]
    found: dict[str, Any] = next(one for one in steps if one["id"] == f"gate-stage:{name}")
    return found


def ended(stage: Stage, id: str) -> dict[str, datetime]:
    """When each node of a plan has ended."""
    nodes = look(stage, id)["nodes"]
    return {one["id"]: datetime.fromisoformat(one["ended_at"]) for one in nodes if one["ended_at"]}


def begun(stage: Stage, id: str) -> dict[str, datetime]:
    nodes = look(stage, id)["nodes"]
    return {one["id"]: datetime.fromisoformat(one["started_at"]) for one in nodes if one["started_at"]}  # fmt: skip


def try_again(stage: Stage, id: str) -> None:
    """A person tries what has failed once more, and accepts that it had failed."""
    shown = look(stage, id)
    for step in [one["id"] for one in shown["steps"] if one["state"] == "failed"]:
        stage.do(f"plans/{id}/retry", COMMANDER, step=step)
    if "failures" in look(stage, id)["holding"]:
        stage.do(f"plans/{id}/retry", COMMANDER, step="failures")


# --- SC-11: stages and their lines --------------------------------------------------------------------


@clause("SC-11")
def test_the_fleet_of_the_page_has_the_five_stages_and_passes_with_the_adapters_it_names(
    tmp_path: Path,
) -> None:
    for name, text in (
        ("fleet", on_the_page()),
        ("protocol", "schema: allstop/1\nname: example\nextends: shutdown-coordinator\n"),
        ("roster", (PROJECT / "roster.yaml").read_text("utf-8").replace("adapter: sim", "adapter: chat-file")),
    ):  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    loaded = load(tmp_path, catalogue_of(InstalledAdapters()))
    problems = [str(one) for one in loaded.problems if one.file == "fleet.yaml"]
    assert problems == []
    document = yaml.safe_load(on_the_page())
    assert {name: tuple(one["probes"]) for name, one in document["stages"].items()} == LINES
    known = {probe for one in document["services"].values() for probe in one["probes"]}
    assert {line for lines in LINES.values() for line in lines} <= known


@clause("SC-11")
def test_a_recovery_passes_five_gates_in_order_and_every_line_is_a_probe_that_ran(
    recovering: Stage,
) -> None:
    incident = stopped(recovering)
    id = played(recovering, incident, purpose="recover")
    recovering.wait(minutes=5)
    assert look(recovering, id)["state"] == "done", states(recovering, id)
    at = ended(recovering, id)
    gates = [f"stage:{name}" for name in LINES]
    assert sorted(gates, key=at.__getitem__) == gates
    starts = begun(recovering, id)
    for service, behind in zip(
        DOWN, ("infrastructure", "data", "service", "customers"), strict=True
    ):
        assert starts[service] >= at[f"stage:{behind}"], service
    rounds = recovering.entries(incident, "samples.recorded")
    assert rounds, "the samples stand in the record"
    for name, lines in LINES.items():
        gate = gate_of(recovering, id, name)
        assert gate["state"] == "done"
        for line in lines:
            assert f"{line}: it answers" in gate["evidence"], (name, line)


@clause("SC-11")
@pytest.mark.parametrize(
    ("name", "line", "waits"),
    [
        ("infrastructure", "boundary", "ledger"),
        ("data", "replication", "payments"),
        ("customers", "payment", "office"),
    ],
)
def test_one_line_that_nobody_could_look_at_holds_its_stage_and_all_that_comes_after(
    recovering: Stage, name: str, line: str, waits: str
) -> None:
    incident = stopped(recovering)
    recovering.trouble.silent.add(line)
    made(recovering, incident, purpose="recover")
    id = plan(recovering, incident, "recover")["id"]
    # What cannot be looked at fails the preflight as well: somebody answers for going on.
    body = {"subject": "preflight", "because": "one probe is blind, and we know which"}
    if not recovering.post(f"plans/{id}/run", COMMANDER).ok:
        recovering.do(f"incidents/{incident}/overrides", "person:xia", **body)
        recovering.do(f"plans/{id}/run", COMMANDER)
    recovering.wait(minutes=5)
    # At the gate of the service that has the line, or of the stage where no service of it was stopped.
    (gate,) = [
        one
        for one in look(recovering, id)["steps"]
        if one["kind"] == "gate" and one["state"] in ("running", "failed")
    ]
    assert line in LINES[name]
    assert line in f"{gate['gate']} {gate['evidence']}"
    assert states(recovering, id)[waits] == "waiting"
    assert not recovering.outside.services[waits].running
    recovering.trouble.silent.clear()
    try_again(recovering, id)
    recovering.wait(minutes=6)
    assert look(recovering, id)["state"] == "done", states(recovering, id)


@clause("SC-11")
def test_the_ground_is_looked_at_first_although_nothing_of_it_was_stopped(
    recovering: Stage,
) -> None:
    incident = stopped(recovering, "office")
    recovering.outside.kill("ground")
    id = str(made(recovering, incident, purpose="recover")["id"])
    nodes = {one["id"]: one["after"] for one in look(recovering, id)["nodes"]}
    assert list(nodes) == [
        "stage:infrastructure", "stage:data", "stage:service", "stage:customers", "office",
        "stage:operations",
    ]  # fmt: skip
    recovering.post(f"plans/{id}/run", COMMANDER)
    recovering.do(f"incidents/{incident}/overrides", "person:xia", subject="preflight", because="now")  # fmt: skip
    recovering.post(f"plans/{id}/run", COMMANDER)
    recovering.wait(minutes=1)
    assert not recovering.outside.services["office"].running
    recovering.outside.repair("ground")
    recovering.wait(minutes=4)
    try_again(recovering, id)
    recovering.wait(minutes=4)
    assert recovering.outside.services["office"].running


@clause("SC-11")
async def test_replication_is_judged_by_bytes_first_because_time_lies_where_nothing_is_written() -> (
    None
):
    """On a real pair of servers: an idle primary lets the replica look minutes late, and it misses nothing; a replica
    that stands still while somebody writes is behind in bytes at once."""
    with world.ground() as ground:
        primary = world.with_shop(ground.cluster("main"))
        where = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        place = ground.place / "copy"
        world.pg("pg_basebackup", "-D", str(place), "--checkpoint=fast", "-R", *where)
        said = f"host=127.0.0.1 port={primary.port} user=postgres application_name=ledger-b"
        world.run("sh", "-c", f"echo \"primary_conninfo = '{said}'\" >> {place}/postgresql.auto.conf")  # fmt: skip
        replica = ground.cluster("replica", place)
        replica.start()
        behind = "SELECT coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) FROM pg_stat_replication"
        age = (
            "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000"
        )
        primary.ask("INSERT INTO counters VALUES (10, 0)", "shop")
        world.eventually(lambda: bool(primary.ask(behind)), "the replica")
        world.eventually(lambda: replica.ask(age) > 200, "its newest commit to be old")
        asked = yaml.safe_load(on_the_page())["services"]["ledger"]["probes"]["replication"]
        options = {
            **asked["options"], **primary.server, "replica_host": "127.0.0.1",
            "replica_port": replica.port, "at_most_ms": 100,
        }  # fmt: skip
        options.pop("password_file", None)
        sample, facts = await PostgresProbe().measure("replication", options, 5000)
        assert (sample.good, facts["lag_bytes"]) == (True, 0), sample.text
        assert "its time says nothing" in sample.text
        replica.ask("SELECT pg_wal_replay_pause()")
        primary.ask("INSERT INTO counters SELECT generate_series(1000, 3000), 0", "shop")
        world.eventually(lambda: not primary.ask(behind), "lag")
        sample, facts = await PostgresProbe().measure(
            "replication", {**options, "at_most_bytes": 1000, "at_most_ms": 3_600_000}, 5000
        )
        assert (sample.good, facts["lag_bytes"] > 1000) == (False, True), sample.text


# --- SC-12: streams, hours, handing over --------------------------------------------------------------


@clause("SC-12")
def test_streams_that_do_not_need_each_other_run_side_by_side_and_one_that_fails_holds_nobody_else(
    opened: Callable[..., Stage],
) -> None:
    def more(document: dict[str, Any]) -> None:
        """A second office in the stage of the first, which needs the same and not the first one."""
        twin = {**document["services"]["office"], "title": "Warehouse", "probes": {}}
        sight = {"adapter": "sim", "options": {"service": "warehouse", "look": "healthy"}}
        twin["probes"] = {"stock": sight}
        twin["verify"] = {
            one: {"adapter": "sim", "options": {"service": "warehouse", "look": one}}
            for one in twin["verify"]
        }
        document["services"]["warehouse"] = twin
        document["limits"]["failures"] = 0

    stage = opened(more)
    incident = stopped(stage, *DOWN, "warehouse")
    id = played(stage, incident, purpose="recover")
    while "warehouse" not in begun(stage, id):
        stage.wait(5)
    starts = begun(stage, id)
    assert starts["warehouse"] == starts["office"], "neither waits for the other"
    # The warehouse does not come well: its branch is held, the office ends, and a person is told.
    stage.outside.kill("warehouse")
    stage.wait(minutes=5)
    assert states(stage, id)["office"] == "reached"
    assert states(stage, id)["warehouse"] == "held"
    assert any("warehouse" in one.text + one.subject for one in stage.letters(COMMANDER))
    # Repaired, the recovery goes on from there; nothing that was done is done again.
    before = len([one for one in look(stage, id)["steps"] if one["state"] == "done"])
    stage.outside.repair("warehouse")
    try_again(stage, id)
    stage.wait(minutes=3)
    done = [one for one in look(stage, id)["steps"] if one["state"] == "done"]
    assert look(stage, id)["state"] == "done", states(stage, id)
    assert len(done) > before


@clause("SC-12")
def test_hours_on_duty_are_kept_and_relief_is_asked_for_until_a_fresh_person_takes_over(
    recovering: Stage,
) -> None:
    def asked() -> list[str]:
        texts = [one["text"] for one in recovering.entries(incident, "relief.asked")]
        return [text for text in texts if "for ada," in text]

    def duty() -> dict[str, dict[str, Any]]:
        return {one["person"]: one for one in recovering.show(incident)["duty"]}

    def pass_hours(hours: float) -> None:
        # The coordinator is away meanwhile: hours are told from the record alone.
        recovering.restart(down_seconds=hours * 3600)
        recovering.wait(20)

    incident = stopped(recovering)
    pass_hours(3.5)
    assert duty()["ada"]["on_duty"]
    assert 3.5 * 3600 < duty()["ada"]["on_duty_ms"] / 1000 < 4 * 3600
    assert (duty()["ada"]["asked_at"], asked()) == (None, [])
    pass_hours(0.5)
    (text,) = asked()
    assert "on duty for 4h" in text
    told = [one for one in recovering.letters(COMMANDER) if "Ada has been on duty" in one.subject]
    assert "commander: " in told[0].text
    assert duty()["ada"]["asked_at"]
    # It is asked for again every hour, until somebody comes.
    pass_hours(1)
    assert len(asked()) == 2
    recovering.do(f"incidents/{incident}/roles/commander", "person:eve", person="eve")
    pass_hours(2)
    assert len(asked()) == 2
    assert (duty()["ada"]["on_duty"], duty()["ada"]["relief_at"]) == (False, None)
    assert duty()["eve"]["on_duty"]
    assert duty()["eve"]["on_duty_ms"] < duty()["ada"]["on_duty_ms"]


@clause("SC-12")
def test_stakeholders_are_kept_informed_and_it_is_validated_and_handed_over_with_its_review(
    recovering: Stage,
) -> None:
    incident = stopped(recovering)
    recovering.post(f"incidents/{incident}/acknowledge", COMMANDER)
    id = played(recovering, incident, purpose="recover")
    recovering.wait(minutes=16)
    assert look(recovering, id)["state"] == "done", states(recovering, id)
    assert recovering.entries(incident, "update.requested"), "an update is due on the cadence"
    r.state(recovering, incident, "infrastructure")
    for subject in ("data", "services", "customers", "operations"):
        r.state(recovering, incident, subject)
    early = recovering.post(f"incidents/{incident}/stand-down", COMMANDER, reason="it looks fine")
    assert early.status == 409, "not before it was verified, and somebody has taken it over"
    recovering.wait(minutes=20)
    for subject in ("resolved", "root-cause", "prevention"):
        r.state(recovering, incident, subject)
    recovering.do(f"incidents/{incident}/approvals", COMMANDER, subject="stand-down")
    missing = recovering.post(f"incidents/{incident}/stand-down", COMMANDER, reason="it is fine")
    assert "handed" in missing.texts.lower() or "normal operation" in missing.texts.lower()
    r.state(recovering, incident, "handed-over")
    recovering.do(f"incidents/{incident}/stand-down", COMMANDER, reason="everything is back")
    shown = recovering.show(incident)
    assert shown["line"]["state"] == "stood-down"
    assert not any(one["on_duty"] for one in shown["duty"])
    (meeting,) = recovering.entries(incident, "meeting.scheduled")
    assert "review" in meeting["text"].lower()
    review = next(one for one in shown["obligations"] if one["id"] == "post-mortem")
    assert 0 < recovering.seconds_until(review["due_at"]) <= 7 * 86400
