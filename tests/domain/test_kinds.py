"""Kinds of emergency, what else opens with an incident, and one that has come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.halt.commands import ReleaseHalt
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident, MeasureImpact, SetSeverity
from allstop.domain.policy import (
    Activation,
    ActivationRule,
    ClassificationRow,
    Condition,
    EmergencyKind,
    EmergencyMode,
    Obligation,
    Span,
)
from allstop.domain.principal import MONITOR, Kind, Principal
from allstop.domain.recognition import hit_domains
from tests.domain.builders import ADA, BUILDER, EVE, MINUTE, Story, outage, policy
from tests.domain.emergencies import ALERTS, HOUR, codes, ended, events, ready, story, told

# --- kinds of emergency --------------------------------------------------------------------------


def test_a_kind_is_recognised_by_the_impact_in_the_order_of_the_document() -> None:
    found = story().when(DeclareIncident("they are in", impact=Impact(breach=True, users=4)))
    assert found.world.incidents["INC-1"].kind == "breach"
    assert events(found, "incident.declared")[0].kind == "breach"


def test_a_kind_that_is_named_wins_over_the_one_that_is_seen() -> None:
    found = story().when(DeclareIncident("it is slow", impact=Impact(users=4), kind="recovery"))
    assert found.world.incidents["INC-1"].kind == "recovery"


def test_an_unknown_kind_is_answered_with_the_nearest_name() -> None:
    found = story().when(DeclareIncident("they are in", kind="breech"))
    assert codes(found) == ["unknown-kind"]
    assert found.refused is not None
    assert found.refused.reasons[0].hint == "did you mean breach?"


@pytest.mark.parametrize(
    ("more", "severity", "by_person"),
    [
        ({"kind": "breach"}, "SEV2", False),
        ({"kind": "breach", "severity": "SEV3"}, "SEV2", False),
        ({"kind": "breach", "severity": "SEV1"}, "SEV1", True),
        ({"kind": "breach", "impact": Impact(core_functions_down=("buying",))}, "SEV1", False),
        ({"kind": "slow"}, "SEV3", False),
    ],
)
def test_a_kind_is_never_milder_than_its_own_severity(
    more: dict[str, Any], severity: str, *, by_person: bool
) -> None:
    event = events(story().when(DeclareIncident("x", **more)), "severity.classified")[0]
    assert (event.severity, event.by_person) == (severity, by_person)


def test_a_severity_that_an_alert_names_is_no_word_of_a_person() -> None:
    """Given an alert that names the severity, also when it comes back, then no person is said to have set it."""
    source = Principal("pager", Kind.SOURCE)
    plan = story(reopen_within_ms=24 * HOUR)
    found = plan.when(DeclareIncident("x", severity="SEV3", dedup="one"), source)
    ended(found).when(DeclareIncident("again", severity="SEV2", dedup="one"), source)
    said = [(one.severity, one.by_person) for one in events(found, "severity.classified")]
    assert said == [("SEV3", False), ("SEV2", False)]


def test_a_halt_condition_stops_everybody_at_any_severity_and_calls_its_pair() -> None:
    """OR-02, OR-03: no person has to act, and its own first responders are called in their order."""
    found = story().when(DeclareIncident("they are in", impact=Impact(breach=True)), MONITOR)
    halts = found.world.halts_of("INC-1")
    assert [(halt.scope, sorted(halt.roll)) for halt in halts] == [
        ("all", ["builder-1", "builder-2"])
    ]
    assert found.world.incidents["INC-1"].called == ("ben", "ada")
    subjects = [one for one in told(found) if "first responder" in one[1]]
    assert [to for to, _ in subjects] == ["person:ben", "person:ada"]


def test_an_ordinary_kind_stops_nobody() -> None:
    assert not story().when(DeclareIncident("slow", kind="slow")).world.halts


def test_a_halt_condition_beside_the_kind_that_was_named_stops_everybody_too() -> None:
    """Given a kind somebody named, when the impact shows a halt condition as well, then it is not
    overlooked because of the name."""
    found = story().when(DeclareIncident("slow", impact=Impact(server_errors=True), kind="slow"))
    assert found.world.incidents["INC-1"].kind == "slow"
    assert len(found.world.standing_halts()) == 1
    assert events(found, "note.added")[0].text == "Server errors as well: the impact shows it"
    assert found.world.incidents["INC-1"].called == ("ben",)


def test_responders_nobody_is_are_noted() -> None:
    kind = EmergencyKind("flood", "Flood", first_responders=("office:plumber",))
    found = story(activation=Activation(kinds=(kind,))).when(DeclareIncident("water", kind="flood"))
    notes = [one.text for one in events(found, "note.added")]
    assert notes == ["nobody on the roster is first responder for Flood: office:plumber"]
    assert not events(found, "responders.called")


def test_a_kind_begins_where_it_says_and_the_phases_before_are_on_the_record_as_passed_over() -> (
    None
):
    found = story().when(DeclareIncident("the site burnt down", kind="recovery"))
    incident = found.world.incidents["INC-1"]
    assert [phase for phase, _ in incident.phases] == ["restore"]
    notes = [one.text for one in events(found, "note.added")]
    assert "Disaster recovery begins at Restore; passed over: Assess, Contain" in notes


def test_its_missed_deadlines_go_along_the_chain_of_its_kind() -> None:
    found = story().when(DeclareIncident("they are in", kind="breach")).wait(6 * MINUTE)
    assert events(found, "deadline.missed")[0].escalated_to == ("ben",)


def test_a_halt_condition_that_is_seen_later_stops_everybody_then() -> None:
    """The kind that was declared stays; the halt, the call and the severity do not wait."""
    found = story().when(DeclareIncident("slow", impact=Impact(users=3)))
    assert not found.world.halts
    found.when(MeasureImpact("INC-1", Impact(users=3, breach=True)), MONITOR)
    incident = found.world.incidents["INC-1"]
    assert (incident.kind, incident.severity, incident.called) == ("slow", "SEV2", ("ben", "ada"))
    assert len(found.world.standing_halts()) == 1
    assert events(found, "note.added")[-1].text == "recognised by the impact: Security breach"


def test_what_was_seen_once_is_not_seen_for_the_first_time_again() -> None:
    found = story().when(DeclareIncident("slow"))
    for impact in (Impact(breach=True), Impact(breach=False), Impact(breach=True, users=1)):
        found.when(MeasureImpact("INC-1", impact), MONITOR)
    assert len(events(found, "responders.called")) == 1
    assert len(events(found, "halt.ordered")) == 1


def test_an_impact_no_row_knows_raises_nothing_but_what_a_kind_asks_for() -> None:
    """Given a table with a hole, when the impact falls into it, then the severity stays, whatever worst
    case a declaration would begin with; a kind that is seen still has its own."""
    rows = (ClassificationRow("SEV3", (Condition("users", "is", None),), "nobody is hit"),)
    found = story(classification=rows).when(DeclareIncident("slow"))
    found.when(MeasureImpact("INC-1", Impact(users=0)), MONITOR)
    assert found.world.incidents["INC-1"].severity == "SEV3"
    found.when(MeasureImpact("INC-1", Impact(users=0, breach=True)), MONITOR)
    classified = events(found, "severity.classified")[-1]
    assert (classified.severity, classified.because) == ("SEV2", "Security breach is SEV2 at least")


def test_the_same_impact_again_is_not_recorded_again() -> None:
    found = story().when(DeclareIncident("slow", impact=Impact(users=3)))
    found.when(MeasureImpact("INC-1", Impact(users=3)), MONITOR)
    assert len(events(found, "impact.measured")) == 1


def test_a_halt_condition_joins_an_all_stop_that_stands() -> None:
    found = story().when(
        DeclareIncident("all down", impact=Impact(core_functions_down=("buying",)))
    )
    found.when(
        MeasureImpact("INC-1", Impact(core_functions_down=("buying",), breach=True)), MONITOR
    )
    assert len(found.world.halts) == 1


# --- what else opens with an incident ------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "given", "source"),
    [(MONITOR, "", "monitoring"), (ADA, "", "team"), (BUILDER, "", "team"), (ALERTS, "", "alertmanager"),
     (ADA, "customer", "customer")],
)  # fmt: skip
def test_every_incident_is_recorded_with_its_source(
    who: Principal, given: str, source: str
) -> None:
    found = story().when(DeclareIncident("x", source=given), who)
    assert found.world.incidents["INC-1"].source == source


def test_channel_tasks_privacy_and_what_is_owed_since_the_declaration_open_with_it() -> None:
    base = ready().protocol
    first, *others = base.phases
    owed = Obligation("authority", "Tell the authority", "commander", Span(72 * HOUR), "declared")
    found = story(
        channel="inc-{incident}", phases=(replace(first, actions=("stop it", "count them")), *others),
        obligations=(owed,),
    )  # fmt: skip
    found.when(DeclareIncident("x", private=True))
    incident = found.world.incidents["INC-1"]
    assert incident.channel == "inc-inc-1"
    assert [(one.title, one.phase) for one in incident.tasks.values()] == [
        ("stop it", "assess"), ("count them", "assess"),
    ]  # fmt: skip
    assert incident.private
    assert list(incident.obligations) == ["authority"]


def test_what_a_worse_severity_owes_is_owed_when_it_is_raised() -> None:
    owed = Obligation(
        "authority", "Tell them", "commander", Span(72 * HOUR), "declared", severities=("SEV1",)
    )
    found = story(obligations=(owed,)).when(DeclareIncident("x"))
    assert not found.world.incidents["INC-1"].obligations
    found.when(SetSeverity("INC-1", "SEV1", "it grew"), EVE)
    assert list(found.world.incidents["INC-1"].obligations) == ["authority"]


@pytest.mark.parametrize("name", [" ", "x" * 101])
def test_a_service_has_a_name(name: str) -> None:
    assert codes(story().when(DeclareIncident("x", (name,)))) == ["bad-service"]


@pytest.mark.parametrize("field", ["domain", "source"])
def test_names_have_a_limit(field: str) -> None:
    long: dict[str, Any] = {field: "x" * 101}
    assert codes(story().when(DeclareIncident("x", **long))) == [f"bad-{field}"]


# --- it has come back ----------------------------------------------------------------------------


def recurring(**more: Any) -> Story:
    plan = ready(reopen_within_ms=24 * HOUR, mode=EmergencyMode(severities=("SEV1",)), **more)
    return Story(plan).when(
        DeclareIncident("down", ("payments",), dedup="monitor:payments", severity="SEV1"), MONITOR
    )


@pytest.mark.parametrize(
    ("state", "after_ms", "dedup", "service", "reopened"),
    [
        ("stood-down", 23 * HOUR, "monitor:payments", "payments", True),
        ("stood-down", 24 * HOUR, "monitor:payments", "payments", True),
        ("stood-down", 25 * HOUR, "monitor:payments", "payments", False),
        ("stood-down", HOUR, "monitor:payments", "gateway", True),
        ("stood-down", HOUR, "monitor:other", "payments", True),
        ("stood-down", HOUR, "monitor:other", "gateway", False),
        ("stood-down", HOUR, "", "payments", True),
        ("stood-down", HOUR, "", "gateway", False),
        ("closed", HOUR, "monitor:payments", "payments", True),
        ("closed", HOUR, "monitor:other", "gateway", False),
        ("dismissed", HOUR, "monitor:payments", "payments", False),
    ],
)
def test_what_comes_back_in_time_opens_the_same_incident_again(
    state: str, after_ms: int, dedup: str, service: str, *, reopened: bool
) -> None:
    """The same key, or the monitor sees the same service fail again; closing it changes nothing about that."""
    found = ended(recurring(), state).wait(after_ms)
    found.when(DeclareIncident("down again", (service,), dedup=dedup), MONITOR)
    assert found.refused is None
    assert found.result["incident"] == ("INC-1" if reopened else "INC-2")
    assert len(found.world.incidents) == (1 if reopened else 2)


def test_what_goes_on_elsewhere_is_neither_opened_again_nor_declared_anew() -> None:
    found = ended(recurring().when(DeclareIncident("another"), ADA), "merged")
    moved = replace(found.world.incidents["INC-1"], merged_into="INC-2")
    found.world = replace(found.world, incidents={**found.world.incidents, "INC-1": moved})
    assert codes(found.when(DeclareIncident("again", dedup="monitor:payments"), MONITOR)) == [
        "already-declared"
    ]


def test_what_is_opened_again_is_measured_and_stopped_again() -> None:
    found = ended(recurring()).wait(HOUR)
    again = DeclareIncident("again", dedup="monitor:payments", impact=Impact(breach=True))
    found.when(again, MONITOR)
    incident = found.world.incidents["INC-1"]
    assert found.result["reopened"]
    assert incident.is_open
    assert incident.impact.breach
    assert events(found, "incident.reopened")[0].reason == "again"
    assert found.world.standing_halts()
    assert incident.called == ("ben", "ada")


def test_a_halt_condition_of_the_first_time_stops_everybody_the_second_time_too() -> None:
    """Given an incident of a mild severity that had shown a halt condition, when it comes back with it."""
    found = story(reopen_within_ms=24 * HOUR)
    again = DeclareIncident("slow", dedup="one", kind="slow", impact=Impact(server_errors=True))
    found.when(again, MONITOR).when(ReleaseHalt("HALT-1", "over"), EVE)
    ended(found).wait(HOUR).when(again, MONITOR)
    assert found.world.incidents["INC-1"].is_open
    assert [halt.id for halt in found.world.standing_halts()] == ["HALT-2"]


def test_a_worse_severity_given_with_what_came_back_holds() -> None:
    found = story(reopen_within_ms=24 * HOUR).when(DeclareIncident("slow", dedup="one"), ADA)
    ended(found).when(DeclareIncident("gone", dedup="one", severity="SEV1"), ADA)
    incident = found.world.incidents["INC-1"]
    assert (incident.severity, incident.is_open) == ("SEV1", True)
    ended(found).when(DeclareIncident("slow", dedup="one", severity="SEV3"), ADA)
    assert found.world.incidents["INC-1"].severity == "SEV1"


def test_who_hears_of_a_declaration_hears_of_a_reopening() -> None:
    rules = (ActivationRule("person", tell=("owner",)),)
    found = story(reopen_within_ms=24 * HOUR, activation=Activation(who=rules))
    found.when(DeclareIncident("slow", dedup="one"), ADA)
    ended(found).when(DeclareIncident("slow again", dedup="one"), ADA)
    assert [one.people for one in events(found, "responders.called")] == [("eve",), ("eve",)]


def test_the_ground_that_is_hit_is_that_of_the_services() -> None:
    plan = policy()
    payments, gateway = plan.fleet.services
    fleet = replace(plan.fleet, services=(replace(payments, domain="money"), gateway))
    known = replace(plan, fleet=fleet)
    assert hit_domains(known, ("payments", "gateway", "nothing"), "looks") == ("money",)
    assert hit_domains(known, ("gateway",), "looks") == ("looks",)
    assert hit_domains(known, (), "") == ()


def test_an_incident_without_any_of_this_opens_as_it_always_did() -> None:
    kinds = set(outage().kinds())
    extra = {"responders.called", "channel.opened", "mode.begun", "task.added", "crew.proposed"}
    assert not kinds & extra
