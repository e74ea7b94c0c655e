"""The stories under examples/ hold, and name every pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol import packs
from allstop.protocol.rehearsal import read_story
from tests.protocol.rehearsal.stories import play_it, wrong

STORIES = sorted((Path(__file__).parents[3] / "examples" / "stories").glob("*.story.yaml"))


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.name.removesuffix(".story.yaml"))
def test_it_comes_to_what_it_expects(file: Path) -> None:
    story, problems = read_story(file)
    assert story is not None, [str(one) for one in problems]
    assert len(story.expect) >= 3
    it = play_it(story)
    assert wrong(it, *(text for text, _ in story.expect)) == []
    expected = {text.split()[1] for text, _ in story.expect if text.startswith("refused")}
    assert expected == {str(it.steps.index(one.place) + 1) for one in it.refusals}


def test_every_pack_has_two_or_more() -> None:
    names = [file.name for file in STORIES]
    assert {pack: sum(name.startswith(f"{pack}-") for name in names) for pack in packs()} == {
        pack: 3 if pack == "standard" else 2 for pack in packs()
    }
