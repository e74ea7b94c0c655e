"""Options of adapters: strict, but for what a plan has filled in as a number where text is wanted."""

from __future__ import annotations

import pytest
from pydantic import Field

from allstop.adapters.mechanisms.options import Options, read_options
from allstop.domain.planning.node_steps import filled


class Scaling(Options):
    percent: int = 0
    share: str = ""
    argv: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)


def test_a_share_is_a_number_where_a_number_is_wanted_and_text_where_text_is() -> None:
    options = {"percent": "{percent}", "share": "{percent}", "argv": ["scale", "{percent}"], "env": {"SHARE": "{percent}"}}  # fmt: skip
    found = read_options(Scaling, filled(options, 60))
    assert found == Scaling(percent=60, share="60", argv=["scale", "60"], env={"SHARE": "60"})


@pytest.mark.parametrize(
    "options",
    [
        {"percent": "60"},
        {"share": True},
        {"share": 1.5},
        {"share": 60, "percent": "x"},
        {"shares": "x"},
        {"env": {5: "x"}},
        {"env": {5: 6}},
    ],
)
def test_everything_else_is_refused_as_before(options: dict[str, object]) -> None:
    assert isinstance(read_options(Scaling, options), str)


def test_what_was_handed_over_is_left_as_it_is() -> None:
    options = {"argv": ["scale", 60]}
    assert isinstance(read_options(Scaling, options), Scaling)
    assert options == {"argv": ["scale", 60]}
