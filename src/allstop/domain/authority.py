"""Who may do what, by the protocol's grants."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.policy import Policy
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
    "administer": "manage tokens and documents",
}

# What only people may be granted: the checker refuses a protocol that says otherwise.
HUMAN_ONLY = frozenset(
    {"release", "override", "approve", "approve-stand-down", "stand-down", "administer"}
)


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
            _matches(entry, who, policy, roles, subject) for entry in grant.to
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


def _matches(
    entry: str, who: Principal, policy: Policy, roles: Mapping[str, str], subject: str
) -> bool:
    if entry == who.kind.value:
        return True
    if entry == "self":
        return bool(subject) and who.kind is Kind.AGENT and who.id == subject
    if who.kind is not Kind.PERSON:
        return entry == str(who)
    if entry == "owner":
        person = policy.roster.person(who.id)
        return person is not None and person.owner
    if entry.startswith("role:"):
        return roles.get(entry[5:]) == who.id
    return entry == str(who)
