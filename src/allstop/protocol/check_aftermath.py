"""Checks of what is owed and kept, of who is relieved when, and of the calendar times are counted in."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from allstop.domain.moment import words
from allstop.domain.span_words import span_words
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.findings import Findings
from allstop.protocol.marks import check_mark
from allstop.protocol.shape import Document
from allstop.protocol.times import longer


def check_aftermath(
    document: Document[ProtocolDocument], model: ProtocolDocument, today: date | None,
    found: Findings,
) -> None:  # fmt: skip
    """Obligations, closing, the ledger, the review, relief. today: None where it is not known."""
    at = document.at
    _obligations(document, model, found)
    _relief(document, model, found)
    _aftercare(document, model, found)
    for severity, marks in model.closing.items():
        for place, mark in enumerate(marks):
            where = at("closing", severity, place)
            kind, _, name = mark.partition(":")
            known = check_mark(mark, model, where, found)
            if known and kind == "form" and not model.forms[name].after:
                text = f"closing waits for the form {name}, which does not belong to the time after"
                found.add("AP151", where, text, f"write after: true at the form {name}")
    if model.ledger.resolver is not None:
        where = at("ledger", "resolver")
        found.known("AP118", model.ledger.resolver, model.crews, where, "crew")
    for id, rule in model.ledger.rules.items():
        if rule.to == "resolver" and model.ledger.resolver is None:
            text = f"nobody can earn {id}: no crew counts as the one that resolved it"
            found.add("AP153", at("ledger", "rules", id), text, "name a crew as ledger.resolver")
    last = model.review.last
    # What a built-in protocol says of itself is right; a clock that stands before it is wrong.
    ours = not at("review", "last").file.startswith("packs/")
    if ours and today is not None and last is not None and date.fromisoformat(last) > today:
        text = f"the last review is said to be on {last}, which is yet to come"
        found.add("AP123", at("review", "last"), text, "write the day it was held")
    _calendar(document, model, found)


def _obligations(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    at = document.at
    for id, owed in model.obligations.items():
        path = ("obligations", id)
        found.known("AP041", owed.owner, model.roles, at(*path, "owner"), "role")
        if owed.met_by is not None:
            check_mark(owed.met_by, model, at(*path, "met_by"), found)
        for place, kind in enumerate(owed.kinds):
            where = at(*path, "kinds", place)
            found.known("AP111", kind, model.activation.kinds, where, "kind of emergency")
        early = owed.remind
        if early is not None and (early == owed.within or longer(early, owed.within)):
            text = f"the reminder comes {span_words(early)} before {id} is due, and it is owed for {span_words(owed.within)}"
            found.add("AP124", at(*path, "remind"), text, "make it shorter")


def _relief(document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings) -> None:
    """How often it is asked for again, and which rest is long enough, mean nothing where it never is."""
    written = model.relief
    for key in ("again", "rest"):
        if written.after is None and getattr(written, key) is not None:
            text = f"relief has `{key}` and no `after`, so nobody is ever asked for"
            hint = "write after: 6h, or leave it out"
            found.add("AP147", document.at("relief", key), text, hint)


def _aftercare(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    for id, watch in model.aftercare.items():
        if watch.every is not None and watch.every > watch.lasts:
            text = f"{id} looks every {words(watch.every)} and lasts {words(watch.lasts)}, so it never looks"
            found.add("AP155", document.at("aftercare", id, "every"), text, "make it shorter")
        if watch.when_bad == "reopen" and watch.lasts > model.reopen_within:
            within = words(model.reopen_within) if model.reopen_within else "never"
            text = (
                f"{id} reopens the incident for {words(watch.lasts)}, and `reopen_within` says "
                f"{within}"
            )
            hint = "make them equal, or write when_bad: tell"
            found.add("AP156", document.at("aftercare", id), text, hint)


def check_aftercare(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    fleet: Document[FleetDocument], found: Findings,
) -> None:  # fmt: skip
    """The watches of the aftercare against the probes and meters of the fleet."""
    assert fleet.model is not None
    probes = fleet.model.probe_names()
    for id, watch in model.aftercare.items():
        for place, name in enumerate(watch.probes or ()):
            found.known(
                "AP044", name, probes, document.at("aftercare", id, "probes", place), "probe"
            )
        if watch.failed_share is not None and not fleet.model.meters:
            text = f"{id} asks how many requests fail, and the fleet has no meter, so it ends inconclusive"
            hint = "describe one in fleet.yaml under `meters`, or leave failed_share out"
            found.add("AP157", document.at("aftercare", id, "failed_share"), text, hint)


def _calendar(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    hours = model.calendar.hours
    if hours is None:
        return
    if not any(hours.values()):
        text = "the calendar is never open, so business time would never pass"
        hint = "write hours such as mon: 09:00-17:00, or leave `hours` out"
        found.add("AP122", document.at("calendar", "hours"), text, hint)
    for day, ranges in hours.items():
        ordered = sorted(ranges)
        for one, other in pairwise(ordered):
            if other[0] < one[1]:
                text = f"the hours of {day} overlap: {_clock(one)} and {_clock(other)}"
                found.add("AP121", document.at("calendar", "hours", day), text, "join them")


def _clock(hours: tuple[int, int]) -> str:
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in hours)
