"""Loading a project: rendering, inheritance, what is compiled, the starter, the pack."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import rfc8785

from allstop.domain.authority import ACTIONS
from allstop.domain.impact import Impact
from allstop.domain.money import Money
from allstop.domain.policy import Policy
from allstop.domain.remedy import decide_by_table
from allstop.domain.severity import classify
from allstop.protocol import CODES, Catalogue, json_schemas, load, packs, reference, render, starter
from tests.protocol.projects import CATALOGUE, DOCUMENTS, SHOP, project, protocol

PAGE = Path(__file__).parents[2] / "docs" / "documents.md"
MARK = "<!-- from here on generated: allstop.protocol.reference() -->\n"


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
packs/standard.yaml:21:5: AP076 warning: SEV1 orders all agents to stop, and the roster has none (agents that register themselves are stopped too)
protocol.yaml:4:1: AP003 unknown key "severites" (did you mean severities?)
protocol.yaml:5:14: AP041 there is no role captain (known: commander, communications, deputy, operations, scribe)
roster.yaml:3:3: AP077 warning: the escalation ends at ada, who can be reached by no channel (add channels, or only the console tells)
roster.yaml:3:39: AP041 there is no role pilot (known: commander, communications, deputy, operations, scribe)
shop.yaml:7:27: AP043 there is no channel console (there is no channel at all)
shop.yaml:8:29: AP043 there is no channel console (there is no channel at all)
shop.yaml:9:23: AP043 there is no channel console (there is no channel at all)
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
    assert [each.text for each in found.problems] == ["a circle of dependencies: a -> b -> c -> a"]


# --- extends -----------------------------------------------------------------------------------------


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    text = "severities: {SEV1: {title: Terrible}}\nescalation: [owner]\nphases: {aftercare: {exit: {quiet: {stable_for: 1h}}}}\n"
    policy = protocol(tmp_path, text).policy
    assert policy is not None
    worst = policy.protocol.severities[0]
    assert (worst.title, worst.respond_ms, worst.rank) == ("Terrible", 300_000, 1)
    assert policy.protocol.escalation == ("owner",)
    assert [phase.name for phase in policy.protocol.phases] == [
        "assess",
        "contain",
        "restore",
        "verify",
        "aftercare",
    ]
    assert policy.protocol.extends == ("./shop.yaml", "standard")
    assert policy.protocol.terms == {"commander": "Captain"}


def test_null_removes_and_may_be_followed_by_a_new_value_further_up(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        replaced={
            "middle.yaml": "schema: allstop/1\nname: middle\nextends: ./shop.yaml\nobligations: {review: null, report: null}\n",
            "protocol.yaml": "schema: allstop/1\nname: top\nextends: ./middle.yaml\nobligations: {report: {title: New, owner: scribe, within: 2d}}\nremedy: {approve: null}\n",
        },
    )
    assert found.policy is not None
    owed = {each.id: each.within_ms for each in found.policy.protocol.obligations}
    assert owed == {"first-findings": 3_600_000, "post-mortem": 172_800_000, "report": 172_800_000}
    assert found.policy.protocol.remedy.approve == ""


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
    document = protocol(tmp_path, "all_stop: {roll_call: 6m}\n").documents.protocol
    assert document is not None
    assert (
        document.at("all_stop", "roll_call").file,
        document.at("all_stop", "roll_call").line,
    ) == ("protocol.yaml", 4)
    assert document.at("all_stop", "enforce").file == "packs/standard.yaml"


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


# --- the standard pack -------------------------------------------------------------------------------


def test_every_pack_is_without_problems(tmp_path: Path) -> None:
    for name in packs():
        channels = "audiences: {responders: {channels: [console]}, stakeholders: {channels: [console]}, public: {channels: [console]}}"
        found = project(
            tmp_path,
            replaced={
                "protocol.yaml": f"schema: allstop/1\nname: x\nextends: {name}\n{channels}\n"
            },
        )
        assert render(found.problems) == ""


def test_the_standard_pack_grants_every_action(shop: Policy) -> None:
    assert {grant.action for grant in shop.protocol.authority} == set(ACTIONS)


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
def test_the_standard_classification(shop: Policy, impact: Impact, severity: str) -> None:
    assert classify(shop.protocol, impact).severity == severity


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
    shop: Policy, facts: dict[str, bool | int], remedy: str
) -> None:
    """Each contradiction of the source rules, with the answer the pack gives (CH-04)."""
    decision = decide_by_table(shop.protocol, facts)
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
    assert page.split(MARK)[1] == reference(), (
        "write reference() behind the mark of docs/documents.md"
    )
    assert all(code in page for code in CODES)


def test_the_examples_of_the_page_are_true(tmp_path: Path) -> None:
    """Its three YAML examples, in their order, are a project without errors."""
    blocks = [part.split("```")[0] for part in PAGE.read_text("utf-8").split("```yaml\n")[1:4]]
    for name, block in zip(("protocol.yaml", "fleet.yaml", "roster.yaml"), blocks, strict=True):
        (tmp_path / name).write_text(block, "utf-8")
    problems = load(tmp_path, CATALOGUE).problems
    assert render(problems) == ""


def test_there_is_a_json_schema_for_editors() -> None:
    schemas = json_schemas()
    assert set(schemas) == {"protocol.yaml", "fleet.yaml", "roster.yaml"}
    assert schemas["protocol.yaml"]["properties"]["schema"]["const"] == "allstop/1"
    assert DOCUMENTS.is_dir()
