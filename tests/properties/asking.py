"""Strategies: any command, by anybody, about things that exist or do not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from allstop.domain.halt import commands as h
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as course
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.aftercare_commands import EndAftercare, RecordAftercare
from allstop.domain.plan import commands as p
from allstop.domain.principal import (
    COORDINATOR,
    MONITOR,
    RUNNER,
    TIMEKEEPER,
    Kind,
    Principal,
)
from allstop.domain.samples import Sample
from tests.domain.builders import ADA, BEN, BUILDER, EVE

AGENTS = ("builder-1", "builder-2", "builder-3")
PEOPLE = (ADA, BEN, EVE, Principal("mallory", Kind.PERSON))
OTHERS = (BUILDER, Principal("builder-2", Kind.AGENT), Principal("alerts", Kind.SOURCE))
SYSTEM = (TIMEKEEPER, MONITOR, RUNNER, COORDINATOR)

anybody = st.sampled_from((*PEOPLE, *PEOPLE, *OTHERS, *SYSTEM))
numbers = st.integers(1, 3)
incidents = numbers.map("INC-{}".format)
halts = numbers.map("HALT-{}".format)
plan_ids = st.integers(1, 4).map("PLAN-{}".format)
agents = st.sampled_from((*AGENTS, "ghost"))
words = st.sampled_from(("", " ", "because it is so", "x" * 4001))
roles = st.sampled_from(("commander", "communications", "scribe", "piper"))
people = st.sampled_from(("ada", "ben", "eve", "mallory"))
services = st.lists(st.sampled_from(("payments", "gateway", "paymnts")), max_size=2).map(tuple)
severities = st.sampled_from(("", "SEV1", "SEV2", "SEV3", "SEV9"))
steps = st.sampled_from(
    (
        "isolate-payments", "prove-payments", "rollback", "restart", "prove-release", "gate-service",
        "reopen", "prove-open", "gate-traffic", "nothing", "rule:slow", "rule:rising",
    )
)  # fmt: skip
criteria = st.sampled_from(
    (
        "roll-call", "evidence-in", "remedy-decided", "contained", "restored", "stable", "resolved",
        "root-cause", "still-stable", "approved", "no-such",
    )
)  # fmt: skip
tallies = st.none() | st.integers(0, 100)
truths = st.none() | st.booleans()
impacts = st.builds(
    Impact,
    core_functions_down=st.sampled_from(((), ("buying",))),
    functions_down=st.sampled_from(((), ("finding",))),
    failed_share_percent=tallies,
    users=tallies,
    records_exposed=tallies,
    capacity_lost_percent=tallies,
    data_loss=truths,
    breach=truths,
    compliance=st.sampled_from((None, "none", "possible", "violated", "odd")),
)
scopes = st.sampled_from(
    ("all", "team:builders", "agent:builder-1", "agent:ghost", "team:x", "sky")
)
changes = numbers.map("CHG-{}".format)
subjects = st.one_of(
    st.sampled_from(("stand-down", "lunch")), plan_ids.map("plan:{}".format),
    changes.map("change:{}".format),
)  # fmt: skip
overridable = st.one_of(
    criteria, subjects, halts.map("halt:{}".format), severities.map("severity:{}".format),
    st.sampled_from(("phase", "preflight", "close", "plan:", ":")),
)  # fmt: skip
stated = st.dictionaries(
    st.sampled_from(("recent_deployment", "fix_minutes", "isolated", "breach", "severity_rank")),
    st.sampled_from((True, False, None, 5)), max_size=2,
)  # fmt: skip
samples = st.tuples(
    st.builds(Sample, st.just("payments-deep"), truths),
    st.builds(Sample, st.just("checkout"), truths),
).map(tuple)


def commands() -> st.SearchStrategy[Any]:
    """Everything that can be asked, except outcomes, which belong to effects that exist."""
    b = st.builds
    return st.one_of(
        b(c.DeclareIncident, st.sampled_from(("it fails", "")), services, impact=impacts,
          severity=severities, dedup=st.sampled_from(("", "one", "two"))),
        b(c.MeasureImpact, incidents, impacts),
        b(c.SetSeverity, incidents, severities, words),
        b(c.AssignRole, incidents, roles, people),
        b(c.OfferHandoff, incidents, roles, people),
        b(c.AcceptHandoff, incidents, roles),
        b(c.AcknowledgeIncident, incidents),
        b(c.RequestUpdate, incidents, numbers),
        b(c.PostUpdate, incidents, st.sampled_from(("fixing", "odd")), words),
        b(c.RecordStatement, incidents, st.sampled_from(("resolved", "root-cause", "x")), words),
        b(c.AddNote, incidents, words),
        b(c.Approve, incidents, subjects, st.sampled_from(("", "0" * 64)), as_reviewer=st.booleans()),
        b(c.Override, incidents, overridable, words),
        b(w.ProposeChange, incidents, st.sampled_from(("restart it", "")), st.integers(-1, 11),
          st.sampled_from(("", "restart", "magic")), st.sampled_from(("", "payments", "nothing"))),
        b(w.EndChange, incidents, changes, st.sampled_from(("made", "refused", "withdrawn", "x")), words),
        b(w.RecordFacts, incidents, stated, words),
        b(course.BeginPreflight, incidents),
        b(p.CheckRules, plan_ids),
        b(p.MissPhase, plan_ids, st.sampled_from(("first", "x"))),
        b(p.LateReview, incidents, subjects),
        b(c.DecideRemedy, incidents, st.sampled_from(("", "rollback", "fix", "investigate", "pray")),
          words, st.sampled_from(("", "payments", "gateway", "nothing"))),
        b(c.RecordSamples, incidents, samples, st.just(1000)),
        b(RecordAftercare, incidents, samples, tallies, st.just(1000)),
        b(EndAftercare, incidents, st.sampled_from(("hour", "x"))),
        b(c.AdvancePhase, incidents),
        b(c.MissDeadline, incidents, st.sampled_from(("acknowledge", "update:1", "target:resolve", "x"))),
        b(c.StandDown, incidents, words),
        b(c.NoteRelease, st.sampled_from(("payments", "nothing")), st.sampled_from(("a", "b")), numbers),
        b(h.RegisterAgent, agents, agents, st.sampled_from(("builders", "crew")), st.just("script")),
        b(h.RemoveAgent, agents, words),
        b(h.OrderHalt, scopes, words, st.sampled_from(("", "INC-1", "INC-2")),
          st.sampled_from(((), ("builder-2",), ("ghost",)))),
        b(h.AnswerRollCall, agents, halts, st.just("stopped"), words),
        b(h.RemindRollCall, halts),
        b(h.CloseRollCall, halts),
        b(h.ReleaseHalt, halts, words),
        b(p.MakePlan, incidents, st.sampled_from(("contain", "remedy", "x"))),
        b(p.StartPlan, plan_ids),
        b(p.RetryStep, plan_ids, steps),
        b(p.SettleStep, plan_ids, steps, st.booleans(), words),
        b(p.AbortPlan, plan_ids, words),
        b(p.FailGate, plan_ids, steps),
    )  # fmt: skip
