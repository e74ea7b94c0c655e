"""Answers of a coordinator in the middle of an emergency, made from the real shapes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from allstop.application.shapes import (
    AgentLine,
    CriterionLine,
    DeadlineLine,
    Entry,
    EvidenceLine,
    HaltView,
    IncidentLine,
    IncidentView,
    MeasureLine,
    Overview,
    PhaseLine,
    PlanView,
    ProbeLine,
    RoleLine,
    RollLine,
    ServiceLine,
    StepLine,
)

NOW = datetime(2026, 11, 21, 3, 4, 10, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=4, seconds=10)
SHA = "3f0a9c1d" * 8

LINE = IncidentLine(
    id="INC-1",
    title="checkout fails",
    state="open",
    severity="SEV1",
    severity_title="Critical",
    phase="contain",
    phase_title="Contain",
    commander="ada",
    services=("payments", "checkout"),
    impact="buying down; 80% of requests failing",
    declared_at=BEGAN,
    age="4m 10s",
    update_due_at=NOW + timedelta(minutes=2, seconds=5),
    waits_for=("All agents accounted for: 1 of 2 stopped", "No new damage: nobody has stated it"),
)

PLAN = PlanView(
    id="PLAN-1",
    incident="INC-1",
    purpose="contain",
    title="Isolate payments",
    state="proposed",
    hash="ab12" * 16,
    approve="commander",
    approved_by="",
    held_because="",
    steps=(
        StepLine("freeze", "isolate", "freeze the queue", "payments", "done", (), "queue is empty", ""),
        StepLine("cut", "isolate", "cut payments off", "payments", "waiting", ("freeze",), "", ""),
        StepLine("watch", "gate", "payments stay cut", "payments", "waiting", ("cut",), "", "0 of 3 good samples"),
    ),
)  # fmt: skip

HALT = HaltView(
    id="HALT-1",
    scope="all",
    reason="SEV1 declared",
    incident="INC-1",
    order="ord-1",
    ordered_at=BEGAN,
    ordered_by="person:ada",
    deadline_at=NOW - timedelta(seconds=10),
    stands=True,
    stopped=False,
    settled=1,
    total=2,
    released_by="",
    roll=(
        RollLine(
            agent="builder-1", name="Builder 1", team="builders", state="confirmed", settled=True,
            working_on="search page", checkpoint=SHA, evidence="no process", held_as="confirmed", answered_at=NOW,
        ),
        RollLine(
            agent="builder-2", name="Builder 2", team="builders", state="unaccounted", settled=False,
            working_on="", checkpoint="", evidence="", held_as="unaccounted", answered_at=None,
        ),
    ),
)  # fmt: skip

VIEW = IncidentView(
    line=LINE,
    trigger="manual",
    declared_by="person:ada",
    protocol="Standard",
    policy="c0ffee" * 10,
    severity_because="a core function is down",
    status="investigating",
    acknowledged_by="ada",
    phases=(
        PhaseLine(
            "contain", "Contain", "current", BEGAN,
            (
                CriterionLine("accounted", "All agents accounted for", False, False, "1 of 2 stopped"),
                CriterionLine("no-damage", "No new damage", False, True, "overridden"),
            ),
        ),
        PhaseLine("fix", "Fix", "ahead", None, (CriterionLine("well", "Probes good", False, False, "2 bad"),)),
    ),
    stand_down=(CriterionLine("stable", "Stable for 15m", False, False, "0s of 15m"),),
    roles=(
        RoleLine("commander", "Incident commander", "ada", "Ada Lovelace", ""),
        RoleLine("scribe", "Scribe", "", "", "grace"),
    ),
    evidence=(
        EvidenceLine("payments.log", "collected", "12 errors in the last minute", SHA, {}),
        EvidenceLine("payments.deploys", "failed", "git is not there", "", {}),
    ),
    remedy="rollback",
    remedy_because="released 9 minutes before it began",
    plans=(PLAN,),
    halts=(HALT,),
    measures=(MeasureLine("acknowledge", "acknowledged - declared", 41_000, "41s", 300_000, "5m", True),),
    deadlines=(
        DeadlineLine("respond", "somebody has it", BEGAN, True),
        DeadlineLine("update-1", "first update", NOW + timedelta(minutes=2), False),
    ),
    statements={"root-cause": "release 41 halved the pool"},
    obligations=(("Write the report", "ada", NOW + timedelta(days=1)),),
    report="",
)  # fmt: skip

SERVICES = (
    ServiceLine(
        "payments", "Payments", "revenue", "down", True, ("accounts",),
        (ProbeLine("payments-health", "down", "HTTP 500", NOW),), "9f" * 20, ("Buying",),
    ),
    ServiceLine("accounts", "Accounts", "customer-facing", "up", False, (), (), "", ()),
)  # fmt: skip

AGENTS = (
    AgentLine("builder-1", "Builder 1", "builders", "confirmed", ("HALT-1",)),
    AgentLine("builder-2", "Builder 2", "builders", "unaccounted", ("HALT-1",)),
)

CLOSED = replace(
    LINE, id="INC-0", title="slow search", state="stood_down", age="40m", update_due_at=None
)

OVERVIEW = Overview(
    at=NOW,
    protocol="Standard",
    position=117,
    incidents=(LINE, CLOSED),
    halts=(HALT,),
    agents=AGENTS,
    services=SERVICES,
    next="allstop approve PLAN-1",
    next_because="INC-1: the plan waits for the approval of the commander",
)

QUIET_OVERVIEW = replace(
    OVERVIEW,
    incidents=(),
    halts=(),
    agents=tuple(replace(agent, state="running", held_by=()) for agent in AGENTS),
    next='allstop declare "what fails" --service NAME',
    next_because="nothing is wrong that Allstop knows of",
)

ENTRIES = (
    Entry(3, BEGAN, "incident/INC-1", "incident.declared", "person:ada", "bad", "INC-1 declared (manual): checkout fails"),
    Entry(9, NOW, "halt/HALT-1", "agent.confirmed", "system:coordinator", "good", "builder-1 CONFIRMED: no process"),
)  # fmt: skip
