"""The aftercare of a protocol, from the document to the policy, and against the fleet."""

from __future__ import annotations

from pathlib import Path

from allstop.domain.policy import Watch
from tests.protocol.projects import SHOP, project

PROTOCOL = """
schema: allstop/1
name: team
extends: ./shop.yaml
reopen_within: 24h
aftercare:
  hour: {title: Health, lasts: 1h, every: 10m, probes: all, fall: 2, when_bad: tell, severities: [SEV1]}
  errors: {lasts: 4h, every: 15m, probes: [buying], failed_share: 2}
  day: {lasts: 24h}
"""


def test_every_key_of_a_watch_reaches_the_policy(tmp_path: Path) -> None:
    """Given watches of every form, when they are compiled, then `all`, names and nothing stay apart."""
    found = project(tmp_path, replaced={"protocol.yaml": PROTOCOL})
    assert found.policy is not None
    assert found.problems == ()
    hour, minute = 3_600_000, 60_000
    assert found.policy.protocol.aftercare == (
        Watch("hour", "Health", hour, 10 * minute, (), None, 2, "tell", ("SEV1",)),
        Watch("errors", "errors", 4 * hour, 15 * minute, ("buying",), 2),
        Watch("day", "day", 24 * hour),
    )


def test_error_rates_that_no_meter_measures_are_named(tmp_path: Path) -> None:
    """Given a fleet without meters, when a watch asks for the share of requests that fail, then the
    checker says beforehand that it will end inconclusive."""
    fleet = (SHOP / "fleet.yaml").read_text("utf-8").split("\nmeters:")[0] + "\n"
    found = project(tmp_path, replaced={"protocol.yaml": PROTOCOL, "fleet.yaml": fleet})
    assert [(one.code, one.line) for one in found.problems] == [("AP157", 8)]
    assert "ends inconclusive" in str(found.problems[0])


def test_a_child_takes_a_watch_away_or_changes_one_key_of_it(tmp_path: Path) -> None:
    """Given a protocol with watches, when another extends it, then what it does not name stays."""
    child = "schema: allstop/1\nname: child\nextends: ./team.yaml\naftercare:\n  day: null\n  hour: {every: 5m}\n"
    found = project(tmp_path, replaced={"team.yaml": PROTOCOL, "protocol.yaml": child})
    assert found.policy is not None
    hour, errors = found.policy.protocol.aftercare
    assert (hour.id, hour.every_ms, hour.title) == ("hour", 300_000, "Health")
    assert errors.id == "errors"
