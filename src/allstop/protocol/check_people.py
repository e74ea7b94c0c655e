"""Checks of the protocol against the people on the roster: roles, crews, escalation, who answers."""

from __future__ import annotations

from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.entries import Names, check_entry, meant, meant_by_any
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path


def check_people(
    document: Document[ProtocolDocument], names: Names, people: Document[RosterDocument],
    found: Findings,
) -> None:  # fmt: skip
    """Names on the roster; whether somebody can hold each role, know what is asked, join each crew."""
    model, roster = names.model, people.model
    assert roster is not None
    _named(model, people, roster, found)
    for name, crew in model.crews.items():
        for place, team in enumerate(crew.teams):
            where = document.at("crews", name, "teams", place)
            found.known("AP047", team, roster.teams, where, "team")
    if not roster.people:
        text = "nobody is on the roster: no role can be filled and nothing approved"
        found.add("AP070", people.at("people"), text, "add people to roster.yaml")
        return
    if not any(person.owner for person in roster.people.values()):
        text = "nobody is owner, so nobody holds the override"
        found.add("AP075", people.at("people"), text, "write owner: true at one person at least")
    _roles(document, model, roster, found)
    _crews(document, model, roster, found)


def _named(
    model: ProtocolDocument, people: Document[RosterDocument], roster: RosterDocument,
    found: Findings,
) -> None:  # fmt: skip
    for id, person in roster.people.items():
        for place, role in enumerate(person.roles):
            found.known("AP041", role, model.roles, people.at("people", id, "roles", place), "role")
        if person.office is not None:
            where = people.at("people", id, "office")
            found.known("AP110", person.office, model.offices, where, "office")
    for id, agent in roster.agents.items():
        if agent.office is not None:
            where = people.at("agents", id, "office")
            found.known("AP110", agent.office, model.offices, where, "office")


def _roles(
    document: Document[ProtocolDocument], model: ProtocolDocument, roster: RosterDocument,
    found: Findings,
) -> None:  # fmt: skip
    for name, role in model.roles.items():
        holders = roster.holders(name)
        if role.fill and not holders:
            text = f"the role {name} is filled when declaring, and nobody on the roster can hold it"
            hint = f"add {name} to somebody's roles in roster.yaml"
            found.add("AP071", document.at("roles", name), text, hint)
        for severity, skills in role.needs.items():
            able = any(set(skills) <= set(roster.people[id].skills) for id in holders)
            if holders and skills and not able:
                text = f"{name} needs {' and '.join(skills)} at {severity}, and nobody who may hold it has that"
                hint = "add skills in roster.yaml, or it is filled without them"
                found.add("AP140", document.at("roles", name, "needs", severity), text, hint)


def _crews(
    document: Document[ProtocolDocument], model: ProtocolDocument, roster: RosterDocument,
    found: Findings,
) -> None:  # fmt: skip
    everybody = [(one.team, one.domains) for one in roster.people.values()]
    everybody += [(one.team, one.domains) for one in roster.agents.values()]
    for name, crew in model.crews.items():
        if crew.hit_domain or not (crew.teams or crew.domains):
            continue
        if not all(team in roster.teams for team in crew.teams):
            continue
        if not any(
            team in crew.teams or set(crew.domains) & {*domains, *roster.team_domains(team)}
            for team, domains in everybody
        ):
            wanted = " or ".join((*crew.teams, *crew.domains))
            text = f"nobody on the roster could join the crew {name}: it wants {wanted}"
            found.add(
                "AP139", document.at("crews", name), text, "add teams or domains in roster.yaml"
            )


def check_escalation(
    document: Document[ProtocolDocument], names: Names, people: Document[RosterDocument] | None,
    found: Findings,
) -> None:  # fmt: skip
    """The protocol's chain and those of the kinds: each must end with somebody who can be reached."""
    chain = names.model.escalation.chain
    if not chain:
        text = "a missed deadline is escalated to nobody"
        found.add("AP072", document.at("escalation"), text, "list roles, person:ID or owner")
    _chain(document, ("escalation", "chain"), chain, names, people, found)
    for name, kind in names.model.activation.kinds.items():
        path = ("activation", "kinds", name, "escalation")
        _chain(document, path, kind.escalation, names, people, found)


def _chain(
    document: Document[ProtocolDocument], path: Path, chain: list[str], names: Names,
    people: Document[RosterDocument] | None, found: Findings,
) -> None:  # fmt: skip
    fine = [
        check_entry(entry, "people", names, document.at(*path, place), found)
        for place, entry in enumerate(chain)
    ]
    if not chain or not fine[-1] or people is None or names.manned is None:
        return
    ends = meant(chain[-1], names)
    last = document.at(*path, len(chain) - 1)
    text = f"the escalation ends at {chain[-1]}, and that is no person on the roster"
    if not ends and path[0] == "activation" and meant_by_any(chain, names):
        # A kind's chain that somebody hears of: the protocol's own is what must not end nowhere.
        found.add("AP138", last, text, "give somebody that office, role or team")
    elif not ends:
        hint = "end it with a person, or with owner, and make somebody owner"
        found.add("AP072", last, text, hint)
    elif not any(names.manned.people[id].channels for id in ends):
        text = f"the escalation ends at {', '.join(ends)}, who can be reached by no channel"
        place_ = people.at("people", ends[0])
        found.add("AP077", place_, text, "add channels, or only the console tells")


def check_answering(
    document: Document[ProtocolDocument], model: ProtocolDocument, roster: RosterDocument | None,
    found: Findings,
) -> None:  # fmt: skip
    """Severities that fill no role and reach nobody."""
    if any(role.fill for role in model.roles.values()):
        return
    for name, severity in model.severities.items():
        heard = [
            audience
            for audience in severity.tell
            if roster is None
            or (audience in model.audiences and model.audiences[audience].channels)
        ]
        if not heard:
            text = (
                f"nobody answers for {name}: no role is filled, and whoever is told has no channel"
            )
            hint = "fill a role when declaring, or tell an audience with a channel"
            found.add("AP136", document.at("severities", name), text, hint)
