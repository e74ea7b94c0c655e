"""Checks of every use of an adapter: does it exist, can it do this, does it accept the options?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allstop.domain.planning.filling import SAMPLES, filled_in
from allstop.domain.planning.node_steps import filled
from allstop.domain.verdict import nearest
from allstop.protocol.catalogue import (
    AdapterEntry,
    Catalogue,
    OptionProblem,
    OptionsCheck,
    accept_all,
)
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, M

# Stands for every share that a plan may set.
SOME_SHARE = 50


@dataclass(frozen=True, slots=True)
class Use:
    """port: probe | actuator | notifier | agent; path: of the mapping that holds `adapter`.

    verb: for actuators; read_only: only verbs that change nothing will do; percent: a plan fills a share of
    the capacity into the options.
    """

    port: str
    adapter: str
    options: dict[str, Any]
    path: tuple[str, ...]
    verb: str = ""
    read_only: bool = False
    percent: bool = False


def check_use(document: Document[M], use: Use, catalogue: Catalogue, found: Findings) -> None:
    """One use of an adapter. What is asked of an adapter that is broken cannot be checked."""
    place = document.at(*use.path, "adapter")
    if use.adapter in catalogue.unavailable:
        text = f"the adapter {use.adapter} cannot be used: {catalogue.unavailable[use.adapter]}"
        found.add("AP052", place, text)
        return
    entry = catalogue.adapter(use.adapter)
    if entry is None:
        names = catalogue.names(use.port)
        hint = nearest(use.adapter, names) or "none is installed that could be used here"
        found.add("AP048", place, f"there is no adapter {use.adapter}", hint)
        return
    if use.port not in entry.ports:
        names = catalogue.names(use.port)
        text = f"{use.adapter} is no {use.port}: it is {' and '.join(entry.ports)}"
        found.add("AP049", place, text, f"known: {', '.join(names)}" if names else "")
        return
    check = (
        _verb(document, use, entry, found)
        if use.port == "actuator"
        else entry.options.get(use.port)
    )
    # What a plan fills in later is checked with something of its kind.
    for objection in _objections(check or accept_all, filled_in(use.options, SAMPLES), use):
        where = document.at(*use.path, "options", *objection.path)
        name = ".".join(str(step) for step in objection.path)
        hint = nearest(str(objection.path[-1]), objection.known) if objection.known else ""
        text = f"{use.adapter} does not accept {name or 'the options'}: {objection.text}"
        found.add("AP051", where, text, hint)


def _objections(
    check: OptionsCheck, options: dict[str, Any], use: Use
) -> tuple[OptionProblem, ...]:
    """Where a share of the capacity is filled in, an option may take it as a number or as text: what accepts
    neither is named."""
    if not use.percent:
        return check(options)
    as_text = {one.path for one in check(options)}
    return tuple(one for one in check(filled(options, SOME_SHARE)) if one.path in as_text)


def _verb(
    document: Document[M], use: Use, entry: AdapterEntry, found: Findings
) -> OptionsCheck | None:
    place = document.at(*use.path, "verb")
    verb = entry.verb(use.verb)
    if verb is None:
        names = [each.name for each in entry.verbs]
        found.add("AP050", place, f"{use.adapter} has no verb {use.verb}", nearest(use.verb, names))
        return None
    if use.read_only and not verb.read_only:
        names = [each.name for each in entry.verbs if each.read_only]
        hint = f"verbs that change nothing: {', '.join(names)}" if names else ""
        found.add("AP053", place, f"{use.adapter} {use.verb} changes something", hint)
    return verb.options
