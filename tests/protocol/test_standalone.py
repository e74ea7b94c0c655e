"""One protocol without fleet and roster: what is left out, what is still found, how far tables answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from allstop.domain.conditions import all_hold
from allstop.domain.policy import ApprovalRow, Approvals, Condition, Protocol
from allstop.domain.policy.tables import Scalar
from allstop.protocol import load_protocol, packs, totality
from allstop.protocol.inherit import every_pack
from tests.protocol.projects import SHOP

HEAD = "schema: allstop/1\nname: team\nextends: ./shop.yaml\n"


def written(folder: Path, text: str) -> Path:
    """The shop's protocol with some of it changed, as a file of its own."""
    (folder / "shop.yaml").write_bytes((SHOP / "protocol.yaml").read_bytes())
    (folder / "team.yaml").write_text(HEAD + text, "utf-8")
    return folder / "team.yaml"


def compiled(folder: Path, text: str) -> Protocol:
    found = load_protocol(written(folder, text))
    assert found.protocol is not None, found.problems
    return found.protocol


# --- loading -----------------------------------------------------------------------------------------


def test_a_file_is_loaded_without_asking_who_is_there(tmp_path: Path) -> None:
    """Given names only a roster or a fleet could know, when the file is loaded alone, then they pass."""
    text = """
escalation: ["person:nobody-knows", owner]
crews: {repair: {teams: [unheard-of]}}
stand_down: {buys: {probe: [not-watched]}}
approvals: {table: [{by: ["person:x", "team:y"], people: 9, because: nine of them}]}
"""
    found = load_protocol(written(tmp_path, text))
    assert found.problems == ()
    assert found.protocol is not None
    assert found.protocol.extends == ("./shop.yaml",)


def test_what_the_protocol_itself_gets_wrong_is_still_said(tmp_path: Path) -> None:
    text = 'escalation: [pilot]\nclosing: {SEV1: ["form:nothing"]}\nauthority: {form: []}\n'
    text += "phases: {assess: {exit: {briefed: {form: briefing}}}}\n"
    found = load_protocol(written(tmp_path, text))
    assert found.protocol is None
    assert [each.code for each in found.problems] == ["AP041", "AP113", "AP062", "AP131"]


def test_a_file_that_is_not_there_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    found = load_protocol(tmp_path / "nothing.yaml")
    assert (found.protocol, found.document) == (None, None)
    assert [each.code for each in found.problems] == ["AP001"]


def test_a_name_that_is_no_pack_is_taken_for_a_file(tmp_path: Path) -> None:
    assert [each.code for each in load_protocol("standart").problems] == ["AP001"]


def test_what_is_only_made_to_be_extended_says_so() -> None:
    """Given `base`, which packs extend, when somebody asks for it, then they are pointed at the packs."""
    abstract = set(every_pack()) - set(packs())
    assert "base" in abstract
    for name in abstract:
        (problem,) = load_protocol(name).problems
        assert problem.code == "AP033"
        assert "known: " in problem.hint


@pytest.mark.parametrize("name", packs())
def test_every_pack_stands_by_itself(name: str) -> None:
    found = load_protocol(name)
    assert [str(each) for each in found.problems] == []
    assert found.protocol is not None
    assert found.protocol.name == name


# --- totality ----------------------------------------------------------------------------------------


def test_situations_are_counted_as_the_product_of_what_tests_can_tell_apart(tmp_path: Path) -> None:
    """Given tests of two facts, then every combination of their distinguishable values counts once."""
    text = """
remedy:
  table:
    - {remedy: fix, when: {fix_minutes: {less_than: 15}}, because: short}
    - {remedy: rollback, when: {fix_minutes: {more_than: 30}, breach: false}, because: long}
    - {remedy: investigate, because: the rest}
"""
    remedy = totality(compiled(tmp_path, text))[1]
    # minutes: below 15, 15 to 30, above 30, unknown; breach: yes, no, unknown
    # (yes and unknown fail the same tests, but unknown is a situation of its own).
    assert (remedy.name, remedy.rows, remedy.situations) == ("remedy", 3, 4 * 3)
    assert (remedy.gaps, remedy.contradictions, remedy.dead, remedy.exact) == (0, 0, 0, True)


def test_gaps_are_counted_exactly() -> None:
    """Given a table with holes, then the count is what trying every situation gives."""
    found = load_protocol(SHOP / "protocol.yaml").protocol
    assert found is not None
    rows = [
        (Condition("severity_rank", "at_most", 2), Condition("protected", "is", True)),
        (Condition("purpose", "is", "contain"),),
        (Condition("emergency", "is", True), Condition("purpose", "is_not", "change")),
    ]
    broken = _with_approvals(found, rows)
    (approvals,) = [each for each in totality(broken) if each.name == "approvals"]
    values: list[list[Scalar]] = [
        [1, 3],
        [True, False],
        ["contain", "remedy", "change"],
        [True, False],
    ]
    names = ("severity_rank", "protected", "purpose", "emergency")
    situations = [dict(zip(names, each, strict=True)) for each in product(*values)]
    missed = [facts for facts in situations if not any(all_hold(row, facts) for row in rows)]
    assert approvals.situations == len(situations)
    assert approvals.gaps == len(missed)


def test_the_same_tests_with_another_answer_are_a_contradiction() -> None:
    found = load_protocol(SHOP / "protocol.yaml").protocol
    assert found is not None
    test = (Condition("protected", "is", True),)
    (approvals,) = [
        each
        for each in totality(_with_approvals(found, [test, test, ()], people=(1, 2, 1)))
        if each.name == "approvals"
    ]
    assert (approvals.contradictions, approvals.dead, approvals.gaps) == (1, 1, 0)


@pytest.mark.parametrize("name", packs())
def test_the_tables_of_every_pack_answer_every_situation(name: str) -> None:
    found = load_protocol(name).protocol
    assert found is not None
    for table in totality(found):
        assert table.exact, table.name
        assert (table.gaps, table.contradictions, table.dead) == (0, 0, 0), table
        assert table.situations >= table.rows


def _with_approvals(
    protocol: Protocol, rows: list[tuple[Condition, ...]], people: tuple[int, ...] = ()
) -> Protocol:
    counts = people or (1,) * len(rows)
    table = tuple(
        ApprovalRow(when, (), count, "x") for when, count in zip(rows, counts, strict=True)
    )
    return replace(protocol, approvals=Approvals(table))
