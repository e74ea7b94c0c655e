"""What differs between protocols, read on eighty columns, in a pipe and without colours."""

import json
from pathlib import Path

import pytest

from allstop.faces.cli.layout import width
from tests.faces.cli.conftest import Run


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wide as a pipe is taken to be, whatever runs the tests."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "standard", "patronus"), ("diff", "orchestra", "shutdown-coordinator"), ("show", "patronus"),
        ("show", "shutdown-coordinator"), ("list",), ("conformance",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_pages_about_protocols_fit_on_eighty_columns(allstop: Run, words: tuple[str, ...]) -> None:
    lines = allstop("protocol", *words).out.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if width(line) > 80] == []


def test_a_wider_reader_gets_wider_lines(allstop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = allstop("protocol", "show", "patronus").out.splitlines()
    assert max(width(line) for line in lines) > 80


OURS = """\
schema: allstop/1
name: ours
extends: standard
terms: {commander: Captain}
severities:
  SEV1: {respond_within: 3m}
  SEV5:
    title: Cosmetic
    description: Nobody is hindered in anything, and somebody was bothered enough by how it looks to write it down.
    respond_within: 7d
    all_stop: false
    tell: [responders]
"""


def test_each_part_has_its_title_and_long_parts_a_line_for_each_field(
    allstop: Run, home: Path
) -> None:
    """Given a protocol with a changed value and a new part, then both can be read at once."""
    file = home / "ours.yaml"
    file.write_text(OURS)
    ran = allstop("protocol", "diff", "standard", str(file))
    assert ran.code == 1
    out = ran.out
    assert out.startswith("- standard: Standard emergency protocol\n+ ours: ")
    assert (
        "\nseverities\n  SEV1.respond\n    - 5m\n    + 3m\n  + SEV5\n      name         SEV5\n"
        in out
    )
    assert "      description  Nobody is hindered in anything, and somebody was bothered\n" in out
    assert "                   enough by how it looks to write it down.\n" in out
    assert "\nterms\n  + commander: Captain\n" in out
    assert out.count("\nseverities\n") == 1


def test_everything_that_differs_is_on_the_page(allstop: Run) -> None:
    """What is told field by field holds every word of what is told in one line."""
    names = ("rollback-first", "orchestra")
    page = set(allstop("protocol", "diff", *names).out.replace(",", " ").replace(";", " ").split())
    found = json.loads(allstop("protocol", "diff", *names, "--json").out)
    assert len(found) > 100
    for one in found:
        told = f"{one['before']} {one['after']}".replace(",", " ").replace(";", " ").split()
        assert set(told) <= page, one


def test_one_difference_is_one(allstop: Run, home: Path) -> None:
    for name, title in (("a", "One"), ("b", "Other")):
        text = f"schema: allstop/1\nname: same\ntitle: {title}\nextends: standard\n"
        (home / f"{name}.yaml").write_text(text)
    files = [str(home / "a.yaml"), str(home / "b.yaml")]
    out = allstop("protocol", "diff", *files).out
    assert out.endswith("\ntitle\n    - One\n    + Other\n\n1 difference.\n")
    assert "difference" not in allstop("protocol", "diff", *files, "-q").out
    assert allstop("protocol", "diff", files[0], files[0], "-q").out == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [("patronsu", "did you mean patronus?"), ("nothing-like-it", "a file, or one of: allstop protocol list")],
)  # fmt: skip
def test_a_protocol_that_is_not_there(allstop: Run, name: str, hint: str) -> None:
    ran = allstop("protocol", "diff", "standard", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"error: {name} cannot be used: there is no built-in protocol and no file of that name\nhint:  {hint}\n"
    )
