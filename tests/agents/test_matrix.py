"""The published matrix says what was tried, and for every client the gate's own row is a refusal."""

import json

from allstop.runtimes import RUNTIMES
from allstop.runtimes.failures import ANSWERS, GATE
from tests.agents.clients import ROOT
from tests.agents.matrix import COLUMNS, PAGE, RESULTS, page

KEPT = json.loads(RESULTS.read_text("utf-8"))


def test_the_page_is_the_one_that_belongs_to_the_results() -> None:
    assert PAGE.read_text("utf-8") == page(KEPT), "python -m tests.agents.matrix writes it"


def test_every_client_was_tried_with_every_answer() -> None:
    assert set(KEPT) == set(COLUMNS)
    for column in KEPT.values():
        assert set(column["seen"]) == {answer.id for answer in ANSWERS} | {GATE}


def test_under_the_gate_no_client_ran_its_tool() -> None:
    assert {name for name, column in KEPT.items() if column["seen"][GATE]["ran"]} == set()


def test_the_versions_are_the_pinned_ones() -> None:
    pinned = json.loads((ROOT / "tests/agents/package.json").read_text("utf-8"))["dependencies"]
    assert KEPT["codex"]["version"] == pinned["@openai/codex"]
    assert KEPT["gemini"]["version"] == pinned["@google/gemini-cli"]
    assert KEPT["copilot"]["version"] == pinned["@github/copilot"]
    assert set(RUNTIMES) == {name for name, closed in COLUMNS.values()}
