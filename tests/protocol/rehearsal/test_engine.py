"""The rehearsal itself: virtual time, a coordinator that is down, silence, and what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.domain.moment import between
from allstop.protocol.rehearsal import Played, still_owed
from allstop.protocol.rehearsal.cast import INTERVAL_MS
from tests.protocol.rehearsal.stories import played, wrong

DECLARE = "  - {at: 0s, by: 'person:owner', do: declare, with: {title: Nobody can pay, services: [payments], impact: {core_functions_down: [payments]}}}\n"


def at(it: Played, kind: str) -> list[int]:
    """When entries of a kind were made, in milliseconds from the beginning."""
    return [between(it.start, one.at) for one in it.records if one.kind == kind]


def missed(it: Played) -> list[str]:
    return [one.event.deadline for one in it.records if one.kind == "deadline.missed"]


def test_the_same_story_gives_the_same_entries(tmp_path: Path) -> None:
    text = f"steps:\n{DECLARE}  - {{at: 2m, do: probes, with: {{good: false}}}}\nlasts: 3h\n"
    one, other = played(tmp_path, text), played(tmp_path, text)
    assert one.records == other.records
    assert one.told == other.told


def test_entries_never_go_back_in_time(tmp_path: Path) -> None:
    it = played(
        tmp_path, f"steps:\n{DECLARE}  - {{at: 9m, do: down, with: {{for: 7m}}}}\nlasts: 2h\n"
    )
    times = [one.at for one in it.records]
    assert times == sorted(times)
    assert it.end == max(it.end, *times)


def test_a_deadline_is_missed_at_its_own_instant(tmp_path: Path) -> None:
    """Given nothing that happens around it, when five minutes have passed, then it is missed then."""
    it = played(tmp_path, f"steps:\n{DECLARE}lasts: 6m\n")
    assert at(it, "deadline.missed")[0] == 300_000


@pytest.mark.parametrize("down", ["1m", "30m", "5h"])
def test_what_falls_due_while_it_is_down_is_missed_once_when_it_is_back(
    tmp_path: Path, down: str
) -> None:
    """Given a coordinator that is down over several deadlines, then each is raised once, afterwards."""
    plain = played(tmp_path, f"steps:\n{DECLARE}lasts: 6h\n")
    it = played(
        tmp_path,
        f"steps:\n{DECLARE}  - {{at: 4m30s, do: down, with: {{for: {down}}}}}\nlasts: 5h55m30s\n",
    )
    assert len(missed(it)) == len(set(missed(it)))
    assert {"acknowledge", "rule:briefing", "update:1"} <= set(missed(it)) <= set(missed(plain))
    back = 270_000 + {"1m": 60_000, "30m": 1_800_000, "5h": 18_000_000}[down]
    assert not [
        one
        for kind in {one.kind for one in it.records}
        for one in at(it, kind)
        if 270_000 < one < back
    ]
    assert max(300_000, back) in at(it, "deadline.missed")


def test_two_restarts_double_nothing(tmp_path: Path) -> None:
    text = f"steps:\n{DECLARE}  - {{at: 4m, do: down, with: {{for: 2m}}}}\n  - {{at: 7m, do: down, with: {{for: 2m}}}}\nlasts: 1h\n"
    it = played(tmp_path, text)
    assert len(missed(it)) == len(set(missed(it)))
    assert missed(it).count("acknowledge") == 1


def test_nobody_acts_while_it_is_down(tmp_path: Path) -> None:
    text = f"steps:\n{DECLARE}  - {{at: 1m, do: down, with: {{for: 5m}}}}\n  - {{at: 2m, by: 'person:commander', do: ack}}\nlasts: 10m\n"
    it = played(tmp_path, text)
    assert wrong(it, "refused 3 down", "missed acknowledge") == []


def test_a_silent_agent_is_stopped_by_force(tmp_path: Path) -> None:
    text = "steps:\n  - {do: silent, with: {agents: [agents-2]}}\n" + DECLARE + "lasts: 10m\n"
    it = played(tmp_path, text)
    assert (
        wrong(
            it,
            "recorded 1 roll_call.answered",
            "recorded 1 agent.unaccounted",
            "recorded 1 agent.enforced",
        )
        == []
    )
    assert at(it, "agent.unaccounted") == [300_000]


def test_evidence_is_found_by_its_name_and_of_one_service(tmp_path: Path) -> None:
    text = (
        "steps:\n  - {do: finds, with: {evidence: recent-changes, facts: {head_age_seconds: 60}}}\n"
    )
    text += "  - {do: finds, with: {evidence: payments/health, facts: {load: 3}}}\n  - {do: fails, with: {evidence: resources}}\n"
    it = played(tmp_path, text + DECLARE + "lasts: 1m\n")
    facts = {
        one.event.id: dict(one.event.facts)
        for one in it.records
        if one.kind == "evidence.collected"
    }
    assert facts["payments/recent-changes"] == {"head_age_seconds": 60}
    assert facts["payments/health"] == {"load": 3}
    assert wrong(it, "recorded 1 evidence.failed") == []


def test_a_channel_that_fails_tells_nobody(tmp_path: Path) -> None:
    plain = f"steps:\n{DECLARE}lasts: 1m\n"
    broken = "steps:\n  - {do: fails, with: {channel: to-public}}\n" + DECLARE + "lasts: 1m\n"
    assert wrong(played(tmp_path, plain), "told audience:public") == []
    assert (
        wrong(played(tmp_path, broken), "not told audience:public", "told audience:responders")
        == []
    )


@pytest.mark.parametrize(("deed", "entry"), [("fails", "step.failed"), ("unknown", "step.unknown")])
def test_a_step_that_does_not_end_well_holds_its_plan(
    tmp_path: Path, deed: str, entry: str
) -> None:
    text = f"steps:\n  - {{do: {deed}, with: {{verb: isolate}}}}\n{DECLARE}lasts: 2m\n"
    assert (
        wrong(
            played(tmp_path, text),
            f"recorded {entry}",
            "recorded plan.held",
            "not recorded plan.done",
        )
        == []
    )


def test_probes_that_cannot_look_are_neither_good_nor_bad(tmp_path: Path) -> None:
    it = played(
        tmp_path, f"steps:\n  - {{do: probes, with: {{good: null}}}}\n{DECLARE}lasts: 20m\n"
    )
    seen = {
        sample.good
        for one in it.records
        if one.kind == "samples.recorded"
        for sample in one.event.samples
    }
    assert seen == {None}


def test_rounds_come_at_their_interval_and_thin_out_when_nothing_changes(tmp_path: Path) -> None:
    """Given gates that have seen enough, then one round stands for many, and no gate finds a gap."""
    it = played(tmp_path, f"steps:\n{DECLARE}lasts: 3d\n")
    rounds = at(it, "samples.recorded")
    assert all(one % INTERVAL_MS == 0 for one in rounds[:20])
    assert 20 < len(rounds) < 3 * 86_400_000 / INTERVAL_MS / 3
    gaps = [gate.gaps for gate in it.world.incidents["INC-1"].gates.values()]
    assert gaps
    assert not any(gaps)


def test_a_bad_sample_is_seen_at_the_next_round_however_quiet_it_was(tmp_path: Path) -> None:
    it = played(
        tmp_path, f"steps:\n{DECLARE}  - {{at: 2h, do: probes, with: {{good: false}}}}\nlasts: 5m\n"
    )
    bad = [
        between(it.start, one.at)
        for one in it.records
        if one.kind == "samples.recorded" and not one.event.samples[0].good
    ]
    assert bad[0] - 7_200_000 <= INTERVAL_MS


def test_a_gate_that_takes_a_day_takes_a_day(tmp_path: Path) -> None:
    """Given a watch of a day, when rounds are left out meanwhile, then it ends when the day has passed."""
    head = "schema: allstop-story/1\nprotocol: rollback-first\n"
    text = """
steps:
  - {at: 0s, by: "person:owner", do: declare, with: {title: Checkout fails, services: [payments], impact: {core_functions_down: [payments]}}}
  - {at: 1m, by: "person:commander", do: ack}
lasts: 30h
"""
    it = played(tmp_path, text, head)
    assert it.world.incidents["INC-1"].state == "open"
    assert not any(gate.gaps for gate in it.world.incidents["INC-1"].gates.values())


def test_what_is_owed_at_the_end_is_listed(tmp_path: Path) -> None:
    it = played(tmp_path, f"steps:\n{DECLARE}lasts: 1m\n")
    owed = [id for _, id, _ in still_owed(it)]
    assert "INC-1 acknowledge" in owed
    assert owed == [id for _, id, _ in sorted(still_owed(it))]


def test_the_story_is_played_at_its_own_time(tmp_path: Path) -> None:
    """Given a start on a Friday afternoon, when business hours are counted, then the weekend is none."""
    head = "schema: allstop-story/1\nprotocol: pioneer\nstart: 2026-11-20T16:00:00Z\n"
    text = "steps:\n  - {by: 'person:owner', do: declare, with: {title: x, impact: {users: 3}}}\nlasts: 1m\n"
    it = played(tmp_path, text, head)
    assert wrong(it, "due acknowledge at 3d") == []
