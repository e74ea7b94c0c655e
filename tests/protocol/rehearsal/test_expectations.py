"""Every form of an expectation, where it holds and where it does not, and each with `not`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allstop.protocol import load_protocol
from allstop.protocol.rehearsal import Played, cast_for, parse_expectation, play
from tests.protocol.rehearsal.stories import played, story, wrong

STORY = """
steps:
  - {at: 0s, by: "person:owner", do: declare, with: {title: Nobody can pay, services: [payments], impact: {core_functions_down: [payments]}}}
  - {at: 1m, by: "person:scribe", do: stand-down, with: {reason: it is late}}
  - {at: 7m, by: "person:commander", do: ack}
lasts: 10m
"""
# Each with what is found instead when the other is asked for.
TRUE_FALSE = [
    ("severity INC-1 is SEV1", "severity INC-1 is SEV2", "it is SEV1"),
    ("state INC-1 is open", "state INC-1 is closed", "it is open"),
    ("phase INC-1 is restore", "phase INC-1 is verify", "it is restore"),
    ("kind INC-1 is outage", "kind INC-1 is breach", "it is outage"),
    ("told audience:public", "told person:scribe", "told were: audience:public, .*"),
    (
        "told person:commander by 1m",
        "told person:deputy by 1m",
        "told were: .*|first told after .*",
    ),
    ("halted", "halted team:red", "halts were ordered for: all"),
    ("halted all", "halted agent:x", "halts were ordered for: all"),
    ("due acknowledge at 5m", "due acknowledge at 6m", "due at 5m"),
    ("due rule:assessment at 5m", "due assessment at 9m", "due at 5m"),
    ("missed acknowledge", "missed rule:assessment", "missed at no time"),
    ("missed acknowledge at 5m", "missed acknowledge at 4m", "missed at 5m"),
    ("refused 2", "refused 1", "it was accepted"),
    ("refused 2 no-authority", "refused 2 unknown-incident", "refused with no-authority, .*"),
    ("recorded halt.ordered", "recorded incident.closed", "recorded 0 times"),
    ("recorded 1 halt.ordered", "recorded 2 halt.ordered", "recorded 1 times"),
]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(tmp_path_factory.mktemp("story"), STORY)


@pytest.mark.parametrize(
    ("true", "false", "instead"), TRUE_FALSE, ids=[one[0] for one in TRUE_FALSE]
)
def test_each_form(it: Played, true: str, false: str, instead: str) -> None:
    assert wrong(it, true, f"not {false}") == []
    ((text, found),) = wrong(it, false)
    assert (text, re.fullmatch(instead, found) is not None) == (false, True), found
    assert wrong(it, f"not {true}") == [(f"not {true}", f"{true}: it was so")]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("severity INC-9 is SEV1", "there is no INC-9"),
        ("told audience:pubic", "there is no audience:pubic"),
        ("told person:nobody", "there is no person:nobody"),
        ("told somebody", "there is no somebody"),
        ("missed master", "there is no deadline master; there were: acknowledge, .*"),
        ("due master at 5m", "there is no deadline master; there were: acknowledge, .*"),
        ("refused 9", "the story has 3 steps"),
        ("refused 0", "the story has 3 steps"),
    ],
)
def test_what_does_not_exist_holds_neither_way(it: Played, text: str, instead: str) -> None:
    """Given a slip of the pen, when `not` stands before it, then it does not pass for that reason."""
    for one in (text, f"not {text}"):
        ((_, found),) = wrong(it, one)
        assert re.fullmatch(instead, found), found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "severity of INC-1 is SEV1",
            "cannot read the expectation .*; see `allstop protocol rehearse --help`",
        ),
        ("", "cannot read the expectation ''.*"),
        ("not", "cannot read the expectation 'not'.*"),
        ("told person:owner by soon", "cannot read the expectation .*"),
        (
            "told person:owner by 1m1",
            "cannot read the expectation .*: must be a duration such as .*",
        ),
        (
            "missed acknowledge at 5",
            "cannot read the expectation .*: must be a duration such as .*",
        ),
        (
            "recorded incident.opened",
            "cannot read the expectation .*: there is no entry incident.opened .*",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_expectation(text)


def test_blanks_do_not_count_and_the_text_stays(it: Played) -> None:
    assert parse_expectation("  halted   all ").text == "  halted   all "
    assert wrong(it, "  halted   all ") == []


def test_a_story_without_an_incident(tmp_path: Path) -> None:
    it = played(tmp_path, "steps: [{do: probes, with: {good: true}}]\n")
    assert wrong(it, "not halted", "not recorded halt.ordered") == []
    assert wrong(it, "halted") == [("halted", "halts were ordered for: nobody")]
    assert wrong(it, "told person:owner") == [("told person:owner", "told were: nobody")]


def test_audiences_that_share_a_channel_are_all_told(tmp_path: Path) -> None:
    """Given two audiences with one channel, where a message is posted once, then both count as told."""
    file = tmp_path / "own.yaml"
    shared = "audiences: {responders: {channels: [chat]}, public: {channels: [chat]}}\n"
    file.write_text(f"schema: allstop/1\nname: own\nextends: standard\n{shared}", "utf-8")
    protocol = load_protocol(file).protocol
    assert protocol is not None
    it = play(story(tmp_path, STORY), cast_for(protocol, {}))
    assert (
        wrong(it, "told audience:responders", "told audience:public", "told audience:stakeholders")
        == []
    )
