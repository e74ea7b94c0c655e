"""Playbooks of the shutdown coordinator, clause by clause, over the API: timed, for tasks and machines alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance.clauses import clause
from tests.conformance.playing_by_the_book import (
    COMMANDER,
    COUNSEL,
    DATA,
    OWNER,
    SECURITY,
    WRITER,
    look,
    made,
    open_tasks,
    opened,
    owed,
    phase,
    played,
    say_done,
    states,
)

TRADING = {"core_functions_down": ["trading"], "users": 120}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Stage]:
    with opened("exchange", tmp_path) as stage:
        stage.outside.services["desk"].open = False
        yield stage


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Stage]:
    with opened("clinic", tmp_path) as stage:
        yield stage


def wrong_prices(stage: Stage) -> str:
    """The matching engine dies after it has matched at wrong prices."""
    stage.outside.kill("matching")
    incident = stage.declare(
        "the engine matched at wrong prices", WRITER, services=["matching"], kind="critical-failure", impact=TRADING
    )  # fmt: skip
    stage.settle()
    return incident


def leaked(stage: Stage) -> str:
    incident = stage.declare(
        "somebody reads records", WRITER, services=["records"], kind="breach-detected",
        impact={"breach": True, "users": 40},
    )  # fmt: skip
    stage.settle()
    return incident


def late(stage: Stage, incident: str) -> list[str]:
    return [one["text"] for one in stage.entries(incident, "plan.phase_late")]


@clause("SC-06")
def test_the_timed_playbooks_are_files_that_a_project_adopts(
    exchange: Stage, clinic: Stage
) -> None:
    """Given projects that only say which services are meant, then phases and minutes are those of the source."""
    (trading,) = exchange.get("playbooks").data
    (patients,) = clinic.get("playbooks").data
    for one, minutes, name in (
        (trading, [(0, 2), (2, 10), (10, 60)], "trading"),
        (patients, [(0, 5), (5, 30), (30, 240)], "patient-data"),
    ):
        found = [(each["from_ms"] // 60_000, each["within_ms"] // 60_000) for each in one["phases"]]
        assert (found, one["extends"]) == (minutes, [name])
        assert all(each["services"] for each in one["services"])


# --- a trading system --------------------------------------------------------------------------------


def halted(exchange: Stage, incident: str) -> str:
    """Given a dead engine, the first two minutes; returns the plan."""
    services = exchange.outside.services
    id = played(exchange, incident)
    assert not services["entry"].open
    assert services["queue"].quiesced
    assert open_tasks(exchange, id) == {"exposure"}
    assert any("Compute the exposure" in one.subject for one in exchange.letters(DATA))
    notice = owed(exchange, incident, "regulators")
    assert 71.9 * 3600 < exchange.seconds_until(notice["due_at"]) < 72 * 3600
    assert not services["ledger"].fenced, "the second phase waits for the first"
    assert exchange.letters("audience:customers") == []
    exchange.wait(20)
    say_done(exchange, id, "exposure", DATA, "4.2 million open, nothing unhedged")
    assert phase(exchange, id, "halt")["state"] == "over"
    return id


def secured(exchange: Stage, id: str) -> None:
    """The minutes to the tenth: people are told, facts are kept."""
    services = exchange.outside.services
    (told,) = (one for one in exchange.letters("audience:customers") if "halted" in one.text)
    assert "Orders that were not confirmed are not executed" in told.text
    assert services["desk"].open, "customers trade by telephone"
    assert services["ledger"].fenced
    assert services["ledger"].saved
    found = states(exchange, id)
    assert (found["audit-trail"], found["integrity"]) == ("reached", "reached")
    assert open_tasks(exchange, id) == {"audit-kept"}
    say_done(exchange, id, "audit-kept", SECURITY, "in the vault, under INC-1")
    assert phase(exchange, id, "secure")["state"] == "over"


def returned(exchange: Stage, id: str) -> None:
    """The hour: what is needed first, the market last."""
    services = exchange.outside.services
    exchange.wait(minutes=2)
    assert services["matching"].running
    assert not services["ledger"].fenced
    assert not services["queue"].quiesced
    assert open_tasks(exchange, id) == {"replay"}
    assert not services["entry"].open
    say_done(exchange, id, "replay", DATA, "every position agrees with the exchange")
    exchange.wait(40)
    assert states(exchange, id)["performance"] == "reached"
    assert not services["entry"].open, "nobody has agreed to the market yet"
    say_done(exchange, id, "re-entry", COMMANDER, "the exchange and the risk desk agree")
    exchange.wait(40)
    assert services["entry"].open
    assert not services["desk"].open
    assert any("begun again" in one.text for one in exchange.letters("audience:customers"))


@clause("SC-06")
def test_a_trading_system_is_halted_secured_and_brought_back(exchange: Stage) -> None:
    """Given an exchange whose engine matched at wrong prices, when its playbook is played, then trading is halted
    and the notice owed within two minutes, people told and facts secured within ten, and the market entered
    again within the hour, in that order."""
    incident = wrong_prices(exchange)
    assert exchange.show(incident)["playbooks"] == ["trading"]
    id = halted(exchange, incident)
    assert exchange.show(incident)["playbooks"] == []
    secured(exchange, id)
    returned(exchange, id)
    plan = look(exchange, id)
    assert plan["state"] == "done"
    assert [(one["name"], one["state"], one["late"]) for one in plan["phases"]] == [
        ("halt", "over", False), ("secure", "over", False), ("return", "over", False),
    ]  # fmt: skip
    assert late(exchange, incident) == []


@clause("SC-06")
def test_a_phase_that_runs_late_is_told_once_and_a_death_in_the_middle_loses_nothing(
    exchange: Stage,
) -> None:
    incident = wrong_prices(exchange)
    id = played(exchange, incident)
    exchange.restart(down_seconds=30)
    assert open_tasks(exchange, id) == {"exposure"}
    assert late(exchange, incident) == []
    exchange.wait(minutes=2)
    exchange.restart(down_seconds=20)
    exchange.wait(minutes=3)
    (said,) = late(exchange, incident)
    assert "Halt trading is LATE, it had 2m from the start; waits for exposure" in said
    pages = [one for one in exchange.letters(COMMANDER) if "is late" in one.subject]
    assert len(pages) == 1
    assert phase(exchange, id, "halt")["late"]
    assert len(exchange.entries(incident, "obligation.owed")) == 2, "counsel's, and the regulator's"
    asked = [one for one in exchange.letters(DATA) if "Compute the exposure" in one.subject]
    assert len(asked) == 1
    say_done(exchange, id, "exposure", DATA)
    assert phase(exchange, id, "halt")["state"] == "over"
    assert exchange.outside.services["ledger"].fenced
    assert look(exchange, id)["state"] == "running", "late is said, and nothing is given up"


@clause("SC-06")
def test_the_notice_to_the_regulator_is_reminded_of_missed_and_met(exchange: Stage) -> None:
    """The clock of 72 hours runs from the step, whatever becomes of the plan."""
    incident = wrong_prices(exchange)
    id = played(exchange, incident)
    exchange.do(f"plans/{id}/abort", COMMANDER, because="it was the clock of the probe")
    exchange.restart(down_seconds=23.5 * 3600)
    exchange.settle()
    reminded = [one["text"] for one in exchange.entries(incident, "obligation.reminded")]
    assert not any("regulator" in text for text in reminded)
    exchange.restart(down_seconds=3600)
    exchange.settle()
    reminded = [one["text"] for one in exchange.entries(incident, "obligation.reminded")]
    assert any("regulator" in text for text in reminded)
    exchange.restart(down_seconds=47 * 3600)
    exchange.settle()
    assert not owed(exchange, incident, "regulators")["late"]
    exchange.restart(down_seconds=3600)
    exchange.settle()
    assert owed(exchange, incident, "regulators")["late"]
    r.fill(exchange, incident, "regulator-notice", COMMANDER)
    assert owed(exchange, incident, "regulators")["met"]


@clause("SC-06")
def test_what_the_fleet_does_not_offer_is_named_and_asked_of_a_person(exchange: Stage) -> None:
    """Given a queue that cannot be frozen by a machine, then the preview says so, and a person is asked."""
    path = exchange.home / "fleet.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("      quiesce: {adapter: sim, verb: quiesce}\n", "", 1), "utf-8")
    exchange.do("reload", "person:eve")
    incident = wrong_prices(exchange)
    answer = exchange.post(f"incidents/{incident}/plans/preview", COMMANDER, purpose="playbook")
    said = "freeze-queue: queue has no quiesce, so a person does it"
    assert said in answer.data["outlook"]["lacking"]
    id = played(exchange, incident)
    assert open_tasks(exchange, id) == {"exposure", "freeze-queue-by-hand"}
    say_done(exchange, id, "exposure", DATA)
    assert phase(exchange, id, "halt")["state"] == "running"
    say_done(exchange, id, "freeze-queue-by-hand", COMMANDER, "the feed is unplugged")
    assert phase(exchange, id, "halt")["state"] == "over"


# --- patient data ------------------------------------------------------------------------------------


def shut_off(clinic: Stage, incident: str) -> str:
    """The first five minutes; returns the plan. The protocol owed the notice already, and its clock stands."""
    services = clinic.outside.services
    before = owed(clinic, incident, "regulators")["due_at"]
    id = played(clinic, incident)
    assert not any(services[name].open for name in ("records", "portal", "sign-in"))
    assert services["ward"].open
    assert owed(clinic, incident, "regulators")["due_at"] == before
    steps = {one["id"]: one for one in look(clinic, id)["steps"]}
    assert steps["regulators"]["evidence"].startswith("owed already")
    assert services["records"].saved, (
        "a copy is kept as soon as nobody reaches it, in the first phase"
    )
    assert open_tasks(clinic, id) == {"assessment"}
    say_done(clinic, id, "assessment", SECURITY, "started, file 17")
    return id


def assessed(clinic: Stage, id: str) -> None:
    """To the thirtieth minute: four people, side by side."""
    assert open_tasks(clinic, id) == {"identify-records", "scope", "clinical-impact", "legal"}
    for step, who in (
        ("identify-records", DATA),
        ("scope", SECURITY),
        ("clinical-impact", COMMANDER),
    ):
        say_done(clinic, id, step, who)
    assert phase(clinic, id, "assess")["state"] == "running"
    assert any("counsel" in one.subject for one in clinic.letters(COUNSEL))
    say_done(clinic, id, "legal", COUNSEL, "two notices, both within 72 hours")
    assert phase(clinic, id, "assess")["state"] == "over"


def opened_again(clinic: Stage, id: str) -> None:
    """To the end of the fourth hour."""
    services = clinic.outside.services
    assert any("patients" in one.text for one in clinic.letters("audience:customers"))
    assert "alternative-workflows-by-hand" in open_tasks(clinic, id), "no lever offers it"
    assert "notify-patients" in open_tasks(clinic, id)
    clinic.wait(minutes=1)
    assert services["records"].open
    assert not services["portal"].open, "nobody has compared the data yet"
    assert states(clinic, id)["validate"] == "reached"
    say_done(clinic, id, "validate-by-eye", DATA, "row counts and sums agree")
    clinic.wait(minutes=1)
    assert services["portal"].open
    assert services["sign-in"].open
    for step, who in (
        ("alternative-workflows-by-hand", COMMANDER), ("notify-patients", OWNER), ("end-alternatives-by-hand", COMMANDER),
    ):  # fmt: skip
        say_done(clinic, id, step, who)
    assert open_tasks(clinic, id) == {"compliance-record"}
    say_done(clinic, id, "compliance-record", SECURITY, "filed as CR-9")


@clause("SC-06")
def test_patient_data_is_shut_off_assessed_and_opened_again(clinic: Stage) -> None:
    """Given records that somebody may have read, when the playbook is played, then they are shut off within five
    minutes, it is known within half an hour whose they are, and within four hours they are open again with
    a compliance record; the notice that the protocol owed already keeps its clock."""
    incident = leaked(clinic)
    id = shut_off(clinic, incident)
    assessed(clinic, id)
    opened_again(clinic, id)
    plan = look(clinic, id)
    assert plan["state"] == "done"
    assert [one["within_ms"] // 60_000 for one in plan["phases"]] == [5, 30, 240]
    assert late(clinic, incident) == []


@clause("SC-06")
def test_four_hours_of_a_playbook_are_held_by_no_rule_against_endless_plans(clinic: Stage) -> None:
    """Its phases are its clock: each that is late is said, and the plan goes on."""
    incident = leaked(clinic)
    id = played(clinic, incident)
    clinic.restart(down_seconds=70 * 60)
    clinic.wait(minutes=1)
    assert clinic.entries(incident, "rule.violated") == []
    assert look(clinic, id)["state"] == "running"
    assert len(late(clinic, incident)) == 2
    say_done(clinic, id, "assessment", SECURITY)
    assert phase(clinic, id, "isolate")["state"] == "over"


# --- the order of an isolation -----------------------------------------------------------------------


@clause("SC-07")
def test_an_isolation_goes_by_risk_with_no_regard_to_who_needs_whom(clinic: Stage) -> None:
    """Given a fleet that says what is cut off first, and hands for one at a time, then that order is kept, nobody
    waits for a dependency, and who is broken by it is shown."""
    incident = clinic.declare("it spreads", WRITER, impact={"breach": True})
    clinic.settle()
    body = {"purpose": "contain", "targets": ["portal", "sign-in", "records"]}
    shown = clinic.post(f"incidents/{incident}/plans/preview", COMMANDER, **body).data
    ranks = {one["service"]: one["rank"] for one in shown["nodes"]}
    assert ranks["records"] < ranks["portal"] == ranks["sign-in"]
    assert shown["outlook"]["radius"] == []
    assert all(one["after"] == [] for one in shown["nodes"]), "the portal needs the records"
    id = played(clinic, incident, **body)
    begun = {one["id"]: one["started_at"] for one in look(clinic, id)["nodes"]}
    assert set(begun.values()) != {None}
    assert not any(clinic.outside.services[name].open for name in ("records", "portal", "sign-in"))


FIVE = """\
  {name}:
    domain: {domain}
    category: {category}
    importance: {importance}
    {needs}
    probes:
      {name}-deep: {{adapter: sim, options: {{service: {name}}}}}
    actions:
      isolate: {{adapter: sim, verb: isolate}}
      reopen: {{adapter: sim, verb: reopen}}
    verify:
      isolated: {{adapter: sim, options: {{service: {name}, look: isolated}}}}
"""


def five_services() -> str:
    """One of each risk, the least first, and each needs the next."""
    rows = [
        ("counts", "analytics", "analytics", 99, "rates"),
        ("rates", "integrations", "customer-facing", 80, "customers"),
        ("customers", "core-data", "internal", 70, "accounts"),
        ("accounts", "authentication", "internal", 60, "cards"),
        ("cards", "payments", "revenue", 50, ""),
    ]
    texts = (
        FIVE.format(
            name=name, domain=domain, category=category, importance=importance,
            needs=f"depends: {{{needs}: soft}}" if needs else "depends: {}",
        )
        for name, domain, category, importance, needs in rows
    )  # fmt: skip
    return "".join(texts)


@clause("SC-07")
def test_where_a_fleet_says_nothing_payments_go_first_and_analytics_last(
    tmp_path: Path,
) -> None:
    """The default order: payments, authentication, core data, external integrations, analytics."""
    with opened("clinic", tmp_path) as stage:
        path = stage.home / "fleet.yaml"
        head = "schema: allstop/1\nlimits: {together: 1}\nservices:\n"
        path.write_text(head + five_services(), "utf-8")
        (stage.home / "playbooks" / "patient-data.yaml").unlink()
        stage.do("reload", "person:eve")
        for name in ("counts", "rates", "customers", "accounts", "cards"):
            stage.outside.services.setdefault(name, type(stage.outside.services["ward"])(name))
        incident = stage.declare(
            "it spreads", WRITER, kind="breach-detected", impact={"breach": True}
        )
        stage.settle()
        id = played(stage, incident, purpose="contain", targets=["all"])
        stage.wait(20)
        order = [one["text"].split("@")[0] for one in stage.entries(incident, "step.started")]
        begun = [text.partition("isolate-")[2].split()[0] for text in order if "isolate-" in text]
        assert begun == ["cards", "accounts", "customers", "rates", "counts"]
        assert look(stage, id)["state"] == "done"


# --- recovery ----------------------------------------------------------------------------------------


@clause("SC-13")
def test_a_recovery_follows_the_playbook_of_its_kind_from_where_the_fleet_stands(
    exchange: Stage,
) -> None:
    """Given an exchange of which some was cut off and some has died, when a recovery is planned without a target,
    then it takes the way back of the playbook, and only what is not as usual comes back."""
    incident = wrong_prices(exchange)
    played(exchange, incident, purpose="contain", targets=["entry"])
    exchange.settle()
    plan = made(exchange, incident, purpose="recover")
    assert [one["name"] for one in plan["phases"]] == ["return"]
    assert plan["phases"][0]["within_ms"] == 50 * 60_000
    services = [one["service"] for one in plan["nodes"] if one["service"]]
    assert services == ["matching", "entry"], "the ledger and the queue are as usual"
    assert "restore-books: ledger is as usual, nothing is to be done" in plan["outlook"]["notes"]
    id = plan["id"]
    exchange.do(f"plans/{id}/run", COMMANDER)
    exchange.wait(minutes=1)
    assert exchange.outside.services["matching"].running
    say_done(exchange, id, "replay", DATA)
    exchange.wait(40)
    say_done(exchange, id, "re-entry", COMMANDER)
    exchange.wait(minutes=1)
    assert exchange.outside.services["entry"].open


@clause("SC-13")
def test_a_recovery_says_what_similar_incidents_taught(exchange: Stage) -> None:
    """Given an incident of the same kind two weeks ago, in which a snapshot failed and was tried again, then the
    preview of the next recovery tells how long it took and what went wrong; the first said that it knew none."""
    first = wrong_prices(exchange)
    exchange.outside.services["ledger"].full = True
    shown = exchange.post(f"incidents/{first}/plans/preview", COMMANDER, purpose="recover").data
    assert shown["outlook"]["learned"] == ["no similar incident in the last twelve months"]
    id = played(exchange, first)
    say_done(exchange, id, "exposure", DATA)
    exchange.wait(30)
    assert states(exchange, id)["audit-trail"] == "held", "nothing is saved on a full disk"
    exchange.outside.services["ledger"].full = False
    exchange.do(f"plans/{id}/retry", COMMANDER, step="snapshot-ledger@audit-trail")
    exchange.settle()
    exchange.do(f"plans/{id}/abort", COMMANDER, because="the rest is done by hand")
    exchange.outside.repair("matching")
    exchange.restart(down_seconds=14 * 24 * 3600)
    second = exchange.declare("again", WRITER, services=["entry"], kind="critical-failure")
    exchange.settle()
    shown = exchange.post(f"incidents/{second}/plans/preview", COMMANDER, purpose="recover").data
    head, line = shown["outlook"]["learned"]
    assert head == "one similar incident in the last twelve months"
    assert line.startswith(f"{first} of ")
    assert "critical-failure" in line
    assert "snapshot-ledger@audit-trail (done, 2 attempts) of PLAN-2" in line
