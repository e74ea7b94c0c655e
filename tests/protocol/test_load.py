"""Loading a project: rendering, inheritance, what is compiled, the standard pack, the starter, the page."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import msgspec
import pytest
import rfc8785

from allstop.domain.authority import ACTIONS
from allstop.domain.impact import Impact
from allstop.domain.money import Money
from allstop.domain.policy import (
    Clock,
    Condition,
    Escalation,
    FormField,
    Hours,
    Policy,
    Protocol,
    Review,
    Span,
)
from allstop.domain.remedy import decide_by_table
from allstop.domain.severity import classify
from allstop.domain.templates import OCCASIONS
from allstop.protocol import CODES, Catalogue, load, load_protocol, reference, render, starter
from allstop.protocol.document_protocol import ProtocolDocument
from tests.protocol.expectations import MARK, PAGE
from tests.protocol.projects import CATALOGUE, DOCUMENTS, SHOP, TODAY, project, protocol


@pytest.fixture(scope="module")
def shop() -> Policy:
    found = load(SHOP, CATALOGUE)
    assert found.policy is not None
    return found.policy


def test_problems_of_all_three_files_are_printed_at_once(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        replaced={
            "protocol.yaml": "schema: allstop/1\nname: team\nextends: ./shop.yaml\nseverites: {}\nescalation: [captain, owner]\n",
            "fleet.yaml": "schema: allstop/1\nservices:\n  checkout:\n    protected: yes\n    importance: 500\n    probes: {a: {adapter: web, timeout: 5}}\n",
            "roster.yaml": "schema: allstop/1\npeople:\n  ada: {name: Ada, roles: [commander, pilot], owner: true}\n",
        },
    )
    assert render(found.problems) == GOLDEN.strip()


GOLDEN = """
fleet.yaml:4:5: AP021 `services.checkout.protected` must be true or false, not yes (write true)
fleet.yaml:5:5: AP027 `services.checkout.importance` must be at most 100
fleet.yaml:6:32: AP022 `services.checkout.probes.a.timeout` must be a duration such as 500ms, 15s, 2m30s, 24h or 7d (write the unit: 5s?)
protocol.yaml:4:1: AP003 unknown key "severites" (did you mean severities?)
protocol.yaml:5:14: AP041 there is no role captain (known: commander, communications, deputy, operations, scribe)
roster.yaml:3:3: AP077 warning: the escalation ends at ada, who can be reached by no channel (add channels, or only the console tells)
roster.yaml:3:39: AP041 there is no role pilot (known: commander, communications, deputy, operations, scribe)
shop.yaml:10:5: AP076 warning: SEV1 orders all agents to stop, and the roster has none (agents that register themselves are stopped too)
shop.yaml:128:27: AP043 there is no channel console (there is no channel at all)
shop.yaml:129:29: AP043 there is no channel console (there is no channel at all)
shop.yaml:130:23: AP043 there is no channel console (there is no channel at all)
"""


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    problems = load(tmp_path, CATALOGUE).problems
    assert [each.code for each in problems] == ["AP001"] * 3
    assert (
        str(problems[0])
        == "fleet.yaml:1:1: AP001 fleet.yaml: No such file or directory (make it with: allstop init)"
    )


def test_circles_are_shown_with_their_edges_and_long_chains_cost_little(tmp_path: Path) -> None:
    rows = [f"  s{at}: {{depends: {{s{at + 1}: soft}}}}" for at in range(5000)]
    ring = [
        "  s5000: {}",
        "  a: {depends: {s0: soft, b: hard}}",
        "  b: {depends: {c: hard}}",
        "  c: {depends: {a: soft, b: soft}}",
    ]
    probe = '  p: {probes: {p: {adapter: web, options: {url: "http://x"}}}}'
    text = "\n".join(["schema: allstop/1", "services:", *rows, *ring, probe, ""])
    found = project(tmp_path, replaced={"fleet.yaml": text})
    edges = "a -> b (hard), b -> c (hard), c -> a (soft), c -> b (soft)"
    assert [each.text for each in found.problems] == [f"a circle of dependencies: {edges}"]
    assert "left out of the order" in found.problems[0].hint


# --- extends -----------------------------------------------------------------------------------------


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    text = "severities: {SEV1: {title: Terrible}}\nphases: {aftercare: {exit: {quiet: {stable_for: 1h}}}}\n"
    policy = protocol(tmp_path, text + "evidence: [recent-changes]\n").policy
    assert policy is not None
    worst = policy.protocol.severities[0]
    assert (worst.title, worst.respond, worst.rank) == ("Terrible", Span(300_000), 1)
    assert policy.protocol.evidence == ("recent-changes",)
    assert [phase.name for phase in policy.protocol.phases] == [
        "assess",
        "contain",
        "restore",
        "verify",
        "aftercare",
    ]
    assert policy.protocol.extends == ("./shop.yaml",)
    assert policy.protocol.terms == {"commander": "Captain"}


def test_a_plain_list_under_escalation_replaces_the_chain_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    """Given a protocol that calls the next one every ten minutes, when a team writes only its chain, then
    it is still called every ten minutes."""
    policy = protocol(tmp_path, "escalation: [owner]\n").policy
    assert policy is not None
    assert policy.protocol.escalation == Escalation(("owner",), 600_000)


def test_null_removes_and_may_be_followed_by_a_new_value_further_up(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        replaced={
            "middle.yaml": "schema: allstop/1\nname: middle\nextends: ./shop.yaml\nobligations: {post-mortem: null, report: null}\nreview: {every: null}\n",
            "protocol.yaml": "schema: allstop/1\nname: top\nextends: ./middle.yaml\nobligations: {report: {title: New, owner: scribe, within: 2d}}\nreopen_within: null\n",
        },
    )
    assert found.policy is not None
    owed = {each.id: each.within for each in found.policy.protocol.obligations}
    assert owed == {"first-findings": Span(3_600_000), "report": Span(172_800_000)}
    assert found.policy.protocol.reopen_within_ms == 0
    assert found.policy.protocol.review == Review(0, "2026-10-01")


def test_tests_replace_as_a_whole_and_null_in_them_means_unknown(tmp_path: Path) -> None:
    """Given an audience told when users are hit, when a team writes other tests, then those alone count."""
    text = "audiences: {public: {when: {users: null, data_loss: {is_not: null}}}}\n"
    text += "phases: {verify: {exit: {seen: {impact: {users: {is_not: null}}}}}}\n"
    policy = protocol(tmp_path, text).policy
    assert policy is not None
    (public,) = [each for each in policy.protocol.audiences if each.name == "public"]
    assert public.when == (Condition("users", "is", None), Condition("data_loss", "is_not", None))
    assert policy.protocol.phases[-1].exit[-1].when == (Condition("users", "is_not", None),)


def test_a_form_called_when_merges_like_any_other(tmp_path: Path) -> None:
    """Given names that are also keys of tests, when they are extended, then nothing of theirs is lost."""
    found = project(
        tmp_path,
        replaced={
            "middle.yaml": "schema: allstop/1\nname: middle\nextends: ./shop.yaml\nforms: {impact: {fields: {when: {title: When, kind: time}, impact: {}}}}\n",
            "protocol.yaml": "schema: allstop/1\nname: top\nextends: ./middle.yaml\nforms: {impact: {title: Impact, fields: {when: {required: false}, impact: null}}}\n",
        },
    )
    assert found.policy is not None
    form = found.policy.protocol.form("impact")
    assert form is not None
    assert form.title == "Impact"
    assert form.fields == (FormField("when", "When", False, "time"),)


def test_null_in_a_row_means_unknown_and_is_kept(shop: Policy) -> None:
    tested = [condition for row in shop.protocol.classification for condition in row.when]
    assert any(condition.op == "is" and condition.value is None for condition in tested)


def test_a_chain_that_leads_back_is_refused_wherever_it_closes(tmp_path: Path) -> None:
    head = "schema: allstop/1\nname: x\nextends: "
    found = project(
        tmp_path,
        replaced={
            "a.yaml": head + "./b.yaml\n",
            "b.yaml": head + "./a.yaml\n",
            "protocol.yaml": head + "./a.yaml\n",
        },
    )
    assert [str(each) for each in found.problems if each.code == "AP031"] == [
        "b.yaml:3:1: AP031 `extends: ./a.yaml` leads back to itself"
    ]


def test_a_mistake_in_what_is_extended_is_shown_where_it_stands(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        replaced={
            "base.yaml": "schema: allstop/1\nname: base\nextends: standard\nall_stop:\n  enforce: freeez\n",
            "protocol.yaml": "schema: allstop/1\nname: x\nextends: base.yaml\n",
        },
    )
    (problem,) = [each for each in found.problems if each.is_error]
    assert (
        str(problem)
        == "base.yaml:5:3: AP026 `all_stop.enforce` cannot be freeez: freeze | none (did you mean freeze?)"
    )


def test_a_value_keeps_the_place_it_was_written_at(tmp_path: Path) -> None:
    text = "schema: allstop/1\nname: x\nextends: standard\nall_stop: {roll_call: 6m}\n"
    document = project(tmp_path, replaced={"protocol.yaml": text}).documents.protocol
    assert document is not None
    assert (
        document.at("all_stop", "roll_call").file,
        document.at("all_stop", "roll_call").line,
    ) == ("protocol.yaml", 4)
    assert document.at("all_stop", "enforce").file.startswith("packs/")


# --- what is compiled --------------------------------------------------------------------------------


def test_the_policy_is_canonical_json_and_back(shop: Policy) -> None:
    body = rfc8785.dumps(msgspec.to_builtins(shop))
    assert msgspec.json.decode(body, type=Policy) == shop


def test_services_probes_and_actions_are_compiled(shop: Policy) -> None:
    checkout = shop.fleet.service("checkout")
    assert checkout is not None
    assert [(each.to, each.kind.value) for each in checkout.depends] == [("accounts", "hard")]
    probe = shop.fleet.probe("checkout-health")
    assert probe is not None
    assert (probe.service, probe.timeout_ms, probe.fall, probe.rise) == ("checkout", 500, 3, 2)
    assert checkout.verify["isolated"].name == "checkout/isolated"
    assert checkout.actions["rollback"].options == {"name": "checkout", "to": "{release}"}
    assert shop.fleet.meters[0].lost == "lost"


def test_money_keeps_its_currency_apart(shop: Policy) -> None:
    money = [
        each
        for row in shop.protocol.classification
        for each in row.when
        if each.fact == "lost_per_hour"
    ]
    assert ("more_than", "100000", "USD") in [(each.op, each.value, each.unit) for each in money]


def test_options_of_the_policy_are_its_own(tmp_path: Path) -> None:
    found = load(SHOP, CATALOGUE)
    assert found.policy is not None
    assert found.documents.fleet is not None
    assert found.documents.fleet.model is not None
    written = found.documents.fleet.model.services["checkout"].actions["isolate"].options
    compiled = found.policy.fleet.services[1].actions["isolate"].options
    written["name"] = "changed"
    assert compiled == {"name": "checkout"}


def test_everything_a_protocol_can_say_reaches_the_policy() -> None:
    """Given a protocol that uses every key, when it is compiled, then no part of it is at its default."""
    found = load(DOCUMENTS / "good" / "everything", CATALOGUE, TODAY)
    assert found.policy is not None
    whole, bare = found.policy.protocol, fields(found.policy.protocol)
    defaults = {
        each.name: each.default_factory() if each.default_factory is not MISSING else each.default
        for each in bare
        if each.default is not MISSING or each.default_factory is not MISSING
    }
    assert [name for name, value in defaults.items() if getattr(whole, name) == value] == []
    document = found.documents.protocol
    assert document is not None
    assert document.model is not None
    unused = set(ProtocolDocument.model_fields) - document.model.model_fields_set
    # `extends` and `abstract` are for documents that do not stand alone.
    assert unused == {"extends", "abstract"}


def test_spans_keep_the_clock_they_are_counted_in() -> None:
    found = load(DOCUMENTS / "good" / "everything", CATALOGUE, TODAY)
    assert found.policy is not None
    minor = found.policy.protocol.severity("P3")
    assert minor.respond == Span(4 * 3_600_000, Clock.BUSINESS_HOURS)
    assert minor.update_every == Span(1, Clock.BUSINESS_DAYS)
    objective = found.policy.protocol.objectives[0]
    assert objective.rto.at("P1") == Span(1_800_000)
    assert objective.rto.at("P9") is None
    calendar = found.policy.protocol.calendar
    assert (calendar.zone, calendar.holidays[0]) == ("Europe/Vienna", "2026-12-25")
    assert calendar.hours[3:] == (Hours(3, 540, 1440), Hours(4, 540, 720), Hours(4, 780, 900))


def test_a_template_may_replace_one_part_of_the_built_in_words() -> None:
    found = load(DOCUMENTS / "good" / "everything", CATALOGUE, TODAY)
    assert found.policy is not None
    by_key = {(each.occasion, each.audience): each for each in found.policy.protocol.templates}
    assert by_key["update", ""].subject == OCCASIONS["update"].subject
    assert by_key["update", ""].text == "{number}: {text}"
    assert by_key["declared", "public"].subject == "We have a problem"


def test_what_people_and_agents_stand_for_reaches_the_roster() -> None:
    found = load(DOCUMENTS / "good" / "everything", CATALOGUE, TODAY)
    assert found.policy is not None
    roster, service = found.policy.roster, found.policy.fleet.service("checkout")
    ada, cem, builder = roster.person("ada"), roster.person("cem"), roster.agent("builder-1")
    assert ada is not None
    assert cem is not None
    assert builder is not None
    assert service is not None
    assert (ada.office, ada.team, ada.skills) == ("headmaster", "shop", ("senior", "databases"))
    assert (ada.away, cem.away) == (False, True)
    assert (builder.office, builder.domains, builder.skills) == (
        "prefect",
        ("payments",),
        ("python",),
    )
    assert roster.teams[0].domains == ("infrastructure",)
    assert (service.service_class, service.domain) == ("core-api", "payments")


def test_the_day_of_a_review_is_only_judged_by_who_knows_the_day(tmp_path: Path) -> None:
    text = SHOP.joinpath("protocol.yaml").read_text("utf-8").replace("2026-10-01", "2026-11-22")
    late = project(tmp_path, replaced={"protocol.yaml": text})
    assert [each.code for each in late.problems] == ["AP123"]
    assert load(tmp_path, CATALOGUE).problems == ()


# --- the standard pack -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standard() -> Protocol:
    found = load_protocol("standard")
    assert found.protocol is not None, render(found.problems)
    return found.protocol


def test_the_standard_pack_grants_every_action(standard: Protocol) -> None:
    assert {grant.action for grant in standard.authority} == set(ACTIONS)


@pytest.mark.parametrize(
    ("impact", "severity"),
    [
        (Impact(core_functions_down=("buying",)), "SEV1"),
        (Impact(breach=True), "SEV1"),
        (Impact(lost_per_hour=Money("100000.01", "USD")), "SEV1"),
        (Impact(lost_per_hour=Money("100000", "USD")), "SEV2"),
        (Impact(), "SEV2"),
        (Impact(failed_share_percent=3), "SEV3"),
        (Impact(failed_share_percent=0, users=0), "SEV4"),
    ],
)
def test_the_standard_classification(standard: Protocol, impact: Impact, severity: str) -> None:
    assert classify(standard, impact).severity == severity


RECENT = {"recent_deployment": True, "known_good_release": True, "rollback_available": True}
DOWN = {
    "process_running": False,
    "restart_available": True,
    "cause_understood": True,
    "fix_minutes": 1,
}


@pytest.mark.parametrize(
    ("facts", "remedy"),
    [
        (RECENT, "rollback"),
        ({**RECENT, "breach": True}, "investigate"),
        ({**RECENT, "data_loss": True}, "investigate"),
        ({**RECENT, "schema_changed": True}, "investigate"),
        ({**RECENT, "schema_changed": False}, "rollback"),
        ({**RECENT, "known_good_release": False}, "investigate"),
        ({**DOWN, "recent_deployment": False}, "fix"),
        ({**DOWN, **RECENT, "severity_rank": 1}, "rollback"),
        ({**DOWN, **RECENT, "severity_rank": 3}, "fix"),
        ({"cause_understood": True, "fix_minutes": 22}, "fix"),
        ({**RECENT, "cause_understood": True, "fix_minutes": 22, "severity_rank": 3}, "rollback"),
        ({"cause_understood": True, "fix_minutes": 31}, "investigate"),
        ({}, "investigate"),
    ],
)
def test_the_standard_decision_table(
    standard: Protocol, facts: dict[str, bool | int], remedy: str
) -> None:
    """Each contradiction of the source rules, with the answer the pack gives (CH-04)."""
    decision = decide_by_table(standard, facts)
    assert decision.remedy == remedy
    assert decision.row >= 0


# --- the starter and the page ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "login"), [("shop", "ada"), ("17", "null"), ("../ b", "søren@x"), ("", "")]
)
def test_the_starter_has_no_errors_on_an_empty_machine(
    name: str, login: str, tmp_path: Path
) -> None:
    for file, text in starter(name, login).items():
        (tmp_path / file).write_text(text, "utf-8")
    found = load(tmp_path, Catalogue())
    assert [str(each) for each in found.problems if each.is_error] == []
    assert found.policy is not None
    assert [person.owner for person in found.policy.roster.people] == [True]


def test_the_reference_page_is_the_one_the_models_make() -> None:
    page = PAGE.read_text("utf-8")
    assert page.split(MARK)[1] == reference(), "python -m tests.protocol.expectations"
    assert all(code in page for code in CODES)


def test_the_examples_of_the_page_are_true(tmp_path: Path) -> None:
    """Its first three YAML examples are a project without problems; so are they with the fourth, a larger
    protocol, instead of the first."""
    blocks = [part.split("```")[0] for part in PAGE.read_text("utf-8").split("```yaml\n")[1:5]]
    small, fleet, roster, larger = blocks
    for name, block in (("fleet.yaml", fleet), ("roster.yaml", roster)):
        (tmp_path / name).write_text(block, "utf-8")
    for block in (small, larger):
        (tmp_path / "protocol.yaml").write_text(block, "utf-8")
        assert render(load(tmp_path, CATALOGUE).problems) == ""


def test_what_the_starter_holds_in_comments_is_true_as_well(tmp_path: Path) -> None:
    """Given the starter, when every example of its protocol is taken in, then only channels are missing."""
    texts = starter("shop", "ada")
    lines = texts["protocol.yaml"].splitlines()
    taken = [
        line.removeprefix("# ") if re.match(r"# (?: |[a-z_]+:( |$))", line) else line
        for line in lines
    ]
    texts["protocol.yaml"] = "\n".join(taken) + "\n"
    for file, text in texts.items():
        (tmp_path / file).write_text(text, "utf-8")
    found = load(tmp_path, Catalogue())
    document = found.documents.protocol
    assert document is not None
    assert document.model is not None
    assert {"audiences", "calendar", "severities", "classification", "activation", "terms"} <= (
        document.model.model_fields_set
    )
    assert document.model.activation.phrases == ["all hands", "red alert"]
    assert {each.code for each in found.problems if each.is_error} == {"AP043"}
