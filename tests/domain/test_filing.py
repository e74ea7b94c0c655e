"""Forms: filed whole or refused with everything that lacks, and filled in from the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.effects import done
from allstop.domain.halt.commands import AnswerRollCall
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import (
    AcknowledgeIncident,
    DeclareIncident,
    MeasureImpact,
    RecordStatement,
)
from allstop.domain.incident.events import NotificationRequested
from allstop.domain.incident.work_commands import AddEvidence, FileForm
from allstop.domain.policy import Audience, Form, FormField, Grant, Policy, Span, Spans
from allstop.domain.prefill import PREFILLS, Known, prefilled
from allstop.domain.principal import MONITOR, Kind, Principal
from tests.domain.builders import ADA, BUILDER, MINUTE, Story, outage, policy
from tests.domain.test_standing_down import closed, repaired

BRIEFING = Form(
    "briefing", "Threat briefing",
    (
        FormField("situation", "Situation"),
        FormField("impact", "Impact", prefill="impact"),
        FormField("severity", "Severity", kind="choice", choices=("SEV1", "SEV2"), prefill="severity"),
        FormField("began", "Began", kind="time", prefill="since"),
        FormField("cause", "Cause", prefill="cause"),
        FormField("risk", "Risk", required=False),
    ),
    tell=("responders",),
)  # fmt: skip


def whole(*forms: Form) -> Policy:
    mine = policy()
    grants = (*mine.protocol.authority, Grant("form", ("person",)), Grant("evidence", ("person",)))
    return replace(mine, protocol=replace(mine.protocol, forms=forms, authority=grants))


def story(*forms: Form) -> Story:
    """The outage, under a protocol with forms."""
    one = outage()
    one.policy = whole(*(forms or (BRIEFING,)))
    return one


def asking(name: str, **more: object) -> Form:
    """A form of one field that the coordinator fills in."""
    return Form("f", "F", (FormField("x", "X", prefill=name, **more),))  # type: ignore[arg-type]


def filled(story: Story, name: str, incident: str = "INC-1") -> str:
    known = Known(story.world, story.policy, story.world.incidents[incident], story.now.utc)
    return prefilled(known, name)


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [one.code for one in story.refused.reasons]


def told(story: Story) -> list[NotificationRequested]:
    events = (one.event for one in story.records if isinstance(one.event, NotificationRequested))
    return [event for event in events if event.to.startswith("audience:")]


def test_what_is_left_out_comes_from_the_record() -> None:
    """PT-06: a briefing in the first minute asks for what nobody can know but the person."""
    one = story().when(FileForm("INC-1", "briefing", {"situation": "nobody can buy"}))
    assert one.refused is None
    filed = one.world.incidents["INC-1"].forms["briefing"]
    assert dict(filed.fields) == {
        "situation": "nobody can buy",
        "impact": "buying down",
        "severity": "SEV1",
        "began": "2026-11-21T03:00:00Z",
        "cause": "under investigation",
    }
    assert (filed.by, filed.number, one.result["number"]) == ("person:ada", 1, 1)


def test_the_audiences_of_a_form_read_it() -> None:
    one = story().when(FileForm("INC-1", "briefing", {"situation": "nobody can buy"}))
    assert told(one)[-1].subject == "INC-1: Threat briefing"
    assert told(one)[-1].text.splitlines()[:2] == [
        "Situation: nobody can buy",
        "Impact: buying down",
    ]
    assert "Began: 2026-11-21 03:00 UTC" in told(one)[-1].text


def test_what_a_person_writes_is_not_overwritten() -> None:
    given = {"situation": "x", "cause": "a bad deployment"}
    one = story().when(FileForm("INC-1", "briefing", given))
    assert one.world.incidents["INC-1"].forms["briefing"].fields["cause"] == "a bad deployment"


def test_filed_again_it_replaces_the_first_and_both_stay_on_the_record() -> None:
    one = story().when(FileForm("INC-1", "briefing", {"situation": "x"}))
    one.when(FileForm("INC-1", "briefing", {"situation": "y"}))
    filed = [record.event for record in one.records if record.kind == "form.filed"]
    assert [(event.number, event.fields["situation"]) for event in filed] == [(1, "x"), (2, "y")]
    assert one.world.incidents["INC-1"].forms["briefing"].number == 2


def test_what_is_missing_is_said_all_at_once_with_the_option_that_gives_it() -> None:
    """Given a required field that neither a person nor the record fills, then it is missing."""
    one = Story(whole(BRIEFING)).when(DeclareIncident("it is odd"), ADA)
    one.when(FileForm("INC-1", "briefing", {"sitation": "x"}))
    assert one.refused is not None
    assert [(reason.code, reason.hint) for reason in one.refused.reasons] == [
        ("unknown-field", "did you mean situation?"),
        ("missing-field", '--field situation="..."'),
        ("missing-field", '--field impact="..."'),
        # SEV3 is no choice of the form: what cannot be answered is not filled in.
        ("missing-field", '--field severity="..."'),
    ]


def test_an_unknown_form_or_somebody_who_may_not_is_refused() -> None:
    one = story().when(FileForm("INC-1", "breifing", {}))
    assert codes(one) == ["unknown-form"]
    assert codes(one.when(FileForm("INC-1", "briefing", {}), BUILDER)) == ["no-authority"]


def test_after_standing_down_it_can_be_filed_and_after_closing_not() -> None:
    one = closed()
    one.policy = whole(BRIEFING)
    given = {"situation": "it is over", "impact": "x"}
    assert one.when(FileForm("INC-1", "briefing", given)).refused is None
    incident = replace(one.world.incidents["INC-1"], state="closed")
    one.world = replace(one.world, incidents={"INC-1": incident})
    assert codes(one.when(FileForm("INC-1", "briefing", given))) == ["ended"]
    for state in ("merged", "dismissed"):
        one.world = replace(one.world, incidents={"INC-1": replace(incident, state=state)})
        assert codes(one.when(FileForm("INC-1", "briefing", given))) == ["ended"]


def test_nobody_reads_a_form_of_a_private_incident_or_before_their_first_notice() -> None:
    form = replace(BRIEFING, tell=("responders", "public"))
    mine = whole(form)
    later = Audience("public", "The public", ("page",), after=Spans(Span(MINUTE)))
    mine = replace(
        mine, protocol=replace(mine.protocol, audiences=(*mine.protocol.audiences, later))
    )
    given = {"situation": "x", "impact": "y", "severity": "SEV2"}
    hidden = Story(mine).when(DeclareIncident("a leak", private=True), ADA)
    assert not told(hidden.when(FileForm("INC-1", "briefing", given)))
    one = Story(mine).when(DeclareIncident("slow"), ADA).when(FileForm("INC-1", "briefing", given))
    assert [event.to for event in told(one)] == ["audience:responders"] * 2
    one.wait(MINUTE).when(FileForm("INC-1", "briefing", given))
    assert told(one)[-1].to == "audience:public"


def test_a_list_keeps_one_entry_a_line_and_a_long_answer_is_cut() -> None:
    listing = Form("f", "F", (FormField("x", "X", kind="list"),))
    one = story(listing).when(FileForm("INC-1", "f", {"x": " a \n\n b\r\nc"}))
    assert one.world.incidents["INC-1"].forms["f"].fields["x"] == "a\nb\nc"
    one = story(asking("changes"))
    for _ in range(3):
        one.when(AddEvidence("INC-1", "change", "z" * 3000))
    one.when(FileForm("INC-1", "f", {}))
    assert len(one.world.incidents["INC-1"].forms["f"].fields["x"]) <= 4000


def test_every_prefill_is_explained_and_says_something_of_a_real_emergency() -> None:
    one = repaired().when(AcknowledgeIncident("INC-1"))
    one.policy = whole()
    assert all(PREFILLS.values())
    empty = {name for name in PREFILLS if not filled(one, name)}
    assert empty == {"errors"}
    assert filled(one, "no-such") == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("severity", "SEV1 (sev1): a core function is down (core_functions_down at least 1)"),
        ("impact", "buying down"),
        ("services", "payments (Payments)"),
        ("since", "2026-11-21T03:00:00Z"),
        ("remedy", ""),
        ("cause", "under investigation"),
        (
            "blast_radius",
            "hit: payments\ndepends on it: gateway\nwhat the business loses with it: buying",
        ),
        ("stakeholders", "Responders"),
        ("resources", "roles nobody holds: scribe\nfree: Eve"),
        ("estimate", "no earlier incident to go by"),
        ("duration", "0s"),
        ("timeline", "2026-11-21 03:00:00 UTC last seen well\n2026-11-21 03:00:00 UTC declared"),
    ],
)
def test_a_prefill_says_what_the_record_says(name: str, text: str) -> None:
    """SC-04, CH-02."""
    assert filled(story(), name) == text


def test_the_impact_is_the_worst_and_the_present_one() -> None:
    one = story().when(MeasureImpact("INC-1", Impact(failed_share_percent=5)), MONITOR)
    assert filled(one, "impact").splitlines() == [
        "at worst: buying down; 5% of requests failing", "now: 5% of requests failing",
    ]  # fmt: skip


def test_changes_and_errors_are_what_diagnosis_and_people_found() -> None:
    one = story().answer(done("v12, ten minutes ago"), only="history")
    one.when(AddEvidence("INC-1", "change", "the certificate was renewed", "gateway"))
    one.when(AddEvidence("INC-1", "log", "500 on /pay"))
    one.sample(checkout=False)
    assert filled(one, "changes").splitlines() == [
        "payments: v12, ten minutes ago", "gateway: the certificate was renewed",
    ]  # fmt: skip
    assert filled(one, "errors").splitlines() == ["500 on /pay", "checkout: seen"]


def test_the_cause_is_what_somebody_stated() -> None:
    one = story().when(RecordStatement("INC-1", "root-cause", "the disk was full"))
    assert filled(one, "cause") == "the disk was full"


def test_agents_that_are_stopped_and_available_are_a_resource() -> None:
    one = story().answer(done("told"), only="tell")
    answer = AnswerRollCall("builder-1", "HALT-1", "stopped", available=True)
    one.when(answer, Principal("builder-1", Kind.AGENT)).answer(done("seen"), only="confirm")
    assert filled(one, "resources").endswith("free: Eve, builder-1")


def test_an_estimate_goes_by_the_median_of_earlier_ones_of_the_same_kind() -> None:
    """SC-04: from history, and it says how much history."""
    one = story()
    first = one.world.incidents["INC-1"]
    earlier = {}
    for number, (minutes, kind) in enumerate(
        [(10, ""), (20, "outage"), (300, "outage"), (40, "outage")]
    ):
        ended = first.declared_at + timedelta(minutes=minutes)
        id = f"INC-{number + 2}"
        earlier[id] = replace(first, id=id, kind=kind, state="closed", stood_down_at=ended)
    gone = replace(first, id="INC-9", state="dismissed", stood_down_at=first.declared_at)
    one.world = replace(one.world, incidents={**earlier, "INC-9": gone, "INC-1": first})
    assert (
        filled(one, "estimate") == "30m: the median of 4 earlier incidents at SEV1, from 10m to 5h"
    )
    mine = replace(first, kind="outage")
    one.world = replace(one.world, incidents={**one.world.incidents, "INC-1": mine})
    assert filled(one, "estimate").startswith(
        "40m: the median of 3 earlier incidents of the kind out"
    )


def test_the_stakeholders_of_a_private_incident_are_nobody() -> None:
    one = Story(whole()).when(DeclareIncident("a leak", private=True), ADA)
    assert filled(one, "stakeholders") == "nobody: the incident is private"


def test_an_estimate_says_nothing_of_private_incidents() -> None:
    """Given an earlier breach that was private, then no form of another one tells that there was one."""
    one = story()
    first = replace(one.world.incidents["INC-1"], kind="breach")
    ended = first.declared_at + timedelta(minutes=10)
    secret = replace(first, id="INC-2", state="closed", stood_down_at=ended, private=True)
    one.world = replace(one.world, incidents={"INC-2": secret, "INC-1": first})
    assert filled(one, "estimate") == "no earlier incident to go by"
