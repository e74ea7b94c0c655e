"""Who may do what, by the protocol's grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allstop.domain.policy import ActivationRule, AgentEntry, Person, Policy
from allstop.domain.principal import Kind, Principal
from allstop.domain.verdict import Reason, Verdict

# Every action a grant may name, with what it covers. Reading is open to whoever is authenticated.
ACTIONS: dict[str, str] = {
    "declare": "declare an incident",
    "set-severity": "set a severity by hand, report what the impact is",
    "assign": "assign a role",
    "handoff": "offer a role that somebody else holds",
    "acknowledge": "acknowledge an incident",
    "update": "post an update",
    "statement": "record a statement such as the root cause",
    "note": "add a note to the timeline",
    "approve": "approve a plan or a change",
    "override": "override what stands in the way: a criterion, a plan, a change, a halt",
    "remedy": "choose the remedy instead of the table",
    "plan": "make, start or abort a plan; retry and settle its steps",
    "advance": "enter the next phase by hand",
    "approve-stand-down": "approve standing down",
    "stand-down": "stand down",
    "halt": "order agents to stop",
    "release": "release a halt",
    "register-agent": "register an agent",
    "answer": "answer the roll call, which each agent and every person always may",
    "propose": "propose an activation",
    "triage": "confirm an incident, or dismiss it as a false alarm",
    "form": "file a form such as a briefing",
    "task": "add, assign and end tasks",
    "evidence": "add evidence by hand, have it collected",
    "facts": "state facts for the decision table",
    "crew": "assign crews",
    "change": "propose a change and say that it was made",
    "review": "sign a plan or a change off as a reviewer",
    "correct": "correct an entry of the timeline",
    "link": "link incidents; merge them, which only people may",
    "privacy": "make an incident private or public",
    "read-private": "read private incidents",
    "mode": "extend or end emergency mode",
    "preflight": "run the preflight checks",
    "reopen": "reopen an incident",
    "close": "close an incident for good",
    "action-item": "add and change action items",
    "obligation": "say that an obligation was met, schedule its meeting",
    "points": "award points by hand",
    "administer": "manage tokens and documents",
}

# What only people may be granted: the checker refuses a protocol that says otherwise.
HUMAN_ONLY = frozenset({
    "release", "override", "approve", "review", "approve-stand-down", "stand-down", "close", "triage",
    "privacy", "administer", "facts", "points",
})  # fmt: skip


def may(
    action: str, who: Principal, policy: Policy, roles: Mapping[str, str], subject: str = ""
) -> Verdict:
    """Whether `who` may do `action`.

    roles: role to person of the incident in question (empty outside one); subject: the agent the
    action is about, for grants to `self`. The subsystems of the coordinator act within the rules the
    core itself derived (`due`), so they pass.
    """
    if who.kind is Kind.SYSTEM:
        return Verdict.yes() if action not in HUMAN_ONLY else _no(action, who, policy)
    if action in HUMAN_ONLY and who.kind is not Kind.PERSON:
        return Verdict.no(
            "human-only",
            f"only a person may {ACTIONS[action]}, and {who} is none",
            "ask a person on the roster",
        )
    for grant in policy.protocol.authority:
        if grant.action == action and any(
            matches(entry, who, policy, roles, subject) for entry in grant.to
        ):
            return Verdict.yes()
    return _no(action, who, policy)


def acts_as(
    action: str, who: Principal, policy: Policy, roles: Mapping[str, str], by: tuple[str, ...] = ()
) -> str:
    """As what `who` does an action that they may do: `commander`, `owner`, `office:headmaster`.

    by: entries to go by instead of the grants of the action.
    """
    grants = (grant.to for grant in policy.protocol.authority if grant.action == action)
    entries = by or tuple(entry for to in grants for entry in to)
    meant = (entry for entry in entries if matches(entry, who, policy, roles))
    return next(meant, "").removeprefix("role:")


def _no(action: str, who: Principal, policy: Policy) -> Verdict:
    entries = [
        entry for grant in policy.protocol.authority if grant.action == action for entry in grant.to
    ]
    granted = ", ".join(entries) or "nobody"
    return Verdict.no(
        "no-authority",
        f"{who} may not {ACTIONS[action]}",
        f"the protocol grants `{action}` to: {granted}",
    )


def may_declare(policy: Policy, who: Principal, kind: str, domains: tuple[str, ...]) -> Verdict:
    """Whether `who` may declare an emergency of this kind (or of none) on this ground.

    The protocol's rules of activation decide; where it has none, the `declare` grants do.
    """
    rules = policy.protocol.activation.who
    if not rules or who.kind is Kind.SYSTEM:
        return may("declare", who, policy, {})
    if declaring_rule(policy, who, kind, domains) is not None:
        return Verdict.yes()
    near = [rule for rule in rules if matches(rule.who, who, policy, {})]
    why = "; ".join(_why_not(rule, kind, domains) for rule in near)
    text = f"{who} may not {ACTIONS['declare']}"
    hint = f"who may: {'; '.join(_rule_words(rule) for rule in rules)}"
    return Verdict((Reason("no-authority", f"{text}: {why}" if why else text, hint),))


def declaring_rule(
    policy: Policy, who: Principal, kind: str, domains: tuple[str, ...]
) -> ActivationRule | None:
    """The first rule of activation that lets `who` declare this; subsystems need none."""
    own = set(domains_of(policy, who))
    for rule in policy.protocol.activation.who:
        fits = (not rule.kinds or kind in rule.kinds) and (
            not rule.own_domain or bool(own & set(domains))
        )
        if fits and matches(rule.who, who, policy, {}):
            return rule
    return None


def _why_not(rule: ActivationRule, kind: str, domains: tuple[str, ...]) -> str:
    reasons = []
    if rule.kinds and kind not in rule.kinds:
        seen = kind or "of no kind the protocol knows"
        reasons.append(f"{rule.who} only for {', '.join(rule.kinds)}, and this is {seen}")
    if rule.own_domain:
        ground = ", ".join(domains) or "no domain that is known"
        reasons.append(f"{rule.who} only in their own domain, and this hits {ground}")
    return ", ".join(reasons)


def _rule_words(rule: ActivationRule) -> str:
    """`office:prefect in their own domain, for outage`."""
    where = " in their own domain" if rule.own_domain else ""
    what = f" for {', '.join(rule.kinds)}" if rule.kinds else ""
    return f"{rule.who}{where}{what}"


def matches(
    entry: str, who: Principal, policy: Policy, roles: Mapping[str, str], subject: str = ""
) -> bool:
    """Whether a grant entry means this principal. subject: the agent `self` would mean."""
    if entry == who.kind.value or entry == str(who):
        return True
    name, _, value = entry.partition(":")
    match name:
        case "self":
            return bool(subject) and who.kind is Kind.AGENT and who.id == subject
        case "office":
            return bool(value) and office_of(policy, who) == value
        case "team":
            return bool(value) and team_of(policy, who) == value
        case "owner":
            person = policy.roster.person(who.id) if who.kind is Kind.PERSON else None
            return person is not None and person.owner
        case "role":
            return who.kind is Kind.PERSON and roles.get(value) == who.id
        case _:
            return False


def _meant(entry: str, people: tuple[Person, ...], roles: Mapping[str, str]) -> Iterable[Person]:
    """Whom `matches` would find among all of a roster, without looking anybody up."""
    name, _, value = entry.partition(":")
    match name:
        case "person":
            return (one for one in people if entry == "person" or value == one.id)
        case "office":
            return (one for one in people if value and one.office == value)
        case "team":
            return (one for one in people if value and one.team == value)
        case "owner":
            return (one for one in people if one.owner)
        case "role":
            holder = roles.get(value)
            return (one for one in people if one.id == holder)
        case _:
            return ()


def office_of(policy: Policy, who: Principal) -> str:
    """The standing position of a person or an agent on the roster, or empty."""
    entry = _entry(policy, who)
    return entry.office if entry is not None else ""


def team_of(policy: Policy, who: Principal) -> str:
    """The team of a person or an agent on the roster, or empty."""
    entry = _entry(policy, who)
    return entry.team if entry is not None else ""


def domains_of(policy: Policy, who: Principal) -> tuple[str, ...]:
    """What a person or an agent knows: their own domains and their team's."""
    entry = _entry(policy, who)
    if entry is None:
        return ()
    teams = (team.domains for team in policy.roster.teams if team.name == entry.team)
    return tuple(dict.fromkeys((*entry.domains, *(one for found in teams for one in found))))


def people_meant(policy: Policy, roles: Mapping[str, str], entry: str) -> tuple[str, ...]:
    """The people a grant entry means. A bare word is a role; agents are nobody who can be called."""
    if ":" not in entry and entry not in ("owner", "person"):
        entry = f"role:{entry}"
    return tuple(person.id for person in _meant(entry, policy.roster.people, roles))


def people_called(
    policy: Policy, roles: Mapping[str, str], entries: Iterable[str]
) -> tuple[str, ...]:
    """The people several entries mean, in their order, each once.

    Of one entry whoever is away is left out, unless everybody is: somebody has to be called.
    """
    away = {person.id for person in policy.roster.people if person.away}
    found: list[str] = []
    for entry in entries:
        meant = people_meant(policy, roles, entry)
        found += [person for person in meant if person not in away] or meant
    return tuple(dict.fromkeys(found))


def _entry(policy: Policy, who: Principal) -> Person | AgentEntry | None:
    if who.kind is Kind.PERSON:
        return policy.roster.person(who.id)
    return policy.roster.agent(who.id) if who.kind is Kind.AGENT else None
