"""Checks of the roster, and of the roles and the escalation it must fill."""

from __future__ import annotations

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_adapters import Use, check_use
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document


def check_roster(
    document: Document[RosterDocument], model: RosterDocument, catalogue: Catalogue, found: Findings
) -> None:
    """Names inside the roster, logins, adapters of channels and agents."""
    at = document.at
    logins: dict[str, str] = {}
    for id, person in model.people.items():
        for place, channel in enumerate(person.channels):
            where = at("people", id, "channels", place)
            found.known("AP043", channel, model.channels, where, "channel")
        if person.login and person.login in logins:
            text = f"{logins[person.login]} has the login {person.login} already"
            hint = "a login is one person, or the record could not say who acted"
            found.add("AP074", at("people", id, "login"), text, hint)
        elif person.login:
            logins[person.login] = id
    for name, channel_ in model.channels.items():
        use = Use("notifier", channel_.adapter, channel_.options, ("channels", name))
        check_use(document, use, catalogue, found)
    for id, agent in model.agents.items():
        if agent.team is not None:
            found.known("AP047", agent.team, model.teams, at("agents", id, "team"), "team")
        use = Use("agent", agent.adapter, agent.options, ("agents", id))
        check_use(document, use, catalogue, found)


def check_people(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    people: Document[RosterDocument], found: Findings,
) -> None:  # fmt: skip
    """Whether somebody can hold each role, approve what waits for approval, and be escalated to."""
    roster = people.model
    assert roster is not None
    for id, person in roster.people.items():
        for place, role in enumerate(person.roles):
            found.known("AP041", role, model.roles, people.at("people", id, "roles", place), "role")
    if not roster.people:
        text = "nobody is on the roster: no role can be filled and nothing approved"
        found.add("AP070", people.at("people"), text, "add people to roster.yaml")
        _escalation(document, model, None, found)
        return
    if not any(person.owner for person in roster.people.values()):
        text = "nobody is owner, so nobody holds the override"
        found.add("AP075", people.at("people"), text, "write owner: true at one person at least")
    for name, role_ in model.roles.items():
        if role_.fill and not roster.holders(name):
            text = f"the role {name} is filled when declaring, and nobody on the roster can hold it"
            found.add(
                "AP071",
                document.at("roles", name),
                text,
                f"add {name} to somebody's roles in roster.yaml",
            )
    for role, place_ in _approvals(document, model):
        if role in model.roles and not roster.holders(role):
            text = f"nobody on the roster can hold {role}, so nobody can approve"
            found.add("AP073", place_, text, f"add {role} to somebody's roles in roster.yaml")
    _escalation(document, model, people, found)


def _approvals(
    document: Document[ProtocolDocument], model: ProtocolDocument
) -> list[tuple[str, Place]]:
    """Every role that approves something, and where that is written."""
    found = [
        (criterion.approval, document.at(*path, "approval"))
        for path, _, criterion in model.criteria()
        if criterion.approval is not None
    ]
    if model.remedy.approve is not None:
        found.append((model.remedy.approve, document.at("remedy", "approve")))
    return found


def _escalation(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    people: Document[RosterDocument] | None, found: Findings,
) -> None:  # fmt: skip
    """people: None on an empty roster, where it cannot be asked whom the entries mean."""
    at = document.at
    if not model.escalation:
        text = "a missed deadline is escalated to nobody"
        found.add("AP072", at("escalation"), text, "list roles, person:ID or owner")
        return
    ends: list[str] = []
    for place, entry in enumerate(model.escalation):
        where = at("escalation", place)
        if entry.startswith("person:"):
            known = people.model.people if people and people.model else {}
            if people is None or not found.known("AP045", entry[7:], known, where, "person"):
                ends = []
                continue
            ends = [entry[7:]]
        elif entry == "owner":
            ends = _owners(people)
        elif found.known("AP041", entry, model.roles, where, "role"):
            ends = people.model.holders(entry) if people and people.model else []
    if people is None or people.model is None:
        return
    last = at("escalation", len(model.escalation) - 1)
    if not ends:
        text = f"the escalation ends at {model.escalation[-1]}, and that is nobody on the roster"
        found.add(
            "AP072", last, text, "end it with a person, or with owner, and make somebody owner"
        )
    elif not any(people.model.people[id].channels for id in ends):
        text = f"the escalation ends at {', '.join(ends)}, who can be reached by no channel"
        found.add(
            "AP077", people.at("people", ends[0]), text, "add channels, or only the console tells"
        )


def _owners(people: Document[RosterDocument] | None) -> list[str]:
    if people is None or people.model is None:
        return []
    return [id for id, person in people.model.people.items() if person.owner]
