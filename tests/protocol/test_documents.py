"""One file per mistake, with what its writer is told, and the good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.domain.policy import Policy
from allstop.protocol import CODES, load, render
from tests.protocol.expectations import BAD, expected, file_of, problems_of
from tests.protocol.projects import CATALOGUE, DOCUMENTS, TODAY, project

GOOD = sorted(path for path in (DOCUMENTS / "good").iterdir() if path.is_dir())
CATEGORIES = {path.parent.name for path in BAD}
FEWEST = 10


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def codes(path: Path) -> list[str]:
    """`protocol.yaml:5:3: AP040 there is no ...`."""
    return [line.split()[1] for line in expected(path)]


@pytest.mark.parametrize("path", BAD, ids=name)
def test_a_bad_file_is_told_exactly_this(path: Path, tmp_path: Path) -> None:
    """Given a file with a mistake, when the project is loaded, then these sentences come, word for word.

    After a wanted change: `python -m tests.protocol.expectations`, and read the difference.
    """
    assert problems_of(path.read_bytes(), path, tmp_path) == expected(path)


@pytest.mark.parametrize("path", BAD, ids=name)
def test_an_error_keeps_the_policy_from_being_compiled_and_a_warning_does_not(
    path: Path, tmp_path: Path
) -> None:
    found = project(tmp_path, replaced={file_of(path): path.read_bytes()})
    assert (found.policy is None) == any(CODES[code][0] == "error" for code in codes(path))
    files = {"protocol.yaml", "fleet.yaml", "roster.yaml", "shop.yaml", "playbooks/playbook.yaml"}
    for each in found.problems:
        assert each.file in files
        assert each.line >= 1
        assert each.column >= 1
        assert "\n" not in str(each)


def test_every_code_has_a_file_that_shows_it() -> None:
    shown = {code for path in BAD for code in codes(path)}
    # These need more than one small file; their tests are in test_reader, test_tables, test_load,
    # test_standalone, test_aftercare and test_playbooks.
    assert set(CODES) - shown == {
        "AP001",
        "AP009",
        "AP033",
        "AP089",
        "AP157",
        "AP187",
        "AP188",
        "AP190",
    }


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_every_part_of_the_language_has_its_worst_mistakes(category: str) -> None:
    assert sum(path.parent.name == category for path in BAD) >= FEWEST


@pytest.mark.parametrize("folder", GOOD, ids=lambda path: path.name)
def test_a_good_project_compiles_without_a_single_problem(folder: Path) -> None:
    found = load(folder, CATALOGUE, TODAY)
    assert render(found.problems) == ""
    assert isinstance(found.policy, Policy)


def test_a_team_that_adopts_the_standard_protocol_can_begin(tmp_path: Path) -> None:
    """Given two people and a fleet, when they write nothing but `extends: standard`, then nothing is wrong.

    The other packs know offices and crews that the shop does not have.
    """
    text = "schema: allstop/1\nname: x\nextends: standard\n"
    found = project(tmp_path, replaced={"protocol.yaml": text})
    assert [str(each) for each in found.problems if each.is_error] == []
