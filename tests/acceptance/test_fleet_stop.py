"""The whole shop is stopped in order and brought back: judged by what the demo saw, not by what it was told."""

from __future__ import annotations

from typing import Any

import pytest

from allstop.sandbox import reaping
from tests.acceptance.demos import SECONDS, Line, left_of, lives, run_demo, run_until

SERVICES = {"gateway", "accounts", "catalog", "payments", "orders", "analytics"}


def commands(lines: list[Line]) -> dict[str, Any]:
    """What each command of the people answered, by its words."""
    return {" ".join(one["command"]): one for one in lines if one["type"] == "command"}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 20)
def test_the_whole_shop_stops_in_order_and_comes_back_and_nothing_is_lost() -> None:
    """Given a shop that sells, when everything is stopped and brought back, then no edge broke and no order is lost."""
    code, lines = run_demo("--scenario", "fleet-stop", window="4s")

    answers = commands(lines)
    summary = lines[-1]
    assert code == 0, lines[-4:]
    assert all(good for _, good in summary["checks"])
    figures = summary["figures"]
    assert figures["orders_acknowledged"] > 0
    assert figures["orders_lost"] == 0
    assert 0 < figures["longest_path_seconds"] <= figures["stop_seconds"]
    assert figures["longest_path"][0] == "gateway"

    # The preview said what, against which rules, and who must agree; before that nothing ran.
    stop = answers["plan stop all"]["answer"]
    assert {one["service"] for one in stop["nodes"]} == SERVICES
    assert {one["rule"] for one in stop["bites"]} == {"largest-share", "protected"}
    assert (stop["people"], stop["outlook"]["critical"]) == (2, ["gateway", "orders", "catalog"])
    assert stop["outlook"]["whole_ms"] >= stop["outlook"]["bound_ms"] > 0
    assert stop["outlook"]["at_risk"] == []
    assert not any("unproven" in one["rule"] for one in stop["bites"])
    steps = {one["id"]: one for one in stop["steps"]}
    assert steps["stop-orders"]["after"] == ["verify-snapshot-orders"]
    assert all(one["proven"] for one in steps.values())
    assert answers["plan run PLAN-1"]["exit"] != 0
    refused = [
        at for at, one in enumerate(lines) if one.get("command") == ["plan", "run", "PLAN-1"]
    ]
    signed = [at for at, one in enumerate(lines) if "approves PLAN-1" in one.get("text", "")]
    assert len(signed) == 2
    assert refused[0] < signed[0]

    # The kernel's word on when each process ended.
    (ends,) = (one["rows"] for one in lines if one["type"] == "table")
    order = [one["service"] for one in ends]
    assert set(order) == SERVICES
    assert order[0] == "gateway"
    assert order.index("orders") < order.index("catalog")

    # And back, each stage behind its gate.
    back = answers["plan recover --incident INC-1"]["answer"]
    gates = [one["id"] for one in back["nodes"] if not one["service"]]
    assert gates == ["stage:foundation", "stage:books", "stage:front"]
    shares = [one["id"] for one in back["steps"] if one["id"].startswith("scale-")]
    assert shares == [f"scale-{one}-gateway" for one in (1, 5, 25, 50, 100)]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_a_demo_that_is_killed_while_everything_stops_is_cleared_away_at_the_next_start() -> None:
    """Given a stop that was killed in the middle, when another demo starts, then nothing of the first is left."""
    run_until(lambda line: "approves PLAN-1" in line.get("text", ""), "halfway", "--scenario", "fleet-stop")  # fmt: skip
    left = left_of("halfway")
    assert left, "the shop should have outlived its driver"

    try:
        run_until(lambda line: "cleared away" in line.get("text", ""), "next")

        assert not [one for one in left if lives(one)]
    finally:
        reaping.reap_stale()
