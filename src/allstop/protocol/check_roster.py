"""Checks of the roster itself: names inside it, logins, adapters."""

from __future__ import annotations

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_adapters import Use, check_use
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
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
        if person.team is not None:
            found.known("AP047", person.team, model.teams, at("people", id, "team"), "team")
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
        entry = catalogue.adapter(agent.adapter)
        if entry and entry.proofs and not any(agent.options.get(name) for name in entry.proofs):
            text = f"{id} can be told to stop, and nothing can confirm that it has: force would follow each time"
            hint = f"add {' or '.join(entry.proofs)} to its options"
            found.add("AP154", at("agents", id, "options"), text, hint)
