"""Every deed there is, done at least once where it is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.protocol import load_protocol
from allstop.protocol.rehearsal import Played, Story, cast_for, play
from allstop.protocol.rehearsal.deeds import DEEDS, WORLD_DEEDS
from tests.protocol.rehearsal.stories import played, story

# A response from the proposal to the closing, with everything on its way.
RESPONSE = """
steps:
  - {at: 0s, do: probes, with: {good: false}}
  - {at: 0s, do: known-good, with: {service: payments, release: r41}}
  - {at: 0s, do: finds, with: {evidence: recent-changes, facts: {head_age_seconds: 60}}}
  - {at: 0s, by: "person:scribe", do: propose, with: {text: all hands}}
  - {at: 1s, by: "person:owner", do: dismiss, with: {proposal: PROP-1, because: a film}}
  - {at: 2s, by: "source:alerts", do: propose, with: {text: production down, labels: {severity: page}, services: [payments]}}
  - {at: 3s, by: "person:owner", do: confirm, with: {proposal: PROP-2, title: Nobody can pay}}
  - {at: 4s, by: "person:owner", do: measure, with: {impact: {core_functions_down: [payments], lost_per_hour: 5000 USD}}}
  - {at: 5s, by: "person:commander", do: ack}
  - {at: 6s, by: "person:commander", do: triage, with: {text: it is real}}
  - {at: 7s, by: "person:commander", do: severity, with: {severity: SEV2, because: half of them}}
  - {at: 8s, by: "person:commander", do: assign, with: {role: operations, person: operations}}
  - {at: 9s, by: "person:commander", do: handoff, with: {role: commander, to: deputy, notes: a plane}}
  - {at: 10s, by: "person:deputy", do: accept, with: {role: commander}}
  - {at: 20s, by: "person:deputy", do: note, with: {text: looking}}
  - {at: 21s, by: "person:deputy", do: correct, with: {entry: 1, text: it began earlier, because: the logs}}
  - {at: 22s, by: "person:deputy", do: task, with: {title: Look at the logs, owner: "person:scribe"}}
  - {at: 23s, by: "person:deputy", do: assign-task, with: {task: T1, owner: "person:scribe"}}
  - {at: 24s, by: "person:scribe", do: end-task, with: {task: T1}}
  - {at: 25s, by: "person:scribe", do: evidence, with: {kind: log, text: out of memory}}
  - {at: 26s, by: "person:scribe", do: facts, with: {facts: {cause_understood: true}, because: the log}}
  - {at: 27s, by: "person:operations", do: change, with: {title: Set a limit, risk: 2}}
  - {at: 28s, by: "person:operations", do: withdraw, with: {change: CHG-1, note: later}}
  - {at: 29s, by: "person:operations", do: change, with: {title: Set a limit, risk: 2}}
  - {at: 30s, by: "person:deputy", do: approve, with: {subject: "change:CHG-2"}}
  - {at: 31s, by: "person:operations", do: end-change, with: {change: CHG-2, state: made, note: done}}
  - {at: 40s, by: "person:deputy", do: preflight}
  - {at: 50s, by: "person:deputy", do: extend-mode, with: {by: 20h, because: a long night}}
  - {at: 51s, by: "person:deputy", do: end-mode, with: {because: it is over soon}}
  - {at: 1m, by: "person:deputy", do: approve, with: {subject: "plan:PLAN-2"}}
  - {at: 1m30s, do: probes, with: {good: true}}
  - {at: 5m, by: "person:deputy", do: fill, with: {form: briefing, fields: {situation: it works, risk: none}}}
  - {at: 6m, by: "person:communications", do: update, with: {text: it works, status: fixing, expected_in: 20m}}
  - {at: 7m, by: "person:deputy", do: privacy, with: {private: true, because: names}}
  - {at: 19m, by: "person:deputy", do: state, with: {subject: resolved, text: rolled back}}
  - {at: 19m, by: "person:deputy", do: state, with: {subject: root-cause, text: a leak}}
  - {at: 19m, by: "person:deputy", do: state, with: {subject: prevention, text: a limit}}
  - {at: 25m, by: "person:deputy", do: approve, with: {subject: stand-down}}
  - {at: 26m, by: "person:deputy", do: stand-down, with: {reason: it works}}
  - {at: 30m, by: "person:deputy", do: schedule, with: {obligation: post-mortem, in: 1d}}
  - {at: 31m, by: "person:deputy", do: met, with: {obligation: first-findings, how: by mail}}
  - {at: 31m, by: "person:owner", do: points, with: {team: agents, points: 5, because: quick}}
  - {at: 32m, by: "person:owner", do: reopen, with: {because: it came back}}
  - {at: 33m, by: "person:deputy", do: override, with: {subject: still-stable, because: no}}
  - {at: 33m, by: "person:owner", do: override, with: {subject: still-stable, because: we saw it ourselves}}
  - {at: 35m, by: "person:scribe", do: report}
  - {at: 36m, by: "person:deputy", do: action, with: {title: A limit, owner: operations, due_in: 7d}}
  - {at: 37m, by: "person:deputy", do: change-action, with: {action: ACT-1, state: done, note: set}}
"""
# A second one, with plans that go wrong, halts by hand, and incidents that belong together.
PLANS = """
steps:
  - {at: 0s, do: known-good, with: {service: payments}}
  - {at: 0s, do: finds, with: {evidence: payments/recent-changes, facts: {head_age_seconds: 60}}}
  - {at: 0s, do: unknown, with: {verb: rollback}}
  - {at: 0s, do: silent, with: {agents: [agents-1]}}
  - {at: 0s, by: "person:owner", do: declare, with: {title: Nobody can pay, services: [payments], impact: {core_functions_down: [payments]}}}
  - {at: 10s, by: "agent:agents-2", do: answer, with: {agent: agents-2, working_on: a test}}
  - {at: 1m, by: "person:commander", do: approve, with: {subject: "plan:PLAN-2"}}
  - {at: 2m, do: works}
  - {at: 2m, do: fails, with: {verb: restart}}
  - {at: 2m, by: "person:commander", do: settle, with: {plan: PLAN-2, step: rollback, happened: true, text: the page says r41}}
  - {at: 3m, do: works, with: {verb: restart}}
  - {at: 3m, by: "person:commander", do: retry, with: {plan: PLAN-2, step: restart}}
  - {at: 4m, by: "person:commander", do: abort, with: {plan: PLAN-2, because: it takes too long}}
  - {at: 5m, by: "person:commander", do: remedy, with: {remedy: rollback, because: once more}}
  - {at: 6m, by: "person:commander", do: make-plan, with: {purpose: contain}}
  - {at: 7m, by: "person:commander", do: plan, with: {plan: PLAN-4}}
  - {at: 8m, by: "person:scribe", do: halt, with: {scope: "team:agents", reason: to be sure}}
  - {at: 9m, by: "person:owner", do: release, with: {halt: HALT-2, because: it was enough}}
  - {at: 10m, by: "person:owner", do: declare, with: {title: Search is slow, services: [payments], impact: {users: 5}, dedup: search}}
  - {at: 11m, by: "person:owner", do: link, with: {to: INC-2}}
  - {at: 12m, by: "person:owner", do: merge, with: {incident: INC-2, into: INC-1, because: one cause}}
  - {at: 13m, do: down, with: {for: 1m}}
lasts: 2m
"""
# With a protocol of its own: a phase that is left by hand, crews, and plans that wait for the preflight.
OWN = """
schema: allstop/1
name: own
extends: standard
phases:
  assess: {automatic: false}
crews: {repair: {title: Repair}}
preflight: {checks: [probes], required: true}
closing: {SEV1: [report]}
stand_down: {still-stable: null, prevention: null, root-cause: null}
"""
BY_HAND = """
steps:
  - {at: 0s, do: known-good, with: {service: payments}}
  - {at: 0s, do: fails, with: {check: probes}}
  - {at: 0s, do: fails, with: {channel: to-public}}
  - {at: 0s, by: "person:owner", do: declare, with: {title: Nobody can pay, services: [payments], impact: {core_functions_down: [payments]}}}
  - {at: 30s, by: "person:commander", do: ack}
  - {at: 1m, by: "person:commander", do: crew, with: {crew: repair, members: ["person:operations"], objective: repair it}}
  - {at: 2m, by: "person:commander", do: advance}
  - {at: 3m, do: works}
  - {at: 4m, by: "person:commander", do: preflight}
  - {at: 5m, by: "person:commander", do: plan, with: {plan: PLAN-1}}
  - {at: 6m, by: "person:commander", do: facts, with: {facts: {recent_deployment: true}, because: we saw it}}
  - {at: 7m, by: "person:commander", do: remedy, with: {remedy: rollback, because: it was deployed}}
  - {at: 8m, by: "person:commander", do: approve, with: {subject: "plan:PLAN-2"}}
  - {at: 9m, by: "person:commander", do: plan, with: {plan: PLAN-2}}
  - {at: 40m, by: "person:commander", do: state, with: {subject: resolved, text: it works}}
  - {at: 41m, by: "person:commander", do: approve, with: {subject: stand-down}}
  - {at: 42m, by: "person:commander", do: stand-down, with: {reason: it works}}
  - {at: 43m, by: "person:commander", do: report}
  - {at: 44m, by: "person:commander", do: met, with: {obligation: review, how: done}}
  - {at: 45m, by: "person:commander", do: close, with: {note: done}}
"""


def _own(folder: Path) -> tuple[Story, Played]:
    file = folder / "own.yaml"
    file.write_text(OWN.lstrip(), "utf-8")
    protocol = load_protocol(file).protocol
    assert protocol is not None
    found = story(folder, BY_HAND)
    return found, play(found, cast_for(protocol, {}))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By deed: the codes of what was refused, empty where one was accepted."""
    folder = tmp_path_factory.mktemp("stories")
    found: dict[str, list[str]] = {}
    accepted: set[str] = set()
    plays = [(story(folder, text), played(folder, text)) for text in (RESPONSE, PLANS)]
    for each, it in [*plays, _own(folder)]:
        steps = each.steps
        refused = {one.place: one for one in it.refusals}
        for step in steps:
            if step.place in refused:
                codes = [f"{code}: {why}" for code, why, _ in refused[step.place].reasons]
                found.setdefault(step.do, []).append(f"{step.place}: {'; '.join(codes)}")
            else:
                accepted.add(step.do)
    return {
        deed: found.get(deed, ["never done"])
        for deed in (*DEEDS, *WORLD_DEEDS)
        if deed not in accepted
    }


def test_every_deed_is_accepted_somewhere(outcomes: dict[str, list[str]]) -> None:
    """But for starting a plan by hand: one that may start has started by itself."""
    assert set(outcomes) == {"plan"}
    assert all("not-proposed" in one for one in outcomes["plan"])
