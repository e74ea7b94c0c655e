"""Story files: what is read, and every mistake at its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allstop.protocol.rehearsal import read_story
from allstop.protocol.rehearsal.deeds import DEEDS, WORLD_DEEDS
from allstop.protocol.rehearsal.story import StoryDocument
from tests.protocol.rehearsal.stories import HEAD, played, story

DECLARE = "  - {at: 0s, by: 'person:owner', do: declare, with: {title: x}}\n"
# By name: a text and its problems.
BAD = {
    "no steps": ("lasts: 5m\n", ["1:1: AP020 `steps` is missing"]),
    "empty steps": ("steps: []\n", ["3:1: AP021 `steps` must not be empty|AP027"]),
    "unknown deed": ("steps:\n  - {do: explode}\n", ["4:5: AP021 .*`do` must be one of declare, propose, .*"]),
    "unknown field": (
        "steps:\n  - {do: ack, by: 'person:a', with: {who: me}}\n",
        [r"4:5: AP021 .*ack has no field who; it has: incident"],
    ),
    "unknown key": ("steps:\n  - {do: ack, bye: 'person:a'}\n", ['4:15: AP003 unknown key "bye".*']),
    "no deed": ("steps:\n  - {at: 5m}\n", ["4:5: AP020 `steps.0.do` is missing"]),
    "not a duration": ("steps:\n  - {at: soon, do: ack}\n", [r"4:6: AP022 `steps.0.at` must be a duration .*"]),
    "not a time": ("start: yesterday\nsteps:\n" + DECLARE, ["3:1: AP021 `start` must be a time such as .*"]),
    "no zone": ("start: 2026-11-20T22:00:00\nsteps:\n" + DECLARE, ["3:1: AP021 `start` must be a time such as .*"]),
    "a list of text": (
        "steps:\n  - {do: silent, with: {agents: everybody}}\n",
        ["4:5: AP021 .*silent: agents must be a list of texts"],
    ),
    "a number": (
        "steps:\n  - {do: points, with: {points: many, team: a, because: b}}\n",
        ["4:5: AP021 .*points: points must be a whole number"],
    ),
    "good": ("steps:\n  - {do: probes, with: {good: perhaps}}\n", ["4:5: AP021 .*good must be true, false, or null .*"]),
    "text": ("steps:\n  - {do: note, with: {text: {a: b}}}\n", ["4:5: AP021 .*note: text must be text"]),
    "alias": ("steps: &a\n" + DECLARE + "expect: *a\n", ["3:8: AP005 .*", "5:9: AP005 .*"]),
    "not yaml": ("steps: [\n", ["AP002"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_mistakes_and_their_lines(name: str, tmp_path: Path) -> None:
    text, expected = BAD[name]
    file = tmp_path / "bad.story.yaml"
    file.write_text(HEAD + text, "utf-8")
    found, problems = read_story(file)
    assert found is None
    said = [str(one).removeprefix(f"{file}:") for one in problems]
    assert len(said) == len(expected), said
    for one, pattern in zip(said, expected, strict=True):
        assert any(matches(part, one) for part in pattern.split("|")), said


def matches(pattern: str, text: str) -> bool:
    import re  # noqa: PLC0415

    return re.search(pattern, text) is not None


def test_another_schema_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "a.story.yaml"
    file.write_text("schema: allstop/1\nsteps:\n" + DECLARE)
    assert [one.code for one in read_story(file)[1]] == ["AP028"]
    assert [one.code for one in read_story(tmp_path / "none.yaml")[1]] == ["AP001"]


# What can only be seen when it is played.
PLAYED_BAD = {
    "nobody": ("steps:\n  - {do: ack}\n", r"4:5: `by` is person:NAME, agent:NAME or source:NAME, not ''"),
    "no such kind": ("steps:\n  - {do: ack, by: 'robot:r'}\n", r"4:5: `by` is person:NAME, .* not 'robot:r'"),
    "a field is missing": ("steps:\n  - {do: note, by: 'person:owner'}\n", r"4:5: note: 'text' is missing"),
    "impact": (
        "steps:\n  - {do: declare, by: 'person:owner', with: {title: x, impact: {rain: 5}}}\n",
        r"4:5: declare: impact has no rain",
    ),
    "money": (
        "steps:\n  - {do: declare, by: 'person:owner', with: {title: x, impact: {lost_per_hour: much}}}\n",
        r"4:5: declare: lost_per_hour is money such as 5000 USD",
    ),
    "impact that is no list": (
        "steps:\n  - {do: declare, by: 'person:owner', with: {title: x, impact: {core_functions_down: buying}}}\n",
        r"4:5: declare: core_functions_down is a list of names",
    ),
    "impact that is no number": (
        "steps:\n  - {do: measure, by: 'person:owner', with: {impact: {users: many}}}\n",
        r"4:5: measure: users is a whole number, 0 or more",
    ),
    "impact below nothing": (
        "steps:\n  - {do: measure, by: 'person:owner', with: {impact: {users: -1}}}\n",
        r"4:5: measure: users is a whole number, 0 or more",
    ),
    "impact that is neither yes nor no": (
        "steps:\n  - {do: measure, by: 'person:owner', with: {impact: {breach: maybe}}}\n",
        r"4:5: measure: breach is true or false",
    ),
    "impact that is none of them": (
        "steps:\n  - {do: measure, by: 'person:owner', with: {impact: {compliance: bent}}}\n",
        r"4:5: measure: compliance is one of none, possible, violated",
    ),
    "fails nothing": ("steps:\n  - {do: fails}\n", r"4:5: fails: it names none of verb, evidence, check, channel"),
    "finds nothing": ("steps:\n  - {do: finds, with: {facts: {a: 1}}}\n", r"4:5: finds: it names no evidence"),
    "no service": ("steps:\n  - {do: known-good}\n", r"4:5: known-good: 'service' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAYED_BAD)
def test_what_does_not_fit_is_said_with_its_line(name: str, tmp_path: Path) -> None:
    text, why = PLAYED_BAD[name]
    with pytest.raises(ValueError, match=why):
        played(tmp_path, text)


def test_steps_are_played_in_the_order_of_their_times(tmp_path: Path) -> None:
    text = "steps:\n  - {at: 5m, by: 'person:owner', do: note, with: {text: x}}\n" + DECLARE
    assert [one.do for one in story(tmp_path, text).steps] == ["declare", "note"]


def test_the_schema_knows_every_deed() -> None:
    schema = StoryDocument.model_json_schema(by_alias=True)
    text = json.dumps(schema)
    assert all(f" {deed}" in text for deed in (*DEEDS, *WORLD_DEEDS))
    assert schema["properties"]["schema"]["const"] == "allstop-story/1"
    assert schema["required"] == ["schema", "steps"]
    assert set(schema["$defs"]["StepDocument"]["properties"]) == {"at", "by", "do", "with"}
