"""The protocol, fleet and roster of simulated emergencies: small, whole, and quick to stand down."""

from __future__ import annotations

from typing import Any

from allstop.domain.policy import (
    ActionSpec,
    AgentEntry,
    AllStop,
    ApprovalRow,
    Approvals,
    Audience,
    Channel,
    ClassificationRow,
    Condition,
    Criterion,
    CriterionKind,
    Dependency,
    DependencyKind,
    Escalation,
    Fleet,
    Function,
    Grant,
    MonitorSettings,
    Obligation,
    Person,
    Phase,
    Policy,
    ProbeSpec,
    Protocol,
    RemedyRow,
    RemedyRules,
    RoleRule,
    Roster,
    Service,
    SeverityRule,
    Span,
    Targets,
    Team,
    UpdateRules,
)

INTERVAL_MS = 5_000
STABLE_MS = 60_000
KNOWN_GOOD_MS = 30_000
ROLL_CALL_MS = 60_000
AGENTS = ("builder-1", "builder-2", "reviewer-1")
_KINDS = CriterionKind
_LEADS = ("role:commander", "owner")

_GRANTS: dict[str, tuple[str, ...]] = {
    "declare": ("person", "agent", "source"),
    "set-severity": _LEADS,
    "assign": _LEADS,
    "handoff": ("role:commander",),
    "acknowledge": ("person",),
    "update": ("person",),
    "statement": ("person",),
    "note": ("person", "agent"),
    "approve": _LEADS,
    "override": ("owner",),
    "remedy": _LEADS,
    "plan": _LEADS,
    "advance": ("role:commander",),
    "approve-stand-down": _LEADS,
    "stand-down": _LEADS,
    "halt": ("person", "agent"),
    "release": _LEADS,
    "register-agent": ("person", "self"),
}


def _severity(name: str, rank: int, *, all_stop: bool) -> SeverityRule:
    every = Span(300_000) if rank < 3 else None
    targets = Targets(15_000, 90_000, 300_000, 3_600_000)
    told = ("responders",)
    return SeverityRule(name, rank, name.lower(), "", Span(120_000), every, all_stop, told, targets)


def _criterion(id: str, kind: CriterionKind, **more: Any) -> Criterion:
    return Criterion(id, kind, id.replace("-", " "), **more)


def _row(severity: str, because: str, *when: Condition) -> ClassificationRow:
    return ClassificationRow(severity, when, because)


def _remedies() -> RemedyRules:
    gone = (
        Condition("process_running", "is", False),
        Condition("restart_available", "is", True),
    )
    recent = (
        Condition("recent_deployment", "is", True),
        Condition("known_good_release", "is", True),
        Condition("rollback_available", "is", True),
    )
    rows = (
        RemedyRow("fix", gone, "its process is gone"),
        RemedyRow("rollback", recent, "it was deployed just now"),
        RemedyRow("investigate", (), "nothing points at one cause"),
    )
    return RemedyRules(rows, 86_400_000, 30_000, 2, 0, 120_000)


def _approvals() -> Approvals:
    by = ("role:commander", "owner")
    at_once = (Condition("purpose", "is", "contain"), Condition("severity_rank", "at_most", 1))
    return Approvals(
        (
            ApprovalRow(at_once, (), 0, "isolating is easily undone, and time presses"),
            ApprovalRow((), by, 1, "somebody must look first"),
        )
    )


def _phases() -> tuple[Phase, ...]:
    assess = (
        _criterion("roll-call", _KINDS.ROLL_CALL),
        _criterion("evidence-in", _KINDS.EVIDENCE),
        _criterion("remedy-decided", _KINDS.REMEDY),
    )
    stable = _criterion("stable", _KINDS.STABLE_FOR, window_ms=STABLE_MS, min_samples=3)
    return (
        Phase("assess", "Assess", True, assess),
        Phase(
            "contain", "Contain", True, (_criterion("contained", _KINDS.PLAN, subject="contain"),)
        ),
        Phase("restore", "Restore", True, (_criterion("restored", _KINDS.PLAN, subject="remedy"),)),
        Phase("verify", "Verify", True, (stable,)),
    )


def protocol() -> Protocol:
    """Four phases; a SEV1 stops all agents and isolates by itself, a SEV2 asks first."""
    return Protocol(
        name="simulated",
        title="Simulated emergencies",
        extends=(),
        severities=(
            _severity("SEV1", 1, all_stop=True),
            _severity("SEV2", 2, all_stop=False),
            _severity("SEV3", 3, all_stop=False),
        ),
        classification=(
            _row("SEV1", "a core function", Condition("core_functions_down", "at_least", 1)),
            _row("SEV2", "a function", Condition("functions_down", "at_least", 1)),
            _row("SEV3", "anything else"),
        ),
        roles=(
            RoleRule("commander", "incident commander", True),
            RoleRule("communications", "communications lead", True),
            RoleRule("scribe", "scribe", False),
        ),
        authority=tuple(Grant(action, to) for action, to in _GRANTS.items()),
        all_stop=AllStop(ROLL_CALL_MS, 20_000, "freeze", "Stop, save your work, answer."),
        phases=_phases(),
        stand_down=(
            _criterion("resolved", _KINDS.STATEMENT, subject="resolved"),
            _criterion("root-cause", _KINDS.STATEMENT, subject="root-cause"),
            _criterion("still-stable", _KINDS.STABLE_FOR, window_ms=STABLE_MS, min_samples=3),
            _criterion("approved", _KINDS.APPROVAL, subject="commander"),
        ),
        remedy=_remedies(),
        updates=UpdateRules(60_000, ("investigating", "containing", "fixing", "resolved")),
        audiences=(Audience("responders", "Responders", ("chat",)),),
        escalation=Escalation(("commander", "owner")),
        evidence=("recent-changes", "service-state"),
        obligations=(Obligation("report", "Write the report", "commander", Span(86_400_000)),),
        approvals=_approvals(),
    )


def _probe(name: str, service: str, fall: int = 2, **options: Any) -> ProbeSpec:
    return ProbeSpec(name, service, "sim", {"service": service, **options}, 1000, fall, 2)


def _action(verb: str, **options: Any) -> ActionSpec:
    return ActionSpec("sim", verb, options, 5000)


def _service(name: str, *, rollback: bool) -> Service:
    actions = {verb: _action(verb) for verb in ("isolate", "reopen", "restart")}
    if rollback:
        actions["rollback"] = _action("rollback", release="{release}")
    verify = {
        "isolated": _probe("isolated", name, look="isolated"),
        "open": _probe("open", name, look="open"),
        "release": _probe("release", name, look="release", want="{release}"),
    }
    diagnose = {"recent-changes": _action("history"), "service-state": _action("state")}
    return Service(
        name, name.title(), "revenue", 90, protected=False, stateful=True, depends=(),
        probes=(_probe(f"{name}-deep", name, look="healthy"),),
        actions=actions, verify=verify, diagnose=diagnose,
    )  # fmt: skip


def fleet() -> Fleet:
    """A gateway before `payments`, whose loss is a core function, and `search`, whose is not."""
    gateway = Service(
        "gateway", "Gateway", "customer-facing", 95, protected=False, stateful=False,
        depends=(Dependency("payments", DependencyKind.HARD),),
        probes=(_probe("checkout", "gateway", fall=3, look="checkout"),),
        actions={}, verify={}, diagnose={},
    )  # fmt: skip
    return Fleet(
        (_service("payments", rollback=True), _service("search", rollback=False), gateway),
        (
            Function("buying", "buying", True, "checkout", ("gateway", "payments")),
            Function("finding", "finding", False, "search-deep", ("search",)),
        ),
        (),
        MonitorSettings(INTERVAL_MS, KNOWN_GOOD_MS),
    )


def roster() -> Roster:
    return Roster(
        (
            Person(
                "ada", "Ada", "ada", ("commander", "communications"), (), ("chat",), owner=False
            ),
            Person("ben", "Ben", "ben", ("communications", "scribe"), (), ("chat",), owner=False),
            Person("cho", "Cho", "cho", ("commander",), (), ("chat",), owner=False),
            Person("eve", "Eve", "eve", (), (), (), owner=True),
        ),
        tuple(AgentEntry(name, name, name.partition("-")[0] + "s", "sim", {}) for name in AGENTS),
        (Team("builders", "Builders"), Team("reviewers", "Reviewers")),
        (Channel("chat", "sim", {}),),
    )


def policy() -> Policy:
    return Policy(protocol(), fleet(), roster())
