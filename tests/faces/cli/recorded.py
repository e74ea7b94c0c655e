"""Answers of a coordinator in the middle of an emergency, made from the real shapes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from allstop.application.plan_shapes import PlanView, StepLine
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
    ProbeLine,
    RoleLine,
    RollLine,
    ServiceLine,
)
from allstop.application.standing_shapes import ModeNow, ProposalLine, ProtocolView, ReviewLine
from allstop.application.work_shapes import (
    ActionLine,
    ChangeLine,
    CheckLine,
    CrewLine,
    FieldLine,
    FiledForm,
    FindingLine,
    FormView,
    LinkLine,
    MissingLine,
    ModeLine,
    ObligationLine,
    OwedView,
    PointsLine,
    PreflightLine,
    SignatureLine,
    TaskLine,
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


def task_step(id: str) -> StepLine:
    """A step that somebody is asked to do."""
    return StepLine(id, "task", "look behind it", "", "running", (), "", "", role="scribe")


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
            available=True,
        ),
        RollLine(
            agent="builder-2", name="Builder 2", team="builders", state="unaccounted", settled=False,
            working_on="", checkpoint="", evidence="", held_as="unaccounted", answered_at=None,
            available=False,
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
    obligations=(
        ObligationLine(
            "report", "Write the report", "commander", NOW + timedelta(days=1), "", None, "report", None, False
        ),
    ),
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
    LINE, id="INC-0", title="slow search", state="stood-down", age="40m", update_due_at=None
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


# --- the same incident, with everything that only some incidents have ---

CREWS = (
    CrewLine("containment", "Shield casters", "No new damage", proposed=("person:ada", "agent:builder-1"), because="they know payments"),
    CrewLine("communication", "Messengers", "Updates on time", members=("person:grace",)),
)  # fmt: skip
TASKS = (
    TaskLine("T1", "call the bank", "contain", "person:grace", "open", ""),
    TaskLine("T2", "block the traffic", "contain", "", "open", ""),
    TaskLine("T3", "page the vendor", "contain", "", "dropped", "they called us"),
)
CHANGE = ChangeLine(
    "CHG-1", "raise the pool", 3, "payments", "POOL=200, then a restart", "proposed", "person:grace", NOW,
    ("role:commander",), 1, ("security",), "it touches money", (SignatureLine("person:grace", "security", True),),
    "commander", NOW + timedelta(minutes=10),
)  # fmt: skip
MODE = ModeLine(
    "INC-1",
    True,
    {"scoring": "Scoring"},
    {"direct": "Direct talk"},
    BEGAN,
    NOW + timedelta(hours=2),
    "",
)
ACTION = ActionLine(
    "ACT-1",
    "alert on pool size",
    "grace",
    NOW - timedelta(days=2),
    "high",
    "https://tracker/1",
    "open",
    "",
    True,
)
PREFLIGHT = PreflightLine(
    1, NOW, "failed",
    (CheckLine("channels", "chat", True, "can be written"), CheckLine("agents", "builder-1", False, "no pid file"),
     CheckLine("probes", "shop", None, "timed out")),
)  # fmt: skip
LATE = ObligationLine(
    "report", "Write the report", "commander", NOW - timedelta(hours=3), "", None, "report", NOW + timedelta(days=2), True
)  # fmt: skip
MET = ObligationLine(
    "board", "Update the board", "commander", NOW, "done by hand", NOW, "", None, False
)
RICH = replace(
    VIEW,
    line=replace(LINE, private=True, kind="outage"),
    kind="outage",
    kind_title="Production outage",
    source="chat",
    crews=CREWS,
    tasks=TASKS,
    changes=(CHANGE,),
    mode=MODE,
    actions=(ACTION,),
    preflight=PREFLIGHT,
    obligations=(LATE, MET),
    links=(LinkLine("INC-0", "caused-by", "slow search"),),
    findings=(FindingLine("F1", "metric", "the pool is exhausted", "payments", "https://graph/1", "person:ada", NOW),),
    facts={"schema_changed": False, "fix_minutes": 20},
    forms=(FiledForm("briefing", "Threat briefing", 2, "person:ada", NOW, {"Situation": "checkout fails"}),),
    points=(PointsLine("builders", 10, "resolved it", "resolved", NOW, "system:coordinator", "INC-1"),),
    expected_at=NOW + timedelta(minutes=45),
    missing_before_close=("not yet: review filed",),
    reopened=(NOW,),
)  # fmt: skip

FORMS = (
    FormView(
        "briefing", "Threat briefing", False, 1, "person:ada", BEGAN,
        (
            FieldLine("situation", "Situation", True, "text", (), "", "checkout fails"),
            FieldLine("level", "Level", True, "choice", ("red", "orange"), "", ""),
            FieldLine("since", "Since", False, "time", (), "", ""),
            FieldLine("impact", "Impact", True, "text", (), "impact", ""),
        ),
        ("Level",),
    ),
    FormView(
        "post-mortem", "Post-mortem", True, 0, "", None,
        (FieldLine("why", "Why", True, "list", (), "", ""),), ("Why",),
    ),
)  # fmt: skip
OWED = OwedView(
    "INC-0", "stood-down", (LATE, MET), (ACTION,),
    (MissingLine("review", "not yet: review filed", "allstop fill review"),),
)  # fmt: skip
PROPOSAL = ProposalLine(
    "PROP-1", "battle stations, the shop is down", "chat", 'the words "battle stations"', "", ("ada", "grace"), (),
    BEGAN, "source:chat", "open", "", "",
)  # fmt: skip
BESIDE = replace(
    OVERVIEW,
    incidents=(),
    halts=(),
    proposals=(PROPOSAL,),
    mode=ModeNow({"scoring": "Scoring"}, {}, (MODE,)),
    review=ReviewLine(90, "2026-08-01", NOW - timedelta(days=22), True),
    late_obligations=2,
)
PROTOCOL = ProtocolView(
    "standard", "Standard", ("base",), "c0ffee" * 10, ReviewLine(90, "2026-10-15", NOW, late=False), ()
)  # fmt: skip
