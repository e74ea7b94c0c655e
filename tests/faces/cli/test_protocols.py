"""For people who write protocols: looking, checking, comparing, rehearsing, importing."""

import json
from pathlib import Path

import pytest

from tests.faces.cli.conftest import Run

STORY = """\
schema: allstop-story/1
title: A night
protocol: patronus
steps:
  - {at: 0s, by: "person:commander", do: declare, with: {title: shop down, severity: RED}}
expect:
  - severity INC-1 is RED
  - halted all
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    file = tmp_path / "night.yaml"
    file.write_text(STORY)
    return file


def test_listing_and_showing(allstop: Run) -> None:
    ran = allstop("protocol", "list", "-q")
    assert ran.code == 0
    names = ran.out.split()
    assert {"standard", "patronus"} <= set(names)
    assert [one["name"] for one in json.loads(allstop("protocol", "list", "--json").out)] == names
    for name in names:
        found = json.loads(allstop("protocol", "show", name, "--json").out)
        assert found["name"] == name
        out = allstop("protocol", "show", name).out
        assert out.startswith(f"{found['title']}  ({name}")
        for title in ("How bad is it", "Who does what", "The way through it", "Afterwards"):
            assert f"\n{title}\n" in out


def test_what_is_watched_on_afterwards_is_shown_where_there_is_any(allstop: Run) -> None:
    out = allstop("protocol", "show", "rollback-first").out
    assert "  Health every ten minutes    1h   every 10m       opened again\n" in out
    assert "  Half an hour without a gap  30m  at every round  opened again\n" in out
    assert "watched on" not in allstop("protocol", "show", "orchestra").out


def test_showing_the_projects_own(allstop: Run, home: Path) -> None:
    text = 'schema: allstop/1\nname: ours\ntitle: "Ours"\nextends: standard\n'
    (home / "protocol.yaml").write_text(text)
    assert allstop("protocol", "show").out.startswith("Ours  (ours, extends standard and base)\n")
    (home / "protocol.yaml").write_text(text.replace("Ours", "Ours \\e[2J"))
    ran = allstop("protocol", "show")
    assert ran.code == 2
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nope"], 2, "nope cannot be used"),
        (["show", "base"], 2, "is made to be extended"),
        (["diff", "standard", "nope"], 2, "nope cannot be used"),
        (["check", "nope.yaml", "--alone"], 2, "does not exist"),
        (["check", "--alone"], 2, "--alone needs the file of one protocol"),
        (["schema", "nope"], 4, "there is no document nope"),
        (["conformance", "--pack", "nope"], 4, "no clause belongs to nope"),
        (["rehearse", "nope.yaml"], 2, "does not exist"),
        (["import", "nope.md"], 2, "does not exist"),
    ],
)
def test_what_is_not_there_is_explained(
    allstop: Run, words: list[str], code: int, said: str
) -> None:
    ran = allstop("protocol", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "hint:  " in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "protocol.yaml:1:1"),
        ("severities: [", "AP002"),
        ("schema: allstop/1\nname: x\nextends: standard\nseverites: {}\n", "did you mean severities?"),
        ("schema: allstop/1\nname: x\nextends: protocol.yaml\n", "protocol.yaml:3"),
        ("\x00", "AP"),
    ],
)  # fmt: skip
def test_checking_one_alone_names_the_line(allstop: Run, home: Path, text: str, said: str) -> None:
    file = home / "protocol.yaml"
    file.write_text(text)
    ran = allstop("protocol", "check", str(file), "--alone")
    assert ran.code == 2
    assert said in ran.out
    assert (
        json.loads(allstop("protocol", "check", str(file), "--alone", "--json").out)["ok"] is False
    )
    file.write_text("schema: allstop/1\nname: x\nextends: standard\n")
    assert (
        allstop("protocol", "check", str(file), "--alone").out == "protocol.yaml: nothing wrong.\n"
    )


@pytest.mark.parametrize("document", ["protocol", "fleet", "roster", "story"])
def test_schemas_are_json(allstop: Run, document: str) -> None:
    assert json.loads(allstop("protocol", "schema", document).out)["type"] == "object"


def test_differences_have_an_exit_code(allstop: Run) -> None:
    ran = allstop("protocol", "diff", "standard", "standard")
    assert (ran.code, ran.out) == (0, "They say the same.\n")
    ran = allstop("protocol", "diff", "standard", "patronus")
    assert ran.code == 1
    assert ran.out.endswith(" differences.\n")
    found = json.loads(allstop("protocol", "diff", "standard", "patronus", "--json").out)
    assert {"path", "before", "after"} <= set(found[0])


def test_conformance_lists_the_clauses(allstop: Run) -> None:
    ran = allstop("protocol", "conformance", "--pack", "patronus")
    assert ran.code in {0, 1}, "what the last run said is not for this test"
    assert "PT-01" in ran.out
    found = json.loads(allstop("protocol", "conformance", "--json").out)
    assert all(one["state"] for one in found["clauses"])


def test_a_story_is_played(allstop: Run, story: Path) -> None:
    ran = allstop("protocol", "rehearse", str(story))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("A night: Patronus emergency protocol\n")
    assert "ALL-STOP HALT-1" in ran.out
    assert "Falls due later" in ran.out
    assert ran.out.endswith("ok      severity INC-1 is RED\nok      halted all\n")
    assert "\nTold\n" in allstop("protocol", "rehearse", str(story), "--told").out


def test_an_expectation_that_does_not_hold_is_an_exit_code(allstop: Run, story: Path) -> None:
    expect = ("--expect", "severity INC-1 is YELLOW")
    ran = allstop("protocol", "rehearse", str(story), *expect)
    assert ran.code == 1
    assert ran.out.endswith("WRONG   severity INC-1 is YELLOW: it is RED\n")
    ran = allstop("protocol", "rehearse", str(story), "-q", *expect)
    assert (ran.code, ran.out) == (1, "severity INC-1 is YELLOW: it is RED\n")
    ran = allstop("protocol", "rehearse", str(story), "--json", *expect)
    found = json.loads(ran.out)
    assert (ran.code, found["ok"], found["strangers"]) == (1, False, [])
    assert found["expectations"][-1]["instead"] == "it is RED"
    ran = allstop("protocol", "rehearse", str(story), "--expect", "blah")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot read the expectation 'blah'" in ran.err


def test_the_same_story_with_another_protocol(allstop: Run, story: Path) -> None:
    ran = allstop("protocol", "rehearse", str(story), "--protocol", "standard")
    assert ran.code == 1, "standard has no severity RED"
    assert "REFUSED declare" in ran.out
    ran = allstop("protocol", "rehearse", str(story), "--protocol", "nope")
    assert ran.code == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps:", "steps: [", "AP002"),
        ("do: declare", "do: dance", "night.yaml:5:5: AP021 `steps.0` `do` must be one of"),
        ("title: shop down", "titel: shop down", "declare has no field titel"),
        ("at: 0s", "at: 0", "must be a duration"),
        ("at: 0s", "at: -5s", "must be a duration"),
        ("story/1", "story/9", "schema"),
        ("  - severity INC-1 is RED", "  - severity INC-1 is", "cannot read the expectation"),
        ("protocol: patronus", "protocol: patronsu", "patronsu"),
        (STORY, "", "is missing"),
        (STORY, "- a\n", "AP"),
    ],
)
def test_bad_stories_are_explained(
    allstop: Run, story: Path, old: str, new: str, said: str
) -> None:
    story.write_text(STORY.replace(old, new))
    ran = allstop("protocol", "rehearse", str(story))
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hint:  " in ran.err
    assert "report it" not in ran.err


def test_missing_fields_are_refused_or_explained(allstop: Run, story: Path) -> None:
    story.write_text(STORY.replace(", with: {title: shop down, severity: RED}", ""))
    ran = allstop("protocol", "rehearse", str(story))
    assert ran.code in {1, 2}
    assert "title" in ran.out + ran.err
    assert "report it" not in ran.err


def test_somebody_nobody_knows_is_pointed_out(allstop: Run, story: Path) -> None:
    story.write_text(STORY.replace("person:commander", "person:comander"))
    ran = allstop("protocol", "rehearse", str(story))
    first = (
        "warning: line 5: person:comander is not on the roster (did you mean person:commander?)\n"
    )
    assert ran.out.startswith(first)
    assert json.loads(allstop("protocol", "rehearse", str(story), "--json").out)["strangers"]


def test_importing_writes_a_draft_once(allstop: Run, tmp_path: Path) -> None:
    text = tmp_path / "runbook.md"
    text.write_text(
        "# Our runbook\n\n| Severity | Meaning |\n|---|---|\n| P1 | down |\n\nUnplaced \x1b[2J words.\n"
    )
    draft = tmp_path / "drafts" / "ours.yaml"
    ran = allstop("protocol", "import", str(text), "--to", str(draft), "--name", "ours")
    assert ran.code == 0
    assert "values from" in ran.out
    assert "\x1b" not in ran.out
    assert "name: ours" in draft.read_text()
    assert ran.out.endswith(f"next: allstop protocol check {draft} --alone\n")
    ran = allstop("protocol", "import", str(text), "--to", str(draft))
    assert ran.code == 3
    assert "hint:  --force, or --to another file" in ran.err
    ran = allstop("protocol", "import", str(text), "--to", str(draft), "--force", "--json")
    assert {"file", "placed", "unplaced", "problems"} <= set(json.loads(ran.out))
    assert "schema: allstop/1" in allstop("protocol", "import", str(text), "--to", "-").out
    text.write_bytes(b"\xff\xfe")
    ran = allstop("protocol", "import", str(text), "--to", str(draft), "--force")
    assert ran.code == 2
    assert "hint:  it must be Markdown in UTF-8" in ran.err
