"""The demo as a newcomer runs it: a whole emergency on real processes, judged by what it printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psutil
import pytest

SECONDS = 150


def run_demo(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the lines of `allstop demo --json`."""
    found = subprocess.run(
        [sys.executable, "-m", "allstop", "demo", "--json", "--window", "6s", *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert found.stderr == ""
    return found.returncode, [json.loads(line) for line in found.stdout.splitlines()]


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines if line["type"] == "event"]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize(
    ("scenario", "service", "remedy"),
    [("bad-release", "payments", "ROLLBACK"), ("killed-process", "orders", "FIX")],
)
def test_the_shop_breaks_and_is_brought_back(scenario: str, service: str, remedy: str) -> None:
    """Given a healthy shop, when it breaks, then the emergency runs whole and nothing was lost."""
    code, lines = run_demo("--scenario", scenario)

    story = kinds(lines)
    texts = {line["kind"]: line["text"] for line in lines if line["type"] == "event"}
    summary = lines[-1]
    assert code == 0
    assert f"{service} suspected" in texts["incident.declared"]
    assert "SEV1" in texts["severity.classified"]
    assert remedy in texts["remedy.decided"]
    assert story.count("agent.confirmed") == 3
    assert story.index("agent.unaccounted") < story.index("agent.enforced")
    assert story.index("agent.enforced") < story.index("halt.settled")
    assert story.index("halt.settled") < story.index("plan.approved")
    assert story.index("milestone.reached") < story.index("incident.stood_down")
    assert story.index("incident.stood_down") < story.index("halt.released")
    assert len(summary["early_refusal"]) >= 5
    assert all(good for _, good in summary["checks"])
    assert f"# {summary['incident']}:" in summary["report"]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_what_a_killed_demo_left_behind_is_ended_at_the_next_start() -> None:
    """Given a demo killed with -9, when the next one starts, then no process of the first is left."""
    first = subprocess.Popen(
        [sys.executable, "-m", "allstop", "demo", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DEMO_TEST": "first"},
    )
    assert first.stdout is not None
    for line in first.stdout:
        if json.loads(line).get("kind") == "halt.ordered":
            break
    first.kill()
    first.wait()
    first.stdout.close()
    left = [one for one in psutil.process_iter() if _is_of(one, "first")]
    assert left, "the shop should have outlived its driver"

    code, lines = run_demo("--scenario", "killed-process")

    assert code == 0
    assert any("cleared away" in line.get("text", "") for line in lines)
    assert not [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def _is_of(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("DEMO_TEST") == mark
    except (psutil.Error, OSError):
        return False
