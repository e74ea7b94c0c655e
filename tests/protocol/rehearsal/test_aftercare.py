"""A rehearsed night goes on after the stand-down: what is watched on looks, and ends."""

from __future__ import annotations

from pathlib import Path

from allstop.protocol.rehearsal import Played
from tests.protocol.rehearsal.stories import played

HEAD = "schema: allstop-story/1\nprotocol: rollback-first\n"
GATES = (
    "agents-accounted", "evidence-in", "assessed", "contained", "remedy-decided", "remedied",
    "answering", "verified", "stable", "resolved", "still-stable", "commander-approves",
)  # fmt: skip


def stood_down(folder: Path, more: str = "") -> Played:
    """The owner ends it over everything, and thirty hours pass."""
    steps = [
        "{at: 0s, by: 'person:owner', do: declare, with: {title: x, severity: P2}}",
        *(
            f"{{at: 1m, by: 'person:owner', do: override, with: {{subject: {one}, because: enough}}}}"
            for one in GATES
        ),
        "{at: 2m, by: 'person:owner', do: stand-down, with: {reason: enough}}",
        more,
    ]
    text = "".join(f"  - {one}\n" for one in steps if one)
    return played(folder, f"steps:\n{text}lasts: 30h\n", HEAD)


def verdicts(it: Played) -> dict[str, str]:
    return {id: one.verdict for id, one in it.world.incidents["INC-1"].aftercare.items()}


def test_all_goes_well_and_every_watch_ends_clean(tmp_path: Path) -> None:
    it = stood_down(tmp_path)
    assert it.refusals == [], [one.reasons for one in it.refusals]
    assert verdicts(it) == dict.fromkeys(("continuous", "hour", "errors", "recurrence"), "clean")


def test_a_coordinator_that_is_down_meanwhile_claims_nothing(tmp_path: Path) -> None:
    it = stood_down(tmp_path, "{at: 40m, do: down, with: {for: 2h}}")
    assert verdicts(it) == {
        "continuous": "clean", "hour": "inconclusive", "errors": "inconclusive",
        "recurrence": "inconclusive",
    }  # fmt: skip


def test_probes_that_go_bad_open_it_again(tmp_path: Path) -> None:
    it = stood_down(tmp_path, "{at: 3h, do: probes, with: {good: false}}")
    assert it.world.incidents["INC-1"].state == "open"
    assert "aftercare.failed" in {one.kind for one in it.records}
