"""The policy of the shop that the console's tests look at."""

from dataclasses import replace

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

MINUTE = 60_000
HOUR = 60 * MINUTE


def severity(
    name: str, rank: int, title: str, *, all_stop: bool, every: int | None
) -> SeverityRule:
    return SeverityRule(
        name, rank, title, f"{title} severity", Span(5 * MINUTE * rank), Span(every) if every else None,
        all_stop, ("company",),
        Targets(2 * MINUTE, 5 * MINUTE * rank, 10 * MINUTE * rank, HOUR * rank),
    )  # fmt: skip


def probe(service: str, name: str = "") -> ProbeSpec:
    return ProbeSpec(name or f"{service}-health", service, "http-probe", {}, 1000, 2, 2)


def act(verb: str, **options: str) -> ActionSpec:
    return ActionSpec("scripted", verb, dict(options), 10_000)


def service(name: str, title: str, category: str, *needs: str, **more: bool) -> Service:
    edges = tuple(Dependency(to, DependencyKind.HARD) for to in needs)
    diagnose = {"recent-changes": act("log"), "service-state": act("state")}
    actions = {
        "isolate": act("isolate"),
        "reopen": act("reopen"),
        "rollback": act("rollback", release="{release}"),
        "restart": act("restart"),
    }
    verify = {
        purpose: probe(name, f"{name}-{purpose}") for purpose in ("isolated", "open", "release")
    }
    return Service(
        name, title, category, 50, more.get("protected", False), more.get("stateful", False), edges,
        (probe(name),), actions, verify, diagnose,
    )  # fmt: skip


def criterion(
    id: str, kind: CriterionKind, title: str, subject: str = "", **more: int
) -> Criterion:
    return Criterion(
        id, kind, title, subject, (), more.get("window_ms", 0), more.get("min_samples", 1)
    )


def phases() -> tuple[Phase, ...]:
    kind = CriterionKind
    return (
        Phase("detect", "Detect and declare", True, (
            criterion("commander-named", kind.ROLE, "Somebody commands", "commander"),
        )),
        Phase("contain", "Contain", True, (
            criterion("agents-stopped", kind.ROLL_CALL, "Every agent is accounted for"),
            criterion("isolated", kind.PLAN, "The fault is isolated", "contain"),
        )),
        Phase("diagnose", "Diagnose", True, (
            criterion("evidence-in", kind.EVIDENCE, "Evidence is in"),
            criterion("remedy-chosen", kind.REMEDY, "Rollback, fix or investigate"),
        )),
        Phase("repair", "Repair", True, (
            criterion("remedy-done", kind.PLAN, "The remedy is done", "remedy"),
        )),
        Phase("verify", "Verify", True, (
            criterion("stable", kind.STABLE_FOR, "Everything stays good", window_ms=30_000, min_samples=3),
        )),
    )  # fmt: skip


def protocol() -> Protocol:
    people, anyone = ("person",), ("person", "agent", "source")
    free = ("declare", "halt", "note", "acknowledge", "update", "statement")
    human = (
        "set-severity", "assign", "handoff", "approve", "override", "remedy", "plan", "advance",
        "approve-stand-down", "stand-down", "release", "administer", "register-agent",
    )  # fmt: skip
    return Protocol(
        name="shop", title="Shop protocol", extends=("standard",),
        severities=(
            severity("SEV1", 1, "Critical", all_stop=True, every=15 * MINUTE),
            severity("SEV2", 2, "Major", all_stop=False, every=30 * MINUTE),
            severity("SEV3", 3, "Minor", all_stop=False, every=None),
        ),
        classification=(
            ClassificationRow("SEV1", (Condition("core_functions_down", "at_least", 1),), "a core function is down"),
            ClassificationRow("SEV2", (Condition("failed_share_percent", "at_least", 5),), "many requests fail"),
            ClassificationRow("SEV3", (), "something is not right"),
        ),
        roles=(
            RoleRule("commander", "Incident commander", fill=True, duties="You decide."),
            RoleRule("operations", "Operations lead", fill=True),
            RoleRule("communications", "Communications lead", fill=True),
            RoleRule("scribe", "Scribe", fill=False),
        ),
        authority=(
            *(Grant(name, anyone) for name in free), *(Grant(name, people) for name in human),
            Grant("answer", ("self", "person")),
        ),
        all_stop=AllStop(60_000, 20_000, "freeze", "Stop, save your work, answer the roll call."),
        phases=phases(),
        stand_down=(
            criterion("cause", CriterionKind.STATEMENT, "The root cause is stated", "root-cause"),
            criterion("agreed", CriterionKind.APPROVAL, "The commander agrees", "commander"),
        ),
        remedy=RemedyRules(
            (
                RemedyRow("rollback", (Condition("recent_deployment", "is", True),), "it broke right after a deployment"),
                RemedyRow("investigate", (), "nobody knows why yet"),
            ),
            2 * HOUR, 2 * MINUTE, 3, 20_000, 10 * MINUTE,
        ),
        updates=UpdateRules(MINUTE, ("investigating", "identified", "monitoring", "resolved")),
        audiences=(Audience("company", "Everybody", ("chat",)),),
        escalation=Escalation(("commander", "owner")),
        evidence=("recent-changes", "service-state"),
        obligations=(
            Obligation("post-mortem", "Post-mortem is published", "commander", Span(5 * 24 * HOUR)),
            Obligation("customers", "Customers are told what happened", "communications", Span(24 * HOUR)),
        ),
        terms={"commander": "Incident commander"},
        approvals=Approvals((
            ApprovalRow(
                (
                    Condition("purpose", "is", "contain"), Condition("severity_rank", "at_most", 1),
                    Condition("protected", "is", False),
                ),
                (), 0, "isolating is easily undone",
            ),
            ApprovalRow((), ("role:commander",), 1, "a person looks first"),
        )),
    )  # fmt: skip


def fleet() -> Fleet:
    services = (
        service("gateway", "Gateway", "edge", "orders", "catalog", "accounts"),
        service("orders", "Orders", "core", "payments", "store"),
        service("payments", "Payments", "core", "store", protected=True),
        service("catalog", "Catalog", "core", "store"),
        service("accounts", "Accounts", "core", "store"),
        service("analytics", "Analytics", "batch", "orders"),
        service("store", "Store", "data", stateful=True),
    )
    functions = (
        Function(
            "pay",
            "Customers can pay",
            core=True,
            probe="payments-health",
            services=("payments", "orders"),
        ),
        Function(
            "browse",
            "Customers can browse",
            core=False,
            probe="catalog-health",
            services=("catalog",),
        ),
    )
    return Fleet(services, functions, (), MonitorSettings(5000, 600_000))


def roster() -> Roster:
    people = (
        Person(
            "ada", "Ada Lovelace", "ada", ("commander", "operations"), (), ("chat",), owner=True
        ),
        Person("grace", "Grace Hopper", "grace", ("operations", "commander"), (), (), owner=False),
        Person("edsger", "Edsger Dijkstra", "edsger", ("communications",), (), (), owner=False),
    )
    agents = tuple(
        AgentEntry(id, name, team, "scripted-agent", {})
        for id, name, team in (
            ("builder-1", "Builder one", "build"),
            ("builder-2", "Builder two", "build"),
            ("refactor-bot", "Refactor bot", "build"),
            ("docs-bot", "Docs bot", "docs"),
        )
    )
    teams = (Team("build", "Builders"), Team("docs", "Writers"))
    return Roster(people, agents, teams, (Channel("chat", "scripted", {}),))


def shop() -> Policy:
    return Policy(protocol(), fleet(), roster())


def bare() -> Policy:
    """A protocol with nothing to watch and nobody to stop."""
    return Policy(protocol(), Fleet(), replace(roster(), agents=()))
