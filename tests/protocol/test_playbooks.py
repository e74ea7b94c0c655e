"""Playbooks as files: found, merged with what they extend, checked against the project, compiled."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from allstop.application.codec import read_policy, write_policy
from allstop.domain.policy import Playbook, PlaySort
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import Loaded, json_schemas
from allstop.protocol.check import check
from allstop.protocol.compile_playbook import compile_playbook
from allstop.protocol.project import read_documents
from allstop.protocol.read_playbooks import (
    MOST_FILES,
    built_in,
    built_in_text,
    read_built_in,
    read_playbooks,
)
from allstop.protocol.reader import plain, read
from tests.protocol.projects import project

MINE = """\
schema: allstop/1
extends: trading
name: mine
title: Ours
for: {kinds: [outage]}
services:
  entry: {targets: [checkout]}
phases:
  halt:
    within: 1m
    steps:
      regulators: null
      exposure: {role: deputy}
      freeze-queue: {on: [checkout], action: isolate}
  secure: null
  return: null
"""
MINUTE = 60_000


def loaded(folder: Path, **files: str) -> Loaded:
    """The shop with these playbooks, by the names of their files."""
    return project(
        folder, replaced={f"playbooks/{name}.yaml": text for name, text in files.items()}
    )


def only(found: Loaded) -> Playbook:
    assert found.policy is not None, [str(one) for one in found.problems]
    (one,) = found.policy.playbooks
    return one


def told(found: Loaded) -> list[str]:
    return [f"{one.file} {one.code}" for one in found.problems]


def test_a_project_without_playbooks_has_none(tmp_path: Path) -> None:
    found = project(tmp_path, replaced={})
    assert found.policy is not None
    assert found.policy.playbooks == ()


def test_a_file_on_top_of_a_built_in_one_changes_what_it_says_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    found = loaded(tmp_path, mine=MINE)
    one = only(found)
    assert (one.name, one.title, one.kinds, one.extends) == ("mine", "Ours", ("outage",), ("trading",))  # fmt: skip
    (phase,) = one.phases
    assert (phase.title, phase.from_ms, phase.within_ms) == ("Halt trading", 0, MINUTE)
    steps = {each.id: each for each in phase.steps}
    assert list(steps) == ["halt-trading", "freeze-queue", "exposure"]
    assert steps["exposure"].role == "deputy"
    assert steps["exposure"].what.startswith("Compute the exposure")
    assert (steps["freeze-queue"].what, steps["freeze-queue"].on) == ("isolate", ("checkout",))
    assert one.targets_of("entry") == ("checkout",)
    assert one.targets_of("checkout") == ("checkout",)


def test_what_a_built_in_one_names_and_the_protocol_lacks_is_said_and_coped_with(
    tmp_path: Path,
) -> None:
    """Given an audience that the built-in playbook tells and the project does not have, then its own line is
    named with what happens then, and it can be played all the same."""
    wrong = MINE.replace("  secure: null\n", "")
    found = loaded(tmp_path, mine=wrong)
    places = {f"{one.file}:{one.line}" for one in found.problems if one.code == "AP190"}
    lines = built_in_text("trading").splitlines()
    line = next(at for at, text in enumerate(lines, 1) if "tell: customers" in text)
    assert f"built-in/trading.yaml:{line}" in places
    assert {one.code for one in found.problems if one.is_error} == set()
    assert found.policy is not None


def test_a_file_can_extend_another_file(tmp_path: Path) -> None:
    base = (
        "schema: allstop/1\nname: base\nphases: {first: {within: 2m, steps: {a: {task: do it}}}}\n"
    )
    top = "schema: allstop/1\nname: top\nextends: base.yaml\nphases: {first: {within: 3m}}\n"
    found = loaded(tmp_path, base=base, top=top)
    assert found.policy is not None
    assert [(one.name, one.extends) for one in found.policy.playbooks] == [
        ("base", ()),
        ("top", ("base.yaml",)),
    ]
    assert [one.phases[0].within_ms for one in found.policy.playbooks] == [2 * MINUTE, 3 * MINUTE]


def test_two_playbooks_of_one_name_are_told_apart_by_nobody(tmp_path: Path) -> None:
    text = (
        "schema: allstop/1\nname: same\nphases: {first: {within: 2m, steps: {a: {task: do it}}}}\n"
    )
    found = loaded(tmp_path, one=text, two=text)
    assert told(found) == ["playbooks/two.yaml AP187"]


def test_what_looks_like_a_playbook_and_is_not_read_is_said(tmp_path: Path) -> None:
    """A file with another ending would be missed in the night, and only then."""
    found = project(
        tmp_path, replaced={"playbooks/night.yml": "schema: allstop/1\n", "playbooks/notes.md": ""}
    )
    assert told(found) == ["playbooks/night.yml AP188"]
    assert found.policy is not None
    assert found.policy.playbooks == ()


def test_a_file_that_cannot_be_read_keeps_the_policy_from_being_made(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    os.mkfifo(tmp_path / "playbooks" / "pipe.yaml")
    (tmp_path / "playbooks" / "gone.yaml").symlink_to("nowhere.yaml")
    found = project(tmp_path, replaced={})
    assert found.policy is None
    assert told(found) == ["playbooks/gone.yaml AP001", "playbooks/pipe.yaml AP001"]


def test_a_folder_of_something_else_is_not_read_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    for at in range(MOST_FILES + 5):
        (folder / f"p{at:03}.yaml").write_text("")
    found, _, problems = read_playbooks(tmp_path)
    assert len(found) <= MOST_FILES
    assert "105 files" in next(one.text for one in problems if one.code == "AP027")


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "playbooks").write_text("what")
    _, _, problems = read_playbooks(tmp_path)
    assert [one.code for one in problems] == ["AP001"]


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_playbook_is_sound_by_itself(name: str) -> None:
    document = read_built_in(name)
    assert document.model is not None
    one = compile_playbook(document.model)
    assert one.name == name
    assert one.kinds
    assert one.recovery(), "it knows the way back"
    ends = [phase.within_ms for phase in one.phases]
    begins = [phase.from_ms for phase in one.phases]
    assert begins == [0, *ends[:-1]], "each phase begins when the one before ends"
    used = {name for phase in one.phases for step in phase.steps for name in step.on}
    assert used == {each.name for each in one.services}


@pytest.mark.parametrize(
    ("name", "minutes"), [("trading", (2, 10, 60)), ("patient-data", (5, 30, 240))]
)
def test_the_timed_playbooks_have_the_times_they_are_known_for(
    name: str, minutes: tuple[int, ...]
) -> None:
    document = read_built_in(name)
    assert document.model is not None
    one = compile_playbook(document.model)
    assert tuple(phase.within_ms // MINUTE for phase in one.phases) == minutes
    duties = [step for phase in one.phases for step in phase.steps if step.sort is PlaySort.OWE]
    assert [each.within.amount for each in duties if each.within] == [72 * 60 * MINUTE]
    assert duties[0] in one.phases[0].steps


@pytest.mark.parametrize("text", [*map(built_in_text, built_in()), MINE])
def test_an_editor_marks_nothing_in_a_good_playbook(text: str) -> None:
    root, problems = read(text, "x.yaml")
    assert root is not None, problems
    checker = jsonschema_rs.validator_for(json_schemas()["playbook.yaml"])
    assert [error.message for error in checker.iter_errors(plain(root))] == []
    wrong = plain(root) | {"phases": {"first": {"within": "2m", "steps": {"a": {"yell": "x"}}}}}
    assert list(checker.iter_errors(wrong)) != []


def test_the_policy_keeps_its_playbooks_and_older_ones_have_none(tmp_path: Path) -> None:
    policy = loaded(tmp_path, mine=MINE).policy
    assert policy is not None
    text = write_policy(policy)
    assert read_policy(text) == policy
    assert text != write_policy(replace(policy, playbooks=())), "the digest covers them"
    older = text[: text.index('"playbooks"')] + text[text.index('"protocol":') :]
    assert read_policy(older) == replace(policy, playbooks=())


# --- the page ----------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "fleet"
PAGE = (DOCS / "playbooks.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_of_the_page_is_a_playbook_of_every_sort(tmp_path: Path) -> None:
    """It fits the fleet of the neighbouring page, but for a role and a kind that a protocol has."""
    whole = re.findall(
        r"```yaml\n(schema.*?)```", (DOCS / "README.md").read_text("utf-8"), re.DOTALL
    )
    (folder := tmp_path / "playbooks").mkdir()
    (folder / "one.yaml").write_text(BLOCKS[0])
    (tmp_path / "fleet.yaml").write_text(whole[0])
    documents, problems = read_documents(tmp_path)
    assert {one.file for one in problems} == {"protocol.yaml", "roster.yaml"}, "they are not there"
    found = [
        one
        for one in check(documents, catalogue_of(InstalledAdapters()))
        if one.file != "fleet.yaml"
    ]
    assert [str(one) for one in found if one.is_error] == []
    (document,) = documents.playbooks
    assert document.model is not None
    one = compile_playbook(document.model)
    assert {step.sort for phase in one.phases for step in phase.steps} == {
        PlaySort.PLAN, PlaySort.TASK, PlaySort.OWE, PlaySort.TELL, PlaySort.GATE,
    }  # fmt: skip


def test_the_page_tells_how_to_adopt_one(tmp_path: Path) -> None:
    found = loaded(tmp_path, ours=BLOCKS[1])
    assert {one.file for one in found.problems} <= {"playbooks/ours.yaml", "built-in/trading.yaml"}
    missing = {one.text for one in found.problems if one.file == "playbooks/ours.yaml"}
    assert "there is no service order-gateway" in missing, "the shop has no exchange"


def test_what_the_page_links_to_and_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE):
        assert (DOCS / target).exists(), target
    for name in built_in():
        assert f"**{name}**" in PAGE
    for sort in PlaySort:
        assert f"`{sort.value}: " in PAGE
