"""Stories in a few words, read and played as files are."""

from __future__ import annotations

from pathlib import Path

from allstop.protocol import load_protocol
from allstop.protocol.rehearsal import (
    Played,
    Story,
    cast_for,
    compare,
    parse_expectation,
    play,
    read_story,
)

HEAD = "schema: allstop-story/1\nprotocol: standard\n"


def story(folder: Path, text: str, head: str = HEAD) -> Story:
    """Read a story; it must have no problem."""
    file = folder / "test.story.yaml"
    file.write_text(head + text, "utf-8")
    found, problems = read_story(file)
    assert found is not None, [str(one) for one in problems]
    return found


def played(folder: Path, text: str, head: str = HEAD) -> Played:
    """Play a story with the protocol it names."""
    return play_it(story(folder, text, head))


def play_it(found: Story) -> Played:
    protocol = load_protocol(found.protocol).protocol
    assert protocol is not None
    return play(found, cast_for(protocol, found.services))


def wrong(it: Played, *texts: str) -> list[tuple[str, str]]:
    """The expectations that do not hold, with what was found instead."""
    return compare(it, [parse_expectation(one) for one in texts])
