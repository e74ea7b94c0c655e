"""Checks of the protocol's own names and times, and of who is told."""

from __future__ import annotations

from allstop.domain.moment import words
from allstop.protocol.document_protocol import ProtocolDocument, SeverityDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document


def check_protocol(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Names of severities, roles and audiences; cadences against targets; the roll call."""
    at = document.at
    severities = list(model.severities)
    for place, row in enumerate(model.classification):
        where = at("classification", place, "severity")
        found.known("AP040", row.severity, severities, where, "severity")
    for place, name in enumerate(model.remedy.contain_automatically):
        where = at("remedy", "contain_automatically", place)
        found.known("AP040", name, severities, where, "severity")
    if model.remedy.approve is not None:
        where = at("remedy", "approve")
        found.known("AP041", model.remedy.approve, model.roles, where, "role")
    for id, owed in model.obligations.items():
        where = at("obligations", id, "owner")
        found.known("AP041", owed.owner, model.roles, where, "role")
    for name, severity in model.severities.items():
        for place, audience in enumerate(severity.tell):
            where = at("severities", name, "tell", place)
            found.known("AP042", audience, model.audiences, where, "audience")
        _cadence(document, name, severity, found)
    stop = model.all_stop
    if stop.remind_after >= stop.roll_call:
        text = f"the reminder after {words(stop.remind_after)} comes when the roll call of {words(stop.roll_call)} has ended"
        found.add("AP081", at("all_stop", "remind_after"), text, "half of the roll call is usual")
    if not model.updates.statuses:
        found.add("AP090", at("updates", "statuses"), "an update needs a status to report")


def _cadence(
    document: Document[ProtocolDocument], name: str, severity: SeverityDocument, found: Findings
) -> None:
    every, resolve = severity.update_every, severity.targets.resolve
    if every is not None and resolve is not None and every > resolve:
        text = f"{name} should be resolved in {words(resolve)}, and the first update is due after {words(every)}"
        found.add("AP080", document.at("severities", name, "update_every"), text, "make it shorter")


def check_telling(
    document: Document[ProtocolDocument],
    model: ProtocolDocument,
    roster: RosterDocument,
    found: Findings,
) -> None:
    """Channels of audiences, and whether anybody hears and anybody can be stopped."""
    for name, audience in model.audiences.items():
        for place, channel in enumerate(audience.channels):
            where = document.at("audiences", name, "channels", place)
            found.known("AP043", channel, roster.channels, where, "channel")
        told = [severity for severity, rule in model.severities.items() if name in rule.tell]
        # Without any channel on the roster there is nothing to choose from, and one warning less.
        if told and roster.channels and not audience.channels:
            text = f"{name} is told of {', '.join(told)} and has no channel"
            found.add("AP078", document.at("audiences", name), text, "name channels of roster.yaml")
    stopping = [name for name, rule in model.severities.items() if rule.all_stop]
    if stopping and not roster.agents:
        text = f"{stopping[0]} orders all agents to stop, and the roster has none"
        hint = "agents that register themselves are stopped too"
        found.add("AP076", document.at("severities", stopping[0], "all_stop"), text, hint)
