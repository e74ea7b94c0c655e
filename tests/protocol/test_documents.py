"""One file per mistake, and the good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.domain.policy import Policy
from allstop.protocol import CODES, load, render
from tests.protocol.projects import CATALOGUE, DOCUMENTS, project

BAD = sorted((DOCUMENTS / "bad").iterdir())
GOOD = sorted(path for path in (DOCUMENTS / "good").iterdir() if path.is_dir())


def expected(path: Path) -> list[str]:
    """The codes in the comment of the first line."""
    first = path.read_bytes().split(b"\n", 1)[0].decode()
    assert first.startswith("# expect: "), path
    return first.removeprefix("# expect: ").split()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_gives_exactly_its_problems(path: Path, tmp_path: Path) -> None:
    name = path.stem.split("-")[0] + ".yaml"
    found = project(tmp_path, replaced={name: path.read_bytes()})
    assert sorted(each.code for each in found.problems) == expected(path), render(found.problems)
    assert (found.policy is None) == any(CODES[code][0] == "error" for code in expected(path))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_problem_has_a_place_in_a_file_that_is_there(path: Path, tmp_path: Path) -> None:
    name = path.stem.split("-")[0] + ".yaml"
    for each in project(tmp_path, replaced={name: path.read_bytes()}).problems:
        assert each.file in {
            "protocol.yaml",
            "fleet.yaml",
            "roster.yaml",
            "packs/standard.yaml",
            "shop.yaml",
        }
        assert each.line >= 1
        assert each.column >= 1
        assert "\n" not in str(each)


def test_every_code_has_a_file_that_shows_it() -> None:
    shown = {code for path in BAD for code in expected(path)}
    # These need more than one small file; their tests are in test_reader, test_tables and test_load.
    assert set(CODES) - shown == {"AP001", "AP009", "AP089"}


@pytest.mark.parametrize("folder", GOOD, ids=lambda path: path.name)
def test_a_good_project_compiles_without_a_single_problem(folder: Path) -> None:
    found = load(folder, CATALOGUE)
    assert render(found.problems) == ""
    assert isinstance(found.policy, Policy)
