"""Proposals out of messages and alerts: asked about once, confirmed or dismissed by a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.effects import done
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.policy import Activation, ActivationRule
from allstop.domain.principal import Principal
from allstop.domain.proposals import ConfirmActivation, DismissActivation, ProposeActivation
from allstop.domain.recognition import phrase_in
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, policy
from tests.domain.emergencies import (
    ALERTS,
    CHAT,
    HOUR,
    KINDS,
    codes,
    ended,
    events,
    proposal,
    ready,
    story,
)

# --- phrases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("we have an OUTAGE here", "outage"),
        ("Outage!", "outage"),
        ("no outages expected", ""),
        ("preoutage", ""),
        ("out age", ""),
        ("PRODUCTION \n\t down since noon", "production down"),
        ("production is fine", "production"),
        ("ALL HANDS (NOW)!", "all hands (now)"),
        ("all hands (now)or later", "all hands (now)"),
        ("an outages outage", "outage"),
        ("ＯＵＴＡＧＥ", "outage"),
        ("out_age outage_", ""),
        (".*", ""),
        ("", ""),
    ],
)
def test_a_phrase_is_found_as_whole_words_whatever_its_case_and_blanks(
    text: str, found: str
) -> None:
    assert phrase_in(text, ("outage", "production", "production down", "all hands (now)")) == found


def test_a_phrase_is_plain_text_and_no_pattern() -> None:
    assert phrase_in("anything at all", (".*", "a+", "(")) == ""
    assert phrase_in("use a+ here", (".*", "a+")) == "a+"


def test_letters_that_fold_into_two_are_found() -> None:
    assert phrase_in("STRASSE GESPERRT", ("straße gesperrt",)) == "straße gesperrt"


def test_a_message_proposes_to_those_who_may_confirm_and_opens_nothing() -> None:
    """PT-01: asked on their own channels, on the record of the proposal."""
    found = story().when(ProposeActivation("I think production down, no?"), BUILDER)
    one = proposal(found)
    assert (one.state, one.by, one.source, one.asked) == (
        "open", "agent:builder-1", "team", ("ada", "eve"),
    )  # fmt: skip
    assert one.because == 'the words "production down"'
    assert found.result == {"proposal": "PROP-1"}
    assert not found.world.incidents
    asked = [record for record in found.records if record.kind == "notification.requested"]
    assert [(one.stream, one.event.id, one.event.to) for one in asked] == [
        ("proposal/PROP-1", "N1", "person:ada")
    ]
    assert "allstop confirm PROP-1" in asked[0].event.text
    assert [effect.purpose for effect in found.effects] == ["notify"]
    found.answer(done("read"))
    assert found.kinds()[-1] == "notification.delivered"


def test_without_a_trigger_it_is_refused_and_says_how_to_declare() -> None:
    found = story().when(ProposeActivation("lunch is late"))
    assert codes(found) == ["no-trigger"]
    assert found.refused is not None
    assert "allstop declare" in found.refused.reasons[0].hint


@pytest.mark.parametrize(
    ("text", "more", "code"),
    [
        (" ", {}, "empty"),
        ("outage" + "x" * 4000, {}, "too-long"),
        ("outage", {"labels": {str(n): "x" for n in range(65)}}, "bad-labels"),
        ("outage", {"labels": {"": "x"}}, "bad-labels"),
        ("outage", {"labels": {"a": "x" * 501}}, "bad-labels"),
        ("outage", {"services": ("x" * 101,)}, "bad-service"),
        ("outage", {"services": ("payments",) * 65}, "bad-service"),
        ("outage", {"source": "x" * 101}, "bad-source"),
    ],
)
def test_what_is_proposed_has_its_limits(text: str, more: dict[str, Any], code: str) -> None:
    assert codes(story().when(ProposeActivation(text, **more))) == [code]


def test_proposing_is_granted() -> None:
    found = Story(policy()).when(ProposeActivation("outage"), BUILDER)
    assert codes(found) == ["no-authority"]


def test_where_nobody_is_named_whoever_may_declare_is_asked() -> None:
    rules = (ActivationRule("owner"), ActivationRule("person:ben", kinds=("breach",)))
    plain = Activation(who=rules, phrases=("outage",), kinds=KINDS)
    assert proposal(story(activation=plain).when(ProposeActivation("outage"))).asked == ("eve",)
    free = Activation(phrases=("outage",))
    asked = proposal(story(activation=free).when(ProposeActivation("outage"))).asked
    assert asked == ("ada", "ben", "eve")


# --- alerts --------------------------------------------------------------------------------------


def alert(
    labels: dict[str, str], services: tuple[str, ...] = (), text: str = "p99"
) -> ProposeActivation:
    return ProposeActivation(text, "prometheus", labels, services)


def test_an_alert_proposes_when_every_label_of_a_rule_is_on_it() -> None:
    page = {"severity": "page", "team": "shop", "pod": "a"}
    found = story().when(alert(page, ("payments",)), ALERTS)
    one = proposal(found)
    assert (one.kind, one.source, one.services) == ("slow", "prometheus", ("payments",))
    assert one.because == "an alert with severity=page, team=shop"
    assert one.labels == page
    assert codes(story().when(alert({"severity": "page"}), ALERTS)) == ["no-trigger"]


def test_an_alert_that_no_rule_knows_may_still_hold_a_phrase() -> None:
    found = story().when(alert({"severity": "info"}, text="outage of payments"), ALERTS)
    assert proposal(found).because == 'the words "outage"'


def test_an_alert_rule_may_declare_by_itself() -> None:
    """OR-03: with its kind, at once, and the one who reported stands as the declarer."""
    found = story().when(
        alert({"severity": "halt"}, ("payments",), "keys on a public site"), ALERTS
    )
    incident = found.world.incidents[found.result["incident"]]
    assert (incident.title, incident.kind, incident.trigger, incident.source) == (
        "keys on a public site", "breach", "alert", "prometheus",
    )  # fmt: skip
    assert incident.declared_by == "source:alertmanager"
    assert not found.world.proposals
    assert found.world.standing_halts()


def test_an_alert_declares_only_with_authority() -> None:
    only = replace(ready().protocol.activation, who=(ActivationRule("person"),))
    found = story(activation=only).when(alert({"severity": "halt"}), ALERTS)
    assert codes(found) == ["no-authority"]


def test_an_alert_that_repeats_itself_is_a_note_on_its_open_incident() -> None:
    found = story().when(alert({"severity": "halt"}), ALERTS)
    found.when(alert({"severity": "halt"}, text="still"), ALERTS)
    assert list(found.world.incidents) == ["INC-1"]
    assert found.result == {"incident": "INC-1"}
    assert (
        events(found, "note.added")[-1].text
        == "prometheus again, an alert with severity=halt: still"
    )
    found.when(alert({"severity": "halt"}, ("gateway",)), ALERTS)
    assert list(found.world.incidents) == ["INC-1", "INC-2"]


def test_a_service_the_fleet_does_not_have_does_not_cost_the_alert() -> None:
    found = story().when(alert({"severity": "halt"}, ("payments", "pymnts")), ALERTS)
    incident = found.world.incidents["INC-1"]
    assert incident.services == ("payments",)
    assert incident.title == "p99 (not in fleet.yaml: pymnts)"


# --- doubles -------------------------------------------------------------------------------------


def test_its_like_is_not_asked_about_twice() -> None:
    found = story().when(ProposeActivation("outage?"), CHAT)
    before = len(found.records)
    found.when(ProposeActivation("OUTAGE! anybody?"), CHAT)
    assert found.result == {"proposal": "PROP-1"}
    assert len(found.records) == before


@pytest.mark.parametrize(
    ("command", "who"),
    [
        (ProposeActivation("production down"), CHAT),
        (ProposeActivation("outage"), BUILDER),
        (ProposeActivation("outage", services=("payments",)), CHAT),
    ],
)
def test_another_phrase_source_or_service_is_another_proposal(
    command: ProposeActivation, who: Principal
) -> None:
    found = story().when(ProposeActivation("outage"), CHAT).when(command, who)
    assert list(found.world.proposals) == ["PROP-1", "PROP-2"]


def test_a_proposal_nobody_answers_does_not_hide_a_new_one_for_ever() -> None:
    found = story().when(ProposeActivation("outage"), CHAT).wait(29 * MINUTE)
    found.when(ProposeActivation("outage"), CHAT)
    assert list(found.world.proposals) == ["PROP-1"]
    found.wait(MINUTE).when(ProposeActivation("outage"), CHAT)
    assert list(found.world.proposals) == ["PROP-1", "PROP-2"]


def test_after_a_dismissal_its_like_is_asked_about_again() -> None:
    found = story().when(ProposeActivation("outage"), CHAT)
    found.when(DismissActivation("PROP-1", "a joke"), ADA).when(ProposeActivation("outage"), CHAT)
    assert list(found.world.proposals) == ["PROP-1", "PROP-2"]


def test_while_the_incident_it_became_is_open_its_like_is_a_note_there() -> None:
    found = story().when(ProposeActivation("outage"), CHAT).when(ConfirmActivation("PROP-1"), ADA)
    found.when(ProposeActivation("the outage goes on"), CHAT)
    assert list(found.world.proposals) == ["PROP-1"]
    assert found.result == {"incident": "INC-1"}
    assert events(found, "note.added")[-1].text.endswith("the outage goes on")
    ended(found).when(ProposeActivation("outage"), CHAT)
    assert list(found.world.proposals) == ["PROP-1", "PROP-2"]


def test_what_was_merged_gets_the_note_where_it_goes_on() -> None:
    found = story().when(ProposeActivation("outage"), CHAT).when(ConfirmActivation("PROP-1"), ADA)
    found.when(DeclareIncident("the same, it turns out"), ADA)
    moved = replace(found.world.incidents["INC-1"], state="merged", merged_into="INC-2")
    found.world = replace(found.world, incidents={**found.world.incidents, "INC-1": moved})
    found.when(ProposeActivation("outage"), CHAT)
    assert found.result == {"incident": "INC-2"}


# --- confirming and dismissing -------------------------------------------------------------------


def test_confirming_declares_in_the_name_of_whoever_confirms() -> None:
    found = story().when(ProposeActivation("outage of\n payments", services=("payments",)), CHAT)
    found.when(ConfirmActivation("PROP-1", severity="SEV1"), ADA)
    incident = found.world.incidents["INC-1"]
    assert (incident.title, incident.services, incident.severity, incident.source) == (
        "outage of payments", ("payments",), "SEV1", "chat",
    )  # fmt: skip
    assert (incident.declared_by, incident.trigger) == ("person:ada", "message")
    assert events(found, "incident.declared")[0].proposal == "PROP-1"
    assert (proposal(found).state, proposal(found).incident) == ("confirmed", "INC-1")
    assert found.result["incident"] == "INC-1"


def test_title_and_kind_may_be_others_than_proposed() -> None:
    found = story().when(alert({"severity": "page", "team": "shop"}), ALERTS)
    found.when(ConfirmActivation("PROP-1", "They are in", kind="breach"), ADA)
    incident = found.world.incidents["INC-1"]
    assert (incident.title, incident.kind, incident.trigger) == ("They are in", "breach", "alert")


def test_a_long_message_makes_a_title_that_fits() -> None:
    found = (
        story()
        .when(ProposeActivation("outage " + "very " * 100))
        .when(ConfirmActivation("PROP-1"), ADA)
    )
    title = found.world.incidents["INC-1"].title
    assert len(title) == 200
    assert title.endswith("…")


def test_confirming_needs_the_authority_to_declare_that_kind() -> None:
    """Being asked is not enough: the rules of activation hold for the confirmer."""
    rules = (ActivationRule("person:ada", kinds=("breach",)), ActivationRule("owner"))
    found = story(activation=replace(ready().protocol.activation, who=rules))
    found.when(ProposeActivation("outage"), CHAT)
    assert codes(found.when(ConfirmActivation("PROP-1"), ADA)) == ["no-authority"]
    assert proposal(found).state == "open"
    assert found.when(ConfirmActivation("PROP-1", kind="breach"), ADA).refused is None


def test_what_has_ended_is_not_confirmed_or_dismissed_again() -> None:
    found = story().when(ProposeActivation("outage"), CHAT).when(ConfirmActivation("PROP-1"), ADA)
    assert codes(found.when(ConfirmActivation("PROP-1"), EVE)) == ["ended"]
    assert codes(found.when(DismissActivation("PROP-1", "no"), EVE)) == ["ended"]
    assert codes(found.when(ConfirmActivation("PROP-7"), EVE)) == ["unknown-proposal"]
    assert len(found.world.incidents) == 1


def test_whoever_was_asked_dismisses_with_a_reason() -> None:
    found = story().when(ProposeActivation("outage"), CHAT)
    assert codes(found.when(DismissActivation("PROP-1", " "), ADA)) == ["empty"]
    assert codes(found.when(DismissActivation("PROP-1", "no"), BUILDER)) == ["human-only"]
    found.when(DismissActivation("PROP-1", "they meant the film"), ADA)
    assert (proposal(found).state, proposal(found).reason) == ("dismissed", "they meant the film")


def test_whoever_was_not_asked_and_may_not_declare_does_not_dismiss() -> None:
    only = replace(ready().protocol.activation, who=(ActivationRule("owner"),), confirm=("owner",))
    found = story(activation=only).when(ProposeActivation("outage"), CHAT)
    assert codes(found.when(DismissActivation("PROP-1", "no"), BEN)) == ["no-authority"]
    assert found.when(DismissActivation("PROP-1", "no"), EVE).refused is None


def test_a_proposal_outlives_a_change_of_the_documents() -> None:
    """Given a kind and a service that are not there any more, when it is confirmed, then it is declared."""
    found = story().when(alert({"severity": "page", "team": "shop"}, ("payments",)), ALERTS)
    plan = found.policy
    activation = replace(plan.protocol.activation, kinds=KINDS[:1])
    services = plan.fleet.services[1:]
    found.policy = replace(
        plan, protocol=replace(plan.protocol, activation=activation),
        fleet=replace(plan.fleet, services=services),
    )  # fmt: skip
    assert found.when(ConfirmActivation("PROP-1"), ADA).refused is None
    incident = found.world.incidents["INC-1"]
    assert (incident.kind, incident.services) == ("", ())


def test_an_alert_that_returns_in_time_opens_its_incident_again() -> None:
    found = Story(ready(reopen_within_ms=HOUR)).when(
        alert({"severity": "page", "team": "shop"}), ALERTS
    )
    found.when(ConfirmActivation("PROP-1"), ADA)
    ended(found).when(alert({"severity": "page", "team": "shop"}), ALERTS)
    found.when(ConfirmActivation("PROP-2"), ADA)
    assert found.result["incident"] == "INC-1"
    assert proposal(found, "PROP-2").incident == "INC-1"
    assert found.world.incidents["INC-1"].is_open


# --- who confirms --------------------------------------------------------------------------------


def test_where_the_protocol_names_who_confirms_nobody_else_does() -> None:
    """Given a protocol that asks ada and the owner, when ben or an agent, who may declare, confirm or
    dismiss, then that is refused with whom it waits for; declaring by themselves stays open to them."""
    found = story().when(ProposeActivation("outage"), CHAT)
    for who in (BEN, BUILDER):
        assert codes(found.when(ConfirmActivation("PROP-1"), who)) == ["no-authority"]
        assert found.refused is not None
        reason = found.refused.reasons[0]
        assert reason.text.endswith("PROP-1 waits for ada, eve")
        assert "allstop declare" in reason.hint
    assert codes(found.when(DismissActivation("PROP-1", "no"), BEN)) == ["no-authority"]
    assert proposal(found).state == "open"
    assert found.when(DeclareIncident("outage"), BEN).refused is None
    assert found.when(ConfirmActivation("PROP-1"), EVE).refused is None


def test_where_the_protocol_says_nothing_whoever_may_declare_confirms() -> None:
    """Given no word about who confirms, then agents and people who may declare do; only people dismiss."""
    wide = replace(ready().protocol.activation, confirm=())
    found = story(activation=wide).when(ProposeActivation("outage"), CHAT)
    assert codes(found.when(DismissActivation("PROP-1", "no"), BUILDER)) == ["human-only"]
    assert found.when(ConfirmActivation("PROP-1"), BUILDER).refused is None


def test_a_proposal_is_put_to_whoever_may_declare_when_those_who_confirm_are_nobody() -> None:
    """Given an office that confirms and that nobody holds, then the proposal is not put to nobody: whoever
    may declare is asked, and may confirm."""
    vacant = replace(ready().protocol.activation, confirm=("office:prefect",))
    found = story(activation=vacant).when(ProposeActivation("outage"), CHAT)
    assert proposal(found).asked == ("ada", "ben", "eve")
    assert found.when(ConfirmActivation("PROP-1"), BEN).refused is None


def test_who_was_asked_may_still_answer_after_the_documents_have_changed() -> None:
    found = story().when(ProposeActivation("outage"), CHAT)
    activation = replace(found.policy.protocol.activation, confirm=("person:ben",))
    found.policy = replace(
        found.policy, protocol=replace(found.policy.protocol, activation=activation)
    )
    assert found.when(ConfirmActivation("PROP-1"), EVE).refused is None
    found.when(ProposeActivation("another outage"), CHAT)
    again = ended(found).when(ProposeActivation("outage!"), CHAT)
    assert proposal(again, "PROP-2").asked == ("ben",)
    assert codes(again.when(ConfirmActivation("PROP-2"), EVE)) == ["no-authority"]
    assert again.when(ConfirmActivation("PROP-2"), BEN).refused is None
