"""The sentence at the top says that the preflight is red before it says that all is well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from allstop.application.shapes import Overview
from allstop.application.standing_shapes import ReadinessLine
from allstop.faces.web.headline import headline
from tests.faces.cli.recorded import QUIET_OVERVIEW

SINCE = datetime(2026, 11, 21, 3, tzinfo=UTC)
RED = ReadinessLine(False, SINCE, 3, ("probes ledger-up: no route", "a", "b"))


def calm(readiness: ReadinessLine | None) -> Overview:
    return replace(QUIET_OVERVIEW, services=(), readiness=readiness)


def test_a_red_preflight_is_not_calm() -> None:
    found = headline(calm(RED), {})
    assert found.tone == "watch"
    assert found.detail == "The preflight is red: probes ledger-up: no route and 2 more"
    assert headline(calm(replace(RED, bad=1)), {}).detail.endswith("no route")


@pytest.mark.parametrize("readiness", [None, ReadinessLine(True, SINCE, 0, ())])
def test_a_green_one_and_one_nobody_has_looked_at_say_nothing(
    readiness: ReadinessLine | None,
) -> None:
    assert headline(calm(readiness), {}).tone == "calm"


def test_it_stands_beside_what_is_down() -> None:
    down = tuple(replace(one, state="down") for one in QUIET_OVERVIEW.services[:1])
    found = headline(replace(calm(RED), services=down), {})
    first, _, second = found.detail.partition(". ")
    assert "1 service down" in first
    assert second.startswith("The preflight is red")
