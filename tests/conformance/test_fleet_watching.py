"""CH-07, the time after: it is watched on by probes, and what comes back opens the incident again."""

from __future__ import annotations

from typing import Any

from allstop.testing.stage import Stage
from tests.conformance import responding as r
from tests.conformance import responding_by_hand as h
from tests.conformance.clauses import clause
from tests.conformance.conftest import Open

HOUR = 3600
STRICT = "aftercare:\n  continuous: {fall: 1}\n"


def over(stage: Stage, **more: Any) -> str:
    """An outage of payments that was rolled back, verified, watched for half an hour and stood down."""
    incident = h.outage(stage, **more)
    h.rolled_back_to_the_end(stage, incident)
    assert state(stage, incident) == "stood-down"
    return incident


def state(stage: Stage, incident: str) -> str:
    return str(stage.show(incident)["line"]["state"])


def watch(stage: Stage, incident: str, id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in stage.show(incident)["aftercare"] if one["id"] == id
    )
    return found


def looks(stage: Stage, incident: str, id: str) -> list[str]:
    """What the record says of each look of a watch, oldest first."""
    said = [one["text"] for one in stage.entries(incident, "aftercare.looked")]
    parts = [part for text in said for part in text.removeprefix("Aftercare: ").split(" | ")]
    return [part for part in parts if part.startswith(f"{id} ")]


@clause("CH-07")
def test_it_is_watched_on_without_a_gap_then_every_ten_minutes_then_for_errors(
    rollback_first: Stage,
) -> None:
    """Given an incident that was stood down, when hours pass in which all is well, then every look was
    taken, each with its samples on the record, and what was owed is met without anybody asked."""
    incident = over(rollback_first)
    lines = {one["id"]: one for one in rollback_first.show(incident)["aftercare"]}
    assert list(lines) == ["continuous", "hour", "errors", "recurrence"]
    lasting = {id: rollback_first.seconds_until(one["until"]) for id, one in lines.items()}
    assert [round(one / 60) for one in lasting.values()] == [30, 60, 240, 1440]
    rollback_first.wait(minutes=62)
    assert watch(rollback_first, incident, "continuous")["state"] == "clean"
    assert watch(rollback_first, incident, "continuous")["good"] > 150
    hour = watch(rollback_first, incident, "hour")
    assert (hour["state"], hour["good"], hour["next_at"]) == ("clean", 6, None)
    first = looks(rollback_first, incident, "hour")[0]
    assert first == "hour good, 2 of 2 probes good"
    assert h.owed(rollback_first, incident)["watch-hour"]["met"] == "hour ended clean"
    rollback_first.wait(hours=3)
    errors = watch(rollback_first, incident, "errors")
    assert (errors["state"], errors["good"]) == ("clean", 16)
    assert looks(rollback_first, incident, "errors")[-1].endswith("; 0 % of the requests fail")
    day = watch(rollback_first, incident, "recurrence")
    assert (day["state"], day["good"], day["missed"]) == ("watching", 8, 0)
    assert 0 < rollback_first.seconds_until(day["next_at"]) <= HOUR / 2
    assert h.missed(rollback_first, incident, "looked at") == []
    assert not h.owed(rollback_first, incident)["watch-recurrence"]["met"]
    assert "nothing bad was seen" in rollback_first.show(incident)["line"]["aftercare"]


@clause("CH-07")
def test_a_day_of_which_every_look_was_good_is_a_day_without_recurrence(open_stage: Open) -> None:
    """Given a watch that looks each of six times, when all were taken and good, then the promise to watch for a
    recurrence is kept by that alone."""
    stage = open_stage(
        "rollback-first", "aftercare:\n  recurrence: {lasts: 36m, every: 6m}\n  continuous: null\n"
    )
    incident = over(stage)
    stage.wait(minutes=37)
    day = watch(stage, incident, "recurrence")
    assert (day["state"], day["good"], day["missed"]) == ("clean", 6, 0)
    assert h.owed(stage, incident)["watch-recurrence"]["met"] == "recurrence ended clean"


@clause("CH-07")
def test_one_bad_look_is_looked_at_again_and_said_and_reopens_nothing(
    rollback_first: Stage,
) -> None:
    """Given a watch, when a single sample is bad and the next ones are good, then that is on the record
    and the incident stays stood down."""
    incident = over(rollback_first)
    rollback_first.wait(minutes=5)
    rollback_first.outside.kill("payments")
    rollback_first.wait(10)
    rollback_first.outside.repair("payments")
    rollback_first.wait(minutes=28)
    assert state(rollback_first, incident) == "stood-down"
    ended = watch(rollback_first, incident, "continuous")
    assert (ended["state"], ended["bad"]) == ("clean", 1)
    assert "1 bad" in ended["text"]
    bad = [one for one in looks(rollback_first, incident, "continuous") if "BAD" in one]
    assert len(bad) == 1
    assert "payments-deep" in bad[0]
    assert "1 bad" in rollback_first.show(incident)["line"]["aftercare"]


@clause("CH-07")
def test_a_watch_that_is_bad_often_enough_opens_the_incident_again(open_stage: Open) -> None:
    """Given a watch that a single bad look fails, when one is bad, then the response begins again with
    the people and the order to stop of before, and another stand-down is watched from the beginning."""
    stage = open_stage("rollback-first", STRICT)
    incident = over(stage)
    stage.wait(minutes=5)
    stage.outside.kill("payments")
    stage.wait(12)
    shown = stage.show(incident)
    assert shown["line"]["state"] == "open"
    assert shown["line"]["phase"] == "assess"
    assert shown["aftercare"] == []
    (said,) = stage.entries(incident, "aftercare.failed")
    assert said["tone"] == "bad"
    assert "Half an hour without a gap: payments-deep" in said["text"]
    (again,) = stage.entries(incident, "incident.reopened")
    assert "payments-deep" in again["text"]
    assert [one["stands"] for one in shown["halts"]].count(True) == 1
    assert [one["id"] for one in stage.get("incidents").data] == [incident]
    stage.outside.repair("payments")
    h.over_and_out(stage, incident)
    assert watch(stage, incident, "hour")["good"] == 0


@clause("CH-07")
def test_what_could_not_be_seen_is_inconclusive_and_stays_owed(rollback_first: Stage) -> None:
    """Given a probe that gives no answer, when the hour is over, then nobody says that it was well: the
    commander is told, and has to look."""
    incident = over(rollback_first)
    rollback_first.trouble.silent.add("payments-deep")
    rollback_first.wait(minutes=62)
    hour = watch(rollback_first, incident, "hour")
    assert (hour["state"], hour["unknown"]) == ("inconclusive", 6)
    assert "payments-deep could not run: no answer" in hour["seen"]
    assert not h.owed(rollback_first, incident)["watch-hour"]["met"]
    told = [one for one in rollback_first.letters("person:ada") if "inconclusive" in one.text]
    assert any("Health every ten minutes" in one.text for one in told)
    rollback_first.wait(minutes=15)
    (late,) = h.missed(rollback_first, incident, "Health looked at every ten minutes")
    assert "ada" in late
    rollback_first.do(
        f"incidents/{incident}/obligations/watch-hour", r.COMMANDER, how="looked at the graphs"
    )
    assert h.owed(rollback_first, incident)["watch-hour"]["met"] == "looked at the graphs"


@clause("CH-07")
def test_looks_that_fell_into_a_downtime_are_counted_as_not_taken(rollback_first: Stage) -> None:
    """Given a coordinator that was down for half of the hour, when it is back, then it goes on with the
    look that is due, takes none twice, and the hour ends inconclusive; the day after is still judged."""
    incident = over(rollback_first)
    rollback_first.wait(minutes=21)
    rollback_first.restart()
    rollback_first.wait(20)
    assert len(looks(rollback_first, incident, "hour")) == 2
    rollback_first.restart(down_seconds=25 * 60)
    rollback_first.wait(minutes=16)
    hour = watch(rollback_first, incident, "hour")
    assert (hour["state"], hour["good"], hour["missed"]) == ("inconclusive", 5, 1)
    late = looks(rollback_first, incident, "hour")[2]
    assert late == "hour good, 2 of 2 probes good (not taken before it: 1)"
    assert watch(rollback_first, incident, "continuous")["state"] == "inconclusive"
    assert "1 not taken" in rollback_first.show(incident)["line"]["aftercare"]


@clause("CH-07")
def test_a_coordinator_that_was_down_to_the_end_claims_nothing(rollback_first: Stage) -> None:
    """Given a coordinator that is down for two days, when it is back, then every watch has ended
    inconclusive, and what comes back now is another incident."""
    incident = over(rollback_first)
    rollback_first.restart(down_seconds=48 * HOUR)
    rollback_first.wait(20)
    states = {one["id"]: one["state"] for one in rollback_first.show(incident)["aftercare"]}
    assert set(states.values()) == {"inconclusive"}
    rollback_first.outside.kill("payments")
    rollback_first.wait(40)
    assert len(rollback_first.get("incidents").data) == 2


@clause("CH-07")
def test_the_same_service_failing_again_by_the_monitor_is_the_same_incident(
    rollback_first: Stage,
) -> None:
    """Given an incident that people declared, without a key, when the monitor sees its service fail again
    hours later, then that is no second incident."""
    incident = over(rollback_first)
    rollback_first.restart(down_seconds=20 * HOUR)
    rollback_first.outside.kill("payments")
    rollback_first.wait(40)
    assert [one["id"] for one in rollback_first.get("incidents").data] == [incident]
    assert state(rollback_first, incident) == "open"


@clause("CH-07")
def test_the_same_function_lost_through_another_service_is_the_same_incident(
    rollback_first: Stage,
) -> None:
    """Given buying that was lost through payments, when it is lost again and the gateway is suspected,
    then the incident is open again, and the gateway is one of its services."""
    incident = over(rollback_first)
    assert "gateway" not in rollback_first.show(incident)["line"]["services"]
    rollback_first.restart(down_seconds=10 * HOUR)
    rollback_first.outside.kill("gateway")
    rollback_first.wait(40)
    assert [one["id"] for one in rollback_first.get("incidents").data] == [incident]
    line = rollback_first.show(incident)["line"]
    assert (line["state"], line["services"]) == ("open", ["payments", "gateway"])


@clause("CH-07")
def test_trouble_elsewhere_is_another_incident_and_spoils_no_watch(rollback_first: Stage) -> None:
    """Given an incident about payments that is watched on, when search fails, then that is an incident of
    its own, and the watch goes on looking at what it was about."""
    incident = over(rollback_first)
    rollback_first.wait(minutes=12)
    rollback_first.outside.kill("search")
    rollback_first.wait(minutes=50)
    assert len(rollback_first.get("incidents").data) == 2
    assert state(rollback_first, incident) == "stood-down"
    assert watch(rollback_first, incident, "hour")["state"] == "clean"


@clause("CH-07")
def test_closing_ends_neither_the_watch_nor_the_time_of_a_recurrence(open_stage: Open) -> None:
    """Given an incident that was closed for good within minutes, when it comes back the same day, then it
    is open again all the same."""
    stage = open_stage("rollback-first")
    incident = over(stage)
    stage.do(
        f"incidents/{incident}/overrides", "person:eve", subject="close", because="done by hand"
    )
    stage.do(f"incidents/{incident}/close", r.COMMANDER)
    assert state(stage, incident) == "closed"
    stage.wait(minutes=11)
    assert watch(stage, incident, "hour")["good"] == 1
    stage.outside.kill("payments")
    stage.wait(40)
    assert state(stage, incident) == "open"
