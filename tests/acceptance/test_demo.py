"""The demo as a newcomer runs it: a whole emergency on real processes, judged by what it printed."""

from __future__ import annotations

import pytest

from tests.acceptance.demos import SECONDS, kinds, left_of, lives, run_demo, run_until


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize(
    ("scenario", "service", "remedy"),
    [
        ("bad-release", "payments", "ROLLBACK"),
        ("killed-process", "orders", "FIX"),
        ("hung-dependency", "catalog", "FIX"),
    ],
)
def test_the_shop_breaks_and_is_brought_back(scenario: str, service: str, remedy: str) -> None:
    """Given a healthy shop, when it breaks, then the emergency runs whole and nothing was lost."""
    code, lines = run_demo("--scenario", scenario)

    story = kinds(lines)
    texts = {line["kind"]: line["text"] for line in lines if line["type"] == "event"}
    summary = lines[-1]
    assert code == 0, lines[-4:]
    assert f"{service} suspected" in texts["incident.declared"]
    assert "SEV1" in texts["severity.classified"]
    assert remedy in texts["remedy.decided"]
    assert story.count("agent.confirmed") == 3
    assert story.index("agent.unaccounted") < story.index("agent.enforced")
    assert story.index("agent.enforced") < story.index("halt.settled")
    assert story.index("halt.settled") < story.index("phase.entered", story.index("halt.settled"))
    assert story.index("milestone.reached") < story.index("incident.stood_down")
    assert story.index("incident.stood_down") < story.index("halt.released")
    assert len(summary["early_refusal"]) >= 5
    assert all(good for _, good in summary["checks"])
    assert f"# {summary['incident']}:" in summary["report"]
    remedies = [
        line
        for line in lines
        if line["type"] == "event" and line["kind"] == "plan.made" and "(remedy)" in line["text"]
    ]
    approved = [
        at
        for at, line in enumerate(lines)
        if line["type"] == "event"
        and line["kind"] == "plan.approved"
        and line["stream"] == remedies[0]["stream"]
    ]
    settled = [at for at, line in enumerate(lines) if line.get("kind") == "halt.settled"]
    assert settled[0] < approved[0], "nothing is changed while an agent may be at work"
    if scenario == "hung-dependency":
        seen = " ".join(text for text, _ in summary["checks"])
        assert "named as the cause: catalog, of 3 unwell services" in seen
        assert "1 %, 5 %, 25 %, 50 %, 100 %" in seen


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS)
def test_what_a_killed_demo_left_behind_is_ended_at_the_next_start() -> None:
    """Given a demo killed with -9, when the next one starts, then no process of the first is left."""
    run_until(lambda line: line.get("kind") == "halt.ordered", "first")
    left = left_of("first")
    assert left, "the shop should have outlived its driver"

    code, lines = run_demo("--scenario", "killed-process")

    assert code == 0, lines[-4:]
    assert any("cleared away" in line.get("text", "") for line in lines)
    assert not [one for one in left if lives(one)]
