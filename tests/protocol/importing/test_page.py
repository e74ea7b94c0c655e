"""The example on the page about importing is what comes out."""

from __future__ import annotations

import re
from pathlib import Path

from allstop.protocol.importing import import_markdown

PAGE = Path(__file__).parents[3] / "docs" / "protocols" / "importing.md"


def test_the_example_is_true() -> None:
    page = PAGE.read_text("utf-8")
    text, draft = (
        next(iter(re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)))
        for kind in ("markdown", "yaml")
    )
    found = import_markdown(text)
    lines = found.text.split("\n")
    assert [line for line in draft.rstrip("\n").split("\n") if line not in lines] == []
    ((line, told),) = found.unplaced
    assert f"  line {line}  {told}" in page
