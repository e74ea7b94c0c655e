"""Who may do what, by the protocol's grants."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.policy import AgentEntry, Person, Policy
from allstop.domain.principal import Kind, Principal
from allstop.domain.verdict import Verdict

# Every action a grant may name, with what it covers. Reading is open to whoever is authenticated.
ACTIONS: dict[str, str] = {
    "declare": "declare an incident",
    "set-severity": "set a severity by hand",
    "assign": "assign a role",
    "handoff": "offer or accept a role",
    "acknowledge": "acknowledge an incident",
    "update": "post an update",
    "statement": "record a statement such as the root cause",
    "note": "add a note to the timeline",
    "approve": "approve a plan",
    "override": "override an exit criterion",
    "remedy": "choose the remedy instead of the table",
    "plan": "start, retry, settle or abandon a plan",
    "advance": "enter the next phase by hand",
    "approve-stand-down": "approve standing down",
    "stand-down": "stand down",
    "halt": "order agents to stop",
    "release": "release a halt",
    "register-agent": "register an agent",
    "answer": "answer the roll call",
    "propose": "propose an activation",
    "triage": "confirm an incident, or dismiss it as a false alarm",
    "form": "file a form such as a briefing",
    "task": "add, assign and end tasks",
    "evidence": "add evidence by hand",
    "facts": "state facts for the decision table",
    "crew": "assign crews",
    "change": "propose a change and say that it was made",
    "review": "sign a plan or a change off as a reviewer",
    "correct": "correct an entry of the timeline",
    "link": "link and merge incidents",
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
    "privacy", "administer",
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
            return office_of(policy, who) == value
        case "team":
            return team_of(policy, who) == value
        case "owner":
            person = policy.roster.person(who.id) if who.kind is Kind.PERSON else None
            return person is not None and person.owner
        case "role":
            return who.kind is Kind.PERSON and roles.get(value) == who.id
        case _:
            return False


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
    return tuple(
        person.id
        for person in policy.roster.people
        if matches(entry, Principal(person.id, Kind.PERSON), policy, roles)
    )


def _entry(policy: Policy, who: Principal) -> Person | AgentEntry | None:
    if who.kind is Kind.PERSON:
        return policy.roster.person(who.id)
    return policy.roster.agent(who.id) if who.kind is Kind.AGENT else None
